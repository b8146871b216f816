"""What is taken out of a graph: which ensembles, in which of their uses, with what of the graph around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor, RandomTreesEmbedding
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from packager.binned.ensembles import find_ensembles
from packager.binned.graph_view import GraphView
from packager.binned.model_file import packed_model
from packager.binned.pack import NotApplicable
from packager.binned.scorer import read_header
from packager.binned.tree_arrays import in_preorder, read_nodes
from tests.binned.models import ALONE, Binned, binned, model_of, needs_library
from tests.binned.reference import Reference
from tests.convert.cases import codes, numbers, values


def operators(part: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(part).graph.node]


def operators_before(model: Binned) -> list[str]:
    entry = model.header["before"]
    return operators(model.data[entry["offset"] : entry["offset"] + entry["size"]])


def parts(name: str) -> dict[str, list[str]]:
    """Return the operators of the graphs that stay, by their place."""
    model = model_of(name)
    told = {place: model.header[place] for place in ("before", "after") if model.header[place]}
    return {
        place: operators(model.data[entry["offset"] : entry["offset"] + entry["size"]]) for place, entry in told.items()
    }


@pytest.mark.parametrize(
    "name",
    [
        "lightgbm regression, category, missing, zero_as_missing=True",
        "lightgbm 2 classes, category, boosting_type=rf",
        "forest, ten classes",
        "forest, three outputs",
        "boosting, four classes",
        "hist, four classes, missing",
        "bagged trees over some columns",
        "isolation forest",
        "tree, one leaf",
        "lightgbm nothing to split",
    ],
)
def test_nothing_stays_around_an_ensemble_alone(name: str) -> None:
    found = next(case.name for case in ALONE if case.name.startswith(name))
    assert parts(found) == {}
    assert len(model_of(found).header["ensembles"]) == 1


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("voting", 2),
        ("calibrated", 2),
        ("one against the rest", 3),
        ("from a tree", 2),
        ("two labels", 1),
        ("boosted trees' votes", 1),
        ("boosted trees' median", 1),
        ("linear leaves", 1),
    ],
)
def test_what_follows_several_ensembles_stays_without_their_trees(name: str, count: int) -> None:
    assert len(model_of(name).header["ensembles"]) == count
    assert "TreeEnsemble" not in parts(name)["after"]


def test_trees_behind_other_trees_stay() -> None:
    assert len(model_of("stacked").header["ensembles"]) == 2
    assert parts("stacked")["after"].count("TreeEnsemble") == 1


def test_trees_whose_leaves_are_outputs_stay_before_those_that_read_them() -> None:
    assert parts("embedded by trees")["before"].count("TreeEnsemble") == 1
    assert len(model_of("embedded by trees").header["ensembles"]) == 1


def test_an_embedding_alone_is_refused() -> None:
    with pytest.raises(NotApplicable, match="the leaves of a tree add to several outputs"):
        binned(RandomTreesEmbedding(3, max_depth=2, random_state=3).fit(numbers()))


def test_a_linear_model_reads_what_is_computed_once() -> None:
    header = model_of("voting").header
    assert header["before"] is None
    assert set(header["after"]["reads"]) == {"features", *(entry["gives"] for entry in header["ensembles"])}


@needs_library
def test_chosen_columns_keep_their_places_among_the_models() -> None:
    chosen = ColumnTransformer([("some", "passthrough", [4, 1, 3])])
    model = binned(
        make_pipeline(chosen, RandomForestRegressor(5, max_depth=4, random_state=3)).fit(numbers(), values(numbers()))
    )
    assert (model.header["before"], model.header["ensembles"][0]["reads"]) == (None, "features")
    packed = Reference(model.ensemble())
    assert packed.n_features == 5
    assert {column.feature for column in packed.columns} == {1, 3, 4}
    assert model.scored_by_it().differences(model.rows()) == []


@needs_library
@pytest.mark.parametrize("count", [2, 10])
def test_a_large_forest_is_added_in_parts_and_becomes_one_ensemble(count: int) -> None:
    trees = 2_600 // count
    model = binned(RandomForestClassifier(trees, max_depth=3, random_state=3).fit(numbers(), codes(numbers(), count)))
    assert sum(node.op_type == "ReduceSum" for node in model.view.graph.node) == 2, "the example needs two parts"
    assert (model.header["before"], model.header["after"], len(model.header["ensembles"])) == (None, None, 1)
    assert model.scored_by_it().differences(model.rows()) == []


@needs_library
def test_columns_that_no_inference_counts_are_counted_where_they_are_chosen() -> None:
    steps = (PolynomialFeatures(2), RandomForestClassifier(5, max_depth=4, random_state=3))
    model = binned(make_pipeline(*steps).fit(numbers(), codes(numbers(), 2)))
    assert operators_before(model)[-1] == "Gather"
    assert model.scored_by_it().differences(model.rows()) == []


def _changed(name: str, change: Any) -> GraphView:
    """Return a model's graph with its first TreeEnsemble changed."""
    model = onnx.ModelProto()
    model.CopyFrom(model_of(name).view.model)
    node = next(node for node in model.graph.node if node.op_type == "TreeEnsemble")
    change({item.name: item for item in node.attribute}, node)
    return GraphView(model)


