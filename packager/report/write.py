"""Write a BuildReport in its four forms, report.json, report.md, report.html and junit.xml, and what belongs to it.

What was measured lies beside them in the JSON of pytest-benchmark too, where anything was. The script, reproduce.py, is
there where a variant was refused for what it answers to some rows: it shows them.
"""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from packager import files
from packager.artifact import BINNED_SUFFIX
from packager.report.html import render_html
from packager.report.junit import render_junit
from packager.report.markdown import render_markdown
from packager.report.model import BuildReport, Reproduction
from packager.report.pytest_benchmark import BENCHMARK_FILE, benchmark_document

# A report goes through mail and CI artifacts; the script takes a larger model by its path.
_LARGEST_MODEL_BYTES = 64 << 20


def write_report(report: BuildReport, folder: Path) -> None:
    """Write the report's files into an existing folder; every form is made before the first is written."""
    forms = {
        "report.json": _encodable(files.pretty_json(report.document())),
        "report.md": render_markdown(report),
        "report.html": render_html(report),
        "junit.xml": render_junit(report),
    }
    benchmarks = benchmark_document(report)
    if benchmarks["benchmarks"]:
        forms[BENCHMARK_FILE] = _encodable(files.pretty_json(benchmarks))
    for name, text in forms.items():
        files.write_text(folder / name, text)
    if report.reproduction is not None:
        _write_script(report.reproduction, folder)


def _encodable(text: str) -> str:
    """Spell lone surrogates, as in undecodable file names, as the JSON escapes that they are."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _write_script(reproduction: Reproduction, folder: Path) -> None:
    script = resources.files("packager.report").joinpath("reproduce.py").read_text(encoding="utf-8")
    files.write_text(folder / "reproduce.py", script)
    files.write_text(folder / "mismatch" / "cases.json", _encodable(files.pretty_json(reproduction.cases)))
    for name, path in reproduction.models.items():
        if path.stat().st_size <= _LARGEST_MODEL_BYTES:
            shutil.copyfile(path, folder / "mismatch" / f"{name}{path.suffix}")
    if any(path.suffix == BINNED_SUFFIX for path in reproduction.models.values()):
        _write_scorer(folder / "mismatch")


def _write_scorer(folder: Path) -> None:
    """Copy what runs a binned form without packager: the scorer, and the library that it was found wrong with."""
    for source in resources.files("packager.binned").iterdir():
        if source.name in ("scorer.py", "_binned.abi3.so"):
            (folder / source.name).write_bytes(source.read_bytes())
