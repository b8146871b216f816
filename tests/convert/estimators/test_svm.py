"""Support vector machines decide as libsvm: every kernel, every shape of decision, its own probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from packager.convert.builder import Builder
from packager.convert.emitters import EMITTERS
from packager.convert.graph import UnsupportedModel
from tests.convert.asked import METHODS, asked, unlike

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


def test_every_vector_is_at_no_distance_from_itself() -> None:
    """Of 40 columns all kernels but its own are 0: each row decides by its weight against an equal offset."""
    wide = np.random.default_rng(3).normal(size=(60, 40))
    model = OneClassSVM(gamma=3.0).fit(wide)
    assert np.abs(model.decision_function(wide)).min() < 1e-15
    assert unlike(model, wide, tolerance=0) == []


def test_weights_beyond_rounding_are_refused() -> None:
    model = SVC().fit(NUMBERS, TWO)
    model._dual_coef_ = model._dual_coef_ * 1e12
    with pytest.raises(UnsupportedModel, match="SVC: its weights are so large that rounding decides"):
        asked(model, 4)


def test_what_methods_share_is_there_once() -> None:
    model = SVC(probability=True, random_state=0).fit(NUMBERS, THREE)
    builder = Builder(np.dtype(np.float64), EMITTERS)
    for method in METHODS[:3]:
        builder.ask(model, method, "rows")
    assert [node.op_type for node in builder.nodes].count("Scan") == 1
    assert [node.op_type for node in builder.nodes].count("Exp") == 2  # kernels, and probabilities of pairs


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
