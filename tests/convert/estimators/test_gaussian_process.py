"""Gaussian processes predict as scikit-learn's do, for every kernel and far from the rows that they know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    PairwiseKernel,
    RationalQuadratic,
    WhiteKernel,
)

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS, SIGNAL, TWO_OUTPUTS, labels

ROWS = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
FEW = slice(0, 60)
KERNELS = [
    ConstantKernel(2.0) * RBF(1.5),
    RBF([1.0, 2.0, 0.5, 3.0]),
    Matern(nu=0.5),
    Matern(nu=1.5),
    Matern(nu=3.5),
    Matern(nu=np.inf),
    RationalQuadratic(alpha=0.7),
    ExpSineSquared(1.3, 2.5) + WhiteKernel(4.0),
    DotProduct() ** 2 + RBF(),
    PairwiseKernel(metric="laplacian"),
    PairwiseKernel(metric="polynomial"),
    ConstantKernel(3.0) + WhiteKernel(),
]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_kernels(kernel: Any) -> None:
    given = {"optimizer": None, "random_state": 0}
    model = GaussianProcessRegressor(kernel, alpha=0.1, normalize_y=True, **given)
    assert unlike(model.fit(NUMBERS[FEW], TWO_OUTPUTS[FEW]), ROWS, tolerance=1e-9) == []
    two = GaussianProcessClassifier(kernel, **given).fit(NUMBERS[FEW], labels("no", "yes")[FEW])
    assert unlike(two, ROWS, tolerance=1e-9) == []


@pytest.mark.parametrize("multi_class", ["one_vs_rest", "one_vs_one"])
def test_three_classes(multi_class: Any) -> None:
    model = GaussianProcessClassifier(RBF(), optimizer=None, multi_class=multi_class)
    model.fit(NUMBERS[FEW], labels("a", "b", "c")[FEW])
    methods: Any = ["predict", "predict_proba"] if multi_class == "one_vs_rest" else ["predict"]
    assert unlike(model, ROWS, tolerance=1e-9, methods=methods) == []


def test_far_from_zero() -> None:
    model = GaussianProcessRegressor(RBF(), alpha=0.1, optimizer=None).fit(NUMBERS + 1e6, SIGNAL)
    assert unlike(model, NUMBERS + 1e6 + 0.1) == []


def test_a_kernel_without_a_closed_form_is_refused() -> None:
    model = GaussianProcessRegressor(Matern(nu=0.7), optimizer=None).fit(NUMBERS, SIGNAL)
    with pytest.raises(UnsupportedModel, match=r"nu=0\.7"):
        asked(model, 4)
