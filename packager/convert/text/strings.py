"""Words for emitters that work on text: all texts are taken together as one, and cut into pieces, a tensor [pieces].

The runtime's tokenizer, its look-up of strings and its joining of two tensors are exact on any text, NUL among it;
nothing that depends on a locale is used. One text for all rows is what keeps a long text from widening all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.convert.graph import ML_DOMAIN, Array, Graph, integers
from packager.convert.text import characters

if TYPE_CHECKING:
    from onnx import GraphProto

_RUNTIME_DOMAIN = "com.microsoft"
_END = np.iinfo(np.int64).max
_NOTHING: Array = np.array("", dtype=object)
# Stands behind the text of every row, as a piece of its own: what no text of a request holds.
ROW_END = characters.NO_TEXT


def text(graph: Graph, value: str) -> str:
    """Return one text as a constant."""
    return graph.constant(np.array(value, dtype=object))


def together(graph: Graph, texts: str, *, around: str = "") -> str:
    """Return texts [rows] as one text [1], `around` before and behind each, and ROW_END behind that."""
    if around:
        texts = graph.node("StringConcat", text(graph, around), texts)
    return joined(graph, graph.node("StringConcat", texts, text(graph, around + ROW_END)))


def pieces(graph: Graph, whole: str, regex: str) -> str:
    """Return the longest matches of a regular expression of RE2, from left to right, and the ends of rows."""
    return _tokens(graph, whole, tokenexp=f"{regex}|{ROW_END}")


def single_characters(graph: Graph, whole: str) -> str:
    """Return every character, the ends of rows among them."""
    return _tokens(graph, whole, separators=[""])


def _tokens(graph: Graph, whole: str, **how: object) -> str:
    found = graph.node("Tokenizer", whole, domain=_RUNTIME_DOMAIN, mark=0, pad_value="", mincharnum=1, **how)
    # onnx cannot know what kind of tensor a runtime's own operator gives, and its shape inference dies of a
    # LabelEncoder over an unknown one.
    return graph.node("Reshape", graph.node("Cast", found, to=8), integers(graph, [-1]))  # onnx.TensorProto.STRING


def row_of(graph: Graph, found: str, rows: str) -> str:
    """Return the row of each piece; `rows` is the number of rows, [1].

    Where a text holds a ROW_END of its own, rows are numbered such that the run fails: none is taken for another.
    """
    ends = graph.node("Cast", is_row_end(graph, found), to=7)  # int64
    counted = graph.node("ReduceSum", ends, integers(graph, [0]))
    astray = graph.node("Cast", graph.node("Not", graph.node("Equal", counted, rows)), to=7)
    before = graph.node("CumSum", ends, integers(graph, 0), exclusive=1)
    return graph.node("Add", before, graph.node("Mul", astray, integers(graph, 2**40)))


def is_row_end(graph: Graph, found: str) -> str:
    """Return which pieces are the end of a row."""
    return graph.node("Equal", found, text(graph, ROW_END))


def look_up(graph: Graph, strings: str, known: dict[str, int], *, other: int = -1) -> str:
    """Return the number of each string, `other` for unknown ones."""
    arguments = {"keys_strings": list(known), "values_int64s": np.array(list(known.values()), dtype=np.int64)}
    return graph.node("LabelEncoder", strings, domain=ML_DOMAIN, default_int64=other, **arguments)


def matches(graph: Graph, strings: str, regex: str) -> str:
    """Return which strings a regular expression of RE2 matches from end to end."""
    return graph.node("RegexFullMatch", strings, pattern=regex)


def only(graph: Graph, wanted: str, found: str) -> str:
    """Return the wanted pieces, without the others."""
    return graph.node("Compress", found, wanted, axis=0)


def following(graph: Graph, found: str, by: int, fill: Array = _NOTHING) -> str:
    """Return at each place the piece that comes `by` places later; before it, where `by` is negative."""
    if not by:
        return found
    filling = graph.constant(np.repeat(fill, abs(by)))
    if by > 0:
        longer, start, end = graph.node("Concat", found, filling, axis=0), by, _END
    else:
        longer, start, end = graph.node("Concat", filling, found, axis=0), 0, by
    return graph.node("Slice", longer, integers(graph, [start]), integers(graph, [end]), integers(graph, [0]))


def rewritten(graph: Graph, whole: str, table: characters.Table, kept: characters.Mask) -> str:
    """Return a text with characters replaced as the table says and others kept or, if in neither, dropped."""
    return joined(graph, _replaced(graph, _changing(graph, whole, table, kept), table))


def lowered(graph: Graph, whole: str) -> str:
    """Return what `str.lower` returns."""
    table, kept = characters.lowered()
    found = _changing(graph, whole, table, kept)
    return joined(graph, _with_final_sigmas(graph, found, _replaced(graph, found, table)))


def _changing(graph: Graph, whole: str, table: characters.Table, kept: characters.Mask) -> str:
    """Return runs of kept characters, and each character that changes by itself."""
    changing = characters.regex_class(characters.mask_of("".join(table)))
    return pieces(graph, whole, f"{changing}|{characters.regex_class(kept)}+")


def _replaced(graph: Graph, found: str, table: characters.Table) -> str:
    # The end of a row stays as it is, whether it is known or not.
    arguments = {"keys_strings": list(table), "values_strings": list(table.values()), "default_string": ROW_END}
    other = graph.node("LabelEncoder", found, domain=ML_DOMAIN, **arguments)
    return graph.node("Where", is_row_end(graph, other), found, other)


def _with_final_sigmas(graph: Graph, found: str, lower: str) -> str:
    """Return the lower-cased pieces with another letter for each capital sigma that ends a word.

    A character that changes is a piece by itself and never ignorable, so that no more than one ignorable piece lies
    between a sigma and what decides. Only the neighbours of sigmas are looked at: most texts have none.
    """
    cased, ignorable = (characters.regex_class(mask) for mask in characters.around_sigma())
    is_sigma = graph.node("Equal", found, text(graph, characters.SIGMA))
    places = graph.node("Reshape", graph.node("NonZero", is_sigma), integers(graph, [-1]))
    decides = []
    for step, regex in ((-1, f"(?s:.*){cased}{ignorable}*"), (1, f"{ignorable}*{cased}(?s:.*)")):
        near, far = (graph.node("Gather", following(graph, found, way), places, axis=0) for way in (step, 2 * step))
        skipped = graph.node("And", matches(graph, near, f"{ignorable}*"), matches(graph, far, regex))
        decides.append(graph.node("Or", matches(graph, near, regex), skipped))
    ends = graph.node("And", decides[0], graph.node("Not", decides[1]))
    letter = graph.node("Where", ends, text(graph, characters.FINAL_SIGMA), graph.node("Gather", lower, places, axis=0))
    return graph.node("ScatterElements", lower, places, letter, axis=0)


def joined(graph: Graph, found: str) -> str:
    """Return pieces as one text, [1]: neighbours are joined until one is left."""
    more = graph.node("Greater", graph.node("Size", found), integers(graph, 1))
    return graph.node("Loop", "", more, found, body=_join_neighbours())


def _join_neighbours() -> GraphProto:
    """Return a loop's body: pieces in, half as many out, and whether there are more than one."""
    from onnx import TensorProto, helper

    def number(name: str, value: int) -> Any:
        return helper.make_node("Constant", [], [name], value_ints=[value])

    nodes = [
        *(number(name, value) for name, value in (("zero", 0), ("one", 1), ("two", 2), ("end", _END))),
        helper.make_node("Constant", [], ["nothing"], value_strings=[""]),
        helper.make_node("Concat", ["pieces", "nothing"], ["longer"], axis=0),
        helper.make_node("Slice", ["pieces", "zero", "end", "zero", "two"], ["left"]),
        helper.make_node("Slice", ["longer", "one", "end", "zero", "two"], ["right"]),
        helper.make_node("StringConcat", ["left", "right"], ["halved"]),
        helper.make_node("Shape", ["halved"], ["count"]),
        helper.make_node("Greater", ["count", "one"], ["is_more"]),
        helper.make_node("Squeeze", ["is_more"], ["again"]),
    ]
    return helper.make_graph(
        nodes,
        "join_neighbours",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("more", TensorProto.BOOL, []),
            helper.make_tensor_value_info("pieces", TensorProto.STRING, [None]),
        ],
        [
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("halved", TensorProto.STRING, [None]),
        ],
    )
