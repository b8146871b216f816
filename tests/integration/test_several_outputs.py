"""Models with several labels or values a row, from the recipe to the answers of their own score.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from packager.bundle import scoring
from tests.workspace import Workspace, labelled_rows

FRAME = labelled_rows()
ROWS = FRAME.drop(columns="target")
LABELS = np.stack([FRAME["target"], np.digitize(ROWS["f3"], [-0.5, 0.5])], axis=1)
BINARY = np.minimum(LABELS, 1)
TEXTS = np.array(["low", "mid", "high"], dtype=object)[LABELS]
MODELS: dict[str, tuple[Any, Any]] = {
    "apart, texts": (MultiOutputClassifier(DecisionTreeClassifier(max_depth=4)), TEXTS),
    "forest": (RandomForestClassifier(10, max_depth=4, random_state=0), LABELS),
    "chain": (ClassifierChain(LogisticRegression(), order=[1, 0]), BINARY),
    "network": (MLPClassifier((5,), max_iter=60, random_state=0), BINARY),
    "values": (MultiOutputRegressor(DecisionTreeRegressor(max_depth=4)), ROWS.to_numpy()[:, :2] * 2),
}


def answered(model: Any, rows: pd.DataFrame) -> dict[str, Any]:
    """Return what the model itself answers, in the form of an answer."""
    found = {"prediction": np.asarray(model.predict(rows)).tolist()}
    if hasattr(model, "predict_proba"):
        shares = model.predict_proba(rows)
        found["probability"] = [part.tolist() for part in shares] if isinstance(shares, list) else shares.tolist()
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_bundle_answers_as_the_model_does(name: str, tmp_path: Path) -> None:
    kind, targets = MODELS[name]
    model = kind.fit(ROWS, targets)
    workspace = Workspace(tmp_path)
    workspace.save(model, FRAME)
    workspace.recipe(
        data={"verification": "model.parquet", "label": "target", "features": list(ROWS.columns)},
        verify={"thresholds": [0.5]},
        optimize={"precisions": ["fp64"]},
    )
    built = workspace.package("build", "recipe.yml", "--json")
    assert built.code == 0, built.err
    bundle = tmp_path / "dist" / "sample-1" / "bundle"
    few = ROWS.iloc[:20]
    scratch = tmp_path / "scoring"
    scratch.mkdir()
    request = json.dumps({"features": few.to_numpy().tolist()})
    ((status, body),) = scoring.score(bundle, [request], scratch).answers
    assert status == 200
    native, served = answered(model, few), json.loads(body)
    assert served.keys() == native.keys()
    if name != "values":
        assert served["prediction"] == native["prediction"]
    for field, values in served.items():
        for found, expected in zip(values, native[field], strict=True):
            if field == "probability" or name == "values":
                assert np.allclose(found, expected, rtol=0, atol=1e-12)


def test_quality_over_several_labels_is_refused_by_name(tmp_path: Path) -> None:
    kind, targets = MODELS["forest"]
    workspace = Workspace(tmp_path)
    workspace.save(kind.fit(ROWS, targets), FRAME)
    workspace.recipe(
        data={"verification": "model.parquet", "label": "target", "features": list(ROWS.columns)},
        verify={"drift": {"metric": "accuracy", "max_drop": 0.01}},
        optimize={"precisions": ["fp64"]},
    )
    refused = workspace.package("build", "recipe.yml")
    assert refused.code == 6
    assert "the metric accuracy reads one label a row" in refused.err
    assert "leave verify.drift out" in refused.err
