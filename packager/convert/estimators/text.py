"""Text to numbers: the words or letters of each text counted, hashed and weighted as scikit-learn does.

Every n-gram is made as a string and looked up by its text, so that what is found does not depend on how it came about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from packager.convert.arithmetic import sparse
from packager.convert.arithmetic.sparse import Sparse
from packager.convert.emitter import Emitter
from packager.convert.graph import Array, Graph, Rows, Table, UnsupportedModel, cast, integers, scalar
from packager.convert.text import characters, strings
from packager.convert.text.token_patterns import translate

_RUNTIME_DOMAIN = "com.microsoft"
# What no request may hold: half of a surrogate pair, and what stands between texts.
_UNSENDABLE = re.compile(f"[\ud800-\udfff{characters.NO_TEXT}]")
_NO = np.array(False)


def count_vectorizer(graph: Graph, rows: Rows, model: Any) -> str:
    """Return how often each word of the vocabulary occurs, [rows, words]."""
    return sparse.dense(graph, _in_dtype(graph, _counts(graph, rows, model), model.dtype))


def tfidf_vectorizer(graph: Graph, rows: Rows, model: Any) -> str:
    """Return weighted counts, [rows, words]."""
    counts = _in_dtype(graph, _counts(graph, rows, model), model.dtype)
    return sparse.dense(graph, _weighted(graph, counts, model._tfidf))


def tfidf_transformer(graph: Graph, features: str, model: Any) -> str:
    """Return counts that came in, weighted, [rows, words]."""
    cells = sparse.known(graph, features)
    if cells is not None:
        return sparse.dense(graph, _weighted(graph, cells, model))
    idf, value = getattr(model, "idf_", None), features
    if model.sublinear_tf:
        nothing = graph.node("Equal", features, scalar(graph, 0))
        logarithm = graph.node("Add", graph.node("Log", features), scalar(graph, 1))
        value = graph.node("Where", nothing, features, logarithm)
    if idf is not None:
        value = graph.node("Mul", value, graph.constant(np.asarray(idf, dtype=graph.dtype)))
    return value if model.norm is None else _normalized(graph, value, model.norm)


def hashing_vectorizer(graph: Graph, rows: Rows, model: Any) -> str:
    """Return sums of signs by hash, [rows, n_features]."""
    width = int(model.n_features)
    found = _grams(graph, rows, model)
    code = cast(graph, graph.node("MurmurHash3", found.text, domain=_RUNTIME_DOMAIN, positive=0, seed=0), np.int64)
    # 2**31, the size of the one number that has no positive twin in 32 bits, comes to the same remainder there.
    place = graph.node("Mod", graph.node("Abs", code), integers(graph, width))
    sign = None
    if model.alternate_sign:
        positive = graph.node("GreaterOrEqual", code, integers(graph, 0))
        sign = graph.node("Where", positive, scalar(graph, 1), scalar(graph, -1))
    cells = sparse.gathered(graph, found.row, place, width, rows=found.rows, value=sign)
    cells = _in_dtype(graph, _binary(graph, cells, model), model.dtype)
    return sparse.dense(graph, sparse.normalized(graph, cells, model.norm))


def _counts(graph: Graph, rows: Rows, model: Any) -> Sparse:
    width = len(model.vocabulary_)
    known = {word: int(at) for word, at in model.vocabulary_.items() if _is_sendable(word)}
    if not known:
        raise UnsupportedModel("its vocabulary holds no text")
    found = _grams(graph, rows, model)
    column = strings.look_up(graph, found.text, known)
    return _binary(graph, sparse.gathered(graph, found.row, column, width, rows=found.rows), model)


def _is_sendable(word: object) -> bool:
    """Tell whether any request can hold the word."""
    return isinstance(word, str) and not _UNSENDABLE.search(word)


@dataclass(frozen=True)
class _Grams:
    """All n-grams of all texts, `text` and `row` of each, [n]; `rows` is the number of rows, [1]."""

    text: str
    row: str
    rows: str


def _grams(graph: Graph, table: Rows, model: Any) -> _Grams:
    """Return the n-grams of the one column of texts."""
    _check(model)
    if not isinstance(table, Table) or table.width != 1 or not table.has_text:
        raise UnsupportedModel("it reads one column of text, and gets others")
    texts = graph.node("Reshape", table.parts[0].tensor, integers(graph, [-1]))
    whole = strings.together(graph, texts, around=" " if model.analyzer == "char_wb" else "")
    cut = {"word": _words, "char": _characters, "char_wb": _characters_of_words}[model.analyzer]
    found = cut(graph, _prepared(graph, whole, model), model)
    rows = graph.node("Shape", texts)
    row = strings.row_of(graph, found, rows)
    least, most = (int(length) for length in model.ngram_range)
    windows = _within_words if model.analyzer == "char_wb" else _windows
    between = " " if model.analyzer == "word" else ""
    many = list(windows(graph, found, range(least, most + 1), between))
    text = [strings.only(graph, there, gram) for gram, there in many]
    places = [strings.only(graph, there, row) for _, there in many]
    if len(many) == 1:
        return _Grams(text[0], places[0], rows)
    return _Grams(graph.node("Concat", *text, axis=0), graph.node("Concat", *places, axis=0), rows)


def _check(model: Any) -> None:
    """Raise UnsupportedModel, which names the parameter, for what only Python can do."""
    for name in ("preprocessor", "tokenizer"):
        if getattr(model, name) is not None:
            raise UnsupportedModel(f"{name} is a function of its own; apply it before the rows are sent")
    if callable(model.analyzer):
        raise UnsupportedModel("analyzer is a function of its own; use word, char or char_wb")
    if callable(model.strip_accents):
        raise UnsupportedModel("strip_accents is a function of its own; use 'ascii' or 'unicode'")
    if model.input != "content":
        raise UnsupportedModel(f"input={model.input!r} reads files; send their content")


def _prepared(graph: Graph, whole: str, model: Any) -> str:
    """Return the text in lower case and without accents, where the model asks for it."""
    if model.strip_accents == "ascii":  # nothing that depends on neighbours is left: both at once
        return strings.rewritten(graph, whole, *characters.without_accents("ascii", lower=bool(model.lowercase)))
    if model.lowercase:
        whole = strings.lowered(graph, whole)
    if model.strip_accents == "unicode":
        whole = strings.rewritten(graph, whole, *characters.without_accents("unicode"))
    return whole


def _words(graph: Graph, whole: str, model: Any) -> str:
    """Return tokens that are no stop words, and the ends of rows."""
    pattern = translate(model.token_pattern)
    found = strings.pieces(graph, whole, pattern.find)
    if pattern.keep is not None:
        wanted = graph.node("Or", strings.matches(graph, found, pattern.keep), strings.is_row_end(graph, found))
        found = strings.only(graph, wanted, found)
    stop_words = sorted(filter(_is_sendable, model.get_stop_words() or ()))
    if stop_words:
        stopped = strings.look_up(graph, found, dict.fromkeys(stop_words, 1))
        found = strings.only(graph, graph.node("Less", stopped, integers(graph, 0)), found)
    return found


def _characters(graph: Graph, whole: str, model: Any) -> str:
    r"""Return characters, one blank for two and more of `\s`, and the ends of rows."""
    found = strings.single_characters(graph, whole)
    space = strings.matches(graph, found, characters.regex_class(characters.spaces()))
    before, after = (strings.following(graph, space, way, _NO) for way in (-1, 1))
    repeated = graph.node("And", space, graph.node("Or", before, after))
    found = graph.node("Where", repeated, strings.text(graph, " "), found)
    return strings.only(graph, graph.node("Not", graph.node("And", space, before)), found)


def _characters_of_words(graph: Graph, whole: str, model: Any) -> str:
    """Return characters, a blank for any space and on both sides of all words, and the ends of rows."""
    found = strings.single_characters(graph, whole)
    space = strings.matches(graph, found, characters.regex_class(characters.spaces()))
    found = graph.node("Where", space, strings.text(graph, " "), found)
    repeated = graph.node("And", space, strings.following(graph, space, -1, _NO))
    return strings.only(graph, graph.node("Not", repeated), found)


def _windows(graph: Graph, found: str, lengths: range, between: str) -> Iterator[tuple[str, str]]:
    """Yield per length the n-grams that begin at each piece, and which of them lie within one row."""
    piece = graph.node("Not", strings.is_row_end(graph, found))
    gram, there = found, piece
    for length in range(1, lengths.stop):
        if length > 1:
            gram = graph.node("StringConcat", gram, strings.text(graph, between)) if between else gram
            gram = graph.node("StringConcat", gram, strings.following(graph, found, length - 1))
            there = graph.node("And", there, strings.following(graph, piece, length - 1, _NO))
        if length in lengths:
            yield gram, there


def _within_words(graph: Graph, found: str, lengths: range, between: str) -> Iterator[tuple[str, str]]:
    """Yield n-grams of characters within words with a blank on both sides; a shorter word is one by itself.

    Neighbouring words share their blank here: no n-gram reaches over it, and alone it counts for both.
    """
    blank = graph.node("Equal", found, strings.text(graph, " "))
    letter = graph.node("Not", graph.node("Or", blank, strings.is_row_end(graph, found)))
    if lengths.start == 1:
        yield found, letter
        for way in (-1, 1):
            yield found, graph.node("And", blank, strings.following(graph, letter, way, _NO))
    lengths_of_words = range(2 if lengths.start < 3 else 3, lengths.stop)
    for length, (gram, there) in zip(lengths_of_words, _windows(graph, found, lengths_of_words, between), strict=True):
        for inner in range(1, length - 1):
            there = graph.node("And", there, strings.following(graph, letter, inner, _NO))
        last = strings.following(graph, blank, length - 1, _NO)
        if length == 2:  # not the blank of a row without words, and never two
            there = graph.node("And", there, graph.node("Or", letter, strings.following(graph, letter, 1, _NO)))
        if length < lengths.start:
            there = graph.node("And", there, graph.node("And", blank, last))
        yield gram, there


def _binary(graph: Graph, cells: Sparse, model: Any) -> Sparse:
    if not model.binary:
        return cells
    return replace(cells, value=graph.node("Add", graph.node("Mul", cells.value, scalar(graph, 0)), scalar(graph, 1)))


def _in_dtype(graph: Graph, cells: Sparse, dtype: Any) -> Sparse:
    """Return cells as numbers of the model's own kind: weights of float32 are computed in float32."""
    wanted = np.dtype(dtype)
    if wanted == np.float32:
        return replace(cells, value=cast(graph, cells.value, np.float32))
    if wanted.kind not in "fiu" or wanted.itemsize < 4:
        raise UnsupportedModel(f"dtype={wanted.name} has no exact form yet; use float64")
    return cells


