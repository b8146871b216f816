"""Words for emitters that work on text. Texts are tensors [rows]; their pieces are tensors [rows, pieces], ended by "".

The runtime's tokenizer, its look-up of strings and its joining of two tensors are exact on any text, NUL among it;
nothing that depends on a locale is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.convert import characters
from packager.convert.graph import MISSING_TEXT, ML_DOMAIN, Array, Graph, integers

if TYPE_CHECKING:
    from onnx import GraphProto

_RUNTIME_DOMAIN = "com.microsoft"
_END = np.iinfo(np.int64).max


def text(graph: Graph, value: str) -> str:
    """Return one text as a constant."""
    return graph.constant(np.array(value, dtype=object))


def pieces(graph: Graph, texts: str, regex: str) -> str:
    """Return the longest matches of a regular expression of RE2, from left to right."""
    return _tokens(graph, texts, tokenexp=regex)


def single_characters(graph: Graph, texts: str) -> str:
    """Return every character of each text."""
    return _tokens(graph, texts, separators=[""])


def _tokens(graph: Graph, texts: str, **how: object) -> str:
    found = graph.node("Tokenizer", texts, domain=_RUNTIME_DOMAIN, mark=0, pad_value="", mincharnum=1, **how)
    # onnx cannot know what kind of tensor a runtime's own operator gives, and its shape inference dies of a
    # LabelEncoder over an unknown one.
    return _with_end(graph, _as_text(graph, found))


def _as_text(graph: Graph, found: str) -> str:
    """Return the same strings, known as such."""
    return graph.node("Cast", found, to=8)  # onnx.TensorProto.STRING


def _with_end(graph: Graph, found: str) -> str:
    """Return pieces with one "" behind the last: a tensor without columns is in the way of most operators."""
    return graph.node("Concat", found, column(graph, found, np.array("", dtype=object)), axis=1)


def column(graph: Graph, like: str, value: Array) -> str:
    """Return [rows, 1] of one value, as many rows as `like` has."""
    rows = graph.node("Shape", like, start=0, end=1)
    return graph.node("Expand", graph.constant(value), graph.node("Concat", rows, integers(graph, [1]), axis=0))


def look_up(graph: Graph, strings: str, known: dict[str, int], *, other: int = -1) -> str:
    """Return the number of each string, `other` for unknown ones."""
    arguments = {"keys_strings": list(known), "values_int64s": np.array(list(known.values()), dtype=np.int64)}
    return graph.node("LabelEncoder", strings, domain=ML_DOMAIN, default_int64=other, **arguments)


def matches(graph: Graph, strings: str, regex: str) -> str:
    """Return which strings a regular expression of RE2 matches from end to end."""
    return graph.node("RegexFullMatch", strings, pattern=regex)


def is_there(graph: Graph, found: str) -> str:
    """Return where pieces are pieces: the "" behind the last of a row are none."""
    return graph.node("Not", graph.node("Equal", found, text(graph, "")))


def only(graph: Graph, wanted: str, found: str) -> str:
    """Return the wanted pieces, "" in place of the others."""
    return graph.node("Where", wanted, found, text(graph, ""))


def following(graph: Graph, found: str, by: int, fill: Array | None = None) -> str:
    """Return at each place the piece that comes `by` places later; before it, where `by` is negative."""
    if not by:
        return found
    filling = [column(graph, found, np.array("", dtype=object) if fill is None else fill)] * abs(by)
    if by > 0:
        longer, start, end = graph.node("Concat", found, *filling, axis=1), by, _END
    else:
        longer, start, end = graph.node("Concat", *filling, found, axis=1), 0, by
    return graph.node("Slice", longer, integers(graph, [start]), integers(graph, [end]), integers(graph, [1]))


def compact(graph: Graph, found: str, wanted: str) -> str:
    """Return the wanted pieces moved together, without gaps."""
    number = graph.node("Cast", graph.node("And", wanted, is_there(graph, found)), to=7)  # int64
    place = graph.node("Sub", graph.node("CumSum", number, integers(graph, 1)), integers(graph, 1))
    width = graph.node("Shape", found, start=1, end=2)
    # What is not wanted goes to one more column, which is cut off.
    place = graph.node("Where", graph.node("Equal", number, integers(graph, 1)), place, width)
    empty = graph.node("Expand", text(graph, ""), graph.node("Shape", _with_end(graph, found)))
    moved = graph.node("ScatterElements", empty, place, found, axis=1)
    return graph.node("Slice", moved, integers(graph, [0]), integers(graph, [-1]), integers(graph, [1]))


def rewritten(graph: Graph, texts: str, table: characters.Table, kept: characters.Mask) -> str:
    """Return texts with characters replaced as the table says and others kept or, if in neither, dropped."""
    return joined(graph, _replaced(graph, _changing(graph, texts, table, kept), table))


def lowered(graph: Graph, texts: str) -> str:
    """Return what `str.lower` returns."""
    table, kept = characters.lowered()
    found = _changing(graph, texts, table, kept)
    return joined(graph, _with_final_sigmas(graph, found, _replaced(graph, found, table)))


def _changing(graph: Graph, texts: str, table: characters.Table, kept: characters.Mask) -> str:
    """Return runs of kept characters, and each character that changes by itself."""
    changing = characters.regex_class(characters.mask_of("".join(table)))
    return pieces(graph, texts, f"{changing}|{characters.regex_class(kept)}+")


def _replaced(graph: Graph, found: str, table: characters.Table) -> str:
    arguments = {"keys_strings": list(table), "values_strings": list(table.values()), "default_string": MISSING_TEXT}
    other = graph.node("LabelEncoder", found, domain=ML_DOMAIN, **arguments)
    return graph.node("Where", graph.node("Equal", other, text(graph, MISSING_TEXT)), found, other)


def _with_final_sigmas(graph: Graph, found: str, lower: str) -> str:
    """Return the lower-cased pieces with another letter for each capital sigma that ends a word.

    A character that changes is a piece by itself and never ignorable, so that no more than one ignorable piece lies
    between a sigma and what decides. Only the neighbours of sigmas are looked at: most texts have none.
    """
    cased, ignorable = (characters.regex_class(mask) for mask in characters.around_sigma())
    is_sigma = graph.node("Equal", found, text(graph, characters.SIGMA))
    places = graph.node("Transpose", graph.node("NonZero", is_sigma))
    blank = column(graph, found, np.array("", dtype=object))
    longer = graph.node("Concat", blank, blank, found, blank, blank, axis=1)
    sides = []
    for step, regex in ((-1, f"(?s:.*){cased}{ignorable}*"), (1, f"{ignorable}*{cased}(?s:.*)")):
        near, far = (
            graph.node("GatherND", longer, graph.node("Add", places, integers(graph, [[0, 2 + way]])))
            for way in (step, 2 * step)
        )
        skipped = graph.node("And", matches(graph, near, f"{ignorable}*"), matches(graph, far, regex))
        sides.append(graph.node("Or", matches(graph, near, regex), skipped))
    ends = graph.node("And", sides[0], graph.node("Not", sides[1]))
    letter = graph.node("Where", ends, text(graph, characters.FINAL_SIGMA), graph.node("GatherND", lower, places))
    return graph.node("ScatterND", lower, places, letter)


def joined(graph: Graph, found: str) -> str:
    """Return the pieces of each row as one text: neighbours are joined until one is left."""
    width = graph.node("Shape", found, start=1, end=2)
    more = graph.node("Squeeze", graph.node("Greater", width, integers(graph, [1])))
    whole = graph.node("Loop", "", more, found, body=_join_neighbours())
    return graph.node("Reshape", whole, integers(graph, [-1]))


def _join_neighbours() -> GraphProto:
    """Return a loop's body: pieces in, half as many out, and whether there are more than one."""
    from onnx import TensorProto, helper

    def number(name: str, value: int) -> Any:
        return helper.make_node("Constant", [], [name], value_ints=[value])

    nodes = [
        *(number(name, value) for name, value in (("zero", 0), ("one", 1), ("two", 2), ("end", _END))),
        helper.make_node("Constant", [], ["nothing"], value_strings=[""]),
        helper.make_node("Shape", ["pieces"], ["rows"], start=0, end=1),
        helper.make_node("Concat", ["rows", "one"], ["one_column"], axis=0),
        helper.make_node("Expand", ["nothing", "one_column"], ["blank"]),
        helper.make_node("Concat", ["pieces", "blank"], ["longer"], axis=1),
        helper.make_node("Slice", ["pieces", "zero", "end", "one", "two"], ["left"]),
        helper.make_node("Slice", ["longer", "one", "end", "one", "two"], ["right"]),
        helper.make_node("StringConcat", ["left", "right"], ["halved"]),
        helper.make_node("Shape", ["halved"], ["width"], start=1, end=2),
        helper.make_node("Greater", ["width", "one"], ["is_more"]),
        helper.make_node("Squeeze", ["is_more"], ["again"]),
    ]
    strings = [None, None]
    return helper.make_graph(
        nodes,
        "join_neighbours",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("more", TensorProto.BOOL, []),
            helper.make_tensor_value_info("pieces", TensorProto.STRING, strings),
        ],
        [
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("halved", TensorProto.STRING, strings),
        ],
    )
