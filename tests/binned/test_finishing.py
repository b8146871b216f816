"""What follows the sums: which endings are the extension's, and which stay a graph."""

from __future__ import annotations

from typing import Any

import onnx
import pytest

from packager.binned.ensembles import find_ensembles
from packager.binned.finishing import Answer, find_finish
from packager.binned.graph_view import GraphView
from packager.binned.pack import (
    LINK_EXP,
    LINK_LOGISTIC,
    LINK_NONE,
    LINK_SOFTMAX,
    RULE_ABOVE,
    RULE_AT_LEAST,
    RULE_LARGEST_RAW,
    RULE_LARGEST_VALUE,
    Ending,
)
from tests.binned.models import ALONE, model_of


def named(start: str) -> GraphView:
    return model_of(next(case.name for case in ALONE if case.name.startswith(start))).view


def ending(view: GraphView) -> Ending | None:
    ((found,), _) = find_ensembles(view)
    finish = find_finish(view, found.gives, found.ensemble.n_targets)
    return None if finish is None else finish.ending


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lightgbm regression", Ending()),
        ("lightgbm poisson", Ending(link=LINK_EXP)),
        ("lightgbm poisson, boosting_type=rf", Ending(divisor=15, link=LINK_EXP)),
        ("lightgbm regression, missing, boosting_type=rf", Ending(divisor=15)),
        ("lightgbm 2 classes, category, missing", Ending(link=LINK_LOGISTIC, rule=RULE_LARGEST_VALUE)),
        ("lightgbm 2 classes, sigmoid=2.5", Ending(link=LINK_LOGISTIC, scale=2.5, rule=RULE_LARGEST_VALUE)),
        (
            "lightgbm 2 classes, category, boosting_type=rf",
            Ending(divisor=15, link=LINK_LOGISTIC, rule=RULE_LARGEST_VALUE),
        ),
        ("lightgbm 4 classes", Ending(link=LINK_SOFTMAX, rule=RULE_LARGEST_VALUE)),
        (
            "lightgbm 3 classes, objective=multiclassova",
            Ending(link=LINK_LOGISTIC, scale=0.5, rule=RULE_LARGEST_VALUE),
        ),
        ("lightgbm booster multiclass", Ending(link=LINK_SOFTMAX)),
        ("lightgbm text multiclassova", Ending(link=LINK_LOGISTIC)),
        ("lightgbm custom objective", Ending()),
        ("forest, ten classes", Ending(divisor=20, rule=RULE_LARGEST_VALUE)),
        ("forest, one class", Ending(divisor=5, rule=RULE_LARGEST_VALUE)),
        ("forest, three outputs", Ending(divisor=15)),
        ("tree, three classes", Ending(rule=RULE_LARGEST_VALUE)),
        ("boosting, two classes", Ending(link=LINK_LOGISTIC, rule=RULE_AT_LEAST)),
        ("boosting, exponential", Ending(link=LINK_LOGISTIC, scale=2, rule=RULE_AT_LEAST)),
        ("boosting, four classes", Ending(link=LINK_SOFTMAX, rule=RULE_LARGEST_RAW)),
        ("hist, two classes", Ending(link=LINK_LOGISTIC, rule=RULE_ABOVE)),
        ("hist, gamma", Ending(link=LINK_EXP)),
        ("lightgbm cross_entropy", Ending(link=LINK_LOGISTIC)),
        ("lightgbm booster binary", Ending(link=LINK_LOGISTIC)),
        ("lightgbm cross_entropy_lambda", None),
        ("lightgbm regression, reg_sqrt=True", None),
    ],
)
def test_known_endings(name: str, expected: Ending | None) -> None:
    assert ending(named(name)) == expected


def test_an_isolation_forest_compares_its_sums() -> None:
    found = ending(named("isolation forest"))
    assert found is not None
    assert (found.link, found.rule) == (LINK_NONE, RULE_AT_LEAST)
    assert 0 < found.limit < 1000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "forest, text labels",
            [
                Answer("label", "label", (), ("no", "yes"), "string"),
                Answer("probabilities", "values", (2,), None, "float64"),
            ],
        ),
        ("forest, bool labels", [Answer("label", "label", (), (False, True), "bool")]),
        ("forest, float labels", [Answer("label", "label", (), (1.0, 2.0, 4.0), "float64")]),
        ("forest, int labels", [Answer("label", "label", (), (-7, 3, 2**40), "int64")]),
        ("lightgbm regression", [Answer("variable", "values", (1,), None, "float64")]),
        ("lightgbm booster binary", [Answer("variable", "values", (1,), None, "float64")]),
        ("isolation forest", [Answer("label", "label", (), (-1, 1), "int64")]),
    ],
)
def test_outputs_are_told(name: str, expected: list[Answer]) -> None:
    view = named(name)
    ((found,), _) = find_ensembles(view)
    finish = find_finish(view, found.gives, found.ensemble.n_targets)
    assert finish is not None
    assert list(finish.answers[: len(expected)]) == expected


def _changed(name: str, operator: str, change: Any) -> GraphView:
    """Return a model's graph with the first node of an operator changed."""
    model = onnx.ModelProto()
    model.CopyFrom(named(name).model)
    change(next(node for node in model.graph.node if node.op_type == operator), model.graph)
    return GraphView(model)


def _of_the_smallest(node: Any, _: Any) -> None:
    node.op_type = "ArgMin"


def _of_the_last(node: Any, _: Any) -> None:
    node.attribute.add(name="select_last_index", i=1, type=2)


def _along_rows(node: Any, _: Any) -> None:
    next(item for item in node.attribute if item.name == "axis").i = 0


def _exchanged(node: Any, _: Any) -> None:
    first, second = node.input
    node.input[:] = [second, first]


def _of_undivided_sums(node: Any, graph: Any) -> None:
    node.input[0] = next(each for each in graph.node if each.op_type == "Div").input[0]


@pytest.mark.parametrize(
    ("name", "operator", "change"),
    [
        ("forest, ten classes", "ArgMax", _of_the_smallest),
        ("forest, ten classes", "ArgMax", _of_the_last),
        ("forest, ten classes", "ArgMax", _along_rows),
        ("forest, ten classes", "ArgMax", _of_undivided_sums),
        ("forest, ten classes", "Div", _exchanged),
        ("lightgbm 4 classes", "Softmax", _along_rows),
        ("lightgbm 2 classes, sigmoid=2.5", "Sub", _exchanged),
        ("lightgbm 2 classes, sigmoid=2.5", "Concat", _exchanged),
        ("boosting, two classes", "GreaterOrEqual", _exchanged),
    ],
)
def test_what_differs_in_one_thing_stays_a_graph(name: str, operator: str, change: Any) -> None:
    assert ending(named(name)) is not None
    assert ending(_changed(name, operator, change)) is None
