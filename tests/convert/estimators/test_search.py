"""What passes every question on answers as the model within."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it makes the searches below importable
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS, SIGNAL, THREE_LABELS, labels

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
SEED: dict[str, Any] = {"random_state": 0, "cv": 2}


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
        RandomizedSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, n_iter=2, **SEED),
        HalvingGridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, **SEED),
        HalvingRandomSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, **SEED),
    ],
    ids=lambda search: type(search).__name__,
)
def test_the_best_one_answers(search: Any) -> None:
    assert unlike(search.fit(NUMBERS, labels("b", "a", "c")), NEAR) == []


def test_searches_of_other_tasks() -> None:
    assert unlike(GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(NUMBERS, SIGNAL), NEAR) == []
    steps = GridSearchCV(make_pipeline(PCA()), {"pca__n_components": [1, 2]}, cv=2).fit(NUMBERS)
    assert unlike(steps, NEAR, methods=("transform",)) == []
    several = GridSearchCV(MultiOutputClassifier(DecisionTreeClassifier()), {"estimator__max_depth": [2]}, cv=2)
    assert unlike(several.fit(NUMBERS, THREE_LABELS), NEAR) == []


def test_frozen_steps() -> None:
    scaler, model = FrozenEstimator(StandardScaler().fit(NUMBERS)), LogisticRegression()
    pipeline = make_pipeline(scaler, FrozenEstimator(model.fit(scaler.transform(NUMBERS), labels(0, 1))))
    assert unlike(pipeline, NEAR) == []


@pytest.mark.parametrize("criterion", ["threshold", "k_best"])
def test_self_training(criterion: str) -> None:
    y = np.where(np.arange(120) % 2, labels(0, 1, 2), -1)
    model = SelfTrainingClassifier(DecisionTreeClassifier(max_depth=3), criterion=criterion).fit(NUMBERS, y)
    assert unlike(model, NEAR) == []
