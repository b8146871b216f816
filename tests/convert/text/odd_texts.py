"""Random texts of every kind of character that lower-casing, decomposition and word boundaries treat in its own way."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt

from packager.dataset.rows import Rows

_WORDS = """
good bad Good BAD movie the a I not can't don’t Straße STRASSE STRAẞE ÉCOLE école naïve İstanbul istanbul x
one2three snake_case 日本語 한국어 ไทย ночь Ночь ΟΔΟΣ ΟΔΟΣ. ΣΑΣ Σ ΑΣ\u0301 Α\u0301Σ ΑΣ\u0301Β A.Σ Α.Σ.Β ʰΣ ΣʰΑ ΑΣ\u00ad-
e\u0301cole Ⅷ ２０２４ ﬁnance ǅ 𝐀𝔘 ªº ŉ
"""
_CHARACTERS = (
    "\0\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2028\u2029\u202f\u3000\u200b\u200d\ufeff.,;!?'’-_·\xad"
    "\u0301\u0307\u0308\u0327\u0345İıſKÅΣσςὈᾈǅⅠⅰⒶⓐÐðŁłŒœ½²①٣３ａＡﺷﷺ㎏😀👍🏽🇩🇪\U000e0001\ue000\U0010fffd\uffff"
    "\U00010400\U00010428\u13a0\uab70\u1c90\u10d0"
)
_KNOWN = _WORDS.split()
_BETWEEN = (" ", " ", " ", "", "  ", "\n", "\t ", "\u3000", " \u00a0")


def odd_texts(count: int, *, seed: int) -> list[str]:
    """Return texts of known words and odd characters, some empty, some long."""
    draw = random.Random(seed)
    return [_text(draw) for _ in range(count)]


def text_rows(texts: list[str]) -> Rows:
    """Return rows of one text column."""
    cells: npt.NDArray[np.object_] = np.array(texts, dtype=object)
    return Rows(np.full((len(texts), 1), np.nan), {0: cells})


def _text(draw: random.Random) -> str:
    if draw.random() < 0.03:
        return ""
    length = draw.randint(1, 12 if draw.random() < 0.97 else 150)
    return "".join(_piece(draw) + draw.choice(_BETWEEN) for _ in range(length))


def _piece(draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.6:
        return draw.choice(_KNOWN)
    if kind < 0.85:
        return "".join(draw.choice(_CHARACTERS) for _ in range(draw.randint(1, 4)))
    one = draw.randrange(0x110000 if kind < 0.93 else 0x250)
    return "z" if 0xD800 <= one < 0xE000 else chr(one)
