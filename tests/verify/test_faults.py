"""Faults planted in a correct model are caught by made rows alone; the correct model raises no alarm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
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
from packager.verify.parity import Outputs, Tally
from packager.verify.probes import make_probes
from packager.verify.splits import SplitRows
from tests.convert import lightgbm_cases, sklearn_cases
from tests.convert.cases import EXACT, Case
from tests.convert.pairs import Pair, pair

from . import faults

CASES = {case.name: case for case in (*sklearn_cases.CASES, *lightgbm_cases.CASES)}
# The name of a case, and whether a step of float32 is the smallest that can tell: what trees read may be rounded.
TREES = {
    "forest, text labels": True,
    "forest, missing": True,
    "boosting, value": True,
    "scaled forest": True,
    "hist, value, missing": False,
    "lightgbm scaled, 2 classes": True,
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


@pytest.fixture(scope="module")
def bench_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Bench]:
    """Models that are small enough for rows beside each of their splits, each made once."""

    @cache
    def make(name: str) -> Bench:
        folder = tmp_path_factory.mktemp("model")
        return bench(pair(CASES[name].fit(), folder), folder, float32=TREES[name])

    return make


def some(candidates: npt.NDArray[np.intp], count: int = PLANTED) -> list[int]:
    random = np.random.default_rng(1)
    return [int(one) for one in random.choice(candidates, min(count, len(candidates)), replace=False)]


def share(bench: Bench, nodes: list[int], fault: Callable[[faults.Arrays, int], None]) -> float:
    assert nodes, "the model has nothing to plant this fault in"
    return float(np.mean([bench.catches(lambda arrays, node=node: fault(arrays, node)) for node in nodes]))  # type: ignore[misc]


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].tolerance <= EXACT])
def test_a_correct_model_raises_no_alarm(name: str, tmp_path: Path) -> None:
    judged = bench(pair(CASES[name].fit(), tmp_path), tmp_path, float32=False)
    assert not judged.shows(judged.pair.path)


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_a_threshold_moved_by_one_step_is_caught(name: str, up: bool, bench_of: Callable[[str], Bench]) -> None:
    small = bench_of(name)

    def move(arrays: faults.Arrays, node: int) -> None:
        faults.move_threshold(arrays, node, up=up, float32=small.float32)

    assert share(small, some(faults.numeric_splits(small.arrays())), move) >= CAUGHT


@pytest.mark.parametrize("name", TREES)
def test_two_leaves_swapped_are_caught(name: str, bench_of: Callable[[str], Bench]) -> None:
    small = bench_of(name)
    arrays = small.arrays()
    both = (arrays["nodes_trueleafs"] == 1) & (arrays["nodes_falseleafs"] == 1)
    split = np.intersect1d(np.flatnonzero(both), faults.numeric_splits(arrays))
    assert share(small, some(split), faults.swap_leaves) >= 0.9


@pytest.mark.parametrize("name", [name for name in TREES if "missing" in name])
def test_a_default_direction_turned_is_caught(name: str, bench_of: Callable[[str], Bench]) -> None:
    small = bench_of(name)
    trees = small.trees
    assert small.arrays()["nodes_featureids"][: len(trees.feature)].tolist() == trees.feature.tolist()
    every = np.arange(len(trees.feature))
    columns, chance = small.pair.signature.columns, np.random.default_rng(0)
    at = SplitRows(small.pair.structure, trees, columns, lambda count: small.rows, chance)
    reached = at.atlas.paths_to(every).missing[every, trees.feature]
    nodes = np.intersect1d(np.flatnonzero(reached), faults.numeric_splits(small.arrays()))
    assert share(small, some(nodes), faults.turn_default) >= 0.9


@pytest.mark.parametrize("name", [name for name in TREES if "category" in name])
def test_a_category_missing_from_a_set_is_caught(name: str, bench_of: Callable[[str], Bench]) -> None:
    small = bench_of(name)
    members = np.concatenate(faults.category_sets(small.arrays()))
    assert share(small, some(members), faults.forget_category) >= CAUGHT


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A forest with more splits than verification makes rows, over columns of few values."""
    folder = tmp_path_factory.mktemp("model")
    rows, target = load_digits(return_X_y=True)
    model = RandomForestClassifier(60, random_state=0).fit(rows, target)
    return bench(pair(model, folder), folder, float32=True)


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_in_a_large_forest_every_threshold_is_caught(large: Bench, up: bool) -> None:
    nodes = some(faults.numeric_splits(large.arrays()), 20)
    assert share(large, nodes, lambda arrays, node: faults.move_threshold(arrays, node, up=up, float32=True)) >= CAUGHT


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
