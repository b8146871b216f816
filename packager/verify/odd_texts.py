"""Texts that an encoder does not know, but that a conversion could take for one that it knows, or stumble over."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

# Of so many known texts, what differs from them in a case or a space.
_ALIKE = 8
_ODD = (
    # Nothing, and words that read as nothing or as numbers.
    *("", " ", "unseen category", "0", "-0", "1e5", "nan", "NaN", "None", "null", "inf", "TRUE"),
    # Other alphabets, cases that change a word's length, marks that combine, what cannot be seen.
    *("Ünsëen ß 漢字", "Привет", "مرحبا", "שלום", "हिन्दी", "İ", "ı", "ΟΔΟΣ", "ﬁ Ⅷ １２", "e\u0301", "\u00e9"),
    *("😀\u200d👍🏽", "\ufeffa", "a\u200bb"),
    # Spaces of all kinds, what ends a text in C, marks that some format reads as its own.
    *("\t", "\n", "\r\n", "\u00a0", "\u2028", "a\x00b", "O'Neil & co.", "a,b;c", '"quoted"', "<b>"),
    # Very long ones, of one word and of many.
    *("x" * 10_000, "long text " * 1_000),
)


def odd_texts(known: Sequence[object]) -> Iterator[str]:
    """Yield odd texts, and those that look like a known one and are none, unless the model reads them so."""
    yield from _ODD
    for text in list(filter(None, map(str, known)))[:_ALIKE]:
        yield from (text.upper(), text.swapcase(), f"{text} ", f" {text}", text + text)
        yield unicodedata.normalize("NFD", text)
