"""Encoders answer as the original does: known, unseen, infrequent, dropped and missing categories of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import LabelBinarizer, LabelEncoder, OneHotEncoder, OrdinalEncoder, TargetEncoder

from packager.dataset.rows import Rows
from packager.errors import ConvertError
from tests.convert.pairs import Pair, pair

RANDOM = np.random.default_rng(0)
COUNT = 120
TEXTS = np.array(["a", "b", "c d", "rare", "Zürich"], dtype=object)
CODES = np.array([-2.0, 0.0, 0.5, 3.0, 7.0])
ODD_TEXTS = ("", "A", "unseen", "nan", "None", "c", "Zürich ")
ODD_CODES = (1.0, -0.0, 0.25, 1e9, -5e-324, 99.0)


def table(marker: object) -> Any:
    """Return an array of two columns of text and two of codes; a share of the cells is `marker`, unless it is False."""
    skewed = np.minimum(RANDOM.geometric(0.4, (COUNT, 4)) - 1, 4)
    cells = np.hstack([TEXTS[skewed[:, :2]], CODES[skewed[:, 2:]].astype(object)])
    if marker is not False:
        cells[RANDOM.random(cells.shape) < 0.15] = marker
    return cells


def asked(pair: Pair) -> Rows:
    """Return rows of known and odd values, missing ones among them, as far as the served model lets them through."""
    columns = pair.signature.columns
    numbers, strings = np.full((300, len(columns)), np.nan), {}
    for index, column in enumerate(columns):
        missing = (RANDOM.random(300) < 0.2) & column.accepts_missing
        if column.dtype == "string":
            strings[index] = RANDOM.choice(np.array(column.known or (*TEXTS, *ODD_TEXTS), dtype=object), 300)
            strings[index][missing] = None
        else:
            values = RANDOM.choice(np.array(column.known or (*CODES, *ODD_CODES)), 300)
            numbers[:, index] = np.where(missing, np.nan, values)
    return Rows(numbers, strings)


def check(model: Any, folder: Path) -> Pair:
    made = pair(model, folder)
    rows = asked(made)
    assert made.native.tolerant_answers(rows)[1].all(), "the served model lets a row through that the original refuses"
    assert not made.differences(rows)
    return made


MARKERS = pytest.mark.parametrize("marker", [False, np.nan, None], ids=["full", "nan", "none"])


@MARKERS
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"handle_unknown": "ignore"},
        {"drop": "first", "handle_unknown": "ignore"},
        {"drop": "if_binary", "max_categories": 2, "handle_unknown": "infrequent_if_exist"},
        {"min_frequency": 12, "handle_unknown": "infrequent_if_exist"},
        {"min_frequency": 0.1, "handle_unknown": "ignore", "drop": "first"},
        {"max_categories": 3, "handle_unknown": "warn", "sparse_output": False, "dtype": np.int32},
    ],
    ids=str,
)
def test_one_hot(options: dict[str, Any], marker: object, tmp_path: Path) -> None:
    check(OneHotEncoder(**options).fit(table(marker)), tmp_path)


@MARKERS
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"handle_unknown": "use_encoded_value", "unknown_value": -1, "encoded_missing_value": -2},
        {"handle_unknown": "use_encoded_value", "unknown_value": np.nan, "min_frequency": 15},
        {"max_categories": 3, "encoded_missing_value": 50, "dtype": np.float32},
    ],
    ids=str,
)
def test_ordinal(options: dict[str, Any], marker: object, tmp_path: Path) -> None:
    check(OrdinalEncoder(**options).fit(table(marker)), tmp_path)


@MARKERS
@pytest.mark.parametrize("kind", ["binary", "multiclass", "continuous"])
def test_target(kind: str, marker: object, tmp_path: Path) -> None:
    target = {
        "binary": RANDOM.integers(0, 2, COUNT),
        "multiclass": np.array(["x", "y", "z"])[RANDOM.integers(0, 3, COUNT)],
        "continuous": RANDOM.normal(size=COUNT),
    }[kind]
    check(TargetEncoder(smooth=2.0).fit(table(marker), target), tmp_path)


@pytest.mark.parametrize("labels", [TEXTS[:4], CODES, np.array([3, 1, 2]), np.array([True, False])], ids=str)
@pytest.mark.parametrize("model", [LabelEncoder(), LabelBinarizer(neg_label=-1, pos_label=2)], ids=str)
def test_labels(model: Any, labels: Any, tmp_path: Path) -> None:
    if isinstance(model, LabelBinarizer) and 0.5 in labels.tolist():
        labels = labels[[0, 1, 3, 4]]  # it takes fractions for a regression's target
    made = check(model.fit(labels), tmp_path)
    assert made.signature.columns[0].known == tuple(sorted(labels.tolist()))


@pytest.mark.parametrize("labels", [["one"] * 3, ["no", "yes"]], ids=["one", "two"])
def test_few_labels_have_one_column(labels: list[str], tmp_path: Path) -> None:
    made = check(LabelBinarizer().fit(labels), tmp_path)
    assert made.signature.outputs[0].width == 1


def test_a_strict_encoder_names_what_it_knows_and_a_tolerant_one_does_not(tmp_path: Path) -> None:
    cells = table(False)
    strict = pair(OneHotEncoder().fit(cells), tmp_path).signature.columns
    assert strict[0].known == tuple(sorted(TEXTS))
    assert strict[2].known == tuple(CODES)
    tolerant = pair(OneHotEncoder(handle_unknown="ignore").fit(cells), tmp_path).signature.columns
    assert {column.known for column in tolerant} == {None}


def test_booleans_and_whole_numbers_travel_as_numbers(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"flag": [True, False, True, True], "code": [1, 2, 3, 3], "day": pd.array([1, 2, 3, 1], "int8")}
    )
    check(OneHotEncoder(handle_unknown="ignore").fit(rows), tmp_path)


def test_rows_of_several_labels_are_refused(tmp_path: Path) -> None:
    model = LabelBinarizer().fit(np.array([[1, 0], [0, 1]]))
    with pytest.raises(ConvertError):
        pair(model, tmp_path)
