"""Neural networks, whatever their activations, losses and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ABOVE_ZERO, ASKED, NUMBERS, SIGNAL, THREE_LABELS, TWO_OUTPUTS, labels

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
    pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning"),
]
BRIEF: dict[str, Any] = {"max_iter": 5, "random_state": 0}


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize(
    "target", [labels(0, 1), labels("a", "b", "c"), labels(False, True), labels(1, 2**31, 2**53 + 1), THREE_LABELS]
)
def test_a_classifier_is_itself(activation: str, target: Any) -> None:
    model = MLPClassifier((6, 5), activation=activation, **BRIEF).fit(NUMBERS, target)
    assert unlike(model, ASKED) == []


@pytest.mark.parametrize(
    ("loss", "target"),
    [("squared_error", SIGNAL), ("squared_error", SIGNAL[:, None]), ("squared_error", TWO_OUTPUTS)]
    + [("poisson", ABOVE_ZERO)],
)
def test_a_regressor_is_itself(loss: str, target: Any) -> None:
    model = MLPRegressor(loss=loss, hidden_layer_sizes=(6,), **BRIEF).fit(NUMBERS, target)
    assert unlike(model, ASKED) == []


def test_one_class_is_every_answer() -> None:
    model = MLPClassifier((3,), **BRIEF).fit(NUMBERS, np.full(len(NUMBERS), 7))
    assert (asked(model, 4)(ASKED)["predict"] == 7).all()
    assert unlike(model, ASKED) == []


def test_weights_of_float32_are_used_in_double() -> None:
    model = MLPClassifier((6,), **BRIEF).fit(NUMBERS.astype(np.float32), labels(0, 1))
    assert model.coefs_[0].dtype == np.float32
    assert unlike(model, ASKED) == []


def test_a_boltzmann_machine_is_itself() -> None:
    model = BernoulliRBM(3, n_iter=3, random_state=0).fit(NUMBERS)
    assert unlike(model, ASKED, methods=["transform"]) == []


def test_an_unknown_activation_is_refused() -> None:
    model = MLPRegressor(hidden_layer_sizes=(3,), **BRIEF).fit(NUMBERS, SIGNAL)
    model.activation = "swish"
    with pytest.raises(UnsupportedModel, match="the activation swish has no exact form"):
        asked(model, 4)
