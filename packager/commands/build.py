"""`package build`: one recipe here, several one after another or in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from packager.console import Console, Style
from packager.errors import PackagerError
from packager.files import pretty_json
from packager.pipeline import Options, build, report_folder
from packager.recipe.load import load_recipe
from packager.report.summary import print_summary

Json = dict[str, Any]


def build_recipes(recipes: Sequence[Path], options: Options, *, jobs: int, as_json: bool) -> int:
    """Build every recipe; print the bundles' paths or the reports; return the first failure's exit code, else 0."""
    if jobs > 1 and len(recipes) > 1:
        with ThreadPoolExecutor(jobs) as pool:
            documents = list(pool.map(lambda recipe: _build_apart(recipe, options), recipes))
    else:
        documents = [_build_here(recipe, options) for recipe in recipes]
    if len(documents) > 1:
        _print_overview(documents)
    if as_json:
        print(pretty_json(documents[0] if len(documents) == 1 else documents), end="")
    else:
        for document in documents:
            if document["bundle"]:
                print(document["bundle"]["path"])
    return next((int(document["exit_code"]) for document in documents if document["exit_code"]), 0)


def _print_overview(documents: Sequence[Json]) -> None:
    """Say of every recipe what came of it: the variant, its verdicts, where the report lies."""
    rows: list[tuple[Style, list[str]]] = []
    for document in documents:
        name = f"{document['name']}-{document['version'] or 'unresolved'}" if "name" in document else document["recipe"]
        if not document["ok"]:
            told = (document["error"] or "").split("\n")[0]
            rows.append(("bad", [name, f"refused, exit {document['exit_code']}", "", told[:60]]))
            continue
        verdicts = [verdict for verdict in document["verdicts"] if verdict["subject"] == document["selected"]]
        passed = f"{sum(verdict['ok'] for verdict in verdicts)} of {len(verdicts)} verdicts ok"
        report = Path(document["bundle"]["path"]).with_name("report") / "report.html"
        rows.append(("", [name, f"{document['selected']} bundled", passed, str(report)]))
    console = Console()
    console.write(("", ""))
    console.table(("recipe", "outcome", "verdicts", "report"), rows, left=4)


def _build_here(recipe: Path, options: Options) -> Json:
    console = Console()
    try:
        report = build(load_recipe(recipe), options, console)
    except PackagerError as error:  # before there was anything to report on
        console.error(error)
        return _unbuilt(recipe, error.exit_code, str(error))
    print_summary(console, report, folder=report_folder(report, options.out))
    return report.document()


def _build_apart(recipe: Path, options: Options) -> Json:
    command = [sys.executable, "-m", "packager", "build", str(recipe), "--out", str(options.out), "--json"]
    command += ["--locked"] if options.locked else []
    command += ["--show-values"] if options.show_values else []
    command += [] if options.publish else ["--no-publish"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    sys.stderr.write(done.stderr)
    try:
        document: Json = json.loads(done.stdout)
    except json.JSONDecodeError:
        return _unbuilt(recipe, done.returncode or 1, "the build left no report")
    return document


def _unbuilt(recipe: Path, exit_code: int, error: str) -> Json:
    return {"recipe": str(recipe), "ok": False, "exit_code": exit_code, "error": error, "bundle": None}
