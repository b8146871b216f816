"""Graphs on text do what Python does, on any text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.feature_extraction.text import strip_accents_ascii, strip_accents_unicode

from packager.convert.builder import Builder
from packager.convert.text import characters, strings

from .odd_texts import odd_texts
from .texts_graph import run_texts

TEXTS = [*odd_texts(400, seed=2), "\0", "", "Σ" * 3_000, "ΑΣ" * 700, "x" * 70_001]


def _changed(change: Callable[[Builder, str], str], texts: list[str]) -> list[str]:
    (whole,) = run_texts(lambda graph, asked: change(graph, strings.together(graph, asked)), texts).tolist()
    assert whole.endswith(strings.ROW_END)
    return whole.split(strings.ROW_END)[:-1]


def test_texts_go_together_and_apart() -> None:
    assert _changed(lambda graph, whole: whole, TEXTS) == TEXTS
    assert _changed(lambda graph, whole: whole, [""]) == [""]


def test_lower_case_is_that_of_python() -> None:
    assert any(text.lower() != "".join(one.lower() for one in text) for text in TEXTS)  # final sigmas
    assert _changed(strings.lowered, TEXTS) == [text.lower() for text in TEXTS]


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("form", ["ascii", "unicode"])
def test_accents_are_stripped_as_scikit_learn_does(form: str, lower: bool) -> None:
    texts = [text.replace(characters.SIGMA, "") for text in TEXTS] if lower else TEXTS

    def stripped(graph: Builder, whole: str) -> str:
        return strings.rewritten(graph, whole, *characters.without_accents(form, lower=lower))  # type: ignore[arg-type]

    strip = strip_accents_ascii if form == "ascii" else strip_accents_unicode
    assert any(unicodedata.normalize("NFKD", text) != text for text in texts)
    assert _changed(stripped, texts) == [strip(text.lower() if lower else text) for text in texts]


def test_each_piece_knows_its_row() -> None:
    def rows(graph: Builder, asked: str) -> str:
        found = strings.single_characters(graph, strings.together(graph, asked))
        return strings.row_of(graph, found, graph.node("Shape", asked))

    assert run_texts(rows, ["ab", "", "c"]).tolist() == [0, 0, 0, 1, 2, 2]
    assert run_texts(rows, ["a", f"b{strings.ROW_END}"]).min() >= 2**40  # no row of any matrix


def test_pieces_are_read_from_both_sides() -> None:
    def beside(by: int) -> list[str]:
        found: list[str] = run_texts(lambda graph, asked: strings.following(graph, asked, by), list("abc")).tolist()
        return found

    assert (beside(1), beside(-2), beside(0)) == (["b", "c", ""], ["", "", "a"], ["a", "b", "c"])
    flags = run_texts(
        lambda graph, asked: strings.following(graph, strings.matches(graph, asked, "a"), -1, np.array(False)),
        list("aba"),
    )
    assert flags.tolist() == [False, True, False]