def _shares_a_node(attributes: dict[str, Any], _: Any) -> None:
    children, leaves = attributes["nodes_truenodeids"].ints, attributes["nodes_trueleafs"].ints
    nodes = [at for at, is_leaf in enumerate(leaves) if not is_leaf]
    children[nodes[1]] = children[nodes[0]]


def _turns_in_a_circle(attributes: dict[str, Any], _: Any) -> None:
    attributes["nodes_truenodeids"].ints[0] = 0
    attributes["nodes_trueleafs"].ints[0] = 0


def _takes_the_largest(attributes: dict[str, Any], _: Any) -> None:
    attributes["aggregate_function"].i = 3


def _compares_below(attributes: dict[str, Any], _: Any) -> None:
    attributes["nodes_modes"].t.raw_data = bytes([1]) * attributes["nodes_modes"].t.dims[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_shares_a_node, "do not form trees"),
        (_turns_in_a_circle, "do not form trees"),
        (_takes_the_largest, "do not add up"),
        (_compares_below, "in another way than by <="),
    ],
)
def test_what_an_ensemble_cannot_be_is_refused_with_its_reason(change: Any, reason: str) -> None:
    found, reasons = find_ensembles(_changed("lightgbm regression", change))
    assert found == []
    assert [reason in told for told in reasons] == [True]


def test_an_ensemble_that_does_not_fit_stays_beside_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    view = model_of("from a tree").view
    columns = [len(Reference(item.packed).columns) for item in find_ensembles(view)[0]]
    assert len(set(columns)) == 2, "the example needs one that is larger"
    monkeypatch.setattr("packager.binned.pack.MAX_COLUMNS", min(columns))
    found, reasons = find_ensembles(view)
    assert [len(Reference(item.packed).columns) for item in found] == [min(columns)]
    assert ["columns and category sets" in reason for reason in reasons] == [True]
    header = read_header(packed_model(view))
    assert (len(header["ensembles"]), header["after"] is None) == (1, False)


def test_trees_are_read_in_preorder() -> None:
    view = model_of("lightgbm regression").view
    trees = in_preorder(read_nodes(view.trees()[0]))
    both = model_of("lightgbm regression").both.structure.trees
    assert both is not None
    at = 0

    def walk(node: int) -> None:
        nonlocal at
        assert (trees.feature[at], trees.threshold[at]) == (both.feature[node], both.threshold[node])
        at += 1
        for child in (both.left[node], both.right[node]):
            if child >= 0:
                walk(int(child))

    for root in both.roots.tolist():
        walk(root)
    assert at == len(trees.feature)
    np.testing.assert_array_equal(trees.sizes, both.leaves_per_tree)
