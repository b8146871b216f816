"""score.py from its template: golden files, and data that tries to become code."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.bundle.deploy import render_deployment, render_endpoint
from packager.bundle.fast_path import FastPath, FileFacts
from packager.bundle.graph import Graph
from packager.bundle.model_info import ModelInfo, describe
from packager.bundle.openapi import describe_api
from packager.bundle.operations import Examples
from packager.bundle.plan import BundlePlan
from packager.bundle.render import code_span, render_readme, render_score

from . import models
from .scripts import ask, load

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = (
    '"""',
    "'\n\"; import os #",
    "{{ 7 * 7 }}{% raw %}",
    "a: [b, *c] & !!python/object/apply:os.system",
    "\\",
    "</script>`|` # *x*",
    "\u2028\u0085\x00",
)


def info_of(plan: BundlePlan) -> ModelInfo:
    """Return the plan's facts with the graph that its signature asks for, without opening the model."""
    inputs = {
        name: "object" if plan.signature.layout == "columns" and column.dtype == "string" else "float64"
        for name, column in zip(plan.signature.input_names, plan.signature.columns, strict=False)
    }
    outputs = {output.name: "int64" if output.role == "label" else "float64" for output in plan.signature.outputs}
    return describe(plan, Graph(inputs, outputs), size=1, sha256="0" * 64)


@pytest.mark.parametrize("kind", ["classifier", "missing", "text", "strict"])
def test_score_golden(kind: str, tmp_path: Path, golden: Callable[[Path, str], None]) -> None:
    script = render_score(info_of(models.KINDS[kind](tmp_path)), info_sha256="0" * 64)
    golden(GOLDEN / f"score_{kind}.py.txt", script)


@pytest.mark.parametrize("kind", models.KINDS)
def test_score_is_tidy_python(kind: str, tmp_path: Path) -> None:
    script = render_score(info_of(models.KINDS[kind](tmp_path)), info_sha256="0" * 64)
    tree = ast.parse(script)
    assert {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} >= {"init", "run"}
    assert max(len(line) for line in script.splitlines()) <= 120
    assert "{{" not in script
    assert "{%" not in script
    assert not re.search("\n\n\n\n| \n", script)
    assert len(script.splitlines()) <= 345


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_score_with_a_fast_path(
    mode: Literal["prefer", "require"], tmp_path: Path, golden: Callable[[Path, str], None]
) -> None:
    facts = FileFacts("0" * 64, 1)
    fast = FastPath(mode, "Linux", "x86_64", facts, {"binned.py": facts}, ((256, 3, 1),))
    info = replace(info_of(models.missing_taker(tmp_path)), fast_path=fast)
    script = render_score(info, info_sha256="0" * 64)
    golden(GOLDEN / "score_binned.py.txt", script)
    ast.parse(script)
    assert max(len(line) for line in script.splitlines()) <= 120
    assert not re.search("\n\n\n\n| \n", script)
    assert len(script.splitlines()) <= 430
    api = json.dumps(describe_api(info, title="", version="", examples=Examples({}, {})))
    assert api.count('"x-model-form"') == 4
    assert ("onnx; (platform" in api) == (mode == "prefer")


FREE = st.text(max_size=12).filter(lambda text: not re.search("[\ud800-\udfff]", text)) | st.sampled_from(HOSTILE)


@settings(max_examples=300, deadline=None)
@given(
    names=st.lists(FREE, min_size=3, max_size=3, unique=True),
    classes=st.lists(FREE, min_size=2, max_size=2, unique=True),
)
def test_no_free_text_becomes_code(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], classes: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    plain = info_of(models.classifier(folder))
    plan = models.classifier(folder, names=names, classes=classes)
    plan = replace(plan, version=names[0], lineage={names[1]: {names[2]: classes[0]}})
    info = info_of(plan)
    tree = ast.dump(ast.parse(render_score(info, info_sha256="0" * 64)))
    assert tree == ast.dump(ast.parse(render_score(plain, info_sha256="0" * 64)))
    assert [column["name"] for column in json.loads(json.dumps(info.document()))["columns"]] == names
    deployment = yaml.safe_load(render_deployment(plan))
    assert deployment["tags"]["bundle_version"] == names[0]
    assert yaml.safe_load(render_endpoint(plan))
    api = describe_api(info, title=names[0], version=names[1], examples=Examples({}, {}))
    assert api["components"]["schemas"]["RowObject"]["required"] == names  # type: ignore[index, call-overload]
    rows = [line for line in render_readme(plan, info).splitlines() if re.match(r"\| \d \|", line)]
    assert len(rows) == 3


def test_hostile_names_are_served_as_they_are(tmp_path: Path) -> None:
    names = HOSTILE[:3]
    plan = models.classifier(tmp_path, names=names, classes=HOSTILE[3:5])
    script = load(models.bundled(plan, tmp_path / "bundle"))
    record = dict(zip(names, (1.0, 2.0, 3.0), strict=True))
    status, body = ask(script, {"features": [record]})
    assert status == 200
    assert body["prediction"] == [HOSTILE[3]]
    assert ask(script, {"features": [{**record, names[1]: "x"}]})[1]["error"]["column"] == names[1]
    assert ask(script, {"features": [[9, 0, 0]]})[1]["prediction"] == [HOSTILE[4]]


@pytest.mark.parametrize("key", ['a"b\\', "{{ 1 }}", "ключ", "features "])
def test_any_request_key_works(key: str, tmp_path: Path) -> None:
    plan = models.classifier(tmp_path)
    plan = replace(plan, settings=plan.settings.model_copy(update={"request_key": key}))
    script = load(models.bundled(plan, tmp_path / "bundle"))
    assert ask(script, {key: [[1, 2, 3]]})[0] == ask(script, {"data": [[1, 2, 3]]})[0] == 200
    assert ask(script, {"features": [[1, 2, 3]]})[1]["error"]["expected"] == key


@pytest.mark.parametrize("key", ["data", "instances"])
def test_an_alias_as_the_request_key(key: str, tmp_path: Path) -> None:
    script = load(models.bundled(models.with_settings(models.classifier(tmp_path), request_key=key), tmp_path / "b"))
    assert ask(script, {key: [[1, 2, 3]]})[0] == 200
    assert ask(script, {"features": [[1, 2, 3]]})[1]["error"]["expected"] == key


@pytest.mark.parametrize("text", ["", "a", "`", "a``b`", "x|y", "two\nlines", "<b>"])
def test_code_spans_stay_in_their_cell(text: str) -> None:
    span = code_span(text)
    fence = re.match("`+", span)
    assert fence is not None
    assert span.endswith(fence.group())
    assert fence.group() not in span[len(fence.group()) : -len(fence.group())].strip("` ").split()
    assert "\n" not in span
    assert not re.search(r"(?<!\\)\|", span)


def test_readme_tells_checks_and_columns_but_no_measured_figure(tmp_path: Path) -> None:
    plan = models.text_taker(tmp_path)
    text = render_readme(plan, info_of(plan))
    assert "| `parity.atol` | `1e-06` |" in text
    assert "1e-16" not in text
    assert "lie within 1e-06 + 1e-05 ×" in text
    assert "`None`" not in text
    assert "| 1 | `city` | text | no |" in text
    assert "| 0 | `amount` | number from -1000000.0 to 1000000.0 | no |" in text
    assert "| 2 | `age` | number | yes |" in text
