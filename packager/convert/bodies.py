"""Graphs within a graph: the bodies of If, Loop and Scan read names of the graph around them, which no input tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


def read_by(node: NodeProto) -> set[str]:
    """Return every name that a node reads: its inputs, and what its bodies read of the graph around."""
    names = {*node.input}
    for body in _bodies(node):
        names |= set().union(*map(read_by, body.node)) - _own_names(body)
    return names


def rename_reads(node: NodeProto, names: Mapping[str, str]) -> None:
    """Rename what a node reads, in its bodies as well; their own names stay."""
    node.input[:] = [names.get(name, name) for name in node.input]
    for body in _bodies(node):
        own = _own_names(body)
        around = {name: ours for name, ours in names.items() if name not in own}
        for inner in body.node:
            rename_reads(inner, around)


def _bodies(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _own_names(body: GraphProto) -> set[str]:
    made = {name for node in body.node for name in node.output}
    return made | {value.name for value in (*body.input, *body.initializer)}
