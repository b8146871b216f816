"""What Python makes of each character, read from the running Python itself, as tables and as classes of RE2.

Graphs are served where other C libraries and other Unicode tables are: none of them may be asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from packager.artifact import MISSING_TEXT

# [code points] of bool. Surrogates, which no UTF-8 carries, and NO_TEXT are in none.
Mask = npt.NDArray[np.bool_]
Table = dict[str, str]

# No request may hold it; graphs put it between texts.
NO_TEXT = MISSING_TEXT
_COUNT = 0x110000
_SURROGATES = range(0xD800, 0xE000)
SIGMA, FINAL_SIGMA = "Σ", "ς"


@cache
def every() -> str:
    """Return every character that a text may hold, in order."""
    return "".join(map(chr, (*range(_SURROGATES.start), *range(_SURROGATES.stop, _COUNT)))).replace(NO_TEXT, "")


@cache
def assigned() -> str:
    """Return the characters that have properties: all but private and unassigned ones."""
    return "".join(one for one in every() if unicodedata.category(one) not in ("Cn", "Co"))


def mask_of(characters: str) -> Mask:
    """Return which characters occur in a text."""
    mask = np.zeros(_COUNT, dtype=bool)
    mask[np.frombuffer(characters.encode("utf-32-le"), dtype=np.uint32)] = True
    return mask


@cache
def matching(pattern: str, flags: int = 0) -> Mask:
    """Return the characters that a pattern for one character matches."""
    return mask_of("".join(re.findall(pattern, every(), flags)))


def spaces() -> Mask:
    r"""Return the characters of `\s`, which are those that `str.split` splits at."""
    return matching(r"\s")


def complement(mask: Mask) -> Mask:
    """Return all characters but those of `mask`."""
    return mask_of(every()) & ~mask


def regex_class(mask: Mask) -> str:
    """Return characters as a class of RE2, code point by code point; an empty one matches nothing."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    ranges = [f"\\x{{{start:x}}}-\\x{{{end - 1:x}}}" for start, end in steps.reshape(-1, 2)]
    return f"[{''.join(ranges)}]" if ranges else r"[^\x{0}-\x{10ffff}]"


@cache
def lowered() -> tuple[Table, Mask]:
    """Return the characters that `str.lower` changes, with what becomes of each on its own, and those that it keeps."""
    return _changed(str.lower)


@cache
def without_accents(form: Literal["ascii", "unicode"], *, lower: bool = False) -> tuple[Table, Mask]:
    """Return what scikit-learn's `strip_accents` makes of the characters that it changes, and those that it keeps.

    It decomposes (NFKD) and drops; what is in neither is dropped. Among that are all marks that would be reordered on
    the way, so that each character may be taken by itself.
    """

    def stripped(text: str) -> str:
        decomposed = unicodedata.normalize("NFKD", text.lower() if lower else text)
        if form == "ascii":
            return decomposed.encode("ascii", "ignore").decode("ascii")
        return "".join(part for part in decomposed if not unicodedata.combining(part))

    table, kept = _changed(stripped)
    return table, kept & mask_of("".join(map(chr, range(128)))) if form == "ascii" else kept


def _changed(change: Callable[[str], str]) -> tuple[Table, Mask]:
    """Return what becomes of each character that changes into others, and the characters that stay as they are."""
    found = {one: text for one in assigned() if (text := change(one)) != one}
    return {one: text for one, text in found.items() if text}, complement(mask_of("".join(found)))


@cache
def around_sigma() -> tuple[Mask, Mask]:
    """Return (cased, ignorable): a capital sigma ends a word, and becomes another letter than elsewhere, where the
    nearest character before it that is not ignorable is cased and the nearest after it is not.

    Found by lower-casing a sigma behind each character.
    """
    others = assigned().replace("\n", "")
    cased = _ends_word("", others)
    return cased, _ends_word("A", others) & ~cased


def _ends_word(before: str, characters: str) -> Mask:
    """Return the characters for which a sigma behind `before` and them is final."""
    lines = "".join(f"{before}{one}{SIGMA}\n" for one in characters).lower().split("\n")
    return mask_of("".join(one for one, line in zip(characters, lines, strict=False) if line[-1] == FINAL_SIGMA))
