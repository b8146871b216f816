"""Kernel ridge regression predicts as scikit-learn's, whatever its kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import NUMBERS, SIGNAL, TWO_OUTPUTS

NEAR = np.abs(NUMBERS[::-1]) + 0.1


@pytest.mark.parametrize(
    "kernel", ["linear", "polynomial", "sigmoid", "rbf", "laplacian", "cosine", "chi2", "additive_chi2"]
)
def test_kernels(kernel: Any) -> None:
    model = KernelRidge(kernel=kernel, gamma=0.3, degree=2, coef0=0.5).fit(np.abs(NUMBERS), TWO_OUTPUTS)
    assert unlike(model, NEAR, tolerance=1e-9) == []


def test_far_from_zero() -> None:
    model = KernelRidge(kernel="rbf", gamma=0.1).fit(NUMBERS + 1e5, SIGNAL)
    assert unlike(model, NUMBERS + 1e5 + 0.1, tolerance=1e-9) == []


def test_a_function_as_kernel_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match="function"):
        asked(KernelRidge(kernel=lambda one, other: float(one @ other)).fit(NUMBERS, SIGNAL), 4)
