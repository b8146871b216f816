"""Scalers, imputers, encoders become thresholds and sets: every cell goes where it went behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from lightgbm import LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from packager.binned.graph_view import GraphView
from packager.binned.model_file import packed_model
from packager.binned.scorer import read_header
from packager.dataset.rows import Rows
from tests.binned.models import Binned, binned, model_of, needs_library
from tests.binned.reference import Reference
from tests.convert.cases import codes, numbers, values, with_category
from tests.convert.lightgbm_cases import CATEGORIES, SMALL

pytestmark = needs_library
_OTHER = (0.0, -0.0, 0.5, -1.0, 1.0, 3.0, 7.0, 40.0, 41.0, 1e300, -1e300, np.inf, -np.inf, np.nan)


def rows_on_edges(model: Binned) -> Rows:
    """Return rows whose cells are edges of the file's own columns, the numbers beside them, and the ends of all."""
    reference = Reference(model.ensemble())
    cells: dict[int, list[float]] = {feature: [] for feature in range(reference.n_features)}
    for column in reference.columns:
        beside = [np.nextafter(column.edges, toward) for toward in (-np.inf, np.inf)]
        cells[column.feature] += np.concatenate([column.edges, *beside]).tolist()
    count = max(map(len, cells.values()))
    made = np.column_stack([np.resize([*cells[at], *_OTHER], count + len(_OTHER)) for at in cells])
    with_holes = np.where(
        np.random.default_rng(3).random((500, made.shape[1])) < 0.3, np.nan, np.resize(made, (500, made.shape[1]))
    )
    return Rows(np.concatenate([made, with_holes]))


def assert_alike(model: Binned) -> None:
    """Compare with the graph on rows on edges, which a wrong edge sends elsewhere, whatever the original takes."""
    rows = rows_on_edges(model)
    answered, expected = model.scored_by_it().session.answers(rows), model.both.session.answers(rows)
    for name, told in expected.items():
        if told.dtype.kind == "f":  # the last bit of a softmax is the library's own
            np.testing.assert_allclose(answered[name], told, rtol=1e-13, atol=1e-15)
        else:
            np.testing.assert_array_equal(answered[name], told)


@pytest.mark.parametrize(
    "name",
    [
        "scaled forest",
        "min-max, forest",
        "clipped, forest",
        "robust, boosting",
        "max-abs, hist",
        "filled forest",
        "filled, scaled, hist",
        "constant filled, forest",
        "numbers by name, forest",
        "lightgbm filled and scaled",
    ],
)
def test_steps_that_keep_the_order_leave_no_graph(name: str) -> None:
    model = model_of(name)
    assert (model.header["before"], model.header["ensembles"][0]["reads"]) == (None, "features")
    assert not Reference(model.ensemble()).is_float32
    assert_alike(model)


def fitted(*steps: Any, missing: bool = True) -> Binned:
    rows = numbers(missing=missing)
    return binned(make_pipeline(*steps).fit(rows, values(rows)))


def test_missing_cells_go_where_what_fills_them_goes() -> None:
    model = fitted(SimpleImputer(strategy="median"), DecisionTreeRegressor(max_depth=6, random_state=3))
    missing = {(column.feature, column.missing_right) for column in Reference(model.ensemble()).columns}
    assert len(missing) > len({feature for feature, _ in missing}), "the example needs both sides"
    assert_alike(model)


def test_missing_cells_that_nothing_fills_keep_their_side() -> None:
    model = fitted(StandardScaler(), HistGradientBoostingRegressor(max_iter=9, min_samples_leaf=5, random_state=3))
    assert model.header["before"] is None
    assert_alike(model)
    assert model.scored_by_it().differences(model.rows()) == []


def test_steps_follow_each_other() -> None:
    chosen = ColumnTransformer(
        [
            ("both", make_pipeline(SimpleImputer(), MinMaxScaler(clip=True), RobustScaler()), [4, 0]),
            ("one", SimpleImputer(strategy="constant", fill_value=-2.5), [2]),
        ],
        remainder="passthrough",
    )
    model = fitted(chosen, StandardScaler(), DecisionTreeRegressor(max_depth=7, random_state=3))
    assert model.header["before"] is None
    assert_alike(model)


def test_a_scaler_far_from_its_data_merges_thresholds_as_it_merges_cells() -> None:
    rows = numbers() + 1e12
    model = binned(make_pipeline(StandardScaler(), DecisionTreeRegressor()).fit(rows, values(numbers())))
    assert model.header["before"] is None
    assert_alike(model)


def _tree() -> Any:
    return DecisionTreeClassifier(max_depth=8, random_state=3)


def _encoding(encoder: Any, model: Any, *, missing: bool = False, others: Any = "passthrough") -> Any:
    """Return a pipeline over numbers of which two columns are codes, fitted."""
    rows = with_category(missing=missing)
    rows[:, 4] = np.round(rows[:, 4])
    encoded = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder) if missing else encoder
    chosen = ColumnTransformer([("codes", encoded, [4, 1])], remainder=others)
    return make_pipeline(chosen, model).fit(rows, codes(rows, 3))


_UNKNOWN = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
ENCODED: dict[str, Any] = {
    "one-hot": lambda: _encoding(OneHotEncoder(handle_unknown="ignore", sparse_output=False), _tree()),
    "one-hot, first dropped": lambda: _encoding(OneHotEncoder(drop="first", handle_unknown="ignore"), _tree()),
    "one-hot, filled": lambda: _encoding(
        OneHotEncoder(handle_unknown="ignore"), _tree(), missing=True, others=SimpleImputer()
    ),
    "one-hot, scaled": lambda: make_pipeline(
        _encoding(OneHotEncoder(handle_unknown="ignore", sparse_output=False), "passthrough")[:-1],
        StandardScaler(),
        _tree(),
    ).fit(with_category(), codes(with_category(), 3)),
    "ordinal": lambda: _encoding(OrdinalEncoder(**_UNKNOWN), _tree()),
    "ordinal, nan": lambda: _encoding(
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), _tree(), others=StandardScaler()
    ),
    "target": lambda: _encoding(TargetEncoder(), _tree()),
}


