"""A LightGBM model text, checked without LightGBM: sizes, array lengths, child and feature indices, category sets.

LightGBM's loader trusts these figures; a text that was edited can crash it or make a prediction run for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, TypeVar

from packager.source.symbols import Forbidden, ModelText

PREFIX: Final = b"tree\nversion="
MAX_TEXT_BYTES: Final = 1 << 30
MAX_CLASSES: Final = 100_000
# LightGBM's own loader reads at most this many lines of a tree and ignores the others.
MAX_TREE_LINES: Final = 22
MAX_PANDAS_JSON_BYTES: Final = 64 << 20
CATEGORICAL: Final = 1

_VERSION = re.compile(rb"v[0-9]{1,3}")
_DIGITS = re.compile(rb"[0-9]{1,9}")
_CONTROL = bytes(code for code in range(32) if code not in b"\n\t") + b"\x7f"
_NUMERIC = b"0123456789+-.eEinfaINFA "
_INTEGRAL = b"0123456789- "
_PER_SPLIT = (b"split_gain", b"internal_value", b"internal_weight")

_Fields = dict[bytes, bytes]
_Number = TypeVar("_Number", int, float)


def check_model_text(text: bytes) -> ModelText:
    """Check a whole model text and return its format version; raise Forbidden with the tree and field that is off."""
    if len(text.translate(None, _CONTROL)) != len(text):
        raise Forbidden("its LightGBM model text holds control characters or Windows line ends")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        raise Forbidden("its LightGBM model text is not UTF-8") from None
    start = text.find(b"\nTree=") + 1
    if start == 0:
        raise Forbidden("its LightGBM model text holds no tree")
    header = _header(text[:start])
    features = _checked_header(header)
    end = _check_trees(text, start, header, features)
    if not text.startswith(b"end of trees\n", end):
        raise Forbidden("its LightGBM model text is cut short, or tree_sizes does not fit the trees")
    _check_pandas(text)
    return ModelText(header[b"version"].decode("ascii"))


def _header(text: bytes) -> _Fields:
    fields: _Fields = {}
    for line in text.split(b"\n"):
        key, _, value = line.partition(b"=")
        if line and (key in fields or not key or (b"=" in value and key != b"feature_names")):
            raise Forbidden("the header of its LightGBM model text names a field twice")
        fields[key] = value
    return fields


def _checked_header(header: _Fields) -> int:
    """Check the header's figures against each other and return the number of features."""
    if not _VERSION.fullmatch(header.get(b"version", b"")):
        raise Forbidden("the header of its LightGBM model text has no version")
    classes = _count(header, b"num_class")
    if not 1 <= classes <= MAX_CLASSES or _count(header, b"num_tree_per_iteration") != classes:
        raise Forbidden("num_class and num_tree_per_iteration of its LightGBM model text do not fit")
    objective = header.get(b"objective", b"").split()
    stated = [token for token in objective if token.startswith(b"num_class:")]
    if stated not in ([], [b"num_class:%d" % classes]) or (objective[:1] == [b"multiclass"] and not stated):
        raise Forbidden("the objective of its LightGBM model text does not fit num_class")
    _count(header, b"label_index")
    features = _count(header, b"max_feature_idx") + 1
    for key in (b"feature_names", b"feature_infos"):
        if len(header.get(key, b"").split()) != features:
            raise Forbidden(f"{key.decode()} of its LightGBM model text does not fit max_feature_idx")
    return features


def _count(fields: _Fields, key: bytes) -> int:
    value = fields.get(key, b"")
    if not _DIGITS.fullmatch(value):
        raise Forbidden(f"its LightGBM model text has no sound {key.decode()}")
    return int(value)


def _check_trees(text: bytes, start: int, header: _Fields, features: int) -> int:
    """Check every tree where tree_sizes says it lies, and return where the last one ends."""
    sizes = header.get(b"tree_sizes", b"").split()
    if not sizes or len(sizes) % int(header[b"num_class"]):
        raise Forbidden("tree_sizes of its LightGBM model text does not fit num_class")
    for index, size in enumerate(sizes):
        if not _DIGITS.fullmatch(size):
            raise Forbidden("tree_sizes of its LightGBM model text is not a list of sizes")
        block = text[start : start + int(size)]
        mark = b"Tree=%d\n" % index
        if not block.startswith(mark) or not block.endswith(b"\n\n"):
            raise _wrong(index, "tree_sizes")
        _Tree(index, _tree_fields(index, block[len(mark) :])).check(features)
        start += int(size)
    return start


def _tree_fields(index: int, block: bytes) -> _Fields:
    lines = block.rstrip(b"\n").split(b"\n")
    pairs = [line.partition(b"=") for line in lines]
    fields = {key: value for key, _, value in pairs}
    if len(lines) > MAX_TREE_LINES or len(fields) != len(lines) or not all(equals for _, equals, _ in pairs):
        raise _wrong(index, "its lines")
    return fields


def _wrong(index: int, field: str) -> Forbidden:
    return Forbidden(f"tree {index} of its LightGBM model text is broken: {field}")


