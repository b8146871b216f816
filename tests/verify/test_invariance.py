"""Answers that depend on the batch, on threads or on the time are found; those of honest forms are not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from lightgbm import LGBMClassifier
from onnx import helper
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from packager.artifact import Precision, Signature, Variant, Verdict
from packager.binned.model_file import pack_model
from packager.binned.scorer import ROWS_PER_THREAD
from packager.errors import VerifyError
from packager.optimize import int8
from packager.recipe.parity import Parity
from packager.runtime.session import Session, open_session
from packager.verify import invariance
from packager.verify.gate import gate, told
from packager.verify.invariance import INVARIANCE, ask_otherwise
from packager.verify.parity import Tally
from packager.verify.probes import Probes
from packager.verify.verify import Subject
from tests.convert.pairs import Pair, pair
from tests.runtime.binned_files import needs_library
from tests.verify.recipes import recipe

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(300, 4))
TARGET = ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2]
MODELS = {
    "forest": lambda: RandomForestRegressor(12, max_depth=6, random_state=0).fit(ROWS, TARGET),
    "lightgbm": lambda: LGBMClassifier(n_estimators=12, verbose=-1, n_jobs=1).fit(ROWS, np.digitize(TARGET, [-0.5, 1])),
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET > 0),
}

open_for_verdicts = open_session  # where a test plants another


def verdicts(found: Pair, path: Path, precision: Precision = "fp64") -> dict[str, Verdict]:
    made = found.probes()
    _, taken = found.native.tolerant_answers(made.rows)
    tolerance = Parity().tolerance(precision)
    tallies = (Tally(found.signature, tolerance), Tally(found.signature, tolerance))
    session = open_for_verdicts(path, found.signature)
    subject = Subject(Variant(precision, precision, "ok", path=path), session, *tallies)
    judged = ask_otherwise(subject, Probes(made.rows.take(taken), made.kinds[taken]), Parity())
    assert tuple(verdict.check for verdict in judged) == INVARIANCE
    return {verdict.check: verdict for verdict in judged}


def changed(found: Pair, *nodes: onnx.NodeProto) -> Path:
    """Put nodes before all others; they make `changed` of `features`, which the others then read."""
    model = onnx.load(str(found.path))
    for node in model.graph.node:
        node.input[:] = ["changed" if name == "features" else name for name in node.input]
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    path = found.path.with_name("changed.onnx")
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_honest_form_answers_the_same_however_it_is_asked(
    name: str, dtype: type[np.floating], tmp_path: Path
) -> None:
    found = pair(MODELS[name](), tmp_path, dtype=dtype)
    precision: Precision = "fp64" if dtype is np.float64 else "fp32"
    assert [verdict for verdict in verdicts(found, found.path, precision).values() if not verdict.ok] == []


def _own_objective(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return score - truth, np.ones_like(score)


def test_labels_that_are_scores_may_differ_by_a_rounding(tmp_path: Path) -> None:
    model = LGBMClassifier(n_estimators=40, objective=_own_objective, verbose=-1, n_jobs=1).fit(ROWS, TARGET > 0)
    found = pair(model, tmp_path)
    assert [verdict for verdict in verdicts(found, found.path).values() if not verdict.ok] == []
    path = changed(
        found,
        helper.make_node("Constant", [], ["rows_axis"], value_ints=[0]),
        helper.make_node("ReduceMean", ["features", "rows_axis"], ["middle"], keepdims=1),
        helper.make_node("Sub", ["features", "middle"], ["changed"]),
    )
    assert not verdicts(found, path)["batch_invariance"].ok


@pytest.mark.parametrize("name", MODELS)
def test_rows_that_lean_on_their_batch_are_found(name: str, tmp_path: Path) -> None:
    found = pair(MODELS[name](), tmp_path)
    path = changed(
        found,
        helper.make_node("Constant", [], ["rows_axis"], value_ints=[0]),
        helper.make_node("ReduceMean", ["features", "rows_axis"], ["middle"], keepdims=1),
        helper.make_node("Sub", ["features", "middle"], ["changed"]),
    )
    judged = verdicts(found, path)
    assert not judged["batch_invariance"].ok
    assert judged["repeatable"].ok
    assert "answers differ" in told(judged["batch_invariance"])


def test_answers_that_change_from_call_to_call_are_found(tmp_path: Path) -> None:
    found = pair(MODELS["forest"](), tmp_path)
    path = changed(
        found,
        helper.make_node("RandomNormalLike", ["features"], ["noise"], scale=1e-3),
        helper.make_node("Add", ["features", "noise"], ["changed"]),
    )
    judged = verdicts(found, path)
    assert not judged["repeatable"].ok
    assert [verdict.recipe_key for verdict in judged.values()] == [*["verify.parity.atol"] * 2, "optimize.precisions"]
    assert not judged["batch_invariance"].ok


def test_a_form_that_takes_one_size_of_batch_alone_is_found(tmp_path: Path) -> None:
    found = pair(MODELS["logistic"](), tmp_path)
    path = changed(
        found,
        helper.make_node("Constant", [], ["one_row"], value_ints=[1, 4]),
        helper.make_node("Reshape", ["features", "one_row"], ["changed"]),
    )
    judged = verdicts(found, path)
    assert not any(verdict.ok for verdict in judged.values())
    assert "Reshape" in str(judged["batch_invariance"].measured)


def test_threads_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = pair(MODELS["forest"](), tmp_path)
    other = changed(found, helper.make_node("Neg", ["features"], ["changed"]))
    monkeypatch.setattr(
        invariance, "open_session", lambda path, signature, *, threads: open_session(other, signature, threads=threads)
    )
    judged = verdicts(found, found.path)
    assert [check for check, verdict in judged.items() if not verdict.ok] == ["thread_invariance"]


class OneStepOff:
    """A binned model that answers one step of float64 beside the truth, in batches of a kind."""

    def __init__(self, model: Any, wrong: Callable[[int], bool]) -> None:
        self._model, self._wrong = model, wrong

    def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        found = self._model.run(names, feeds)
        rows = len(found[0])
        return [np.nextafter(one, 9e9) if one.dtype == np.float64 and self._wrong(rows) else one for one in found]


def binned(found: Pair) -> Path:
    path = found.path.with_name("binned.binned")
    pack_model(found.path, path)
    return path


def plant(monkeypatch: pytest.MonkeyPatch, threads: int, wrong: Callable[[int], bool]) -> None:
    """Have sessions on so many threads answer wrongly in batches of a kind."""

    def open_wrong(path: Path, signature: Signature, *, threads: int = 1) -> Session:
        opened = open_session(path, signature, threads=threads)
        return replace(opened, inference=OneStepOff(opened.inference, wrong)) if threads == wanted else opened

    wanted = threads
    monkeypatch.setattr(invariance, "open_session", open_wrong)
    monkeypatch.setattr(sys.modules[__name__], "open_for_verdicts", open_wrong)


@needs_library
@pytest.mark.parametrize("name", ["forest", "lightgbm"])
def test_binned_trees_hold_however_they_are_asked(name: str, tmp_path: Path) -> None:
    found = pair(MODELS[name](), tmp_path)
    assert [verdict for verdict in verdicts(found, binned(found), "binned").values() if not verdict.ok] == []


@needs_library
@pytest.mark.parametrize(
    ("threads", "wrong", "failing"),
    [
        (2, lambda rows: rows > ROWS_PER_THREAD * 2, "thread_invariance"),
        (2, lambda rows: rows == 1, "thread_invariance"),
        (1, lambda rows: rows == 7, "batch_invariance"),
    ],
    ids=["where threads share rows", "alone on a session of threads", "in small batches"],
)
def test_a_single_bit_of_binned_trees_is_too_much(
    threads: int, wrong: Callable[[int], bool], failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, threads, wrong)
    found = pair(MODELS["forest"](), tmp_path)
    judged = verdicts(found, binned(found), "binned")
    assert [check for check, verdict in judged.items() if not verdict.ok] == [failing]
    with pytest.raises(VerifyError) as refused:
        gate(list(judged.values()), "binned", recipe(tmp_path))
    assert "answers the same rows with other bits" in str(refused.value)
    assert "optimize.precisions" in (refused.value.key or "")
    assert "set the limit" not in (refused.value.hint or "")


@needs_library
def test_a_step_is_borne_where_sums_of_onnx_runtime_are_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a principal component analysis trees read sums, and those have another order in other batches."""
    plant(monkeypatch, 1, lambda rows: rows == 7)
    model = make_pipeline(PCA(3), RandomForestRegressor(12, max_depth=6, random_state=0)).fit(ROWS, TARGET)
    found = pair(model, tmp_path)
    opened = open_session(binned(found), found.signature)
    assert len(opened.operators["CPUExecutionProvider"]) > 1
    assert [verdict for verdict in verdicts(found, binned(found), "binned").values() if not verdict.ok] == []


def test_int8_is_held_to_its_own_limits(tmp_path: Path) -> None:
    """It scales each batch by the largest number in it: answers do differ, and the limits say whether that is borne."""
    network = MLPRegressor(hidden_layer_sizes=(32, 32), random_state=0, max_iter=200)
    found = pair(make_pipeline(StandardScaler(), network).fit(ROWS, TARGET * 20), tmp_path, dtype=np.float32)
    path = tmp_path / "int8.onnx"
    int8.apply(found.path, path)
    judged = verdicts(found, path, "int8")
    assert not judged["batch_invariance"].ok
    assert judged["repeatable"].ok
