"""Faults planted in a correct model are caught by made rows alone; the correct model raises no alarm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import numpy_helper
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from packager.dataset.rows import Rows
from packager.recipe.parity import Tolerance
from packager.runtime.session import open_session
from packager.structure import Trees
from packager.verify import probes as module
from packager.verify.parity import Outputs, Tally
from packager.verify.paths import paths_to
from packager.verify.probes import make_probes
from tests.convert import lightgbm_cases, sklearn_cases
from tests.convert.cases import Case
from tests.convert.pairs import Pair, pair

from . import faults

CASES = {case.name: case for case in (*sklearn_cases.CASES, *lightgbm_cases.CASES)}
# The name of a case, and whether its trees read float32.
TREES = {
    "forest, text labels": True,
    "forest, missing": True,
    "boosting, value": True,
    "scaled forest": True,
    "hist, value, missing": False,
    "lightgbm regression, category, missing": False,
    "lightgbm 2 classes, category, missing": False,
    "lightgbm 4 classes, missing": False,
    "lightgbm regression, missing, zero_as_missing=True": False,
    "lightgbm regression, missing, use_missing=False": False,
}
PLANTED = 30
# The rest changes nothing that is told: the two sides of a split may lead to leaves of one value.
CAUGHT = 0.95


@dataclass(frozen=True)
class Bench:
    """A model, the made rows that it takes, its answers, and where to put broken copies."""

    pair: Pair
    rows: Rows
    native: Outputs
    float32: bool
    folder: Path

    def catches(self, change: Callable[[faults.Arrays], None]) -> bool:
        """Tell whether the made rows show a change of the ensemble, by the default limits."""
        faults.plant(self.pair.path, self.folder / "faulty.onnx", change)
        return self.shows(self.folder / "faulty.onnx")

    def shows(self, path: Path) -> bool:
        tally = Tally(self.pair.signature, Tolerance())
        tally.add(self.native, open_session(path, self.pair.signature).answers(self.rows))
        return bool(tally.beyond or tally.label_mismatches or tally.malformed)

    def arrays(self) -> faults.Arrays:
        model = onnx.load(str(self.pair.path))
        return faults.read(next(node for node in model.graph.node if node.op_type == "TreeEnsemble"))

    @property
    def trees(self) -> Trees:
        assert self.pair.structure.trees is not None
        return self.pair.structure.trees


def bench(converted: Pair, folder: Path, *, float32: bool) -> Bench:
    made = make_probes(converted.structure, converted.signature)
    native, taken = converted.native.tolerant_answers(made.rows)
    assert native is not None
    return Bench(converted, made.rows.take(taken), native, float32, folder)


@pytest.fixture(params=TREES, scope="module")
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A model that is small enough for rows beside each of its splits."""
    folder = tmp_path_factory.mktemp("model")
    return bench(pair(CASES[request.param].fit(), folder), folder, float32=TREES[request.param])


def some(candidates: npt.NDArray[np.intp], count: int = PLANTED) -> list[int]:
    random = np.random.default_rng(1)
    return [int(one) for one in random.choice(candidates, min(count, len(candidates)), replace=False)]


def share(bench: Bench, nodes: list[int], fault: Callable[[faults.Arrays, int], None]) -> float:
    assert nodes, "the model has nothing to plant this fault in"
    return float(np.mean([bench.catches(lambda arrays, node=node: fault(arrays, node)) for node in nodes]))  # type: ignore[misc]


def test_the_correct_model_raises_no_alarm(small: Bench) -> None:
    assert not small.shows(small.pair.path)


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_a_threshold_moved_by_one_step_is_caught(small: Bench, up: bool) -> None:
    nodes = some(faults.numeric_splits(small.arrays()))
    move = lambda arrays, node: faults.move_threshold(arrays, node, up=up, float32=small.float32)  # noqa: E731
    assert share(small, nodes, move) >= CAUGHT


def test_two_leaves_swapped_are_caught(small: Bench) -> None:
    arrays = small.arrays()
    both = (arrays["nodes_trueleafs"] == 1) & (arrays["nodes_falseleafs"] == 1)
    weights = arrays["leaf_weights"]
    if "classes" not in str(small.pair.signature.task) and weights.size:
        told = weights[arrays["nodes_truenodeids"]] != weights[arrays["nodes_falsenodeids"]]
        both &= np.where(both, told, False)
    split = np.intersect1d(np.flatnonzero(both), faults.numeric_splits(arrays))
    assert share(small, some(split), faults.swap_leaves) >= CAUGHT


def test_a_default_direction_turned_is_caught(small: Bench) -> None:
    trees, columns = small.trees, small.pair.signature.columns
    takes = np.array([column.accepts_missing for column in columns])
    if not takes.any():
        pytest.skip("the model takes no missing cells")
    assert small.arrays()["nodes_featureids"][: len(trees.feature)].tolist() == trees.feature.tolist()
    paths = paths_to(
        trees, np.arange(len(trees.feature)), module._Maker(small.pair.structure, small.pair.signature)._universe(trees)
    )
    met = paths.missing[np.arange(len(trees.feature)), trees.feature] & takes[trees.feature] & (trees.category_set < 0)
    assert share(small, some(np.flatnonzero(met)), faults.turn_default) >= 0.9