class _Tree:
    """One tree's fields and the checks that they fit each other."""

    def __init__(self, index: int, fields: _Fields) -> None:
        self._index = index
        self._fields = fields

    def check(self, features: int) -> None:
        """Raise Forbidden unless every index that a prediction follows stays inside its array."""
        leaves = self._count(b"num_leaves")
        linear = self._fields.get(b"is_linear", b"0") != b"0"
        if leaves < 1:
            raise _wrong(self._index, "num_leaves")
        self._count(b"num_cat")
        self._numbers(b"leaf_value", leaves)
        self._numbers(b"leaf_weight", leaves, optional=True)
        self._numbers(b"shrinkage", 1, optional=True)
        self._integers(b"leaf_count", leaves, optional=True)
        if leaves > 1:
            self._check_splits(leaves, features)
        if linear:
            self._check_linear(leaves, features)

    def _check_splits(self, leaves: int, features: int) -> None:
        self._numbers(b"threshold", leaves - 1)
        for key in _PER_SPLIT:
            self._numbers(key, leaves - 1, optional=True)
        self._integers(b"internal_count", leaves - 1, optional=True)
        split = self._integers(b"split_feature", leaves - 1)
        if min(split) < 0 or max(split) >= features:
            raise _wrong(self._index, "split_feature")
        children = self._integers(b"left_child", leaves - 1) + self._integers(b"right_child", leaves - 1)
        # Every leaf (~leaf, below zero) and every split but the root is the child of exactly one split.
        children.sort()
        if children != [*range(-leaves, 0), *range(1, leaves - 1)]:
            raise _wrong(self._index, "left_child, right_child")
        self._check_categories(leaves)

    def _check_categories(self, leaves: int) -> None:
        sets = self._count(b"num_cat")
        kinds = self._integers(b"decision_type", leaves - 1) if b"decision_type" in self._fields else [0]
        if min(kinds) < -128 or max(kinds) > 127:
            raise _wrong(self._index, "decision_type")
        chosen = [place for place, kind in enumerate(kinds) if kind & CATEGORICAL]
        if chosen:
            thresholds = self._fields[b"threshold"].split()
            if any(not _DIGITS.fullmatch(thresholds[place]) or int(thresholds[place]) >= sets for place in chosen):
                raise _wrong(self._index, "threshold of a categorical split")
        if not sets:
            return
        bounds = self._integers(b"cat_boundaries", sets + 1)
        words = self._integers(b"cat_threshold", bounds[-1])
        if bounds[0] != 0 or sorted(bounds) != bounds or (words and not 0 <= min(words) <= max(words) < 1 << 32):
            raise _wrong(self._index, "cat_boundaries, cat_threshold")

    def _check_linear(self, leaves: int, features: int) -> None:
        self._numbers(b"leaf_const", leaves)
        sizes = self._integers(b"num_features", leaves)
        if min(sizes) < 0:
            raise _wrong(self._index, "num_features")
        self._numbers(b"leaf_coeff", sum(sizes))
        used = self._integers(b"leaf_features", sum(sizes))
        if used and not 0 <= min(used) <= max(used) < features:
            raise _wrong(self._index, "leaf_features")

    def _count(self, key: bytes) -> int:
        if not _DIGITS.fullmatch(self._fields.get(key, b"")):
            raise _wrong(self._index, key.decode())
        return int(self._fields[key])

    def _numbers(self, key: bytes, length: int, *, optional: bool = False) -> None:
        """Require so many decimal numbers: LightGBM ends the process over one that it cannot read."""
        self._parsed(key, length, float, _NUMERIC, optional=optional)

    def _integers(self, key: bytes, length: int, *, optional: bool = False) -> list[int]:
        return self._parsed(key, length, int, _INTEGRAL, optional=optional)

    def _parsed(
        self, key: bytes, length: int, kind: Callable[[bytes], _Number], characters: bytes, *, optional: bool
    ) -> list[_Number]:
        value = self._fields.get(key, b"")
        if optional and not value:
            return []
        # Python would also take underscores, other digits and longer words, which LightGBM reads differently.
        if value.translate(None, characters):
            raise _wrong(self._index, key.decode())
        try:
            numbers = list(map(kind, value.split()))
        except ValueError:
            raise _wrong(self._index, key.decode()) from None
        if len(numbers) != length:
            raise _wrong(self._index, key.decode())
        return numbers


def _check_pandas(text: bytes) -> None:
    """Check the list of category lists that LightGBM's Python side reads from the last line as JSON."""
    line = text.rstrip(b"\n").rpartition(b"\n")[2]
    if not line.startswith(b"pandas_categorical:"):
        return
    try:
        if len(line) > MAX_PANDAS_JSON_BYTES:
            raise ValueError
        lists = json.loads(line.partition(b":")[2])
    except (ValueError, RecursionError):
        raise Forbidden("pandas_categorical of its LightGBM model text is not JSON") from None
    if lists is None:
        return
    if not isinstance(lists, list) or not all(isinstance(values, list) for values in lists):
        raise Forbidden("pandas_categorical of its LightGBM model text is not a list of lists")