def _weighted(graph: Graph, cells: Sparse, model: Any) -> Sparse:
    """Return counts as TfidfTransformer weighs them."""
    value, idf = cells.value, getattr(model, "idf_", None)
    if model.sublinear_tf:
        value = graph.node("Log", value)
        value = graph.node("Add", value, _like(graph, np.ones(1), value))
    if idf is not None:
        weight = graph.node("Gather", _like(graph, np.asarray(idf, dtype=np.float64), value), cells.column, axis=0)
        value = graph.node("Mul", value, weight)
    return sparse.normalized(graph, replace(cells, value=value), model.norm)


def _like(graph: Graph, value: Array, other: str) -> str:
    return graph.node("CastLike", graph.constant(value), other)


def _normalized(graph: Graph, value: str, norm: str) -> str:
    reduce = "ReduceL1" if norm == "l1" else "ReduceL2"
    size = graph.node(reduce, value, integers(graph, [1]), keepdims=1)
    return graph.node(
        "Div", value, graph.node("Where", graph.node("Equal", size, scalar(graph, 0)), scalar(graph, 1), size)
    )


EMITTERS = {
    "sklearn.feature_extraction.text.CountVectorizer": Emitter(transform=count_vectorizer, reads="table"),
    "sklearn.feature_extraction.text.TfidfVectorizer": Emitter(transform=tfidf_vectorizer, reads="table"),
    "sklearn.feature_extraction.text.HashingVectorizer": Emitter(transform=hashing_vectorizer, reads="table"),
    "sklearn.feature_extraction.text.TfidfTransformer": Emitter(transform=tfidf_transformer),
}
