"""A token pattern of Python's `re` as one for RE2 that finds the same tokens, or UnsupportedModel.

The runtime's tokenizer takes the longest of all matches and knows word boundaries of ASCII only, so that a pattern is
taken over only where the longest match is the only one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from packager.convert.graph import UnsupportedModel
from packager.convert.text import characters
from packager.convert.text.characters import Mask

_PARSER = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
_CATEGORIES = {
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
}
# RE2 counts no further.
_MOST = 1_000


@dataclass(frozen=True)
class TokenPattern:
    """`find` finds the tokens; where `keep` is given, only those that it matches as a whole are tokens."""

    find: str
    keep: str | None = None


@dataclass(frozen=True)
class _Run:
    """So many characters of one class; `most` is None where there is no end."""

    mask: Mask
    least: int
    most: int | None


def translate(pattern: str) -> TokenPattern:
    """Return the pattern for RE2; UnsupportedModel where the two could find different tokens."""
    tree = _PARSER.parse(pattern)
    flags = tree.state.flags
    if flags & (re.IGNORECASE | re.LOCALE | re.MULTILINE):
        raise _unsupported(pattern, "its flags")
    try:
        items, is_bounded = _unwrapped(list(tree))
        if is_bounded:
            return _whole_words(items, flags)
        return TokenPattern("|".join(_branches(items, flags)))
    except _NotPlain as found:
        raise _unsupported(pattern, str(found)) from None


class _NotPlain(Exception):
    """What of a pattern has no like form."""


def _unsupported(pattern: str, what: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"token_pattern {pattern!r} has no exact form yet ({what}); the default has one, and so has a plain run of"
        r" characters such as [a-z]+ or \b[a-z0-9]{3,}\b"
    )


def _unwrapped(items: list[Any]) -> tuple[list[Any], bool]:
    r"""Return what stands between two `\b`, or within a group around all of it, and whether there is a `\b`."""
    is_bounded = False
    while True:
        if len(items) >= 3 and _is_boundary(items[0]) and _is_boundary(items[-1]):
            items, is_bounded = items[1:-1], True
        elif len(items) == 1 and _name(items[0]) == "SUBPATTERN":
            items = _inner(items[0])
        else:
            return items, is_bounded


def _whole_words(items: list[Any], flags: int) -> TokenPattern:
    r"""Return `\bX\b` where X holds characters of `\w` alone: it matches runs of them from end to end."""
    regex, mask, least = _regex(items, flags)
    words = _words(flags)
    if least < 1 or (mask & ~words).any():
        raise _NotPlain(r"\b around other characters than those of \w")
    word = characters.regex_class(words)
    runs = _runs(items, flags)
    if runs and all(np.array_equal(run.mask, words) for run in runs) and _is_open(runs):
        return TokenPattern(f"{word}{{{sum(run.least for run in runs)},}}")
    return TokenPattern(f"{word}+", regex)


def _words(flags: int) -> Mask:
    return characters.matching(r"\w", flags & re.ASCII)


def _is_open(runs: Sequence[_Run]) -> bool:
    return any(run.most is None for run in runs)


def _branches(items: list[Any], flags: int) -> list[str]:
    """Return the alternatives, each a sequence of runs of which only one match begins at any place."""
    many = items[0][1][1] if len(items) == 1 and _name(items[0]) == "BRANCH" else [items]
    found, first = [], np.zeros_like(_words(0))
    for branch in many:
        inner, is_bounded = _unwrapped(list(branch))
        if is_bounded:
            pattern = _whole_words(inner, flags)
            if pattern.keep is not None:
                raise _NotPlain(r"\b in an alternative")
            start, regex = _words(flags), pattern.find
        else:
            start, regex = _certain(_runs(inner, flags)), _regex(inner, flags)[0]
        if (first & start).any():
            raise _NotPlain("alternatives that begin alike")
        first |= start
        found.append(regex)
    return found


def _certain(runs: list[_Run] | None) -> Mask:
    """Return what a sequence of runs begins with; _NotPlain where it may match in more than one way."""
    if not runs or not runs[0].least:
        raise _NotPlain("it is no plain sequence of classes of characters")
    for at, run in enumerate(runs):
        if run.least == run.most:
            continue
        for later in runs[at + 1 :]:
            if (run.mask & later.mask).any():
                raise _NotPlain("a run that the next one could go on with")
            if later.least:
                break
    return runs[0].mask


def _runs(items: list[Any], flags: int) -> list[_Run] | None:
    """Return the items as runs, None where one is something else."""
    runs = []
    for item in items:
        repeated, least, most = item, 1, 1
        if _name(item) == "MAX_REPEAT":
            least, most, (repeated, *more) = item[1]
            if more:
                return None
        mask = _mask(repeated, flags)
        if mask is None:
            return None
        runs.append(_Run(mask, int(least), None if most == _PARSER.MAXREPEAT else int(most)))
    return runs


def _regex(items: Sequence[Any], flags: int) -> tuple[str, Mask, int]:
    """Return items for RE2, the characters that they may match, and the least number of them."""
    parts, every, least = [], np.zeros_like(_words(0)), 0
    for item in items:
        part, mask, fewest = _one(item, flags)
        parts.append(part)
        every, least = every | mask, least + fewest
    return "".join(parts), every, least


def _one(item: Any, flags: int) -> tuple[str, Mask, int]:
    name = _name(item)
    mask = _mask(item, flags)
    if mask is not None:
        return characters.regex_class(mask), mask, 1
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, inner = item[1]
        part, every, fewest = _regex(inner, flags)
        end = "" if most == _PARSER.MAXREPEAT else int(most)
        if max(least, end or 0) > _MOST:
            raise _NotPlain(f"a count above {_MOST}")
        return f"(?:{part}){{{least},{end}}}", every, least * fewest
    if name == "SUBPATTERN" and item[1][0] is None:
        part, every, fewest = _regex(_inner(item), flags)
        return f"(?:{part})", every, fewest
    if name == "BRANCH":
        found = [_regex(branch, flags) for branch in item[1][1]]
        every = np.logical_or.reduce([mask for _, mask, _ in found])
        return f"(?:{'|'.join(part for part, _, _ in found)})", every, min(fewest for _, _, fewest in found)
    raise _NotPlain("a group around a part of it" if name == "SUBPATTERN" else name.lower().replace("_", " "))


def _mask(item: Any, flags: int) -> Mask | None:
    """Return the characters that an item for one character matches, None for other items."""
    name, given = _name(item), item[1]
    if name == "LITERAL":
        return characters.mask_of(chr(given))
    if name == "NOT_LITERAL":
        return characters.complement(characters.mask_of(chr(given)))
    if name == "ANY":
        return characters.matching(".", flags & re.DOTALL)
    if name == "RANGE":
        mask = np.zeros_like(_words(0))
        mask[given[0] : given[1] + 1] = True
        return mask & characters.mask_of(characters.every())
    if name == "CATEGORY":
        return characters.matching(_CATEGORIES[str(given)], flags & re.ASCII)
    if name != "IN":
        return None
    negated = _name(given[0]) == "NEGATE"
    parts = [_mask(part, flags) for part in given[negated:]]
    found: Mask = np.logical_or.reduce([part for part in parts if part is not None])
    return characters.complement(found) if negated else found


def _inner(item: Any) -> list[Any]:
    """Return what a group holds; _NotPlain where it changes the flags."""
    _, added, removed, inner = item[1]
    if added or removed:
        raise _NotPlain("flags within it")
    return list(inner)


def _is_boundary(item: Any) -> bool:
    return _name(item) == "AT" and str(item[1]) == "AT_BOUNDARY"


def _name(item: Any) -> str:
    return str(item[0])
