"""The BuildReport: every stage adds its section; `document` is the shape of report.json."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from packager.artifact import Bundle, Measurement, Variant, Verdict


@dataclass(frozen=True)
class ErrorDistribution:
    """How many values of one output of one variant lie how far from the native ones.

    `counts[i]` values have an absolute error in [edges[i], edges[i + 1]); `exact` values are equal.
    """

    variant: str
    output: str
    exact: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Drift:
    """One quality metric on the labelled rows: native model against one variant; `drop` > 0 is a loss."""

    variant: str
    metric: str
    native: float
    value: float
    drop: float
    rows: int


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
    distributions: list[ErrorDistribution] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    timings_s: dict[str, float] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return report.json as plain values: no paths of this machine but the bundle's, no NaN, no infinities."""
        document = asdict(self)
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
