"""Recipes for the tests of this stage."""

from __future__ import annotations

from pathlib import Path

from packager.recipe.load import load_recipe
from packager.recipe.model import Recipe


def recipe(folder: Path, verify: str = "{}", data: str = "{}") -> Recipe:
    """Return a recipe with these sections, written in one line each: `data` on line 4, `verify` on line 5."""
    path = folder / "recipe.yml"
    path.write_text(
        f"recipe_version: 1\nname: judged\nsource: {{uri: model.joblib}}\ndata: {data}\nverify: {verify}\n",
        encoding="utf-8",
    )
    return load_recipe(path)
