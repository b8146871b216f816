"""Large arrays past protobuf: the file says what protobuf would have said, and what cannot fit is told first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import to_array
from sklearn.ensemble import RandomForestClassifier

from packager.convert import wire
from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.convert.limits import check_trees_fit
from packager.errors import ConvertError
from packager.training.native import NativeModel, signature_of

from .cases import codes, numbers
from .pairs import pair, random_rows

BORDERS = [0, 1, 127, 128, 300, 2**14 - 1, 2**14, 2**35, 2**62]


def decoded(content: bytes) -> list[int]:
    found, value, shift = [], 0, 0
    for byte in content:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(value)
            value = shift = 0
    return found


@pytest.mark.parametrize("numbers", [BORDERS, [0, 127], [], list(range(1000))], ids=len)
def test_integers_are_encoded_as_protobuf_does(numbers: list[int]) -> None:
    assert decoded(b"".join(wire.varints(np.array(numbers, dtype=np.int64)))) == numbers


def test_many_integers_are_encoded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_ENCODED_AT_ONCE", 4)
    assert decoded(b"".join(wire.varints(np.array(BORDERS)))) == BORDERS


@pytest.mark.parametrize("count", [0, 1, 128, 129, 20_000])
def test_the_size_of_all_numbers_below_one_is_known(count: int) -> None:
    assert wire.varints_size(count) == len(b"".join(wire.varints(np.arange(count))))


def test_the_file_is_as_large_as_foretold_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(numbers(), codes(numbers(), 3))
    plain = pair(model, tmp_path)
    expected = onnx.load(str(plain.path))
    monkeypatch.setattr(wire, "_LARGE_BYTES", 1_000)
    both = pair(model, tmp_path)
    found = onnx.load(str(both.path))
    assert len(found.SerializeToString()) == len(expected.SerializeToString())
    for ours, theirs in zip(found.graph.node, expected.graph.node, strict=True):
        for attribute in theirs.attribute:
            (same,) = [other for other in ours.attribute if other.name == attribute.name]
            assert list(same.ints) == list(attribute.ints)
            if attribute.HasField("t"):
                np.testing.assert_array_equal(to_array(same.t), to_array(attribute.t))
    for ours, theirs in zip(found.graph.initializer, expected.graph.initializer, strict=True):
        np.testing.assert_array_equal(to_array(ours), to_array(theirs))
    assert both.differences(random_rows(both, 100)) == []


def test_a_forest_that_cannot_fit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(numbers(), codes(numbers(), 2))
    signature = signature_of(NativeModel(model))
    monkeypatch.setattr("packager.convert.limits.PROTOBUF_LIMIT_BYTES", 2_000)
    monkeypatch.setattr("packager.convert.scikit_trees.read_tree", None)
    with pytest.raises(ConvertError, match=r"RandomForestClassifier of [0-9,]+ nodes does not fit") as caught:
        convert(model, signature, tmp_path / "model.onnx", dtype=np.dtype(np.float64), choices=Choices())
    assert "an estimated " in str(caught.value.measured)
    assert caught.value.limit == "2,000 bytes"
    assert "max_depth" in str(caught.value.hint)
    assert not (tmp_path / "model.onnx").exists()


def test_the_estimate_is_never_more_than_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = RandomForestClassifier(20, random_state=0).fit(numbers(), codes(numbers(), 3))
    size = pair(model, tmp_path).path.stat().st_size
    splits = sum(int((member.tree_.children_left >= 0).sum()) for member in model.estimators_)
    sizes = {"n_splits": splits, "n_leaves": splits + 20, "width": 3}
    monkeypatch.setattr("packager.convert.limits.PROTOBUF_LIMIT_BYTES", size)
    check_trees_fit(model, np.dtype(np.float64), **sizes)
    monkeypatch.setattr("packager.convert.limits.PROTOBUF_LIMIT_BYTES", int(size * 0.75))
    with pytest.raises(ConvertError, match="does not fit"):
        check_trees_fit(model, np.dtype(np.float64), **sizes)


def test_what_is_too_large_only_when_it_is_put_together_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(numbers(), codes(numbers(), 2))
    monkeypatch.setattr("packager.convert.convert.PROTOBUF_LIMIT_BYTES", 10_000)
    with pytest.raises(ConvertError, match="the ONNX form does not fit"):
        pair(model, tmp_path)
