"""Templates to text: score.py and README.md. Data never becomes code: score.py reads it from model_info.json.

What the score template is given are our own words, booleans, column positions and one digest.
"""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from packager.bundle.deploy import endpoint_name
from packager.runtime import cgroup
from packager.runtime.session import LEVELS
from packager.wording import limit, printable, size

if TYPE_CHECKING:
    import jinja2

    from packager.artifact import Column, Scalar
    from packager.bundle.manifest import Json
    from packager.bundle.model_info import ModelInfo
    from packager.bundle.plan import BundlePlan
    from packager.recipe.parity import Tolerance

_TEMPLATES = Path(__file__).parent / "templates"
_LABELS_SHOWN = 12


def render_score(info: ModelInfo, *, info_sha256: str) -> str:
    """Return score.py for a model; `info_sha256` is the digest of the model_info.json that lies beside it."""
    columns = info.signature.columns
    template = environment().get_template("score.py.j2")
    return template.render(
        info_sha256=info_sha256,
        tensor=info.signature.layout == "tensor",
        missing=any(column.accepts_missing for column in columns),
        # JSON that overflows a double is refused by the decoder itself.
        limited=any(column.dtype == "float64" and column.max_abs < sys.float_info.max for column in columns),
        floored=any(column.minimum is not None for column in columns),
        graph_dtype=info.graph_dtype,
        transformer=info.signature.task == "transformer",
        numbers=[index for index, column in enumerate(columns) if column.dtype != "string"],
        unread=any(column.dtype == "any" for column in columns),
        strings=[index for index, column in enumerate(columns) if column.dtype == "string"],
        missing_text=any(column.dtype == "string" and column.accepts_missing for column in columns),
        known=any(column.known is not None for column in columns),
        truth=any(column.truth for column in columns),
        log_id=info.log_id is not None,
        session=info.session,
        level=LEVELS[info.session.optimization],
        # What finds a container's limit is ours, word for word; one thread is within any.
        limits=_source_of(cgroup.cpu_limit, cgroup.threads_within) if info.session.threads > 1 else None,
        fast_path=info.fast_path is not None,
    )


def _source_of(*functions: Callable[..., object]) -> str:
    """Return functions as they are written, with the one constant that they share."""
    return "\n\n\n".join(['ROOT = Path("/")', *(inspect.getsource(function).rstrip() for function in functions)])


def render_readme(plan: BundlePlan, info: ModelInfo) -> str:
    """Return README.md, the bundle's model card."""
    passed = [verdict for verdict in plan.card.checks if verdict.ok and verdict.limit is not None]
    columns = info.signature.columns
    return (
        environment()
        .get_template("README.md.j2")
        .render(
            plan=plan,
            info=info,
            checks=sorted(
                {(verdict.subject, verdict.check, str(verdict.limit), verdict.recipe_key) for verdict in passed}
            ),
            required=info.fast_path is not None and info.fast_path.mode == "require",
            tolerances=_tolerances(plan, info),
            known=any(column.known is not None for column in columns),
            missing=all(column.accepts_missing for column in columns),
            endpoint=endpoint_name(plan),
        )
    )


def _tolerances(plan: BundlePlan, info: ModelInfo) -> list[tuple[str, Tolerance]]:
    """Return the limits of each form of the model that may answer, with the words for whose they are."""
    if info.fast_path is None:
        return [("Its numbers", plan.tolerance)]
    standby = plan.baseline_tolerance or plan.tolerance
    forms = [("The binned form's numbers", plan.tolerance), ("The numbers of `model.onnx`", standby)]
    return forms if info.fast_path.mode == "prefer" else forms[:1]


def code_span(value: object) -> str:
    """Return a value as a Markdown code span for a table: one line, nothing in it is read as Markdown or HTML."""
    text = _one_line(value).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    edge = " " if longest or not text.strip() else ""
    return f"{fence}{edge}{text}{edge}{fence}"


def _one_line(value: object) -> str:
    return printable(re.sub(r"\s+", " ", str(value)))


def _words(value: object) -> str:
    """Return a value as plain words of Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|&~])", r"\\\1", _one_line(value))


def _shell(value: object) -> str:
    """Return a value as one word of a shell's line."""
    return shlex.quote(_one_line(value))


def _labels(classes: Sequence[Scalar]) -> str:
    shown = ", ".join(code_span(label) for label in classes[:_LABELS_SHOWN])
    return shown if len(classes) <= _LABELS_SHOWN else f"{shown} and {len(classes) - _LABELS_SHOWN} more"


def _source_uri(lineage: Mapping[str, Json]) -> str:
    source = lineage.get("source")
    return str(source.get("uri")) if isinstance(source, dict) else "not told"


def _flat(lineage: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Yield what is told of the origin; what the recipe asks a benchmark for is told by the manifest alone."""
    for key, value in sorted(lineage.items()):
        if isinstance(value, dict) and value and f"{prefix}{key}" != "recipe.benchmark":
            yield from _flat(value, f"{prefix}{key}.")
        elif not isinstance(value, dict):
            yield f"{prefix}{key}", value


def quoted(text: str) -> str:
    """Return text as one word of a Dockerfile: quotes, backslashes and variables in it stay what they are."""
    if re.search(r"[\x00-\x1f\x7f]", text):
        # No recipe holds any, and a Dockerfile has no way to write them.
        text = re.sub(r"[\x00-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", text)
    return '"' + re.sub(r'(["\\$])', r"\\\1", text) + '"'


def _takes(column: Column) -> str:
    if column.truth:
        return "true or false, or 1 and 0 for them"
    if column.known is not None:
        kind = "texts" if column.dtype == "string" else "numbers"
        return f"one of the {len(column.known)} {kind} it was trained on"
    if column.dtype == "any":
        return "anything, or nothing: the model does not read it"
    if column.dtype == "string":
        return "text"
    limited = column.max_abs < sys.float_info.max or column.minimum is not None
    return f"number from {column.least!r} to {column.max_abs!r}" if limited else "number"


@cache
def environment() -> jinja2.Environment:
    """Return the templates of a bundle with their filters."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["code"] = code_span
    made.filters["quoted"] = quoted
    made.filters["words"] = _words
    made.filters["shell"] = _shell
    made.filters["labels"] = _labels
    made.filters["size"] = size
    made.filters["limit"] = limit
    made.filters["sources"] = _source_uri
    made.filters["flat"] = _flat
    made.filters["takes"] = _takes
    return made
