"""What `package check` tells of a model: each step and how it converts, found without building anything.

The source worker walks the model; here its findings become values, and steps whose operators this machine's runtime
has no double kernels for are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from packager.convert.custom import GUIDE
from packager.errors import ConvertError
from packager.runtime.session import missing_kernel

Status = Literal["exact", "convertible", "float32-only", "unsupported"]
"""exact: an emitter of ours. convertible: a converter of others, in double. float32-only: some operator has no double
kernel. From the best to the worst."""
STATUSES: tuple[Status, ...] = ("exact", "convertible", "float32-only", "unsupported")

WHOLE = "(model)"
_LIBRARIES = ("sklearn.", "lightgbm.")
# A class of a library's that holds a function of anybody's.
_FUNCTION = "sklearn.preprocessing.FunctionTransformer"
_BY_HAND = "write its converter: docs/custom-converters.md"
_SHOWN_STEPS = 12
_SHOWN_CHARACTERS = 160


@dataclass(frozen=True)
class StepFinding:
    """One step: the path of names that leads to it, its class, how it converts and why.

    `nodes`: first and last of what it adds to the graph. `graph`: its ONNX form alone, where it is not ours.
    `is_custom`: a converter of the user's own is there for it.
    """

    path: str
    estimator: str
    status: Status
    reason: str
    nodes: tuple[int, int] = (0, 0)
    graph: str | None = None
    is_custom: bool = False


def find_steps(ask: Callable[..., Any], folder: Path, *, opset: int | None, engine: str) -> list[StepFinding]:
    """Have the worker walk the model, and look for the kernels of what it found; `folder` takes the steps' graphs."""
    folder.mkdir()
    told = ask("lint", folder=str(folder), opset=opset, engine=engine)
    return [_with_kernels(StepFinding(**{**step, "nodes": tuple(step["nodes"])})) for step in told]


def without_double_kernel(steps: Iterable[StepFinding], reason: str) -> list[StepFinding]:
    """Mark the innermost step whose node a refused double form names, as in `Erf(13) node with name 'erf_12'`."""
    steps = list(steps)
    named = re.search(r"node with name '\w+?_(\d+)'", reason)
    around = [step for step in steps if named and step.nodes[0] <= int(named[1]) < step.nodes[1]]
    if not around or any(step.status == "float32-only" for step in steps):
        return steps
    innermost = min(around, key=lambda step: step.nodes[1] - step.nodes[0])
    marked = replace(innermost, status="float32-only", reason=reason)
    return [marked if step is innermost else step for step in steps]


def refuse_unsupported(steps: Sequence[StepFinding], key: str) -> None:
    """Raise ConvertError that names every step without a form."""
    bad = [step for step in steps if step.status == "unsupported"]
    if not bad:
        return
    lines = [_line(step) for step in bad[:_SHOWN_STEPS]]
    lines = [line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…" for line in lines]
    more = [f"and {len(bad) - _SHOWN_STEPS} more"] if len(bad) > _SHOWN_STEPS else []
    count = "1 step has" if len(bad) == 1 else f"{len(bad)} steps have"
    message = "\n".join([f"{count} no exact conversion", *lines, *more])
    custom = {step.estimator for step in steps if step.is_custom}
    raise ConvertError(message, key=key, hint=hint_for([step.estimator for step in bad], custom))


def hint_for(estimators: Iterable[str], converters: Collection[str] = ()) -> str:
    """Return the way out for steps of these classes; `converters`: those that have one of the user's own."""
    own = [name for name in dict.fromkeys(estimators) if name == _FUNCTION or not name.startswith(_LIBRARIES)]
    missing = [name for name in own if name not in converters]
    if missing:
        return f"name a converter of your own, convert.converters: {{{missing[0]}: YOUR.MODULE}}; {GUIDE}"
    if own:
        return GUIDE
    return f"docs/conversion.md lists what converts; replace the step, apply it before the rows are sent, or {_BY_HAND}"


def short_name(estimator: str) -> str:
    """Return how people call a class: one of scikit-learn's or LightGBM's without its module."""
    return estimator.rpartition(".")[2] if estimator.startswith(_LIBRARIES) else estimator


def _line(step: StepFinding) -> str:
    """Return where a step sits, its class, named once, and why it does not convert."""
    name = short_name(step.estimator)
    return f"{step.path}: {step.reason}" if name in step.reason else f"{step.path}: {name}: {step.reason}"


def _with_kernels(step: StepFinding) -> StepFinding:
    gap = missing_kernel(Path(step.graph)) if step.graph else None
    return step if gap is None else replace(step, status="float32-only", reason=gap)
