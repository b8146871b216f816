"""What follows an ensemble's sums down to the outputs, where it is a link and a label that the extension knows.

In: a graph and the tensor of its sums. Out: the ending and where each output comes from; None where anything else
follows, which stays a graph. Each output is told as an expression over the sums and compared with a table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from packager.binned import pack
from packager.binned.graph_view import GraphView, attribute
from packager.binned.pack import Ending

if TYPE_CHECKING:
    from onnx import NodeProto, ValueInfoProto

OutputType = Literal["float64", "int64", "bool", "string"]

_LOGISTIC = "Div(1.0, Add(1.0, Exp(Mul(raw, {minus_scale}))))"
# What values are by link: of one sum, and of several, which is of one sum the last of its values.
_VALUES: dict[int, tuple[str | None, str]] = {
    pack.LINK_NONE: ("raw", "raw"),
    pack.LINK_EXP: ("Exp(raw)", "Exp(raw)"),
    pack.LINK_LOGISTIC: (f"Concat[axis=1](Sub(1.0, {_LOGISTIC}), {_LOGISTIC})", _LOGISTIC),
    pack.LINK_SOFTMAX: (None, "Softmax[axis=1](raw)"),
}
# What the index of a label is by rule. No value is NaN, so that what would stand in for NaN is never taken.
_INDICES = {
    pack.RULE_LARGEST_VALUE: (
        "ArgMax[axis=1,keepdims=0]({values})",
        "ArgMax[axis=1,keepdims=0](Where(IsNaN({values}), 2.0, {values}))",
    ),
    pack.RULE_LARGEST_RAW: ("ArgMax[axis=1,keepdims=0](raw)",),
    pack.RULE_ABOVE: (
        "Cast[to=7](Greater(Reshape(raw, [-1]), {limit}))",
        "Reshape(Cast[to=7](Greater(raw, {limit})), [-1])",
    ),
    pack.RULE_AT_LEAST: (
        "Cast[to=7](GreaterOrEqual(Reshape(raw, [-1]), {limit}))",
        "Reshape(Cast[to=7](GreaterOrEqual(raw, {limit})), [-1])",
    ),
}
_NUMBER = r"(-?[\d.][\d.e+-]*|-?inf)"
_DIVIDED = re.compile(rf"Div\(raw, {_NUMBER}\)")
_SCALED = re.compile(rf"Mul\(raw, {_NUMBER}\)")
_COMPARED = re.compile(rf"Greater(?:OrEqual)?\((?:raw|Reshape\(raw, \[-1\]\)), {_NUMBER}\)")
_OUTPUT_TYPES: dict[int, OutputType] = {11: "float64", 7: "int64", 9: "bool", 8: "string"}
# Longer constants and expressions are none of the above, and grow without bound where a graph is deep.
_CONSTANT_SIZE, _TEXT_SIZE = 4, 500
_OTHER = "?"


@dataclass(frozen=True)
class Answer:
    """One output: what it is made from, the shape of one row of it, and its classes where it is a label."""

    name: str
    source: Literal["values", "label"]
    shape: tuple[int, ...]
    classes: tuple[Any, ...] | None
    dtype: OutputType


@dataclass(frozen=True)
class Finish:
    """All that becomes of the sums."""

    ending: Ending
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class _Told:
    """An output as an expression; with the classes that it is the index into."""

    text: str
    classes: tuple[Any, ...] | None


def find_finish(view: GraphView, sums: str, n_targets: int) -> Finish | None:
    """Return what makes all outputs of the sums; None where anything else does."""
    texts = _expressions(view, sums)
    told = [_told(view, value.name, texts) for value in view.graph.output]
    ending = _ending(told, n_targets)
    if ending is None:
        return None
    answers = [_answer(value, item) for value, item in zip(view.graph.output, told, strict=True)]
    fits = all(answer is not None and _fits(answer, ending, n_targets) for answer in answers)
    return Finish(ending, tuple(answer for answer in answers if answer)) if fits else None


def _ending(told: Sequence[_Told], n_targets: int) -> Ending | None:
    """Return the ending under which every expression is one of the tables above."""
    texts = [item.text for item in told]
    divisor, scale, limit = (_number(pattern, texts) for pattern in (_DIVIDED, _SCALED, _COMPARED))
    if divisor is not None:
        if any(text.count("raw") != text.count(f"Div(raw, {divisor})") for text in texts):
            return None
        texts = [text.replace(f"Div(raw, {divisor})", "raw") for text in texts]
        scale = _number(_SCALED, texts)
    values = {text for text, item in zip(texts, told, strict=True) if item.classes is None}
    indices = {text for text, item in zip(texts, told, strict=True) if item.classes is not None}
    for link, (of_one, last) in _VALUES.items():
        expected = ((of_one if n_targets == 1 else last) or "").format(minus_scale=scale)
        if not values <= _forms(expected, last.format(minus_scale=scale), n_targets):
            continue
        for rule in _rules(indices, expected, limit):
            if rule in (pack.RULE_LARGEST_VALUE, pack.RULE_NONE) or divisor is None:
                return Ending(
                    divisor=float(divisor or 1),
                    link=link,
                    scale=-float(scale) if link == pack.LINK_LOGISTIC and scale else 1.0,
                    rule=rule,
                    limit=float(limit) if rule in (pack.RULE_ABOVE, pack.RULE_AT_LEAST) and limit else 0.0,
                )
    return None


def _forms(values: str, last: str, n_targets: int) -> set[str]:
    """Return what an output of numbers may be: all values, or of one sum the last one, as a column or as a list."""
    return {values, last, f"Reshape({last}, [-1])"} if values and n_targets == 1 else {values}


def _rules(indices: set[str], values: str, limit: str | None) -> list[int]:
    """Return the rules that every index of a label follows."""
    if not indices:
        return [pack.RULE_NONE]
    return [
        rule
        for rule, expressions in _INDICES.items()
        if indices <= {expression.format(values=values, limit=limit) for expression in expressions}
    ]


def _number(pattern: re.Pattern[str], texts: Sequence[str]) -> str | None:
    """Return the one number that the pattern finds; where there are several, what uses another one fits no table."""
    return next((found.group(1) for text in texts if (found := pattern.search(text))), None)


def _expressions(view: GraphView, sums: str) -> dict[str, str]:
    """Return every tensor between the sums and the outputs as an expression over them."""
    texts = {sums: "raw"}
    for node in view.above(view.outputs, given=[sums]):
        texts[node.output[0]] = _expression(view, node, texts)
    return texts


def _expression(view: GraphView, node: NodeProto, texts: dict[str, str]) -> str:
    read = [texts.get(name) or _constant(view, name) for name in node.input]
    if _is_same(view, node):
        return read[0]
    attributes = ",".join(f"{item.name}={attribute(node, item.name)}" for item in sorted(node.attribute, key=_name))
    text = f"{node.op_type}[{attributes}]({', '.join(read)})".replace("[](", "(")
    return _OTHER if _OTHER in read or len(text) > _TEXT_SIZE else text


def _constant(view: GraphView, name: str) -> str:
    if name not in view.constants or math.prod(view.constants[name].dims) > _CONSTANT_SIZE:
        return _OTHER
    value = view.constant(name)
    return _OTHER if value is None else str(value.tolist())


def _told(view: GraphView, output: str, texts: dict[str, str]) -> _Told:
    node = view.makers.get(output)
    while node is not None and _is_same(view, node):
        output = node.input[0]
        node = view.makers.get(output)
    if node is not None and node.op_type == "Gather" and attribute(node, "axis", 0) == 0:
        classes = view.constant(node.input[0])
        if classes is not None and classes.ndim == 1:
            return _Told(texts.get(node.input[1], _OTHER), tuple(classes.tolist()))
    return _Told(texts.get(output, _OTHER), None)


def _is_same(view: GraphView, node: NodeProto) -> bool:
    """Tell whether a node gives what it reads."""
    if node.op_type == "Cast":
        return view.element_type(node.input[0]) == int(attribute(node, "to"))
    return node.op_type == "Identity"


def _answer(value: ValueInfoProto, told: _Told) -> Answer | None:
    tensor = value.type.tensor_type
    dims = tensor.shape.dim[1:]
    if tensor.elem_type not in _OUTPUT_TYPES or not all(dim.HasField("dim_value") for dim in dims):
        return None
    return Answer(
        name=value.name,
        source="values" if told.classes is None else "label",
        shape=tuple(dim.dim_value for dim in dims),
        classes=told.classes,
        dtype=_OUTPUT_TYPES[tensor.elem_type],
    )


def _fits(answer: Answer, ending: Ending, n_targets: int) -> bool:
    """Tell whether an output has a shape that its source can have, and a class for every index."""
    width = 2 if ending.link == pack.LINK_LOGISTIC and n_targets == 1 else n_targets
    if answer.classes is not None:
        n_indices = 2 if ending.rule in (pack.RULE_ABOVE, pack.RULE_AT_LEAST) else width
        return answer.shape == () and len(answer.classes) >= n_indices
    shapes = [(width,), (1,), ()] if n_targets == 1 else [(width,)]
    return answer.dtype == "float64" and answer.shape in shapes


def _name(item: Any) -> str:
    return str(item.name)
