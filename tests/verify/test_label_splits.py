"""Where a model of trees answers with labels alone, rows lie on thresholds at which the label turns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.ensemble import IsolationForest, RandomForestClassifier, VotingClassifier
from sklearn.tree import DecisionTreeClassifier

from packager.runtime.session import open_session
from packager.verify.label_splits import label_rows
from packager.verify.splits import is_numeric
from tests.convert.pairs import Pair, pair

from . import faults

ROWS = np.random.default_rng(0).normal(size=(600, 5))
KIND = ((ROWS[:, 0] * ROWS[:, 1] > 0) + (ROWS[:, 2] > 0.5)).astype(int)


def _votes() -> Any:
    trees = [
        (str(seed), DecisionTreeClassifier(max_depth=6, random_state=seed, splitter="random")) for seed in range(9)
    ]
    return VotingClassifier(trees, voting="hard").fit(ROWS, KIND)


LABELS_ONLY = {
    "isolation forest": lambda: IsolationForest(n_estimators=20, max_samples=64, random_state=0).fit(ROWS),
    "hard votes": _votes,
}


def _pairs(found: Pair) -> tuple[Any, Any]:
    """Return the rows on thresholds and those just above."""
    rows = label_rows(found.structure, found.signature, found.native.tolerant_answers)
    on, above = [], []
    for row, other in _neighbours(rows.numbers):
        on.append(row)
        above.append(other)
    return np.array(on), np.array(above)


def _neighbours(cells: Any) -> Any:
    """Yield the rows that have another one a single step above them in a single column."""
    for row in cells:
        steps = np.nextafter(row, np.inf)
        beside = (np.isclose(cells, row, rtol=0, atol=0) | (cells == steps)).all(axis=1)
        moved = beside & ((cells == steps).sum(axis=1) == 1)
        if moved.any():
            yield row, cells[np.flatnonzero(moved)[0]]


@pytest.mark.parametrize("name", LABELS_ONLY)
def test_the_label_turns_from_a_threshold_to_the_number_above(name: str, tmp_path: Path) -> None:
    found = pair(LABELS_ONLY[name](), tmp_path)
    on, above = _pairs(found)
    assert len(on) > 100
    assert (found.native.model.predict(on) != found.native.model.predict(above)).all()


# Of a tree that votes many splits part the shares of the classes and not the class that it votes for.
@pytest.mark.parametrize(("name", "least"), [("isolation forest", 0.6), ("hard votes", 0.4)])
def test_most_thresholds_have_such_rows(name: str, least: float, tmp_path: Path) -> None:
    found = pair(LABELS_ONLY[name](), tmp_path)
    trees = found.structure.trees
    assert trees is not None
    thresholds = {
        (c, t) for c, t in zip(trees.feature[is_numeric(trees)], trees.threshold[is_numeric(trees)], strict=True)
    }
    on, above = _pairs(found)
    rows, columns = np.nonzero(on != above)
    shown = {(column, on[row, column]) for row, column in zip(rows, columns, strict=True)}
    assert shown <= thresholds
    assert len(shown) > least * len(thresholds)


@pytest.mark.parametrize("up", [True, False])
def test_moved_thresholds_are_caught_and_the_exact_form_raises_no_alarm(up: bool, tmp_path: Path) -> None:
    found = pair(LABELS_ONLY["isolation forest"](), tmp_path)
    rows = label_rows(found.structure, found.signature, found.native.tolerant_answers)
    assert found.differences(rows) == []
    correct = onnx.load(str(found.path))
    broken, caught, nodes = tmp_path / "broken.onnx", 0, range(0, 480, 32)
    for node in nodes:
        model = onnx.ModelProto()
        model.CopyFrom(correct)
        ensemble = next(one for one in model.graph.node if one.op_type == "TreeEnsemble")
        arrays = faults.read(ensemble)
        faults.move_threshold(arrays, int(faults.numeric_splits(arrays)[node]), up=up, float32=True)
        faults.write(ensemble, arrays)
        onnx.save(model, str(broken))
        caught += replace(found, session=open_session(broken, found.signature)).differences(rows) != []
    assert caught >= 0.6 * len(nodes)


def test_models_that_give_probabilities_are_not_asked(tmp_path: Path) -> None:
    found = pair(RandomForestClassifier(3, random_state=0).fit(ROWS, KIND), tmp_path)

    def never(rows: Any) -> Any:
        raise AssertionError("asked")

    assert len(label_rows(found.structure, found.signature, never)) == 0
