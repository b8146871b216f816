"""Pipelines drawn at random: whatever stands before the trees, and however much is taken in, answers are alike."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from packager.dataset.rows import Rows
from tests.binned.models import Binned, binned, needs_library
from tests.binned.reference import Reference
from tests.convert.cases import Doubles
from tests.convert.lightgbm_cases import SMALL

COLUMNS, ROWS, ASKED = 6, 300, 800
# Of everything that stands at its beginning.
_SPECIAL = (0.0, -0.0, 0.5, -1.0, 1.0, 7.0, 8.0, 1e300, -1e300, np.inf, -np.inf, np.nan)


def drawn_rows(random: np.random.Generator) -> Doubles:
    """Return columns of every size, far from zero or near, some of them codes."""
    size, far = 10.0 ** random.integers(-4, 5, COLUMNS), random.choice([0, 0, 1e3, 1e8], COLUMNS)
    rows = random.normal(size=(ROWS, COLUMNS)) * size + far
    for column in random.choice(COLUMNS, 3, replace=False):
        rows[:, column] = random.integers(-2, 8, ROWS)
    return rows


def drawn_step(random: np.random.Generator, *, missing: bool) -> Any:
    unknown = {"handle_unknown": "use_encoded_value", "unknown_value": (-1, np.nan)[random.integers(2)]}
    steps = (
        StandardScaler(),
        MinMaxScaler(clip=bool(random.integers(2))),
        RobustScaler(),
        MaxAbsScaler(),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        OrdinalEncoder(**unknown),
        FunctionTransformer(),
        FunctionTransformer(np.square),
        KBinsDiscretizer(4, encode="ordinal", strategy="uniform"),
    )
    step = steps[random.integers(len(steps))]
    if not missing:
        return step
    strategy, indicates = str(random.choice(["mean", "median", "most_frequent"])), bool(random.random() < 0.2)
    return make_pipeline(SimpleImputer(strategy=strategy, add_indicator=indicates), step)


def drawn_model(random: np.random.Generator) -> Any:
    seed = 3
    models = (
        DecisionTreeClassifier(max_depth=7, random_state=seed),
        RandomForestClassifier(7, max_depth=6, random_state=seed),
        ExtraTreesRegressor(6, max_depth=6, random_state=seed),
        HistGradientBoostingClassifier(max_iter=6, min_samples_leaf=5, random_state=seed),
        GradientBoostingClassifier(n_estimators=6, random_state=seed),
        IsolationForest(n_estimators=9, random_state=seed),
        LGBMClassifier(**{**SMALL, "n_estimators": 7}),
        LGBMRegressor(**{**SMALL, "n_estimators": 7, "zero_as_missing": True}),
    )
    return models[random.integers(len(models))]


def drawn(random: np.random.Generator) -> tuple[Binned, Doubles]:
    """Return a fitted pipeline, packed, and the rows that it was fitted on."""
    rows, has_holes = drawn_rows(random), random.random() < 0.4
    filled = rows.copy()
    if has_holes:
        rows[random.random(rows.shape) < 0.1] = np.nan
    ends = sorted(random.choice(np.arange(1, COLUMNS), 2, replace=False))
    pieces = np.split(random.permutation(COLUMNS), ends)
    steps: list[Any] = [
        ColumnTransformer(
            [(str(at), drawn_step(random, missing=bool(has_holes)), piece) for at, piece in enumerate(pieces)]
        )
    ]
    if random.random() < 0.3:
        steps.append(StandardScaler())
    if random.random() < 0.2:
        steps.append(SelectKBest(k=3))
    standing = (filled - filled.mean(axis=0)) / filled.std(axis=0)
    target = np.digitize(standing[:, 0] + standing[:, 1] + random.normal(scale=0.3, size=ROWS), [-0.5, 0.7])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = make_pipeline(*steps, SimpleImputer(), drawn_model(random))  # codes of unknown numbers are missing
        return binned(pipeline.fit(rows, target)), rows


def asked_rows(model: Binned, fitted: Doubles, random: np.random.Generator) -> Rows:
    """Return rows whose cells were fitted on, lie on the file's own edges where it reads the input, or beside them."""
    reference = Reference(model.ensemble())
    own = [np.zeros(0)] * COLUMNS
    if model.header["ensembles"][0]["reads"] == "features":
        for column in reference.columns:
            own[column.feature] = np.concatenate([own[column.feature], column.edges])
    columns = []
    for cells, edges in zip(fitted.T, own, strict=True):
        beside = [np.nextafter(edges, toward) for toward in (-np.inf, np.inf)]
        chosen = random.choice(np.concatenate([cells, edges, *beside]), ASKED)
        columns.append(np.where(random.random(ASKED) < 0.15, random.choice(_SPECIAL, ASKED), chosen))
    return Rows(np.column_stack(columns))


@needs_library
@pytest.mark.parametrize("seed", range(16))
def test_answers_are_the_graphs(seed: int) -> None:
    random = np.random.default_rng(seed)
    model, fitted = drawn(random)
    rows = asked_rows(model, fitted, random)
    answered, expected = model.scored_by_it().session.answers(rows), model.both.session.answers(rows)
    for name, told in expected.items():
        if told.dtype.kind == "f":  # the last bit of a link is the library's own
            np.testing.assert_allclose(answered[name], told, rtol=1e-12, atol=1e-14)
        else:
            np.testing.assert_array_equal(answered[name], told)
