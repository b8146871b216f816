"""A wrong conversion through the real command: refused, told by row, reproduced by the script; cells only if asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMRegressor

from tests.workspace import Workspace

# A float32 form reads the one threshold, between these two, as another number.
AT, BESIDE = 0.1, 0.1 + 1e-10
SECRET = 4321.1234567


@pytest.fixture
def stepping(tmp_path: Path) -> Workspace:
    """Hold a regressor that steps where float32 does not see it, and rows on both sides of the step."""
    workspace = Workspace(tmp_path)
    rows = pd.DataFrame({"step": np.tile([AT, BESIDE], 60), "amount": np.linspace(0, 1, 120).round(3)})
    target = np.where(rows["step"] > AT, 10.0, 0.0)
    model = LGBMRegressor(n_estimators=2, min_child_samples=5, verbose=-1).fit(rows, target)
    rows.loc[7, "amount"] = SECRET
    workspace.save(model, rows.assign(target=target))
    workspace.recipe(convert={"engine": "stock"})
    return workspace


def texts(folder: Path) -> str:
    return "".join(
        path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix != ".onnx" and path.is_file()
    )


def test_a_refused_build_tells_and_reproduces_its_rows(stepping: Workspace) -> None:
    ran = stepping.package("build", "recipe.yml", "--out", "dist")
    assert ran.code == 6, ran.err
    report = stepping.folder / "dist" / "sample-1" / "report"
    document = json.loads((report / "report.json").read_text(encoding="utf-8"))
    rows = document["worst_rows"]
    assert rows
    assert all(row["native"] is None and row["cells"] is None for row in rows if row["file"])
    assert str(SECRET)[:9] not in texts(report) + ran.err + ran.out
    done = subprocess.run([sys.executable, str(report / "reproduce.py")], capture_output=True, text=True, timeout=120)
    cases = json.loads((report / "mismatch" / "cases.json").read_text(encoding="utf-8"))["cases"]
    assert (done.returncode, f"{len(cases)} of {len(cases)} rows differ" in done.stdout) == (1, True), done.stderr
    assert "does not score like the registered model" in (report / "report.md").read_text(encoding="utf-8")


def test_cells_are_told_where_they_were_asked_for(stepping: Workspace) -> None:
    stepping.package("build", "recipe.yml", "--out", "dist", "--show-values")
    document = json.loads(
        (stepping.folder / "dist" / "sample-1" / "report" / "report.json").read_text(encoding="utf-8")
    )
    rows = [row for row in document["worst_rows"] if row["file"] == "model.parquet"]
    held = pd.read_parquet(stepping.folder / "model.parquet")
    assert document["shows_values"] is True
    assert rows
    for row in rows:
        assert row["cells"] == held.drop(columns="target").iloc[row["row"]].to_dict()
        assert row["native"] is not None
