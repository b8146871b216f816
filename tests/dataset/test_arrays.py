"""Named arrays go into a file and come out as they were; objects do not go in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from packager.dataset.arrays import read_arrays, write_arrays


def test_arrays_come_back_in_order_and_kind(tmp_path: Path) -> None:
    arrays = {
        "label": np.array(["no", "yes"]),
        "probabilities": np.asfortranarray(np.array([[0.25, 0.75], [1, 0]])),
        "taken": np.array([True, False]),
        "nothing": np.zeros((0, 3), dtype=np.float32),
        "scalar": np.array(7),
    }
    write_arrays(tmp_path / "arrays", arrays)
    found = read_arrays(tmp_path / "arrays")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)


def test_no_arrays_are_none(tmp_path: Path) -> None:
    write_arrays(tmp_path / "arrays", {})
    assert read_arrays(tmp_path / "arrays") == {}


def test_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        write_arrays(tmp_path / "arrays", {"cells": np.array(["a", None], dtype=object)})
    with (tmp_path / "pickled").open("wb") as stream:
        np.lib.format.write_array(stream, np.array("cells"))
        np.lib.format.write_array(stream, np.array(["a", None], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        read_arrays(tmp_path / "pickled")
