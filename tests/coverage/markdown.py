"""The page that tells what converts: written from findings, the same for the same findings."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import metadata

from .case import FAMILIES
from .defects import Defect
from .measure import STATUSES, Finding, Status

_TOOLS = ("scikit-learn", "lightgbm", "skl2onnx", "onnxmltools", "onnx", "onnxruntime", "numpy", "pandas")
_TABLES = {
    "estimator": ("scikit-learn's estimators", "estimator"),
    "configuration": ("Harder configurations of scikit-learn", "configuration"),
    "lightgbm": ("LightGBM", "configuration"),
}
_MEANINGS: dict[Status, str] = {
    "exact": "labels are those of the registered model on every row, scores within 1e-9 for trees and 1e-6 for other "
    "models, relative to 1 + |score|",
    "float32": "labels are the same and scores within the default limits of a build (1e-6 + 1e-5·|score|), not nearer: "
    "some part computes in float32",
    "refused": "there is no conversion that is known to be right, and `package build` says so (exit 4, or 3)",
    "caught": "a conversion exists, verification finds that it answers differently, and nothing is built (exit 6)",
    "WRONG": "verification passes and the independent rows find a difference: a fault of ours",
    "failed": "an error that is no refusal, a crash or a hang: a fault of ours",
    "no predict": "scikit-learn itself answers nothing about rows that the estimator was not fitted on",
}
_HEAD = """# What converts, and how exactly

This page is written by `python -m tests.coverage --markdown docs/conversion.md` from a run over every case, and is
never edited by hand.

Each case fits a small model, converts it as a build does (in double, else in float), lets the build's own verification
judge the result, and then asks an independent judge, who makes rows without the program's help: held-out rows, rows on
split thresholds and beside them in double and in float, boundaries found by bisecting the registered model, missing
cells, zeros and numbers as small as 1e-35, unseen and fractional categories, unseen texts, large and infinite numbers;
each as far as the registered model takes them and the bundle lets them in. Where trees read what was rounded on its
way (sums, roots, logarithms, other models' answers), rows lie a billionth beside a boundary instead of on it; rows
beyond 1e9 are only told of where a model is not made of trees: most such answers are rounding, the registered model's
too.

A model is converted step by step: each step by an emitter of this tool, in double and in the registered model's own
order of operations. A class that has none goes through skl2onnx alone, as one step among the others, or through a
[converter of your own](custom-converters.md). `package check` tells which step goes which way."""


def page(findings: Sequence[Finding], defects: Sequence[Defect], stock: Mapping[str, Finding]) -> str:
    """Return the whole page."""
    sections = [_HEAD, _meanings(), _counts(findings), _versions()]
    sections += [_table(table, findings) for table in _TABLES]
    sections.append(_defects(findings, defects, stock))
    return "\n\n".join(sections) + "\n"


def tool_versions() -> dict[str, str]:
    """Return the versions of what took part in the run."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in _TOOLS}


def _meanings() -> str:
    return _grid(("status", "meaning"), [(_shown(status), _escaped(meaning)) for status, meaning in _MEANINGS.items()])


def _counts(findings: Sequence[Finding]) -> str:
    counts = Counter((finding.table, finding.status) for finding in findings)
    rows = []
    for table, (title, _) in _TABLES.items():
        numbers = [counts[table, status] for status in STATUSES]
        rows.append((title, *map(str, numbers), str(sum(numbers))))
    return "## Counts\n\n" + _grid(("", *STATUSES, "all"), rows)


def _versions() -> str:
    return "Run with " + ", ".join(f"{name} {version}" for name, version in tool_versions().items()) + "."


def _table(table: str, findings: Sequence[Finding]) -> str:
    title, noun = _TABLES[table]
    parts = [f"## {title}"]
    for family in FAMILIES:
        rows = [
            (_escaped(finding.name), _shown(finding.status), _escaped(finding.reason))
            for finding in findings
            if finding.table == table and finding.family == family
        ]
        if rows:
            heading = f"### {family[0].upper()}{family[1:]}\n\n" if table != "lightgbm" else ""
            parts.append(heading + _grid((noun, "status", "why"), rows))
    return "\n\n".join(parts)


def _defects(findings: Sequence[Finding], defects: Sequence[Defect], stock: Mapping[str, Finding]) -> str:
    ours = {finding.name: finding.status for finding in findings}
    rows = [
        (
            defect.library,
            _escaped(defect.what),
            _escaped(defect.case),
            _of_stock(stock[defect.case]),
            _shown(ours[defect.case]),
            thread(defect),
        )
        for defect in defects
    ]
    head = (
        "## Defects of other libraries that are worked around\n\n"
        "Each is shown by a case above. The fourth column tells what the libraries' own converters make of it, in "
        "float32 as they come, judged by the same rows in this run; the fifth what a build makes of it; the last links "
        "the thread that describes it, which may be closed, where one was found."
    )
    return head + "\n\n" + _grid(("library", "defect", "case", "stock converters", "here", "reported"), rows)


def thread(defect: Defect) -> str:
    """Return a link to the thread about a defect, called `owner/name#number`."""
    if not defect.reported:
        return "not reported"
    owner, name, _, number = defect.reported.removeprefix("https://github.com/").split("/")
    return f"[{owner}/{name}#{number}]({defect.reported})"


def _of_stock(finding: Finding) -> str:
    if finding.status in ("refused", "failed"):
        return "no conversion"
    return "differs" if finding.status == "WRONG" else "mended"


def _shown(status: Status) -> str:
    return f"**{status}**" if status in ("WRONG", "failed") else status


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _grid(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
