"""Text to numbers: the words or letters of each text counted, hashed and weighted as scikit-learn does.

Every n-gram is made as a string and looked up by its text, so that what is found does not depend on how it came about.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from packager.convert import characters, sparse, strings
from packager.convert.emitter import Emitter
from packager.convert.graph import Array, Graph, Rows, Table, UnsupportedModel, cast, integers, scalar
from packager.convert.sparse import Sparse
from packager.convert.token_patterns import translate

_RUNTIME_DOMAIN = "com.microsoft"


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
    texts = _texts(graph, rows)
    grams = _grams(graph, texts, model)
    code = cast(graph, graph.node("MurmurHash3", grams, domain=_RUNTIME_DOMAIN, positive=0, seed=0), np.int64)
    # 2**31, the size of the one number that has no positive twin in 32 bits, comes to the same remainder there.
    place = graph.node("Mod", graph.node("Abs", code), integers(graph, width))
    place = graph.node("Where", strings.is_there(graph, grams), place, integers(graph, -1))
    sign = None
    if model.alternate_sign:
        positive = graph.node("GreaterOrEqual", code, integers(graph, 0))
        sign = graph.node("Where", positive, scalar(graph, 1), scalar(graph, -1))
    cells = sparse.gathered(graph, place, width, rows=_count(graph, texts), value=sign)
    cells = _in_dtype(graph, _binary(graph, cells, model), model.dtype)
    return sparse.dense(graph, sparse.normalized(graph, cells, model.norm))


def _counts(graph: Graph, rows: Rows, model: Any) -> Sparse:
    texts = _texts(graph, rows)
    width = len(model.vocabulary_)
    known = {word: int(at) for word, at in model.vocabulary_.items() if isinstance(word, str) and _is_sendable(word)}
    if not known:
        raise UnsupportedModel("its vocabulary holds no text")
    index = strings.look_up(graph, _grams(graph, texts, model), known)
    return _binary(graph, sparse.gathered(graph, index, width, rows=_count(graph, texts)), model)


def _is_sendable(word: str) -> bool:
    """Tell whether any text can hold the word: half of a surrogate pair comes in no request."""
    return bool(word) and not any("\ud800" <= one <= "\udfff" for one in word)


def _texts(graph: Graph, rows: Rows) -> str:
    """Return the one column of texts, [rows]."""
    if not isinstance(rows, Table) or rows.width != 1 or not rows.has_text:
        raise UnsupportedModel("it reads one column of text, and gets others")
    return graph.node("Reshape", rows.parts[0].tensor, integers(graph, [-1]))


def _count(graph: Graph, texts: str) -> str:
    return graph.node("Shape", texts)


def _grams(graph: Graph, texts: str, model: Any) -> str:
    """Return all n-grams of each text as strings, [rows, n]; "" is none."""
    for name in ("preprocessor", "tokenizer"):
        if getattr(model, name) is not None:
            raise UnsupportedModel(f"{name} is a function of its own; apply it before the rows are sent")
    if callable(model.analyzer):
        raise UnsupportedModel("analyzer is a function of its own; use word, char or char_wb")
    if model.input != "content":
        raise UnsupportedModel(f"input={model.input!r} reads files; send their content")
    texts = _prepared(graph, texts, model)
    least, most = (int(length) for length in model.ngram_range)
    analyze = {"word": _word_grams, "char": _character_grams, "char_wb": _word_character_grams}[model.analyzer]
    found = analyze(graph, texts, model, range(least, most + 1))
    return found[0] if len(found) == 1 else graph.node("Concat", *found, axis=1)


def _prepared(graph: Graph, texts: str, model: Any) -> str:
    """Return texts in lower case and without accents, where the model asks for it."""
    accents = model.strip_accents or None
    if callable(accents):
        raise UnsupportedModel("strip_accents is a function of its own; use 'ascii' or 'unicode'")
    if accents == "ascii":  # nothing that depends on neighbours is left: both at once
        return strings.rewritten(graph, texts, *characters.without_accents("ascii", lower=bool(model.lowercase)))
    if model.lowercase:
        texts = strings.lowered(graph, texts)
    if accents == "unicode":
        texts = strings.rewritten(graph, texts, *characters.without_accents("unicode"))
    return texts


def _word_grams(graph: Graph, texts: str, model: Any, lengths: range) -> list[str]:
    pattern = translate(model.token_pattern)
    tokens = strings.pieces(graph, texts, pattern.find)
    wanted = [] if pattern.keep is None else [strings.matches(graph, tokens, pattern.keep)]
    stop_words = [word for word in model.get_stop_words() or () if isinstance(word, str) and _is_sendable(word)]
    if stop_words:
        stopped = strings.look_up(graph, tokens, dict.fromkeys(sorted(stop_words), 1))
        wanted.append(graph.node("Less", stopped, integers(graph, 0)))
    if wanted:
        both = wanted[0] if len(wanted) == 1 else graph.node("And", *wanted)
        alone = lengths.stop == 2  # words by themselves need not lie side by side
        tokens = strings.only(graph, both, tokens) if alone else strings.compact(graph, tokens, both)
    return [strings.only(graph, there, found) for _, found, there in _windows(graph, tokens, lengths, between=" ")]


def _character_grams(graph: Graph, texts: str, model: Any, lengths: range) -> list[str]:
    r"""Return n-grams of characters, where two and more of `\s` are one blank."""
    found = strings.single_characters(graph, texts)
    space = strings.matches(graph, found, characters.regex_class(characters.spaces()))
    no = np.array(False)
    before, after = strings.following(graph, space, -1, no), strings.following(graph, space, 1, no)
    run = graph.node("And", space, graph.node("Or", before, after))
    found = graph.node("Where", run, strings.text(graph, " "), found)
    repeated = graph.node("And", space, before)
    found = strings.compact(graph, found, graph.node("Not", repeated))
    return [strings.only(graph, there, found) for _, found, there in _windows(graph, found, lengths)]


def _word_character_grams(graph: Graph, texts: str, model: Any, lengths: range) -> list[str]:
    """Return n-grams of characters within words, each with a blank on both sides; a shorter word is one by itself.

    Neighbouring words share their blank here: no n-gram reaches over it.
    """
    blank = strings.text(graph, " ")
    padded = graph.node("StringConcat", graph.node("StringConcat", blank, texts), blank)
    found = strings.single_characters(graph, padded)
    space = strings.matches(graph, found, characters.regex_class(characters.spaces()))
    repeated = graph.node("And", space, strings.following(graph, space, -1, np.array(False)))
    found = graph.node("Where", space, blank, found)
    found = strings.compact(graph, found, graph.node("Not", repeated))
    space = graph.node("Equal", found, blank)
    # A blank alone counts once for the word on each of its sides.
    ends = graph.node("And", space, strings.following(graph, strings.is_there(graph, found), -1, np.array(False)))
    starts = strings.is_there(graph, strings.following(graph, found, 1))
    grams = [strings.only(graph, ends, found)] if lengths.start == 1 else []
    for length, gram, there in _windows(graph, found, range(1, lengths.stop)):
        last = strings.following(graph, space, length - 1, np.array(False))
        if length == 1:
            there = graph.node("And", there, graph.node("Or", starts, graph.node("Not", space)))
        for inner in range(1, length - 1):
            there = graph.node("And", there, graph.node("Not", strings.following(graph, space, inner, np.array(False))))
        if length < lengths.start:
            there = graph.node("And", there, graph.node("And", space, last))
        if length >= min(3, lengths.start):
            grams.append(strings.only(graph, there, gram))
    return grams


def _windows(graph: Graph, found: str, lengths: range, *, between: str = "") -> list[tuple[int, str, str]]:
    """Return per length the n-grams that begin at each piece, and where there are so many pieces left."""
    windows, gram = [], found
    for length in range(1, lengths.stop):
        last = strings.following(graph, found, length - 1)
        if length > 1:
            gram = graph.node("StringConcat", gram, strings.text(graph, between)) if between else gram
            gram = graph.node("StringConcat", gram, last)
        if length in lengths:
            windows.append((length, gram, strings.is_there(graph, last)))
    return windows


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
