"""Steps that decide or multiply are equal to the bit, on their edges and one float beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.preprocessing import Binarizer, KBinsDiscretizer, PolynomialFeatures

from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.dataset.rows import Rows
from packager.errors import ConvertError
from packager.runtime.session import open_session
from packager.training.native import NativeModel, signature_of
from packager.verify.splits import boundary_steps

RANDOM = np.random.default_rng(0)
TRAINING = RANDOM.normal(size=(300, 4)) * (1, 10, 1e-3, 1)
TRAINING[:, 3] = RANDOM.integers(0, 3, 300)


def onnx_answers(model: Any, numbers: Any, folder: Path) -> Any:
    signature = signature_of(NativeModel(model))
    convert(model, signature, folder / "model.onnx", dtype=np.dtype(np.float64), choices=Choices())
    return open_session(folder / "model.onnx", signature).answers(Rows(numbers))["variable"]


def rows_at(edges: Any) -> Any:
    """Return rows whose cells lie on the edges and beside them, in float64 and float32 steps."""
    steps = boundary_steps(np.unique(edges)).ravel()
    return np.concatenate([TRAINING, RANDOM.choice(steps, (2000, 4)), np.zeros((1, 4))])


@pytest.mark.parametrize(
    "model",
    [
        Binarizer(threshold=0.1),
        Binarizer(),
        KBinsDiscretizer(5, encode="ordinal"),
        KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"),
        KBinsDiscretizer(6, encode="onehot", strategy="kmeans", random_state=0),
        PolynomialFeatures(),
        PolynomialFeatures(4, interaction_only=True),
        PolynomialFeatures((2, 3), include_bias=False),
        PolynomialFeatures(5),
    ],
    ids=str,
)
def test_a_step_is_equal_to_the_bit(model: Any, tmp_path: Path) -> None:
    model.fit(TRAINING)
    edges = np.concatenate(getattr(model, "bin_edges_", [np.array([0.1, 0.0, 1.0])]))
    numbers = rows_at(edges)
    native = model.transform(numbers)
    expected = native.toarray() if hasattr(native, "toarray") else native
    assert np.array_equal(onnx_answers(model, numbers, tmp_path), expected)


def test_a_tuned_threshold_is_refused_by_name(tmp_path: Path) -> None:
    labels = (TRAINING[:, 0] > 0).astype(int)
    model = TunedThresholdClassifierCV(LogisticRegression()).fit(TRAINING, labels)
    with pytest.raises(ConvertError, match="TunedThresholdClassifierCV: its tuned threshold"):
        onnx_answers(model, TRAINING, tmp_path)
