"""A LightGBM text that LightGBM wrote is taken; every edit that could crash its loader or a prediction is not."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from packager.errors import SourceError
from packager.source.audit import audit
from packager.source.lightgbm_text import check_model_text
from packager.source.symbols import Forbidden
from tests.source import honest


def _text(name: str) -> bytes:
    model = honest.models()[name]()
    booster = getattr(model, "booster_", model)
    return booster.model_to_string().encode()


@pytest.fixture(scope="module")
def plain() -> bytes:
    return _text("Booster(binary)")


@pytest.fixture(scope="module")
def categorical() -> bytes:
    return _text("Booster(categorical)")


@pytest.fixture(scope="module")
def linear() -> bytes:
    return _text("LGBMRegressor(linear)")


def _resized(text: bytes) -> bytes:
    """Return a text with its tree_sizes put right after an edit, so that only the edit itself is wrong."""
    start, end = text.index(b"\nTree=0\n") + 1, text.index(b"end of trees")
    marks = [match.start() for match in re.finditer(rb"Tree=\d+\n", text[start:end])] + [end - start]
    sizes = b" ".join(b"%d" % (after - before) for before, after in pairwise(marks))
    return re.sub(rb"tree_sizes=[^\n]*", b"tree_sizes=" + sizes, text, count=1)


def _with(text: bytes, field: bytes, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """Return a text whose first `field` has other values."""
    match = re.search(rb"\n" + field + rb"=([^\n]*)", text)
    assert match is not None
    values = b" ".join(change(match.group(1).split()))
    return _resized(text[: match.start(1)] + values + text[match.end(1) :])


def test_every_honest_text_is_taken() -> None:
    names = [name for name in honest.models() if name.startswith(("Booster", "LGBM")) and "search" not in name]
    texts = [name for name in names if not name.startswith(("LGBM pipeline", "LGBM calibrated"))]
    assert len(texts) > 20
    for name in texts:
        assert check_model_text(_text(name)).version == "v4", name


def test_the_helpers_of_this_test_change_nothing_by_themselves(plain: bytes) -> None:
    assert _resized(plain) == plain
    assert _with(plain, b"left_child", lambda values: values) == plain


def _first(value: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda values: [value, *values[1:]]


_LINES = b"".join(b"k%d=1\n" % line for line in range(30))
_EDITS: dict[str, tuple[bytes, Callable[[list[bytes]], list[bytes]]]] = {
    "child beyond the splits": (b"left_child", _first(b"9999")),
    "leaf beyond the leaves": (b"right_child", _first(b"-9999")),
    "child that is the root": (b"left_child", _first(b"0")),
    "one child twice": (b"right_child", lambda values: [values[-1], *values[1:]]),
    "too few children": (b"left_child", lambda values: values[1:]),
    "too many children": (b"right_child", lambda values: [*values, b"1"]),
    "child in another writing": (b"left_child", lambda values: [*values[:-1], b"1_0"]),
    "child that is no number": (b"left_child", _first(b"x")),
    "feature beyond the features": (b"split_feature", _first(b"5")),
    "negative feature": (b"split_feature", _first(b"-1")),
    "too few thresholds": (b"threshold", lambda values: values[1:]),
    "threshold that is no number": (b"threshold", _first(b"1;2")),
    "threshold that only Python reads": (b"threshold", _first(b"1_0.5")),
    "gain that LightGBM cannot read": (b"split_gain", _first(b"N.22")),
    "weight that LightGBM cannot read": (b"leaf_weight", _first(b"1e")),
    "count that is no integer": (b"internal_count", _first(b"1.5")),
    "shrinkage that is no number": (b"shrinkage", _first(b"-")),
    "too few leaf values": (b"leaf_value", lambda values: values[1:]),
    "too many leaf values": (b"leaf_value", lambda values: [*values, b"0.5"]),
    "wild decision type": (b"decision_type", _first(b"1000")),
    "categorical split without sets": (b"decision_type", _first(b"1")),
    "more leaves": (b"num_leaves", _first(b"31000")),
    "no leaves": (b"num_leaves", _first(b"0")),
    "negative leaves": (b"num_leaves", _first(b"-3")),
    "sets that are not there": (b"num_cat", _first(b"3")),
    "more classes": (b"num_class", _first(b"1000")),
    "absurd classes": (b"num_class", _first(b"99999999999")),
    "more trees an iteration": (b"num_tree_per_iteration", _first(b"7")),
    "fewer features": (b"max_feature_idx", _first(b"2")),
    "negative features": (b"max_feature_idx", _first(b"-1")),
    "feature names": (b"feature_names", lambda values: values[1:]),
    "feature infos": (b"feature_infos", lambda values: [*values, b"none"]),
    "classes of the objective": (b"objective", lambda values: [b"multiclass", b"num_class:64"]),
    "objective without its classes": (b"objective", lambda values: [b"multiclass"]),
}


@pytest.mark.parametrize("edit", _EDITS)
def test_an_edited_field_is_refused(plain: bytes, edit: str) -> None:
    field, change = _EDITS[edit]
    edited = _with(plain, field, change)
    assert edited != plain
    with pytest.raises(Forbidden):
        check_model_text(edited)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        (b"cat_boundaries", lambda values: [b"0", *[b"9999"] * (len(values) - 1)]),
        (b"cat_boundaries", lambda values: [b"1", *values[1:]]),
        (b"cat_boundaries", lambda values: [b"0", *values[:0:-1]]),
        (b"cat_boundaries", lambda values: values[1:]),
        (b"cat_boundaries", lambda values: [b"-1", *values[1:]]),
        (b"cat_threshold", lambda values: values[1:]),
        (b"cat_threshold", lambda values: [b"-1", *values[1:]]),
        (b"cat_threshold", lambda values: [b"4294967296", *values[1:]]),
        (b"num_cat", lambda values: [b"0"]),
        (b"num_cat", lambda values: [b"400000000"]),
    ],
)
def test_edited_category_sets_are_refused(
    categorical: bytes, field: bytes, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    block = categorical.index(b"\ncat_boundaries")
    tree = categorical.rindex(b"\nTree=", 0, block)
    head, rest = categorical[:tree], categorical[tree:]
    match = re.search(rb"\n" + field + rb"=([^\n]*)", rest)
    assert match is not None
    values = b" ".join(change(match.group(1).split()))
    edited = _resized(head + rest[: match.start(1)] + values + rest[match.end(1) :])
    assert edited != categorical
    with pytest.raises(Forbidden):
        check_model_text(edited)


def test_a_categorical_split_may_not_name_a_set_beyond_the_sets(categorical: bytes) -> None:
    edited = _with(categorical, b"threshold", lambda values: [b"999"] * len(values))
    with pytest.raises(Forbidden):
        check_model_text(edited)


@pytest.mark.parametrize(
    ("field", "value"),
    [(b"num_features", b"99"), (b"num_features", b"-1"), (b"leaf_features", b"77"), (b"leaf_const", b"x")],
)
def test_edited_linear_leaves_are_refused(linear: bytes, field: bytes, value: bytes) -> None:
    with pytest.raises(Forbidden):
        check_model_text(_with(linear, field, _first(value)))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace(b"end of trees", b"end of tree"),
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"label_index=", b"label="),
        lambda text: _resized(text.replace(b"num_cat=0\n", b"", 1)),
        lambda text: _resized(text.replace(b"shrinkage=", b"is_linear=1\nshrinkage=", 1)),
        lambda text: text.replace(b"Tree=1\n", b"Tree=3\n"),
        lambda text: re.sub(rb"tree_sizes=\d+", b"tree_sizes=7", text),
        lambda text: re.sub(rb"tree_sizes=[^\n]*", b"tree_sizes=" + b"9" * 30, text),
        lambda text: re.sub(rb"tree_sizes=[^\n]*", b"tree_sizes=-5", text),
        lambda text: re.sub(rb"tree_sizes=[^\n]*\n", b"", text),
        lambda text: text.replace(b"num_class=1", b"num_class=1\nnum_class=9"),
        lambda text: text.replace(b"num_class=1", b"num_class=1\n=num_class=9"),
        lambda text: text.replace(b"num_class=1", b"num_class=1\nTree=9"),
        lambda text: text.replace(b"feature_names=", b"feature_names=\x00"),
        lambda text: text.replace(b"feature_names=", b"feature_names=\xff"),
        lambda text: text.replace(b"version=v4", b"version=4.7"),
        lambda text: _resized(text.replace(b"shrinkage=", b"num_leaves=2\nshrinkage=", 1)),
        lambda text: _resized(text.replace(b"shrinkage=", _LINES + b"shrinkage=", 1)),
        lambda text: _resized(text.replace(b"shrinkage=", b"no equals sign\nshrinkage=", 1)),
        lambda text: _resized(text.replace(b"left_child=", b"\nleft_child=", 1)),
        lambda text: re.sub(rb"pandas_categorical:.*", b"pandas_categorical:" + b"[" * 50_000, text),
        lambda text: re.sub(rb"pandas_categorical:.*", b"pandas_categorical:{}", text),
        lambda text: re.sub(rb"pandas_categorical:.*", b"pandas_categorical:[1]", text),
    ],
)  # fmt: skip
def test_a_broken_frame_is_refused(plain: bytes, change: Callable[[bytes], bytes]) -> None:
    edited = change(plain)
    assert edited != plain
    with pytest.raises(Forbidden):
        check_model_text(edited)


def test_the_check_reaches_texts_inside_pickles(tmp_path: Path) -> None:
    booster = honest.models()["Booster(binary)"]()
    broken = _with(booster.model_to_string().encode(), b"left_child", _first(b"9999")).decode()
    state = booster.__getstate__()
    path = tmp_path / "model"
    for protocol in range(6):
        path.write_bytes(pickle.dumps(booster, protocol))
        assert audit(path).root == "lightgbm.basic.Booster"

        class Edited(type(booster)):  # type: ignore[misc]
            def __getstate__(self) -> dict[str, object]:
                return {**state, "_handle": broken}

        Edited.__name__, Edited.__qualname__, Edited.__module__ = "Booster", "Booster", "lightgbm.basic"
        other = Edited.__new__(Edited)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lightgbm.basic.Booster", Edited)
            path.write_bytes(pickle.dumps(other, protocol))
        with pytest.raises(SourceError) as caught:
            audit(path)
        assert "left_child" in str(caught.value)


def test_a_text_file_is_checked_as_well(tmp_path: Path, plain: bytes) -> None:
    path = tmp_path / "model.txt"
    path.write_bytes(plain)
    assert audit(path).format == "lightgbm-text"
    path.write_bytes(_with(plain, b"left_child", _first(b"9999")))
    with pytest.raises(SourceError) as caught:
        audit(path)
    assert "tree 0" in str(caught.value)
