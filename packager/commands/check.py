"""`package check`: recipe, source and conversion, without building anything."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packager import stages
from packager.console import Console
from packager.errors import PackagerError
from packager.files import pretty_json
from packager.recipe.load import load_recipe
from packager.report.model import BuildReport
from packager.source.child import source_worker
from packager.wording import printable


def check_recipes(recipes: Sequence[Path], *, as_json: bool) -> int:
    """Check every recipe, tell all of them, and return the first failure's exit code, else 0."""
    results = [check_recipe(recipe) for recipe in recipes]
    if as_json:
        print(pretty_json(results[0] if len(results) == 1 else results), end="")
    else:
        for result in results:
            print(_line(result))
            sys.stdout.flush()
    return next((int(result["exit_code"]) for result in results if result["exit_code"]), 0)


def check_recipe(path: Path) -> dict[str, Any]:
    """Return what a build of the recipe would start from, or why it would not."""
    result: dict[str, Any] = {"recipe": str(path), "ok": False, "exit_code": 0}
    try:
        result |= _found(path)
    except PackagerError as error:
        Console().error(error)
        result |= {"exit_code": error.exit_code, "stage": error.stage, "error": str(error)}
    else:
        result["ok"] = True
    return result


def _found(path: Path) -> dict[str, Any]:
    recipe = load_recipe(path)
    stages.refuse_unavailable_keys(recipe)
    report = BuildReport(recipe.name, recipe.version)
    with tempfile.TemporaryDirectory(prefix="packager-") as folder, source_worker(Path(folder)) as worker:
        scratch = Path(folder)
        source = stages.source(recipe, worker, scratch, report=report, environ=os.environ)
        forms = stages.convert(recipe, worker, source, scratch)
    return {
        "name": recipe.name,
        "version": source.model.version,
        "framework": source.model.framework,
        "estimators": list(source.model.estimators),
        "columns": len(source.model.signature.columns),
        "forms": {form.name: form.reason or "converts" for form in (forms.fp64, forms.fp32)},
    }


def _line(result: dict[str, Any]) -> str:
    if not result["ok"]:
        return printable(f"{result['recipe']}: refused at {result['stage']} (exit {result['exit_code']})")
    forms = ", ".join(f"{name} {told}" for name, told in result["forms"].items())
    return printable(f"{result['recipe']}: {result['name']}-{result['version']}, {result['columns']} columns, {forms}")
