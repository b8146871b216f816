"""What was found of scores and of single rows, as tables of text: the same for every form of the report."""

from __future__ import annotations

from packager import wording
from packager.artifact import NATIVE
from packager.report.model import BuildReport, Calibration, ScoreMap, WorstRow
from packager.report.tables import Cell, Columns, Row, Table, plain_row

# The bounds that the table of scores tells apart: rounding of doubles, and what parity allows by default.
_ROUNDING, _SMALL = 1e-12, 1e-6
# A wide row's other cells are in report.json.
_CELLS_LENGTH = 600


def score_table(report: BuildReport) -> Table:
    """How many verification rows got the same score, by variant."""
    columns: Columns = (
        ("Variant", "code"),
        ("Score", "word"),
        ("Compared", "number"),
        ("Exactly equal", "number"),
        ("Under 1e-12 apart", "number"),
        ("Under 1e-6 apart", "number"),
        ("Further apart", "number"),
    )
    rows = tuple(_score_row(report, one) for one in report.scores)
    return Table("Scores of the verification rows against those of the registered model, exact counts", columns, rows)


def reliability_table(report: BuildReport) -> Table:
    """How often what was given some probability came true, before and after."""
    shown = [one for one in report.calibration if one.variant in (NATIVE, after(report))]
    columns: Columns = (("Probability", "word"),)
    for one in shown:
        name = "Registered model" if one.variant == NATIVE else wording.printable(one.variant)
        columns = (*columns, (f"{name}: rows", "number"), ("mean", "number"), ("came true", "number"))
    count = len(shown[0].bins) if shown else 0
    rows = []
    for index in range(count):
        cells = [text for one in shown for text in _bin(one, index)]
        rows.append(plain_row(f"{index / count:g} to {(index + 1) / count:g}", *cells))
    return Table(
        "Labelled rows by the probability given to them, exact counts in bins of equal width", columns, tuple(rows)
    )


def reliability_said(report: BuildReport) -> str:
    """Say the expected calibration error of every model."""
    said = [
        f"{'registered model' if one.variant == NATIVE else wording.printable(one.variant)} {one.error:.4g}"
        for one in report.calibration
    ]
    event = wording.printable(report.calibration[0].event)
    return f"Expected calibration error of the {event}: {', '.join(said)}."


def after(report: BuildReport) -> str | None:
    """Return the variant that is shown beside the registered model: the selected one, else the baseline."""
    names = [one.variant for one in report.calibration if one.variant != NATIVE]
    return report.selected if report.selected in names else next(iter(names), None)


def worst_table(report: BuildReport, variant: str) -> Table:
    """The rows on which one variant differs most from the registered model."""
    rows = [one for one in report.worst_rows if one.variant == variant]
    columns: Columns = (
        ("Row", "code"),
        ("Of", "text"),
        ("Differs in", "code"),
        ("Error", "number"),
        ("Limit", "number"),
        ("Beyond", "word"),
    )
    if any(one.native is not None for one in rows):
        columns = (*columns, ("Registered model", "number"), ("This variant", "number"))
    caption = "Labels that differ first, then errors by their limits. Rows count from 0; build --show-values adds cells"
    return Table(caption, columns, tuple(_worst_row(one, len(columns)) for one in rows))


def cell_table(report: BuildReport, variant: str) -> Table:
    """The cells of those rows, where the user asked to see values."""
    columns: Columns = (("Row", "code"), ("Of", "text"), ("Cells", "text"))
    rows = []
    for one in report.worst_rows:
        if one.variant == variant and one.cells is not None:
            named = ", ".join(f"{name} {wording.NONE if cell is None else cell}" for name, cell in one.cells.items())
            shown = wording.printable(named)
            rows.append(plain_row(str(one.row), _origin(one), wording.clip(shown, _CELLS_LENGTH)))
    return Table(
        f"Shown because the build ran with --show-values; {wording.NONE} is a missing cell", columns, tuple(rows)
    )


def _origin(one: WorstRow) -> str:
    return wording.printable(f"made rows, {one.made_kind}" if one.file is None else one.file)


def _score_row(report: BuildReport, one: ScoreMap) -> Row:
    rows = sum(count for _, _, count in one.deviations)
    equal, rounding, small = (
        sum(count for _, place, count in one.deviations if place == 0 or one.edges[place] <= bound)
        for bound in (0, _ROUNDING * 1.001, _SMALL * 1.001)
    )
    counts = (rows, equal, rounding - equal, small - rounding, rows - small)
    return plain_row(
        wording.printable(one.variant),
        wording.printable(one.score),
        *map(wording.count, counts),
        tone="selected" if one.variant == report.selected else "plain",
    )


def _bin(one: Calibration, index: int) -> tuple[str, str, str]:
    rows, mean, share = one.bins[index]
    if mean is None or share is None:
        return "0", wording.NONE, wording.NONE
    return wording.count(rows), f"{mean:.3g}", f"{share:.3g}"


def _worst_row(one: WorstRow, width: int) -> Row:
    column = "" if one.column is None else f"[{wording.printable(one.column)}]"
    cells = [
        Cell(str(one.row)),
        Cell(_origin(one)),
        Cell(f"{wording.printable(one.output)}{column}"),
        Cell(wording.NONE if one.error is None else wording.error(one.error)),
        Cell(wording.NONE if one.limit is None else wording.error(one.limit)),
        Cell("label" if one.labels_differ else "yes" if one.is_beyond else "no", "bad" if one.is_beyond else "quiet"),
    ]
    answers = [wording.printable(answer or wording.NONE) for answer in (one.native, one.found)]
    return Row(tuple([*cells, *map(Cell, answers)][:width]))
