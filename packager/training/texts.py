"""Texts made from a vectorizer's own words, and odd ones: where a conversion reads text otherwise, they show it."""

from __future__ import annotations

from typing import Any

# Words and texts that are made of one vectorizer, as many as keep a column's share of the made rows small.
_MOST_WORDS = 40
_TEXTS = 24
_SPACES = (" ", "  ", ", ", "\n", "\t ", "-", "\u00a0", "\u3000", "'", "_", "\u200b", " a ")
# Without a vocabulary: words of several scripts, of one letter, and such as look alike.
_PLAIN_WORDS = (
    "good",
    "not",
    "bad",
    "day",
    "über",
    "straße",
    "école",
    "ночь",
    "日本語",
    "한국어",
    "οδος",
    "a",
    "1",
    "2x",
)
# What `str.lower`, decomposition and word boundaries are exact about.
_ODD = (
    "",
    " ",
    "ΟΔΟΣ ΟΔΟΣ, Α\u0301Σ ΑΣ\u0301Β Σ",
    "İSTANBUL ISPARTA ıı",
    "STRASSE STRAẞE Straße",
    "Cafe\u0301 CAFÉ ＡＢＣ １２３ ﬁ ½ Ⅷ Ⓐ",
    "日本語と한국어 ไทย हिन्दी",
    "😀👍🏽 x\u200dy \ufeffz",
    "line\r\nline\x0bline\x1cline\x85line\u2028line",
    "under_score 3.14 don't don’t e-mail a\u00adb",
    "\x00 nul \x00inside",
    "w" * 300,
)


def made_texts(vectorizer: Any) -> tuple[str, ...]:
    """Return single words of its vocabulary, several together in other cases and spacings, and odd texts."""
    words = sorted(word for word in getattr(vectorizer, "vocabulary_", ()) if isinstance(word, str))
    words = [word for word in words if word.encode("utf-8", "ignore").decode() == word]
    chosen = words[:: max(1, len(words) // _MOST_WORDS)][:_MOST_WORDS] or list(_PLAIN_WORDS)
    cases = (str, str.upper, str.title, str.swapcase)
    joined = [cases[at % len(cases)](_SPACES[at % len(_SPACES)].join(chosen[at :: 1 + at % 7])) for at in range(_TEXTS)]
    return (*chosen, *joined, *_ODD)
