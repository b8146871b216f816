"""Estimators that hold others: calibration, thresholds, voting, stacking, chains, searches, targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it makes the search below importable
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from .case import META, Case, Fitted
from .data import Doubles, classes, fit, frame, many_labels, plain, unlike, value

SEED: dict[str, Any] = {"random_state": 5}
TEXT = classes(names=["no", "yes"])
WORDS = classes(names=["high", "low", "mid"])


def _logistic() -> LogisticRegression:
    return LogisticRegression()


def _forest() -> RandomForestClassifier:
    return RandomForestClassifier(8, max_depth=4, **SEED)


def _light() -> LGBMClassifier:
    return LGBMClassifier(n_estimators=6, num_leaves=7, min_child_samples=5, verbose=-1, n_jobs=1, **SEED)


def _light_value() -> LGBMRegressor:
    return LGBMRegressor(n_estimators=6, num_leaves=7, min_child_samples=5, verbose=-1, n_jobs=1, **SEED)


def _scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def _prefit_calibrated() -> Fitted:
    learned = fit(_forest(), unlike(), classes(2))()
    model = CalibratedClassifierCV(FrozenEstimator(learned.model), method="isotonic")
    rows = unlike()(2)
    return Fitted(model.fit(rows, classes(2)(rows)), learned.held_out)


def _unlabelled(rows: Doubles) -> Any:
    known = classes(2)(rows)
    known[::3] = -1
    return known


def _mixed() -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["share", "amount"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["city", "kind"]),
        ]
    )


_CALIBRATION: dict[str, Callable[[], Fitted]] = {
    f"calibration, {method}, over {name}": fit(CalibratedClassifierCV(model(), method=method, cv=3), sample, target)
    for method in ("sigmoid", "isotonic", "temperature")
    for name, model, sample, target in (
        ("a linear SVC", lambda: LinearSVC(**SEED), plain(), classes(2)),
        ("a forest", _forest, unlike(), classes(2)),
        ("a pipeline, three classes", lambda: _scaled(_logistic()), unlike(), WORDS),
        ("LightGBM", _light, unlike(), classes(2)),
    )
} | {
    "calibration, one model for all folds": fit(
        CalibratedClassifierCV(_logistic(), ensemble=False, cv=3), plain(), classes(3)
    ),
    "calibration, frozen": _prefit_calibrated,
    "calibration over SVC": fit(CalibratedClassifierCV(SVC(), cv=3), plain(), classes(3)),
    "calibration over naive Bayes": fit(CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=3), plain(), TEXT),
    "calibration over hist": fit(
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=6, min_samples_leaf=5, **SEED), cv=3),
        unlike(missing=0.1),
        classes(3),
    ),
    "calibration over tables": fit(CalibratedClassifierCV(make_pipeline(_mixed(), _forest()), cv=2), frame(), TEXT),
    "calibration over pandas categories": fit(
        CalibratedClassifierCV(_light(), method="temperature", cv=2), frame(categories=True, missing=True), TEXT
    ),
    "calibration over pairs of classes": fit(
        CalibratedClassifierCV(SVC(decision_function_shape="ovo"), cv=2), plain(), classes(4)
    ),
}

_THRESHOLDS: dict[str, Callable[[], Fitted]] = {
    "tuned threshold over a forest": fit(
        TunedThresholdClassifierCV(_forest(), cv=3, **SEED), unlike(), classes(2, share=0.15)
    ),
    "tuned threshold over a pipeline": fit(
        TunedThresholdClassifierCV(_scaled(_logistic()), cv=3, scoring="f1", **SEED), unlike(), classes(2, share=0.2)
    ),
    "tuned threshold over LightGBM": fit(
        TunedThresholdClassifierCV(_light(), cv=3, **SEED), unlike(), classes(2, share=0.2)
    ),
    "fixed threshold, text labels": fit(
        FixedThresholdClassifier(_logistic(), threshold=0.8, pos_label="no"), plain(), TEXT
    ),
    "fixed threshold on the decision": fit(
        FixedThresholdClassifier(LinearSVC(**SEED), threshold=0.4, response_method="decision_function"),
        plain(),
        classes(2),
    ),
    "fixed threshold over LightGBM": fit(FixedThresholdClassifier(_light(), threshold=0.25), unlike(), classes(2)),
}

_MEMBERS = [("logistic", _logistic()), ("bayes", GaussianNB()), ("forest", _forest())]
_NUMBERS = [("ridge", Ridge()), ("forest", RandomForestRegressor(8, max_depth=4, **SEED))]

_TOGETHER: dict[str, Callable[[], Fitted]] = {
    "voting, hard": fit(VotingClassifier(_MEMBERS, voting="hard"), plain(), classes(3)),
    "voting, hard, text labels": fit(VotingClassifier(_MEMBERS, voting="hard"), plain(), WORDS),
    "voting, hard, even ties": fit(VotingClassifier(_MEMBERS[:2], voting="hard"), plain(), TEXT),
    "voting, soft": fit(VotingClassifier(_MEMBERS, voting="soft"), plain(), classes(3)),
    "voting, soft, weighted": fit(VotingClassifier(_MEMBERS, voting="soft", weights=[3, 1, 0.5]), plain(), TEXT),
    "voting, hard, weighted": fit(
        VotingClassifier(_MEMBERS, voting="hard", weights=[2, 1, 1], flatten_transform=False), plain(), classes(2)
    ),
    "voting, soft, not flat": fit(
        VotingClassifier(_MEMBERS, voting="soft", flatten_transform=False), plain(), classes(3)
    ),
    "voting, one dropped": fit(
        VotingClassifier([*_MEMBERS, ("gone", "drop")], voting="soft", flatten_transform=False), plain(), classes(2)
    ),
    "voting with LightGBM": fit(
        VotingClassifier([("light", _light()), ("logistic", _scaled(_logistic()))], voting="soft"), unlike(), classes(2)
    ),
    "voting on pandas categories": fit(
        VotingClassifier([("one", _light()), ("other", _light())], voting="soft"), frame(categories=True), TEXT
    ),
    "voting, numbers, weighted": fit(VotingRegressor(_NUMBERS, weights=[1, 3]), plain(), value()),
    "voting, numbers, LightGBM": fit(VotingRegressor([*_NUMBERS, ("light", _light_value())]), plain(), value()),
    "stacking, default": fit(StackingClassifier(_MEMBERS, cv=3), plain(), classes(2)),
    "stacking, passthrough": fit(StackingClassifier(_MEMBERS, passthrough=True, cv=3), plain(), WORDS),
    "stacking on decisions": fit(
        StackingClassifier([("svc", LinearSVC(**SEED)), ("ridge", RidgeClassifier())], cv=3), plain(), classes(2)
    ),
    "stacking on predictions": fit(StackingClassifier(_MEMBERS, stack_method="predict", cv=3), plain(), classes(3)),
    "stacking, forest on top": fit(StackingClassifier(_MEMBERS[:2], _forest(), cv=3), plain(), classes(3)),
    "stacking with LightGBM": fit(
        StackingClassifier([("light", _light()), ("logistic", _logistic())], cv=3), plain(), classes(2)
    ),
    "stacking, numbers, passthrough": fit(
        StackingRegressor(_NUMBERS, LinearRegression(), passthrough=True, cv=3), plain(), value()
    ),
    "stacking, numbers, tree on top": fit(
        StackingRegressor(_NUMBERS, DecisionTreeRegressor(max_depth=4, **SEED), cv=3), plain(), value()
    ),
    "stacking, several labels": fit(
        StackingClassifier([("forest", _forest())], _forest(), cv=2), unlike(), many_labels(3)
    ),
    "stacking over tables": fit(
        StackingClassifier([("mixed", make_pipeline(_mixed(), _logistic()))], cv=3), frame(), classes(2)
    ),
}

_OUTPUTS: dict[str, Callable[[], Fitted]] = {
    "one against rest, linear SVC": fit(OneVsRestClassifier(LinearSVC(**SEED)), plain(), WORDS),
    "one against rest, SVC": fit(OneVsRestClassifier(SVC()), plain(), classes(3)),
    "one against rest, two classes": fit(OneVsRestClassifier(_logistic()), plain(), TEXT),
    "one against rest, forest": fit(OneVsRestClassifier(_forest()), unlike(), classes(3)),
    "one against rest, several labels": fit(OneVsRestClassifier(_logistic()), plain(), many_labels(3)),
    "one against rest, LightGBM": fit(OneVsRestClassifier(_light()), unlike(), classes(3)),
    "one against one, linear SVC": fit(OneVsOneClassifier(LinearSVC(**SEED)), plain(), classes(4)),
    "one against one, tree": fit(OneVsOneClassifier(DecisionTreeClassifier(max_depth=4)), unlike(), WORDS),
    "output code, tree": fit(
        OutputCodeClassifier(DecisionTreeClassifier(max_depth=4), code_size=2, **SEED), unlike(), classes(4)
    ),
    "several classifiers, forest": fit(MultiOutputClassifier(_forest()), unlike(), many_labels(2, 3)),
    "several regressors, boosting": fit(MultiOutputRegressor(_light_value()), unlike(), value(outputs=2)),
    "several regressors, tree": fit(
        MultiOutputRegressor(DecisionTreeRegressor(max_depth=4)), unlike(), value(outputs=3)
    ),
    "chain in another order": fit(ClassifierChain(_logistic(), order=[2, 0, 1]), plain(), many_labels(3)),
    "chain on probabilities": fit(
        ClassifierChain(_forest(), chain_method="predict_proba", cv=3), unlike(), many_labels(3)
    ),
    "chain of trees": fit(ClassifierChain(DecisionTreeClassifier(max_depth=4)), unlike(), many_labels(2)),
    "chain of regressors in another order": fit(
        RegressorChain(DecisionTreeRegressor(max_depth=4), order=[1, 0]), unlike(), value(outputs=2)
    ),
}

_WRAPPED: dict[str, Callable[[], Fitted]] = {
    "grid search over a pipeline": fit(
        GridSearchCV(_scaled(_logistic()), {"logisticregression__C": [0.1, 1]}, cv=3), unlike(), WORDS
    ),
    "grid search over a forest": fit(GridSearchCV(_forest(), {"max_depth": [2, 4]}, cv=3), unlike(), classes(2)),
    "random search over LightGBM": fit(
        RandomizedSearchCV(_light(), {"num_leaves": [4, 7]}, n_iter=2, cv=3, **SEED), unlike(), classes(2)
    ),
    "halving search": fit(HalvingGridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=3, **SEED), plain(), value()),
    "frozen pipeline": fit(
        _scaled(FrozenEstimator(_forest().fit(plain()(0), classes(2)(plain()(0))))), plain(), classes(2)
    ),
    "self-training over a forest": fit(SelfTrainingClassifier(_forest(), threshold=0.6), unlike(), _unlabelled),
    "target, logarithm": fit(
        TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp), plain(), value(above_zero=True)
    ),
    "target, scaled": fit(TransformedTargetRegressor(Ridge(), transformer=MinMaxScaler()), plain(), value()),
    "target, power": fit(TransformedTargetRegressor(_light_value(), transformer=PowerTransformer()), unlike(), value()),
    "target, quantiles": fit(
        TransformedTargetRegressor(
            Ridge(), transformer=QuantileTransformer(n_quantiles=20, output_distribution="normal", **SEED)
        ),
        plain(),
        value(),
    ),
    "target, two powers": fit(
        TransformedTargetRegressor(LinearRegression(), transformer=PowerTransformer("box-cox")),
        plain(),
        value(outputs=2, above_zero=True),
    ),
    "target, two outputs": fit(
        TransformedTargetRegressor(LinearRegression(), transformer=StandardScaler()), plain(), value(outputs=2)
    ),
    "selection before boosting": fit(
        make_pipeline(SelectKBest(k=3), GradientBoostingClassifier(n_estimators=6, **SEED)), unlike(), classes(2)
    ),
    "elimination before a forest": fit(
        make_pipeline(RFE(_logistic(), n_features_to_select=2), _forest()), plain(), classes(2)
    ),
    "selection by a forest": fit(make_pipeline(SelectFromModel(_forest()), _logistic()), plain(), classes(3)),
    "elimination as the model": fit(RFE(_logistic(), n_features_to_select=2), plain(), classes(2)),
    "union before logistic": fit(
        make_pipeline(FeatureUnion([("scaled", StandardScaler()), ("raw", "passthrough")]), _logistic()), plain(), TEXT
    ),
    "text beside scaled numbers": fit(
        make_pipeline(
            ColumnTransformer([("numbers", StandardScaler(), ["share", "count"]), ("texts", "passthrough", ["city"])]),
            ColumnTransformer([("coded", OneHotEncoder(handle_unknown="ignore"), [2])], remainder="passthrough"),
            _forest(),
        ),
        frame(),
        TEXT,
    ),
    "mixed table before SGD": fit(
        make_pipeline(_mixed(), SGDClassifier(loss="modified_huber", **SEED)), frame(), WORDS
    ),
    "mixed table before neighbours": fit(make_pipeline(_mixed(), KNeighborsClassifier()), frame(), classes(2)),
}

CASES = tuple(
    Case(name, "configuration", META, make)
    for table in (_CALIBRATION, _THRESHOLDS, _TOGETHER, _OUTPUTS, _WRAPPED)
    for name, make in table.items()
)
