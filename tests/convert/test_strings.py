"""Graphs on text do what Python does, on any text."""

from __future__ import annotations

import unicodedata

import pytest
from sklearn.feature_extraction.text import strip_accents_ascii, strip_accents_unicode

from packager.convert import characters, strings
from packager.convert.builder import Builder

from .odd_texts import odd_texts
from .texts_graph import run_texts

TEXTS = [*odd_texts(400, seed=2), "\0", "Σ" * 3_000, "ΑΣ" * 700, "x" * 70_001]


def test_lower_case_is_that_of_python() -> None:
    assert any(text.lower() != "".join(one.lower() for one in text) for text in TEXTS)  # final sigmas
    assert run_texts(strings.lowered, TEXTS).tolist() == [text.lower() for text in TEXTS]


@pytest.mark.parametrize("form", ["ascii", "unicode"])
def test_accents_are_stripped_as_scikit_learn_does(form: str) -> None:
    def stripped(graph: Builder, texts: str) -> str:
        return strings.rewritten(graph, texts, *characters.without_accents(form))  # type: ignore[arg-type]

    strip = strip_accents_ascii if form == "ascii" else strip_accents_unicode
    assert any(unicodedata.normalize("NFKD", text) != text for text in TEXTS)
    assert run_texts(stripped, TEXTS).tolist() == [strip(text) for text in TEXTS]


def test_characters_come_back_together() -> None:
    def there_and_back(graph: Builder, texts: str) -> str:
        return strings.joined(graph, strings.single_characters(graph, texts))

    assert run_texts(there_and_back, TEXTS).tolist() == TEXTS


def test_nothing_but_empty_texts_stays_empty() -> None:
    assert run_texts(strings.lowered, ["", ""]).tolist() == ["", ""]


def test_wanted_pieces_move_together() -> None:
    def without_b(graph: Builder, texts: str) -> str:
        found = strings.single_characters(graph, texts)
        return strings.compact(graph, found, strings.matches(graph, found, "[^b]"))

    assert run_texts(without_b, ["abcb", "bb", "ac"]).tolist() == [
        ["a", "c", "", "", ""],
        [""] * 5,
        ["a", "c", "", "", ""],
    ]
