"""Tables of characters are those of the running Python."""

from __future__ import annotations

import re

import numpy as np

from packager.convert.text import characters


def test_a_mask_holds_the_code_points_of_a_text() -> None:
    assert np.flatnonzero(characters.mask_of("a\0😀a")).tolist() == [0, 97, 0x1F600]


def test_no_table_holds_what_no_request_holds() -> None:
    everything = characters.mask_of(characters.every())
    assert everything.sum() == 0x110000 - 0x800 - 1
    assert not everything[0xD800:0xE000].any()
    assert not everything[ord(characters.NO_TEXT)]
    assert not characters.complement(characters.mask_of("a"))[0xD800:0xE000].any()


def test_a_class_names_ranges_of_code_points() -> None:
    assert characters.regex_class(characters.mask_of("abcx")) == r"[\x{61}-\x{63}\x{78}-\x{78}]"
    assert characters.regex_class(characters.mask_of("")) == r"[^\x{0}-\x{10ffff}]"


def test_spaces_are_those_that_split_splits_at() -> None:
    found = "".join(map(chr, np.flatnonzero(characters.spaces())))
    assert "\x1c" in found
    assert found.split() == []
    assert "x".join(found).split() == ["x"] * (len(found) - 1)


def test_what_changes_and_what_is_kept_divide_all_characters() -> None:
    for table, kept in (characters.lowered(), characters.without_accents("unicode")):
        assert not kept[[ord(one) for one in table]].any()
    table, kept = characters.without_accents("ascii", lower=True)
    assert (table["É"], table["İ"], table["ﬁ"], table["Q"]) == ("e", "i", "fi", "q")
    assert np.flatnonzero(kept).max() == 127
    assert "Σ" not in table


def test_a_sigma_is_final_by_the_nearest_letters_that_are_not_ignorable() -> None:
    cased, ignorable = characters.around_sigma()
    assert not (cased & ignorable).any()
    assert cased[ord("A")]
    assert ignorable[0x301]
    assert ignorable[ord(".")]
    assert ignorable[ord("ʰ")]
    assert not cased[ord("1")]
    assert not ignorable[ord("1")]
    # Words are cut at characters that change: one that is ignorable would hide a neighbour.
    assert not ignorable[[ord(one) for one in characters.lowered()[0]]].any()


def test_words_are_those_of_the_regular_expressions() -> None:
    mask = characters.matching(r"\w")
    assert mask.sum() == len(re.findall(r"\w", characters.every()))
    assert mask[ord("_")]
    assert mask[ord("ß")]
    assert not mask[0x301]
    assert characters.matching(r"\w", re.ASCII).sum() == 63
