"""The worker's side of `package check`: walk a model as a conversion does, and go on past what has no form.

In place of an answer that cannot be had stands a constant, so that later steps are judged as well.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from packager.artifact import Signature
from packager.convert.assemble import Choices, input_table, method_of, with_none
from packager.convert.builder import Builder, NamedRefusal
from packager.convert.emitter import full_name
from packager.convert.faults import NO_CONVERTER, brief
from packager.convert.graph import Answer, Method, Rows, Table, UnsupportedModel
from packager.convert.steps import STATUSES, WHOLE, Status, StepFinding
from packager.convert.stock import convert_step, convert_whole, insert_step
from packager.training.columns import columns_of_none

_UNKNOWN_INPUT = "not judged: it reads what an unsupported step answers"


def lint(model: Any, signature: Signature, choices: Choices, folder: Path) -> list[dict[str, Any]]:
    """Return every step that a conversion asks, outer steps first; graphs of steps that are not ours go to `folder`."""
    if choices.engine == "stock":
        return [asdict(_stock(model, signature, choices))]
    walk = Walk(choices, folder)
    rows = with_none(walk, input_table(signature), columns_of_none(model))
    for method in dict.fromkeys(method_of(output, signature.task) for output in signature.outputs):
        walk.ask(model, method, rows)
    return [asdict(seen.finding()) for seen in walk.seen.values()]


@dataclass
class Seen:
    """What was found out about one step so far: the worst of what its methods gave."""

    path: str
    model: Any
    status: Status = "exact"
    reason: str = "this tool's converter, in double"
    nodes: list[int] = field(default_factory=list)
    graph: str | None = None
    is_custom: bool = False

    def note(self, status: Status, reason: str) -> None:
        if STATUSES.index(status) > STATUSES.index(self.status):
            self.status, self.reason = status, reason

    def finding(self) -> StepFinding:
        nodes = (min(self.nodes), max(self.nodes)) if self.nodes else (0, 0)
        name = full_name(type(self.model))
        return StepFinding(self.path or WHOLE, name, self.status, self.reason, nodes, self.graph, self.is_custom)


class Walk(Builder):
    """A builder that notes each step it is asked for, refused ones too, and never stops."""

    def __init__(self, choices: Choices, folder: Path) -> None:
        super().__init__(np.dtype(np.float64), choices.emitters(), _convert_elsewhere)
        self.seen: dict[tuple[str, int], Seen] = {}
        self.custom, self.folder = choices.custom, folder
        self._stand_ins: set[str] = set()

    def ask(self, model: Any, method: Method, rows: Rows, *, name: str = "") -> Answer:
        path = ".".join(filter(None, [*self._path, name]))
        seen = self.seen.setdefault((path, id(model)), Seen(path, model))
        seen.is_custom = full_name(type(model)) in self.custom
        seen.nodes.append(len(self.nodes))
        try:
            return super().ask(model, method, rows, name=name)
        except NamedRefusal as error:
            self._refused(seen, rows, error.reason)
        except Exception as error:  # noqa: BLE001 - a fault of an emitter's is told like a refusal
            self._refused(seen, rows, brief(error))
        finally:
            seen.nodes.append(len(self.nodes))
        return self.stand_in()

    def asked(self, model: Any) -> Seen:
        """Return what is known of the step that is being asked."""
        return next(seen for seen in reversed(self.seen.values()) if seen.model is model)

    def stand_in(self) -> str:
        """Return a constant in place of an answer that cannot be had."""
        name = self.constant(np.full((1, 1), np.nan))
        self._stand_ins.add(name)
        return name

    def _refused(self, seen: Seen, rows: Rows, reason: str) -> None:
        told = reason.startswith(NO_CONVERTER) or not self._is_unknown(rows)
        seen.note("unsupported", reason if told else _UNKNOWN_INPUT)

    def _is_unknown(self, rows: Rows) -> bool:
        """Tell whether rows come from an answer that cannot be had."""
        unknown = set(self._stand_ins)
        for node in self.nodes:
            if unknown.intersection(node.input):
                unknown.update(node.output)
        return not unknown.isdisjoint([part.tensor for part in rows.parts] if isinstance(rows, Table) else [rows])


def _convert_elsewhere(builder: Builder, model: Any, method: Method, rows: Rows) -> Answer:
    """Add a step that has no emitter of ours, in double, else find out whether it converts in float32."""
    if not isinstance(builder, Walk):
        raise TypeError("only a walk falls back to this")
    seen = builder.asked(model)
    whose = "your own converter" if seen.is_custom else "skl2onnx's converter"
    try:
        converted = convert_step(builder.dtype, model, method, rows)
    except UnsupportedModel as error:
        convert_step(np.dtype(np.float32), model, method, rows)
        seen.note("float32-only", f"{whose} has no double form: {error}")
        return builder.stand_in()
    seen.note("convertible", f"{whose}, in double")
    answer = insert_step(builder, converted, model, method, rows)
    for output in converted.graph.output:
        output.ClearField("type")  # skl2onnx misstates some; the runtime finds them by itself
    path = builder.folder / f"step_{len(builder.seen)}_{method}.onnx"
    path.write_bytes(converted.SerializeToString())
    seen.graph = str(path)
    return answer


def _stock(model: Any, signature: Signature, choices: Choices) -> StepFinding:
    name = full_name(type(model))
    try:
        convert_whole(model, signature, np.dtype(np.float32), opset=choices.opset)
    except Exception as error:  # noqa: BLE001 - converters raise every kind
        return StepFinding(WHOLE, name, "unsupported", brief(error))
    return StepFinding(WHOLE, name, "float32-only", "convert.engine is stock: the whole model, as skl2onnx has it")
