"""The nouns that flow through a build: immutable values, each made by one stage and read by the later ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

Dtype = Literal["float64", "string", "any"]
OutputDtype = Literal["number", "int64", "float64", "bool", "string"]
Layout = Literal["tensor", "columns"]
Task = Literal["classifier", "regressor", "transformer"]
Role = Literal["label", "probability", "value"]
Precision = Literal["fp64", "fp32", "fp16", "int8", "binned"]
Status = Literal["ok", "no_op", "not_applicable", "rejected", "failed"]
Scalar = bool | int | float | str
Optimization = Literal["all", "extended", "basic", "disabled"]
Execution = Literal["sequential", "parallel"]

NATIVE = "native"
# What files of the binned form are called by; every other form is an ONNX file.
BINNED_SUFFIX = ".binned"
# What a missing cell of a text column is to a graph: ONNX has no missing text. Unicode reserves U+FDD0 for uses
# within a program and never for interchange, so that no honest text is equal to it.
MISSING_TEXT = "\ufdd0"
# What no cell of a request can hold, as a pattern: a lone surrogate is no Unicode text, and the above means missing.
NO_TEXT = f"[\ud800-\udfff{MISSING_TEXT}]"


@dataclass(frozen=True)
class Column:
    """One input column, as the model takes it. Numbers, booleans among them, travel as float64.

    `any`: no step of the model reads the column, so every cell will do; it travels as a missing number.
    """

    name: str
    dtype: Dtype
    accepts_missing: bool
    # The largest magnitude that the native model takes: sklearn's trees read float32 and refuse more.
    max_abs: float
    # All values that the native model takes, where it refuses every other one; a missing cell is not among them.
    known: tuple[Scalar, ...] | None = None
    # The least number that the native model takes, where that is not -max_abs.
    minimum: float | None = None
    # The model was fitted on true and false: a request may say so for 1 and 0.
    truth: bool = False

    @property
    def least(self) -> float:
        return -self.max_abs if self.minimum is None else self.minimum


@dataclass(frozen=True)
class Output:
    """One output: `name` in the ONNX graph and in every array file; `width` values a row, 0 for a plain list.

    `dtype`: what the native model answers with; `number` leaves a graph in the graph's own dtype.
    """

    name: str
    role: Role
    width: int
    dtype: OutputDtype = "number"


@dataclass(frozen=True)
class Signature:
    """What goes in and what comes out, in order.

    `tensor`: one graph input `features` of shape [rows, columns]; `columns`: one input of shape [rows, 1] per
    column, `column_0`, `column_1`, … in order. `classes` are the model's own labels in its own order.
    """

    task: Task
    layout: Layout
    columns: tuple[Column, ...]
    outputs: tuple[Output, ...]
    classes: tuple[Scalar, ...] | None = None

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the graph's input names in order."""
        if self.layout == "tensor":
            return ("features",)
        return tuple(f"column_{index}" for index in range(len(self.columns)))


def column_from(document: dict[str, Any]) -> Column:
    """Return the column that `dataclasses.asdict` made into plain values."""
    known = document.get("known")
    return Column(**{**document, "known": None if known is None else tuple(known)})


def signature_from(document: dict[str, Any]) -> Signature:
    """Return the signature that `dataclasses.asdict` made into plain values."""
    classes = document["classes"]
    return Signature(
        task=document["task"],
        layout=document["layout"],
        columns=tuple(column_from(column) for column in document["columns"]),
        outputs=tuple(Output(**output) for output in document["outputs"]),
        classes=None if classes is None else tuple(classes),
    )


@dataclass(frozen=True)
class SourceModel:
    """The registered artifact after it was audited and described: where it lies, what it is, what wrote it."""

    path: Path
    uri: str
    sha256: str
    version: str
    framework: str
    versions: dict[str, str]
    estimators: tuple[str, ...]
    signature: Signature


@dataclass(frozen=True)
class Variant:
    """One form of the model. `ops` counts the graph's operators; a variant without a file says why in `reason`."""

    name: str
    precision: Precision
    status: Status
    reason: str | None = None
    path: Path | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    ops: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """One checked claim about one variant. `recipe_key` names the key that sets `limit`, `note` how sure it is."""

    check: str
    subject: str
    measured: float | int | str | None
    limit: float | int | str | None
    ok: bool
    recipe_key: str
    note: str | None = None


@dataclass(frozen=True)
class SessionSettings:
    """How a session of ONNX Runtime runs on the CPU; the defaults are those that verification ran with.

    `threads` work within an operator where execution is sequential, on several operators at once where it is parallel.
    `rows_per_run`: larger requests are scored in parts of so many rows; None scores each at once.
    """

    threads: int = 1
    optimization: Optimization = "all"
    execution: Execution = "sequential"
    arena: bool = True
    rows_per_run: int | None = None


VERIFIED_SETTINGS = SessionSettings()


def settings_from(document: dict[str, Any]) -> SessionSettings:
    """Return the settings that are written in a file; TypeError or ValueError where they are none."""
    settings = SessionSettings(**document)  # a key that is none of theirs is a TypeError here
    counts = (settings.threads, 1 if settings.rows_per_run is None else settings.rows_per_run)
    if any(type(count) is not int or count < 1 for count in counts) or type(settings.arena) is not bool:
        raise ValueError("threads, rows_per_run, arena")
    if settings.optimization not in get_args(Optimization) or settings.execution not in get_args(Execution):
        raise ValueError("optimization, execution")
    return settings


@dataclass(frozen=True)
class Spread:
    """How the timed calls of one measurement lie around their median: microseconds, and counts of outliers.

    `iqr_outliers` lie more than 1.5 interquartile ranges beyond a quartile, all others from `low_fence_us` to
    `high_fence_us`; `stddev_outliers` lie more than one standard deviation from the mean.
    """

    min_us: float
    q1_us: float
    mean_us: float
    q3_us: float
    max_us: float
    stddev_us: float
    low_fence_us: float
    high_fence_us: float
    iqr_outliers: int
    stddev_outliers: int


@dataclass(frozen=True)
class Measurement:
    """Latency of one variant on one target at one batch size; null figures always come with a `reason`.

    Times are microseconds per call; `ci95` is the 95% interval [low, high] of the median.
    """

    target: str
    provider: str
    provider_active: str | None
    placement: dict[str, int]
    variant: str
    batch_size: int
    threads: int
    p50_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None
    rows_per_s: float | None = None
    ci95: tuple[float, float] | None = None
    runs: int = 0
    reason: str | None = None
    operators: dict[str, dict[str, int]] = field(default_factory=dict)
    spread: Spread | None = None

    def is_faster_than(self, other: Measurement) -> bool:
        """Tell whether the whole interval lies below the other's: what faster means wherever it is said or decided."""
        return self.ci95 is not None and other.ci95 is not None and self.ci95[1] < other.ci95[0]


@dataclass(frozen=True)
class Bundle:
    """A finished bundle: its folder and the digest that its manifest states."""

    path: Path
    digest: str
