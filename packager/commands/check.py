"""`package check`: recipe, source and conversion, step by step, without building anything."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packager import bundling, stages
from packager.baseline import find_baseline
from packager.bundle.deploy import check_deploy
from packager.console import Console, Style
from packager.convert.steps import StepFinding, refuse_unsupported, short_name, without_double_kernel
from packager.errors import PackagerError
from packager.files import pretty_json
from packager.recipe.load import load_recipe
from packager.report.model import BuildReport
from packager.runtime.machine import describe_machine
from packager.sizing import find_size
from packager.source.child import source_worker
from packager.wording import printable

_STYLES: dict[str, Style] = {"exact": "good", "convertible": "", "float32-only": "warn", "unsupported": "bad"}
# Steps that differ in their name alone, as members of an ensemble do, are one line from this many on.
_ALIKE = 4
_CONVERTS = "converts"
_HEADER = ("step", "estimator", "converts", "why")


def check_recipes(recipes: Sequence[Path], *, as_json: bool) -> int:
    """Check every recipe, tell all of them, and return the first failure's exit code, else 0."""
    results = []
    for recipe in recipes:
        results.append(check_recipe(recipe))
        if not as_json:
            if len(results) > 1:
                print()
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
    bundling.require_environment(recipe)
    check_deploy(recipe)
    find_size(recipe)
    baseline = find_baseline(recipe, environ=os.environ)
    report = BuildReport(recipe.name, recipe.version)
    with tempfile.TemporaryDirectory(prefix="packager-") as folder, source_worker(Path(folder)) as worker:
        scratch = Path(folder)
        source = stages.source(recipe, worker, scratch, report=report, environ=os.environ)
        if baseline is not None:
            baseline.check(source.model.signature, describe_machine(), recipe.where("benchmark.baseline"))
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
        binned = stages.bin_trees(recipe, forms, source, scratch)
    variants = [forms.fp64, forms.fp32, *([binned] if binned else [])]
    result["forms"] = {form.name: form.reason or _CONVERTS for form in variants}
    if forms.fp64.reason:
        result["steps"] = _plain(without_double_kernel(steps, forms.fp64.reason))
    bundling.require_fast_path(recipe, variants)


def _plain(steps: Sequence[StepFinding]) -> list[dict[str, str]]:
    return [{key: getattr(step, key) for key in ("path", "estimator", "status", "reason")} for step in steps]


def _tell(result: dict[str, Any]) -> None:
    """Say on stdout what was found: a line, forms that there are not, and a table of the steps."""
    console = Console(sys.stdout)
    console.write((_line(result), "strong"))
    for name, told in result.get("forms", {}).items():
        if told != _CONVERTS:
            console.write((printable(f"no {name}: {told}"), "" if name == "binned" else "warn"))
    lines = _grouped(result["steps"])
    if lines:
        shown = _HEADER if any(step["status"] != "exact" for step, _ in lines) else _HEADER[:-1]
        rows = [(_STYLES[step["status"]], _cells(step, count)[: len(shown)]) for step, count in lines]
        console.table(shown, rows, left=len(shown), words=shown is _HEADER)


def _cells(step: dict[str, str], count: int) -> tuple[str, ...]:
    path = step["path"] if count == 1 else f"{step['path']} and {count - 1:,} more"
    why = "" if step["status"] == "exact" else step["reason"]
    return path, short_name(step["estimator"]), step["status"], why


def _grouped(steps: Sequence[dict[str, str]]) -> list[tuple[dict[str, str], int]]:
    """Return the lines to tell, each with how many steps it stands for: those that differ in their own name alone."""
    kinds = [(re.sub(r"\d+", "#", step["path"].rpartition(".")[0]), *list(step.values())[1:]) for step in steps]
    counts = Counter(kinds)
    lines: list[tuple[dict[str, str], int]] = []
    told: set[tuple[str, ...]] = set()
    for step, kind in zip(steps, kinds, strict=True):
        count = counts[kind] if counts[kind] >= _ALIKE else 1
        if count == 1 or kind not in told:
            lines.append((step, count))
        told.add(kind)
    return lines


def _line(result: dict[str, Any]) -> str:
    if not result["ok"]:
        return printable(f"{result['recipe']}: refused at {result['stage']} (exit {result['exit_code']})")
    *others, last = (name for name, told in result["forms"].items() if told == _CONVERTS)
    forms = f"{', '.join(others)} and {last}" if others else last
    name = f"{result['name']}-{result['version']}"
    return printable(f"{result['recipe']}: {name}, {result['columns']} columns, converts in {forms}")
