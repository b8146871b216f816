"""Support vector machines decide as libsvm: every kernel, every shape of decision, its own probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS, SIGNAL, labels

pytestmark = pytest.mark.filterwarnings("ignore:.*probability.*:FutureWarning")
TWO, THREE = labels("b", "a"), labels(-1, 7, 2**40)
KERNELS: list[dict[str, Any]] = [
    {"kernel": "linear"},
    {"kernel": "poly"},
    {"kernel": "poly", "degree": 5, "coef0": -0.5},
    {"kernel": "rbf"},
    {"kernel": "rbf", "gamma": 1e4},
    {"kernel": "sigmoid", "gamma": 0.1, "coef0": 0.2},
]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize(
    ("model", "target"),
    [
        (SVC(), TWO),
        (SVC(), THREE),
        (SVC(decision_function_shape="ovo", class_weight="balanced"), THREE),
        (SVC(break_ties=True, C=0.1), THREE),
        (NuSVC(nu=0.3), TWO),
        (SVR(C=10), SIGNAL),
        (NuSVR(), SIGNAL),
        (OneClassSVM(nu=0.2), None),
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else str(value),
)
def test_a_machine_is_itself(kernel: dict[str, Any], model: Any, target: Any) -> None:
    assert unlike(model.set_params(**kernel).fit(NUMBERS, target), ASKED) == []


@pytest.mark.parametrize("count", [2, 3, 5, 13])
@pytest.mark.parametrize("kind", [SVC, NuSVC])
def test_probabilities_are_coupled_step_by_step(kind: Any, count: int) -> None:
    extra = {"C": 20} if kind is SVC else {"nu": 0.1}
    model = kind(probability=True, random_state=0, **extra).fit(NUMBERS, labels(*range(count)))
    assert unlike(model, ASKED) == []


def test_a_model_of_sparse_rows() -> None:
    rows = np.where(np.abs(NUMBERS) < 0.7, 0, NUMBERS)
    assert unlike(SVC(probability=True, random_state=0).fit(csr_matrix(rows), THREE), rows) == []


def test_columns_far_from_zero_take_no_digits_from_distances() -> None:
    far = NUMBERS + 1e7
    assert unlike(SVR(gamma=0.5, C=10).fit(far, SIGNAL), far) == []
    spread = NUMBERS * 1e6
    assert unlike(SVR(gamma=1e-4, C=10).fit(spread, SIGNAL), spread) == []


def test_a_linear_kernel_far_from_zero_adds_in_the_order_of_the_vectors() -> None:
    """Terms of 1e9 leave a decision near 1: in another order the last six digits are others."""
    far = NUMBERS + 1e4
    assert unlike(SVC(kernel="linear", max_iter=2000).fit(far, TWO), far, tolerance=0) == []


def test_a_decision_of_zero_is_the_second_class() -> None:
    model = SVC().fit(NUMBERS, TWO)
    model._intercept_ = np.zeros(1)
    beyond = np.full((1, 4), 1e6)  # all kernels are zero
    assert model.predict(beyond).tolist() == ["b"]
    assert unlike(model, beyond, tolerance=0) == []


def test_without_a_support_vector() -> None:
    model = SVR(epsilon=1e3).fit(NUMBERS, SIGNAL)
    assert not len(model.support_vectors_)
    assert unlike(model, ASKED) == []


def test_a_polynomial_of_degree_zero() -> None:
    assert unlike(SVR(kernel="poly", degree=0).fit(NUMBERS, SIGNAL), ASKED) == []


def test_a_kernel_that_is_no_formula_is_refused() -> None:
    square = NUMBERS @ NUMBERS.T
    with pytest.raises(UnsupportedModel, match="SVC: its kernel is precomputed, which rows of numbers"):
        asked(SVC(kernel="precomputed").fit(square, TWO), len(square))
    with pytest.raises(UnsupportedModel, match="its kernel is a function of its author's"):
        asked(SVC(kernel=lambda left, right: left @ right.T).fit(NUMBERS, TWO), 4)
