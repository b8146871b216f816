"""`package check`: recipe, source and conversion, step by step, without building anything."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from packager import stages
from packager.console import Console, Style
from packager.convert.steps import StepFinding, refuse_unsupported, without_double_kernel
from packager.errors import PackagerError
from packager.files import pretty_json
from packager.recipe.load import load_recipe
from packager.report.model import BuildReport
from packager.source.child import source_worker
from packager.wording import printable

_STYLES: dict[str, Style] = {"exact": "good", "convertible": "", "float32-only": "warn", "unsupported": "bad"}
# Members of an ensemble that are told alike are one line from this many on.
_ALIKE = 4


def check_recipes(recipes: Sequence[Path], *, as_json: bool) -> int:
    """Check every recipe, tell all of them, and return the first failure's exit code, else 0."""
    results = []
    for recipe in recipes:
        results.append(check_recipe(recipe))
        if not as_json:
            _tell(results[-1])
    if as_json:
        print(pretty_json(results[0] if len(results) == 1 else results), end="")
    return next((int(result["exit_code"]) for result in results if result["exit_code"]), 0)


def check_recipe(path: Path) -> dict[str, Any]:
    """Return what a build of the recipe would start from, or why it would not."""
    result: dict[str, Any] = {"recipe": str(path), "ok": False, "exit_code": 0, "steps": []}
    try:
        _find(path, result)
    except PackagerError as error:
        Console().error(error)
        result |= {"exit_code": error.exit_code, "stage": error.stage, "error": str(error)}
    else:
        result["ok"] = True
    return result


def _find(path: Path, result: dict[str, Any]) -> None:
    """Go as far as a build goes without building; `result` holds what was found, up to what is refused."""
    recipe = load_recipe(path)
    stages.refuse_unavailable_keys(recipe)
    report = BuildReport(recipe.name, recipe.version)
    with tempfile.TemporaryDirectory(prefix="packager-") as folder, source_worker(Path(folder)) as worker:
        scratch = Path(folder)
        source = stages.source(recipe, worker, scratch, report=report, environ=os.environ)
        result |= {
            "name": recipe.name,
            "version": source.model.version,
            "framework": source.model.framework,
            "estimators": list(source.model.estimators),
            "columns": len(source.model.signature.columns),
        }
        steps = stages.lint(recipe, worker, source, scratch)
        result["steps"] = _plain(steps)
        refuse_unsupported(steps, recipe.where("source.uri"))
        forms = stages.convert(recipe, worker, source, scratch)
    result["forms"] = {form.name: form.reason or "converts" for form in (forms.fp64, forms.fp32)}
    if forms.fp64.reason:
        result["steps"] = _plain(without_double_kernel(steps, forms.fp64.reason))


def _plain(steps: Sequence[StepFinding]) -> list[dict[str, str]]:
    return [{key: getattr(step, key) for key in ("path", "estimator", "status", "reason")} for step in steps]


def _tell(result: dict[str, Any]) -> None:
    """Say on stdout what was found: a line, and a table of the steps."""
    console = Console(sys.stdout)
    console.write((_line(result), "strong"))
    if result["steps"]:
        rows = [(_STYLES[step["status"]], _cells(step, count)) for step, count in _grouped(result["steps"])]
        console.table(("step", "estimator", "converts", "why"), rows, left=4)


def _cells(step: dict[str, str], count: int) -> tuple[str, ...]:
    path = step["path"] if count == 1 else f"{step['path']} and {count - 1} more"
    return path, step["estimator"], step["status"], step["reason"]


def _grouped(steps: Sequence[dict[str, str]]) -> list[tuple[dict[str, str], int]]:
    """Return the steps with how many each line stands for: neighbours that differ in their name alone."""
    lines: list[tuple[dict[str, str], int]] = []
    for _, group in groupby(steps, lambda step: (step["path"].count("."), *list(step.values())[1:])):
        alike = list(group)
        lines += [(alike[0], len(alike))] if len(alike) >= _ALIKE else [(step, 1) for step in alike]
    return lines


def _line(result: dict[str, Any]) -> str:
    if not result["ok"]:
        return printable(f"{result['recipe']}: refused at {result['stage']} (exit {result['exit_code']})")
    forms = ", ".join(f"{name} {told}" for name, told in result["forms"].items())
    return printable(f"{result['recipe']}: {result['name']}-{result['version']}, {result['columns']} columns, {forms}")
