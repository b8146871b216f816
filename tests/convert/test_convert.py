"""Every configuration in the tables scores like the model that it was made from, and says truly what it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.svm import LinearSVC

from packager.dataset.rows import Rows

from . import lightgbm_cases, sklearn_cases
from .cases import Case
from .pairs import Pair, as_float32, pair, random_rows

CASES = (*sklearn_cases.CASES, *lightgbm_cases.CASES)


@pytest.fixture(params=CASES, ids=str, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


@pytest.fixture(scope="module")
def converted(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return pair(case.fit(), tmp_path_factory.mktemp("model"))


def test_scores_like_the_model_on_made_rows(case: Case, converted: Pair) -> None:
    assert converted.differences(converted.probes().rows, case.tolerance) == []


def test_scores_like_the_model_on_random_rows(case: Case, converted: Pair) -> None:
    assert converted.differences(random_rows(converted, 500), case.tolerance) == []


def test_scores_the_same_one_row_at_a_time(case: Case, converted: Pair) -> None:
    rows = random_rows(converted, 8, seed=2)
    together = converted.session.answers(rows)
    for index in range(len(rows)):
        alone = converted.session.answers(rows.take(slice(index, index + 1)))
        for output in converted.signature.outputs:
            both = alone[output.name], together[output.name][index : index + 1]
            if output.role == "label":
                assert both[0].tolist() == both[1].tolist()
            else:  # a product of matrices adds in another order for one row
                np.testing.assert_allclose(*both, rtol=case.tolerance / 1e3, atol=case.tolerance / 1e3)


@pytest.mark.parametrize("exact", [case for case in CASES if case.in_float is not None], ids=str)
def test_the_float_form_decides_alike_for_float_rows(exact: Case, tmp_path: Path) -> None:
    assert exact.in_float is not None
    floating = pair(exact.fit(), tmp_path, dtype=np.float32)
    rows = as_float32(floating.probes().rows)
    within = np.nan_to_num(np.abs(rows.numbers), nan=0.0) <= min(
        column.max_abs for column in floating.signature.columns
    )
    rows = rows.take(within.all(axis=1))
    native, taken = floating.native.tolerant_answers(rows)
    assert native is not None
    found = floating.session.answers(rows.take(taken))
    for output in floating.signature.outputs:
        if output.role != "label":
            np.testing.assert_allclose(
                found[output.name], native[output.name], rtol=exact.in_float, atol=exact.in_float
            )


def test_declares_what_it_answers(converted: Pair) -> None:
    rows = random_rows(converted, 3, seed=3)
    raw = onnxruntime.InferenceSession(str(converted.path), providers=["CPUExecutionProvider"])
    feeds = rows.feeds(converted.signature, converted.session.input_dtype)
    assert [value.name for value in raw.get_inputs()] == list(converted.signature.input_names)
    assert {value.name: list(value.shape[1:]) for value in raw.get_inputs()} == {
        name: list(values.shape[1:]) for name, values in feeds.items()
    }
    kinds = {"tensor(double)": "f8", "tensor(int64)": "i8", "tensor(bool)": "b1", "tensor(string)": "O"}
    assert [value.name for value in raw.get_outputs()] == [output.name for output in converted.signature.outputs]
    for value, answer in zip(raw.get_outputs(), raw.run(None, feeds), strict=True):
        assert answer.dtype.str[1:] == kinds[value.type]
        assert [len(rows), *value.shape[1:]] == list(answer.shape)


def test_names_each_operator_set_once_and_knows_no_maps(converted: Pair) -> None:
    model = onnx.load(str(converted.path))
    domains = [entry.domain for entry in model.opset_import]
    assert domains == sorted(set(domains))
    assert "ZipMap" not in {node.op_type for node in model.graph.node}
    assert model.graph.name == "model"
    onnx.checker.check_model(model, full_check=True)


def test_runs_without_a_word(converted: Pair, capfd: pytest.CaptureFixture[str]) -> None:
    rows = random_rows(converted, 3, seed=3)
    raw = onnxruntime.InferenceSession(str(converted.path), providers=["CPUExecutionProvider"])
    for count in (1, 2, 3):
        part: Rows = rows.take(slice(0, count))
        raw.run(None, part.feeds(converted.signature, converted.session.input_dtype))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "model",
    [GradientBoostingClassifier(init="zero", n_estimators=2), HistGradientBoostingClassifier(max_iter=2), LinearSVC()],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("labels", [["no", "yes"], [False, True]], ids=["text", "bool"])
def test_a_score_of_exactly_nothing_has_the_models_own_label(model: Any, labels: list[Any], tmp_path: Path) -> None:
    rows, target = np.zeros((40, 2)), np.array(labels)[[0, 1] * 20]
    both = pair(model.fit(rows, target), tmp_path)
    if hasattr(model, "_raw_predict"):
        assert (model._raw_predict(rows.astype(np.float32)) == 0).all(), "the example is a tie"
    assert both.differences(Rows(rows[:3])) == []
