"""Names: whatever a model calls its columns, the graph keeps its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from packager.artifact import Column, Output, Signature
from packager.convert.finish import finish

from .cases import codes, numbers
from .pairs import pair, random_rows

AWKWARD = (
    ["label", "probabilities", "variable", "features", "x"],
    ["column_1", "column_0", "column_3", "column_4", "column_2"],
    ["a b", "a_b", "Ünsëen", "1", "x,y"],
    ["split_sizes", "split_features", "input", "output", "constant"],
)


@pytest.mark.parametrize("names", AWKWARD, ids=lambda names: names[0])
@pytest.mark.parametrize("with_text", [False, True], ids=["numbers", "text"])
def test_awkward_column_names_score_alike(names: list[str], with_text: bool, tmp_path: Path) -> None:
    table = pd.DataFrame(numbers(), columns=names)
    steps: list[Any] = [("scaled", StandardScaler(), names[:3])]
    if with_text:
        table[names[4]] = np.random.default_rng(0).choice(["a", "b"], len(table))
        steps.append(("text", OneHotEncoder(handle_unknown="ignore"), [names[4]]))
    columns = ColumnTransformer(steps, remainder="drop" if with_text else "passthrough")
    model = make_pipeline(columns, LogisticRegression(max_iter=3000)).fit(table, codes(numbers(), 2))
    both = pair(model, tmp_path)
    assert both.signature.layout == ("columns" if with_text else "tensor")
    assert both.differences(random_rows(both, 100), 1e-6) == []


SIGNATURE = Signature(
    "regressor", "tensor", (Column("a", "float64", False, 1.0),), (Output("variable", "value", 0),), None
)


def _graph(*nodes: onnx.NodeProto, outputs: int = 1) -> onnx.ModelProto:
    number = TensorProto.DOUBLE
    body = helper.make_graph(
        list(nodes),
        "made up",
        [helper.make_tensor_value_info("features", number, [None, 1])],
        [helper.make_tensor_value_info(f"out{index}", number, None) for index in range(outputs)],
    )
    imports = [helper.make_opsetid("", version) for version in (18, 21, 18)]
    return helper.make_model(body, opset_imports=imports)


def test_dead_nodes_and_repeated_imports_go() -> None:
    alive, dead = helper.make_node("Abs", ["features"], ["out0"]), helper.make_node("Neg", ["features"], ["unused"])
    model = finish(_graph(dead, alive), SIGNATURE, np.dtype(np.float64))
    assert [node.op_type for node in model.graph.node] == ["Abs", "Cast"]
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 21)]


def test_a_graph_with_too_few_outputs_is_refused() -> None:
    with pytest.raises(ValueError, match="0 outputs"):
        finish(_graph(outputs=0), SIGNATURE, np.dtype(np.float64))


def test_stock_trees_beside_exact_ones_are_refused() -> None:
    stock = helper.make_node("TreeEnsembleRegressor", ["features"], ["middle"], domain="ai.onnx.ml")
    exact = helper.make_node("TreeEnsemble", ["middle"], ["out0"], domain="ai.onnx.ml")
    model = _graph(stock, exact)
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    with pytest.raises(ValueError, match="TreeEnsembleRegressor"):
        finish(model, SIGNATURE, np.dtype(np.float64))
