"""Columns are called what rows and requests call them, and a count that does not fit is said."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packager.artifact import Output, Signature
from packager.dataset.names import named
from packager.dataset.read import Dataset, open_dataset
from packager.errors import ConvertError, VerifyError
from tests.dataset.tables import column
from tests.verify.recipes import recipe


def model(*names: str) -> Signature:
    return Signature("regressor", "tensor", tuple(map(column, names)), (Output("variable", "value", 0),))


def rows(folder: Path, *names: str) -> Dataset:
    pq.write_table(pa.table({name: [0.0, 1.0] for name in names}), folder / "rows.parquet")
    return open_dataset(folder / "rows.parquet")


def names_of(signature: Signature) -> list[str]:
    return [column.name for column in signature.columns]


def test_a_model_that_knows_its_names_keeps_them(tmp_path: Path) -> None:
    found = named(model("a", "b"), True, recipe(tmp_path), rows(tmp_path, "label", "b", "a"))
    assert names_of(found) == ["a", "b"]


def test_lightgbm_has_underscores_where_rows_have_spaces(tmp_path: Path) -> None:
    written = rows(tmp_path, "mean radius", "mean_area", "label")
    assert names_of(named(model("mean_radius", "mean_area"), True, recipe(tmp_path), written)) == [
        "mean radius",
        "mean_area",
    ]


def test_a_model_without_names_takes_those_of_the_rows_but_label_and_segment(tmp_path: Path) -> None:
    asked = recipe(tmp_path, verify="{segment: country}", data="{label: label}")
    extra = rows(tmp_path, "x", "y", "country", "label")
    assert names_of(named(model("0", "1"), False, asked, extra)) == ["x", "y"]
    assert names_of(named(model("0", "1", "2"), False, asked, extra)) == ["x", "y", "country"]


def test_rows_of_another_width_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match=r"takes 2 columns, data\.verification gives 3") as caught:
        named(model("0", "1"), False, recipe(tmp_path), rows(tmp_path, "x", "y", "z"))
    assert "recipe.yml data.verification" in str(caught.value)


def test_features_of_another_width_are_refused(tmp_path: Path) -> None:
    asked = recipe(tmp_path, data="{features: [x]}")
    with pytest.raises(ConvertError, match=r"takes 2 columns, data\.features gives 1"):
        named(model("0", "1"), False, asked, None)