def test_a_category_missing_from_a_set_is_caught(small: Bench) -> None:
    arrays = small.arrays()
    if "membership_values" not in arrays:
        pytest.skip("the model has no categories")
    members = np.concatenate(faults.category_sets(arrays))
    assert share(small, some(members), faults.forget_category) >= CAUGHT


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A forest with far more splits than there are made rows for, over columns of few values."""
    folder = tmp_path_factory.mktemp("model")
    rows, target = load_digits(return_X_y=True)
    model = RandomForestClassifier(60, random_state=0).fit(rows, target)
    return bench(pair(model, folder), folder, float32=True)


def test_in_a_large_forest_a_chosen_threshold_is_caught(large: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[npt.NDArray[np.int64]] = []
    choose = module._Maker._chosen

    def recorded(*arguments: object) -> npt.NDArray[np.int64]:
        chosen.append(choose(*arguments))  # type: ignore[arg-type]
        return chosen[-1]

    monkeypatch.setattr(module._Maker, "_chosen", recorded)
    make_probes(large.pair.structure, large.pair.signature)
    assert len(chosen[0]) < 0.5 * len(large.trees.feature)
    for up in (True, False):
        move = lambda arrays, node, up=up: faults.move_threshold(arrays, node, up=up, float32=True)  # noqa: E731
        assert share(large, some(chosen[0], 10), move) >= 0.9


def test_in_a_large_forest_most_thresholds_are_caught_though_few_are_chosen(large: Bench) -> None:
    nodes = some(faults.numeric_splits(large.arrays()), 20)
    move = lambda arrays, node: faults.move_threshold(arrays, node, up=True, float32=True)  # noqa: E731
    assert share(large, nodes, move) >= 0.6


@pytest.mark.parametrize("name", ["forest, text labels", "lightgbm 4 classes, missing", "logistic, text labels"])
def test_classes_in_another_order_are_caught(name: str, tmp_path: Path) -> None:
    judged = bench(pair(CASES[name].fit(), tmp_path), tmp_path, float32=False)
    model = onnx.load(str(judged.pair.path))
    classes = judged.pair.signature.classes
    assert classes is not None
    labels = next(
        tensor
        for tensor in model.graph.initializer
        if len(tensor.dims) == 1 and tensor.dims[0] == len(classes) and tensor.data_type in (7, 8)
    )
    turned = numpy_helper.to_array(labels)[::-1].copy()
    labels.CopyFrom(numpy_helper.from_array(turned, labels.name))
    onnx.save(model, str(tmp_path / "turned.onnx"))
    assert judged.shows(tmp_path / "turned.onnx")


@pytest.mark.parametrize("name", ["scaled forest", "lightgbm scaled, 2 classes", "filled, scaled, hist"])
@pytest.mark.parametrize("factor", [1 + 1e-6, 1 - 1e-6])
def test_a_scale_off_by_a_millionth_is_caught(name: str, factor: float, tmp_path: Path) -> None:
    judged = bench(pair(CASES[name].fit(), tmp_path), tmp_path, float32=False)
    model = onnx.load(str(judged.pair.path))
    division = next(node for node in model.graph.node if node.op_type == "Div")
    scale = next(tensor for tensor in model.graph.initializer if tensor.name == division.input[1])
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * factor, scale.name))
    onnx.save(model, str(tmp_path / "off.onnx"))
    assert judged.shows(tmp_path / "off.onnx")


@pytest.mark.parametrize("name", ["lightgbm 2 classes, category, missing", "boosting, value"])
def test_one_leaf_off_by_a_thousandth_is_caught(name: str, tmp_path: Path) -> None:
    judged = bench(pair(CASES[name].fit(), tmp_path), tmp_path, float32=False)

    def nudge(arrays: faults.Arrays, leaf: int) -> None:
        arrays["leaf_weights"][leaf] += 1e-3

    leaves = some(np.arange(len(judged.arrays()["leaf_weights"])))
    assert share(judged, leaves, nudge) >= CAUGHT


@pytest.mark.parametrize(
    "name",
    [
        "forest, text labels",
        "scaled forest",
        "tree, missing",
        "lightgbm regression, reg_sqrt=True",
        "lightgbm 2 classes, sigmoid=2.5",
        "lightgbm regression, missing, zero_as_missing=True",
    ],
)
def test_what_the_stock_converters_get_wrong_is_caught(name: str, tmp_path: Path) -> None:
    case: Case = CASES[name]
    stock = pair(case.fit(), tmp_path, dtype=np.float32, engine="stock")
    assert bench(stock, tmp_path, float32=True).shows(stock.path)
