"""A token pattern finds with ONNX Runtime what it finds with `re`, or it is refused."""

from __future__ import annotations

import re

import pytest

from packager.convert.builder import Builder
from packager.convert.graph import UnsupportedModel
from packager.convert.text.strings import ROW_END, is_row_end, matches, only, pieces, together
from packager.convert.text.token_patterns import translate

from .odd_texts import odd_texts
from .texts_graph import run_texts

TAKEN = (
    r"(?u)\b\w\w+\b",
    r"(?u)\b\w+\b",
    r"(?u)\b(\w\w\w+)\b",
    r"(?a)\b\w+\b",
    r"\b[a-z]+\b",
    r"\b[^\W\d_]{2,7}\b",
    r"\b(?:good|b[a-d]+?)\b",
    r"\w{2,5}",
    r"\S+",
    r"[^,\s]+",
    r"[A-Za-zα-ω][\w'’]*",
    r"[a-z]+\d*",
    r"\b\w\w+\b|[!?]",
    r"\w+|[^\w\s]+",
    r"(.)",
    r"(?s).{3}",
)
REFUSED = (
    (r"(?i)[a-z]+", "its flags"),
    (r"\b\w[\w']+\b", r"\b around"),
    (r"\b\w*\b", r"\b around"),
    (r"[a-z]*", "no plain sequence"),
    (r"[a-z]+'?[a-z]*", "go on with"),
    (r"#(\w+)", "no plain sequence"),
    (r"\d+|\w+", "begin alike"),
    (r"good|goodness", "no plain sequence"),
    (r"\w+?", "no plain sequence"),
    (r"(?=a)\w+", "no plain sequence"),
    (r"\b(?:(a)|b)\b", "a group around a part"),
    (r"\b\w{1,2000}\b", "a count above"),
)


@pytest.mark.parametrize("pattern", TAKEN)
def test_the_same_tokens_are_found(pattern: str) -> None:
    texts = odd_texts(150, seed=1)
    found = translate(pattern)

    def tokens(graph: Builder, asked: str) -> str:
        every = pieces(graph, together(graph, asked), found.find)
        if found.keep is None:
            return every
        return only(graph, graph.node("Or", matches(graph, every, found.keep), is_row_end(graph, every)), every)

    expected = [[*re.findall(pattern, text), ROW_END] for text in texts]
    assert sum(map(len, expected)) > len(texts) + 20
    assert run_texts(tokens, texts).tolist() == [token for row in expected for token in row]


@pytest.mark.parametrize(("pattern", "reason"), REFUSED)
def test_what_could_match_in_more_ways_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(UnsupportedModel, match="has no exact form yet") as refused:
        translate(pattern)
    assert reason in str(refused.value)