@pytest.mark.parametrize("name", ENCODED)
def test_encoders_of_numbers_leave_no_graph(name: str) -> None:
    model = binned(ENCODED[name]())
    assert (model.header["before"], model.header["ensembles"][0]["reads"]) == (None, "features")
    assert any(column.is_set for column in Reference(model.ensemble()).columns)
    assert_alike(model)
    assert model.scored_by_it().differences(model.rows()) == []


def operators_before(model: Binned) -> list[str]:
    entry = model.header["before"]
    part = onnx.load_from_string(model.data[entry["offset"] : entry["offset"] + entry["size"]])
    return [node.op_type for node in part.graph.node]


@pytest.mark.parametrize("name", ["one-hot, forest", "one-hot, strict, hist", "ordinal, boosting"])
def test_of_encoders_of_text_their_tables_stay_alone(name: str) -> None:
    model = model_of(name)
    assert operators_before(model) == ["LabelEncoder", "LabelEncoder", "Concat"]
    assert model.scored_by_it().differences(model.rows(3_000), 1e-12) == []


def test_indicators_stay_beside_the_columns_that_are_filled() -> None:
    forest = RandomForestClassifier(9, max_depth=5, random_state=3)
    rows = numbers(missing=True)
    steps = (SimpleImputer(add_indicator=True), StandardScaler(), forest)
    model = binned(make_pipeline(*steps).fit(rows, codes(rows, 2)))
    assert set(operators_before(model)) <= {"IsNaN", "Gather", "Cast", "Concat"}
    assert model.scored_by_it().differences(model.rows(3_000)) == []


def test_one_hot_columns_of_many_categories_are_taken_in() -> None:
    random = np.random.default_rng(0)
    rows = np.column_stack([random.integers(0, 200, 4_000), random.normal(size=4_000)])
    effect = random.normal(size=200)[rows[:, 0].astype(int)]
    encoder = ColumnTransformer([("codes", OneHotEncoder(sparse_output=False), [0])], remainder="passthrough")
    model = binned(make_pipeline(encoder, RandomForestRegressor(9, random_state=3)).fit(rows, effect + rows[:, 1]))
    assert model.header["before"] is None
    assert sum(column.is_set for column in Reference(model.ensemble()).columns) > 100
    assert model.scored_by_it().differences(model.rows()) == []


def test_what_is_joined_before_the_trees_has_the_same_bytes_every_time() -> None:
    model = model_of("one-hot, forest")
    assert [packed_model(model.view), packed_model(GraphView(model.view.model))] == [model.data] * 2


def _pandas_codes() -> Any:
    table = pd.DataFrame(with_category(missing=True), columns=list("abcde"))
    rare = np.array([3, 1, 40, -2, 7, 0])[np.random.default_rng(0).integers(0, 6, len(table))]
    table["f"] = pd.Categorical(rare, categories=[3, 1, 40, -2, 7, 0])
    return LGBMRegressor(**{**SMALL, **CATEGORIES}).fit(table, values(with_category()) + 3 * np.isin(rare, (1, -2, 0)))


@pytest.mark.parametrize("fit", [lambda: model_of("hist, categories").native, _pandas_codes], ids=["hist", "lightgbm"])
def test_codes_that_a_model_itself_looks_up_leave_no_graph(fit: Any) -> None:
    model = binned(fit())
    assert any(node.op_type == "LabelEncoder" for node in model.view.graph.node), "the example needs codes"
    assert any(column.is_set for column in Reference(model.ensemble()).columns)
    assert model.header["before"] is None
    assert_alike(model)


def test_many_thresholds_behind_an_encoder_stay_behind_it() -> None:
    rows = np.random.default_rng(0).integers(0, 400, (3_000, 2)).astype(float)
    encoder = OrdinalEncoder(**_UNKNOWN)
    target = np.random.default_rng(1).normal(size=400)[rows[:, 0].astype(int)]
    model = binned(make_pipeline(encoder, DecisionTreeRegressor(max_depth=12, random_state=3)).fit(rows, target))
    assert model.header["before"] is not None
    assert model.scored_by_it().differences(model.rows()) == []


@pytest.mark.parametrize(
    "step",
    [
        FunctionTransformer(np.negative),
        FunctionTransformer(np.square),
        SimpleImputer(missing_values=0, strategy="mean"),
        SimpleImputer(add_indicator=True),
    ],
    ids=str,
)
def test_steps_that_do_not_keep_the_order_stay_a_graph(step: Any) -> None:
    rows = numbers(missing="indicator" in str(step))
    forest = RandomForestClassifier(9, max_depth=5, random_state=3)
    model = binned(make_pipeline(StandardScaler(), step, forest).fit(rows, codes(rows, 2)))
    assert model.header["before"] is not None
    assert model.scored_by_it().differences(model.rows()) == []


def test_a_column_that_is_turned_around_stays_a_graph() -> None:
    model = model_of("scaled forest")
    scales = next(node for node in model.view.graph.node if node.op_type == "Div").input[1]
    changed = onnx.ModelProto()
    changed.CopyFrom(model.view.model)
    tensor = next(item for item in changed.graph.initializer if item.name == scales)
    tensor.CopyFrom(onnx.numpy_helper.from_array(-onnx.numpy_helper.to_array(tensor), scales))
    assert read_header(packed_model(GraphView(changed)))["before"] is not None
