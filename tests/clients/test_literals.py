"""Names, versions and keys never become code: they come back from each language's own reader as they were."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.bundle.clients import csharp_literal, render_clients
from packager.bundle.model_info import ModelInfo, read_info
from tests.bundle import models

from .programs import LIBRARIES

PYTHON, JAVASCRIPT = "clients/python/scoring_client.py", "clients/javascript/scoring-client.mjs"
CSHARP, CURL = "clients/csharp/ScoringClient.cs", "clients/curl/score.sh"
HOSTILE = [
    "",
    '"',
    "'",
    "\\",
    '\\"',
    '");process.exit(1);//',
    "'); import os; os.abort() #",
    '"""',
    "'''\n",
    "*/ #error",
    "// \r\n#error x",
    "\\u0022",
    "\\x22",
    "${1+1}`",
    "{% raw %}{{ 7*7 }}{# x #}",
    "</script>",
    "\u2028\u2029\u0085",
    "\x00\x01\x7f\ufeff",
    "😀\U0010ffff",
    "\u202e evil",
    "$(id)`id`",
    "__proto__",
    "constructor",
    "%s %(x)s {0}",
    "ı ſ K",
]


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> ModelInfo:
    folder = tmp_path_factory.mktemp("literals")
    return read_info(models.bundled(models.classifier(folder), folder / "bundle") / "code")


def with_names(info: ModelInfo, names: list[str], key: str = "features") -> ModelInfo:
    columns = tuple(models.number(name) for name in names)
    return replace(info, request_key=key, signature=replace(info.signature, columns=columns))


@pytest.fixture(scope="module")
def plain(info: ModelInfo) -> dict[str, str]:
    return render_clients(with_names(info, ["a", "b"]), name="n", version="1", request_timeout_ms=20_000)


def shape(tree: ast.Module) -> str:
    """Return a program's tree with all texts in it left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(HOSTILE)


@settings(max_examples=60, deadline=None)
@given(names=st.lists(TEXTS, min_size=2, max_size=2), key=TEXTS, name=TEXTS, version=TEXTS)
def test_hostile_texts_stay_literals(
    info: ModelInfo, plain: dict[str, str], names: list[str], key: str, name: str, version: str
) -> None:
    files = render_clients(with_names(info, names, key), name=name, version=version, request_timeout_ms=20_000)
    tree = ast.parse(files[PYTHON], feature_version=(3, 8))
    found = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.Tuple)
    }
    assert found["COLUMNS"] == tuple(names)
    assert (found["REQUEST_KEY"], found["(MODEL, VERSION)"]) == (key, (name, version))
    assert shape(tree) == shape(ast.parse(plain[PYTHON]))
    assert files[CURL] == plain[CURL]
    for path, literal in ((JAVASCRIPT, json.dumps), (CSHARP, csharp_literal)):
        lines, plain_lines = files[path].split("\n"), plain[path].split("\n")
        other = [line for line, same in zip(lines, plain_lines, strict=True) if line != same]
        assert all(line.isascii() and line.isprintable() for line in other)
        assert {literal(text) for text in names} <= {line.strip().rstrip(",") for line in lines}


@given(TEXTS)
def test_a_csharp_literal_is_read_as_it_was_written(text: str) -> None:
    literal = csharp_literal(text)
    assert re.fullmatch(r'"(?:[ !#-\[\]-~]|\\u[0-9a-f]{4})*"', literal)
    units = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), literal[1:-1])
    assert units.encode("utf-16-be", "surrogatepass").decode("utf-16-be") == text


@pytest.mark.skipif(not shutil.which("node"), reason="no node: apt-get install nodejs")
def test_javascript_reads_hostile_names_as_they_are(info: ModelInfo, tmp_path: Path) -> None:
    texts = render_clients(
        with_names(info, HOSTILE, HOSTILE[5]), name=HOSTILE[6], version=HOSTILE[7], request_timeout_ms=20_000
    )
    (tmp_path / "scoring-client.mjs").write_text(texts[JAVASCRIPT])
    (tmp_path / "show.mjs").write_text(
        'import { COLUMNS, REQUEST_KEY, MODEL, VERSION } from "./scoring-client.mjs";\n'
        "console.log(JSON.stringify([COLUMNS, REQUEST_KEY, MODEL, VERSION]));\n"
    )
    assert told(["node", str(tmp_path / "show.mjs")]) == [HOSTILE, HOSTILE[5], HOSTILE[6], HOSTILE[7]]


@pytest.mark.skipif(not shutil.which("mcs"), reason="no mcs: apt-get install mono-mcs")
def test_csharp_reads_hostile_names_as_they_are(info: ModelInfo, tmp_path: Path) -> None:
    texts = render_clients(
        with_names(info, HOSTILE, HOSTILE[5]), name=HOSTILE[6], version=HOSTILE[7], request_timeout_ms=20_000
    )
    (tmp_path / "ScoringClient.cs").write_text(texts[CSHARP])
    (tmp_path / "Show.cs").write_text(
        "namespace Scoring { class Show { static void Main() { System.Console.WriteLine(Json.Show("
        "new object[] { Model.Columns, Model.RequestKey, Model.Name, Model.Version })); } } }"
    )
    sources = [str(tmp_path / "ScoringClient.cs"), str(tmp_path / "Show.cs")]
    command = ["mcs", "-nologo", "-warnaserror", *LIBRARIES, f"-out:{tmp_path / 'show.exe'}", *sources]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told(["mono", str(tmp_path / "show.exe")]) == [HOSTILE, HOSTILE[5], HOSTILE[6], HOSTILE[7]]


def told(command: list[str]) -> object:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)
