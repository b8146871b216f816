"""The BuildReport: every stage adds its section; `document` is the shape of report.json."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from packager.artifact import Bundle, Measurement, SessionSettings, Variant, Verdict
from packager.benchmark_result import ServingProcess
from packager.report.crossover import Crossover


@dataclass(frozen=True)
class ErrorDistribution:
    """How many values of one output of one variant lie how far from the native ones.

    `counts[i]` values have an absolute error in [edges[i], edges[i + 1]); `exact` values are equal. Of each pair
    (share, error) in `quantiles`, that share of all values has an error of at most `error`.
    """

    variant: str
    output: str
    exact: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    quantiles: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class ScoreMap:
    """The native score of every verification row against the score of one variant, and how far they differ.

    `score` says what is compared. Cell i reaches from `low + i * step` to the next: `pairs` holds (native cell,
    variant cell, rows) and `deviations` (native cell, bin, rows), where bin 0 is an equal score and bin b an absolute
    difference in [edges[b - 1], edges[b]). Counts are exact; scores that are no finite numbers are in `left_out`.
    """

    variant: str
    score: str
    low: float
    step: float
    pairs: tuple[tuple[int, int, int], ...]
    deviations: tuple[tuple[int, int, int], ...]
    edges: tuple[float, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Calibration:
    """How often what one model gives some probability comes true, over the labelled rows.

    `bins` are of equal width over [0, 1]: rows, the mean of their probabilities, the share that came true, both None
    in an empty bin. `variant` may be native.
    """

    variant: str
    event: str
    bins: tuple[tuple[int, float | None, float | None], ...]

    @property
    def error(self) -> float:
        """Return the expected calibration error: the mean distance of probability and share, weighted by rows."""
        filled = [
            (rows, abs(mean - share)) for rows, mean, share in self.bins if mean is not None and share is not None
        ]
        rows = sum(count for count, _ in filled)
        return sum(count * apart for count, apart in filled) / rows if rows else math.nan


@dataclass(frozen=True)
class WorstRow:
    """One of the rows on which a variant differs most from the native model: where it lies, by how much it differs.

    `row` counts from 0, in `file` for a verification row, else among the made rows of all kinds. `labels_differ` goes
    first; `column` is the class or the number of the value. Answers and cells are None where they may not be shown.
    `beside` are the rows that were scored together with one, in order, where its answer depends on them: made rows by
    number, of a file the first and the one after the last.
    """

    variant: str
    row: int
    file: str | None
    made_kind: str | None
    labels_differ: bool
    output: str
    column: str | None
    error: float | None
    limit: float | None
    native: str | None = None
    found: str | None = None
    cells: dict[str, str | float | None] | None = None
    beside: tuple[int, ...] = ()

    @property
    def is_beyond(self) -> bool:
        """Tell whether the row is a mismatch: its label differs, or a value by more than the limit."""
        return self.labels_differ or (self.error is not None and self.limit is not None and self.error > self.limit)


@dataclass(frozen=True)
class Reproduction:
    """What the script beside the report runs: its cases as plain values, and the models of the variants by name."""

    cases: dict[str, Any]
    models: dict[str, Path]


@dataclass(frozen=True)
class Drift:
    """One quality metric on the labelled rows: native model against one variant; `drop` > 0 is a loss.

    `interval` holds the drop with that `confidence`, by `method`; None where none is known. `decision` is within,
    beyond or undecided, None where the recipe sets no limit. `segment`: the rows that have this value of the recipe's
    segment column, else all rows.
    """

    variant: str
    metric: str
    native: float
    value: float
    drop: float
    rows: int
    interval: tuple[float, float] | None = None
    confidence: float = 0.95
    method: str = ""
    decision: str | None = None
    segment: str | None = None


@dataclass(frozen=True)
class Gain:
    """The same metric of one variant against the champion's; `gain` > 0 is better than the champion."""

    variant: str
    metric: str
    champion: float
    value: float
    gain: float
    rows: int
    interval: tuple[float, float] | None
    method: str
    decision: str


@dataclass(frozen=True)
class Trial:
    """One way to run the selected variant's session on one target, timed in turns with the default one.

    Microseconds per call of `batch_size` rows with the 95% interval of the median; None where it was not timed. `ratio`
    is the time against the default's in the same rounds: median, and the ends of its 95% interval, which decide.
    `outcome`: default, faster, slower, alike, or why the settings are out. `heat`: the second is held among those that
    won the first, on fresh timings. `chosen`: written into the bundle.
    """

    target: str
    settings: SessionSettings
    heat: int
    batch_size: int | None
    p50_us: float | None
    ci95: tuple[float, float] | None
    outcome: str
    ratio: tuple[float, float, float] | None = None
    chosen: bool = False


@dataclass(frozen=True)
class Flips:
    """Decisions `score >= threshold` over all verification rows: of the native model yes and of the variant no, and
    the other way round."""

    variant: str
    threshold: float
    decisions: int
    yes_to_no: int
    no_to_yes: int


@dataclass
class BuildReport:
    """Everything a build measured and decided, filled in as the stages run."""

    name: str
    version: str | None = None
    ok: bool = False
    exit_code: int = 1
    error: str | None = None
    selected: str | None = None
    bundle: Bundle | None = None
    source: dict[str, Any] = field(default_factory=dict)
    verification: dict[str, Any] = field(default_factory=dict)
    variants: list[Variant] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    segments: list[Drift] = field(default_factory=list)
    champion: list[Gain] = field(default_factory=list)
    flips: list[Flips] = field(default_factory=list)
    distributions: list[ErrorDistribution] = field(default_factory=list)
    scores: list[ScoreMap] = field(default_factory=list)
    calibration: list[Calibration] = field(default_factory=list)
    worst_rows: list[WorstRow] = field(default_factory=list)
    shows_values: bool = False
    reproduction: Reproduction | None = None
    measurements: list[Measurement] = field(default_factory=list)
    crossovers: list[Crossover] = field(default_factory=list)
    noise: dict[str, Any] | None = None
    environments: list[dict[str, Any]] = field(default_factory=list)
    tuning: list[Trial] = field(default_factory=list)
    measured_at: str | None = None  # UTC, ISO 8601
    process: ServingProcess | None = None
    bundle_bytes: int | None = None
    published: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    timings_s: dict[str, float] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return report.json as plain values: no paths of this machine but the bundle's, no NaN, no infinities."""
        document = asdict(self)
        del document["reproduction"]
        document["process"] = None if self.process is None else self.process.model_dump()
        for row in document["worst_rows"]:
            del row["beside"]
        for variant in document["variants"]:
            del variant["path"]
        if self.bundle is not None:
            document["bundle"] = {"path": str(self.bundle.path), "digest": self.bundle.digest}
        return {"report_version": 1, **_json_safe(document)}


def _json_safe(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_safe(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
