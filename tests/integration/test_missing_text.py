"""A table with missing text from the registered model to null in a request: every cell is scored as the model does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from tests.bundle.scripts import ask, load
from tests.workspace import Workspace


def table(seed: int, rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    cells = {
        "amount": random.normal(size=rows),
        "city": random.choice(np.array(["Bern", "Zürich", "東京", np.nan], dtype=object), rows),
        "kind": random.choice(np.array(["a", "b", np.nan], dtype=object), rows),
    }
    made = pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in cells.items()})
    made.loc[random.random(rows) < 0.2, "amount"] = np.nan
    return made


def test_null_is_what_the_model_takes_for_missing(tmp_path: Path) -> None:
    unseen = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer(
        (OneHotEncoder(), ["city"]),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), unseen), ["kind"]),
        (SimpleImputer(add_indicator=True), ["amount"]),
    )
    rows, held = table(0), table(1, 40)
    target = (rows["amount"].fillna(0) + (rows["city"] == "Bern") > 0.5).astype(int)
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5, random_state=0)).fit(rows, target)
    workspace = Workspace(tmp_path)
    workspace.save(model, rows.assign(target=target))
    workspace.recipe()
    ran = workspace.package("build", "recipe.yml")
    assert ran.code == 0, ran.err
    bundle = tmp_path / "dist" / "sample-1" / "bundle"
    golden = json.loads((bundle / "samples" / "golden.json").read_text(encoding="utf-8"))
    assert any(row[1] is None for request in golden["requests"] for row in request["features"])

    script = load(bundle)
    sent = [[None if cell != cell else cell for cell in row] for row in held.astype(object).to_numpy().tolist()]
    status, body = ask(script, {"features": sent})
    assert status == 200
    np.testing.assert_allclose(body["probability"], model.predict_proba(held), rtol=0, atol=1e-12)
    status, body = ask(script, {"features": [*sent, [0.5, "nowhere", "a"]]})  # the encoder of cities is strict
    assert (status, body["error"]["row"], body["error"]["column"]) == (400, len(sent), "city")
    assert ask(script, {"features": [[0.5, "Bern", "never seen"]]})[0] == 200
