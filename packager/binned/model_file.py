"""The file of the variant `binned`: a header, the bytes of each ensemble, ONNX graphs for what comes before and after.

In: our ONNX file in double. Out: the container that docs/binned.md describes, or NotApplicable with the reason. The
same file gives the same bytes; no TreeEnsemble is left in a graph but those that have no such form.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.binned.ensembles import Found, find_ensembles
from packager.binned.finishing import Answer, Finish, find_finish
from packager.binned.graph_view import GraphView, read_by, sums_info
from packager.binned.pack import NotApplicable as NotApplicable
from packager.binned.pack import with_ending
from packager.binned.scorer import MAGIC

if TYPE_CHECKING:
    from onnx import NodeProto, ValueInfoProto

_FORMAT = 1
_LENGTHS = struct.Struct("<II")
_ALIGNMENT = 8


@dataclass(frozen=True)
class Cut:
    """A graph around its ensembles: `before` gives what they read and whatever `after` needs of it."""

    before: bytes | None
    before_gives: tuple[str, ...]
    after: bytes | None
    after_reads: tuple[str, ...]


def pack_model(onnx_path: Path, target: Path) -> None:
    """Write the binned form of a model; NotApplicable where none of its trees has one."""
    target.write_bytes(packed_model(GraphView.load(onnx_path)))


def packed_model(view: GraphView) -> bytes:
    """Return the file's bytes."""
    found, reasons = find_ensembles(view)
    if not found:
        raise NotApplicable("; ".join(dict.fromkeys(reasons)) or "the model has no trees")
    finish = find_finish(view, found[0].gives, found[0].ensemble.n_targets) if len(found) == 1 else None
    cut = _cut(view, found, finish)
    blobs = [with_ending(item.packed, finish.ending) if finish else item.packed for item in found]
    return _container(view, found, blobs, cut, finish)


def _cut(view: GraphView, found: Sequence[Found], finish: Finish | None) -> Cut:
    """Return the graphs before and after the ensembles; what both need is made before and handed on."""
    reads = [item.reads for item in found]
    before = view.above(reads)
    made = {name for node in before for name in node.output}
    after: list[NodeProto] = []
    if finish is None:
        given = {item.gives for item in found}
        after = [node for node in view.above(view.outputs, given=given) if made.isdisjoint(node.output)]
    own = {name for node in after for name in node.output}
    needed = dict.fromkeys(name for node in after for name in sorted(read_by(node)) if name not in own)
    handed = [name for name in needed if name in view.makers or name in view.inputs]
    gives = tuple(dict.fromkeys(name for name in (*reads, *handed) if name in made))
    return Cut(
        before=view.part(before, list(view.graph.input), view.infos(gives)) if before else None,
        before_gives=gives,
        after=view.part(after, _infos(view, found, handed), list(view.graph.output)) if finish is None else None,
        after_reads=tuple(handed),
    )


def _infos(view: GraphView, found: Sequence[Found], tensors: Sequence[str]) -> list[ValueInfoProto]:
    widths = {item.gives: item.ensemble.n_targets for item in found}
    return [sums_info(tensor, widths[tensor]) if tensor in widths else view.infos([tensor])[0] for tensor in tensors]


def _container(
    view: GraphView, found: Sequence[Found], blobs: Sequence[bytes], cut: Cut, finish: Finish | None
) -> bytes:
    parts = [*blobs, *(part for part in (cut.before, cut.after) if part is not None)]
    header: dict[str, Any] = {}
    start = 0
    while True:  # offsets count from the file's start, so that the header's own length moves them
        places = _places(parts, start)
        header = _header(view, found, places, cut, finish)
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        length = len(text) + -len(text) % _ALIGNMENT
        if start == len(MAGIC) + _LENGTHS.size + length:
            break
        start = len(MAGIC) + _LENGTHS.size + length
    padded = [part + bytes(-len(part) % _ALIGNMENT) for part in parts[:-1]]
    return b"".join([MAGIC, _LENGTHS.pack(length, 0), text.ljust(length), *padded, parts[-1]])


def _places(parts: Sequence[bytes], start: int) -> list[dict[str, int]]:
    places = []
    for part in parts:
        places.append({"offset": start, "size": len(part)})
        start += len(part) + -len(part) % _ALIGNMENT
    return places


def _header(
    view: GraphView, found: Sequence[Found], places: Sequence[dict[str, int]], cut: Cut, finish: Finish | None
) -> dict[str, Any]:
    rest = iter(places[len(found) :])
    return {
        "format": _FORMAT,
        "inputs": list(view.inputs),
        "before": {**next(rest), "gives": list(cut.before_gives)} if cut.before is not None else None,
        "ensembles": [
            {**place, "reads": item.reads, "gives": item.gives} for place, item in zip(places, found, strict=False)
        ],
        "after": {**next(rest), "reads": list(cut.after_reads)} if cut.after is not None else None,
        "outputs": [_output(answer) for answer in finish.answers] if finish else [],
    }


def _output(answer: Answer) -> dict[str, Any]:
    return {
        "name": answer.name,
        "from": answer.source,
        "shape": list(answer.shape),
        "classes": None if answer.classes is None else list(answer.classes),
        "dtype": answer.dtype,
    }
