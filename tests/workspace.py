"""A folder with a registered model, its held-out rows and a recipe, and the real `package` command run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import yaml

TIMEOUT_S = 240


@dataclass(frozen=True)
class Ran:
    """One finished command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Workspace:
    """`folder` holds `model.joblib`, `rows.parquet`, recipes and the registry."""

    folder: Path

    def package(self, *arguments: str, **environ: str) -> Ran:
        """Run the command in the folder, with nothing of ours in its environment but the registry."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-m", "packager", *arguments],
            cwd=self.folder,
            env={**kept, "PACKAGE_REGISTRY": str(self.folder / "registry"), **environ},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def save(self, model: object, rows: pd.DataFrame, name: str = "model") -> None:
        """Keep a model and its rows as files."""
        joblib.dump(model, self.folder / f"{name}.joblib")
        rows.to_parquet(self.folder / f"{name}.parquet", index=False)

    def recipe(self, **changes: Any) -> Path:
        """Write a quick recipe for model.joblib; `changes` replace whole sections."""
        document = {
            "recipe_version": 1,
            "name": "sample",
            "version": "1",
            "source": {"uri": "model.joblib"},
            "data": {"verification": "model.parquet", "label": "target"},
            "benchmark": {"batch_sizes": [1], "process": "skip"},
            **changes,
        }
        path = self.folder / "recipe.yml"
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return path

    def leftovers(self) -> list[str]:
        """Return what a build has left under `dist` beside whole bundles and reports."""
        out = self.folder / "dist"
        return (
            sorted(str(path.relative_to(out)) for path in out.rglob(".*") if path.name != ".vscode")
            if out.is_dir()
            else []
        )


def labelled_rows(rows: int = 300, columns: int = 5, *, seed: int = 0) -> pd.DataFrame:
    """Return made rows with a binary label in `target` that depends on them."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, columns)).round(3)
    frame = pd.DataFrame(numbers, columns=[f"f{index}" for index in range(columns)])
    frame["target"] = (numbers[:, 0] + numbers[:, 1] ** 2 + random.normal(size=rows) / 4 > 0.6).astype(int)
    return frame
