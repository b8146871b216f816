"""Free text of every kind, in every field that takes it, comes out of each file as it went in; nothing else changes.

Texts are what people mistype and what attackers try: quotes, line ends, braces, the syntax of each format, emoji,
characters that steer terminals, some that YAML reads as other things.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from packager.artifact import Column
from packager.azure import rules
from packager.bundle.container import render_dockerfile, render_launch
from packager.bundle.deploy import check_deploy, render_deployment, render_endpoint
from packager.bundle.environment import render_conda
from packager.bundle.model_info import ModelInfo
from packager.bundle.openapi import describe_api
from packager.bundle.operations import Examples
from packager.bundle.plan import BundlePlan
from packager.bundle.render import render_readme, render_score
from packager.errors import BundleError, RecipeError
from packager.recipe.deploy import DataCollector, Deploy
from packager.recipe.load import load_recipe

from . import models
from .containers import Built, read_dockerfile
from .test_render import info_of

TRIED = (
    '"""', "'''", "'\n\"; import os #", "\\", "\\\n", '\\"', "\\u0022", "%s{0}{x!r}", "f'{1}'",
    "{{ 7 * 7 }}{% raw %}", "{# x #}", "{%- endif %}", "${HOME}", "$(id)", "`id`", "$${{x}}", "%(name)s",
    "a: [b, *c] & !!python/object/apply:os.system", "- x", "? x", "| x", "> x", "*a", "&a", "!x", "---", "...", "#x",
    "no", "on", "~", "null", "1e3", "0x10", "2026-01-01", "12:30:45", "", " ", "x ", " x", "=", "<<",
    "\nRUN id", "x\nUSER root", '"\nRUN id', "x\r\nRUN id", "\\\nRUN id", "';id;'", "&& id", "| id", "> /x", "-rf",
    "</script>`|` # *x*", "```\n# x", "| a | b |", "[x](javascript:x)", "<b>", "\u2028\u0085\x00", "\x1b[31m", "\x07",
    "\u202eabc", "\u2066x", "\ufeff", "\u200d", "👩‍👩‍👧", "🏴", "é", "東京", "\ufdd0", "\U0010ffff", "\x7f", "\t",
)  # fmt: skip
# A lone surrogate is no text: nothing that is read as UTF-8 holds one.
TEXT = st.sampled_from(TRIED) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FIELDS = 22
ORIGIN = "## Where it comes from\n"
# Each drawn list makes so many recipes, with its texts in other fields: 10,000 in all.
PARTS, LISTS, TURNS = 2, 625, 8
TEXTS = st.tuples(*[TEXT] * FIELDS)
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Plain:
    """A plan of harmless texts, and what is made of it."""

    plan: BundlePlan
    script: str
    container: Built
    launched: dict[str, Any]
    card: list[str]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    plan = models.classifier(tmp_path_factory.mktemp("plain"), classes=("yes", "no"))
    plan = replace(plan, deploy=deploy([*"abcdefghijkl"]))
    info = info_of(plan)
    (launched,) = json.loads(render_launch(plan.deploy))["configurations"]
    return Plain(
        plan,
        render_score(info, info_sha256="0" * 64),
        read_dockerfile(render_dockerfile(plan, "3.12")),
        {**launched, "env": None},
        skeleton(render_readme(plan, info).partition(ORIGIN)[0]),
    )


def deploy(texts: Sequence[str]) -> Deploy:
    """Return settings that no recipe has checked, with ten texts in all that take any."""
    endpoint, deployment, instance, identity, model, environment, origin, value, tag, tag_value, *_ = texts
    return Deploy.model_construct(
        **{
            **dict(Deploy()),
            "endpoint": endpoint,
            "deployment": deployment,
            "instance_type": instance,
            "identity": identity,
            "model": model,
            "environment": environment,
            "cors_origins": (origin,),
            "environment_variables": {"LEVEL": value, tag: value},
            "tags": {tag: tag_value},
            "data_collector": DataCollector(collections=("request",)),
        }
    )


def settled(plan: BundlePlan, texts: Sequence[str]) -> BundlePlan:
    """Return the plan with texts in every field that takes any; columns and labels stay different ones."""
    names = [f"{text}{index}" for index, text in enumerate(texts[:3])]
    columns = tuple(replace(column, name=name) for column, name in zip(plan.signature.columns, names, strict=True))
    signature = replace(plan.signature, columns=columns, classes=(f"{texts[3]}0", f"{texts[4]}1"))
    name, version, key, framework, step, lineage_key, lineage = texts[5:12]
    return replace(
        plan,
        name=name,
        version=version,
        signature=signature,
        settings=plan.settings.model_copy(update={"request_key": f"{key}!"}),
        card=replace(plan.card, framework=framework, estimators=(step, framework)),
        lineage={"source": {"uri": lineage, lineage_key: [lineage]}, lineage_key: {"x": lineage}},
        deploy=deploy(texts[12:]),
    )


def skeleton(text: str) -> list[str]:
    """Return the kinds of a Markdown file's lines: what begins a heading, a table's row, a fence, a list."""
    found = (re.match(r"#+ |\| |```|- |", line) for line in text.split("\n"))
    return [match[0] if match else "" for match in found]


@pytest.mark.parametrize("part", range(PARTS))
# Texts are short already, and making them shorter takes minutes.
@settings(
    max_examples=LISTS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
@given(texts=TEXTS)
def test_nothing_is_injected(part: int, plain: Plain, texts: Sequence[str]) -> None:
    for turn in range(TURNS):
        start = (turn * PARTS + part) * FIELDS // (TURNS * PARTS)
        plan = settled(plain.plan, texts[start:] + texts[:start])
        info = info_of(plan)
        hold_script(plan, info, plain)
        hold_yaml(plan)
        hold_container(plan, plain)
        hold_readme(plan, info, plain)


def hold_script(plan: BundlePlan, info: ModelInfo, plain: Plain) -> None:
    """score.py is the same text, so the same tree, whatever the texts are; JSON holds them as they are."""
    script = render_score(info, info_sha256="0" * 64)
    assert script == plain.script
    document = json.loads(json.dumps(info.document(), ensure_ascii=False).encode())
    assert [column["name"] for column in document["columns"]] == [column.name for column in plan.signature.columns]
    assert tuple(document["classes"]) == plan.signature.classes
    assert document["request_key"] == plan.settings.request_key


def hold_yaml(plan: BundlePlan) -> None:
    asked = plan.deploy
    endpoint = yaml.load(render_endpoint(plan), Loader)
    deployment = yaml.load(render_deployment(plan), Loader)
    tags = {**asked.tags, "bundle": plan.name}
    assert (endpoint["name"], endpoint["tags"]) == (asked.endpoint, tags)
    if asked.identity != "system_assigned":
        assert endpoint["identity"]["user_assigned_identities"] == [{"resource_id": asked.identity}]
    told = [deployment[key] for key in ("name", "endpoint_name", "instance_type")]
    assert told == [asked.deployment, asked.endpoint, asked.instance_type]
    assert deployment["tags"] == {**tags, "bundle_version": plan.version}
    if asked.model:
        assert deployment["model"] == asked.model
    if asked.environment:
        assert deployment["environment"] == asked.environment
    variables = deployment["environment_variables"]
    assert {name: variables[name] for name in asked.environment_variables} == asked.environment_variables
    assert variables[rules.ORIGINS] == asked.cors_origins[0]
    assert deployment.keys() >= {"request_settings", "liveness_probe", "data_collector"}


def hold_container(plan: BundlePlan, plain: Plain) -> None:
    built, expected = read_dockerfile(render_dockerfile(plan, "3.12")), plain.container
    kept = [one for one in built.instructions if one[0] not in ("ENV", "LABEL")]
    assert kept == [one for one in expected.instructions if one[0] not in ("ENV", "LABEL")]
    controls = "[\x00-\x1f\x7f]"
    assert built.environment["LEVEL"] == re.sub(controls, "\ufffd", plan.deploy.environment_variables["LEVEL"])
    assert built.labels["org.opencontainers.image.title"] == re.sub(controls, "\ufffd", plan.name)
    assert built.environment["GUNICORN_CMD_ARGS"] == expected.environment["GUNICORN_CMD_ARGS"]
    (launched,) = json.loads(render_launch(plan.deploy))["configurations"]
    assert {**launched, "env": None} == plain.launched
    own = {name: value for name, value in launched["env"].items() if "${" in value}
    assert all(value.startswith("${workspaceFolder}/") for value in own.values())


def hold_readme(plan: BundlePlan, info: ModelInfo, plain: Plain) -> None:
    text = render_readme(plan, info)
    card, _, origin = text.partition(ORIGIN)
    assert skeleton(card) == plain.card
    assert set(skeleton(origin)) == {"", "| "}
    assert text.replace("\n", "").isprintable()
    traffic = next(line for line in text.split("\n") if "--traffic" in line)
    assert len(shlex.split(traffic)) == 8


def test_the_same_script_is_python(plain: Plain) -> None:
    assert {node.name for node in ast.parse(plain.script).body if isinstance(node, ast.FunctionDef)} >= {"init", "run"}


def test_other_facts_make_another_script(plain: Plain) -> None:
    """Were the script the same whatever goes in, the comparison above would show nothing."""
    signature = plain.plan.signature
    signature = replace(signature, columns=(Column("a", "float64", True, 1.0), *signature.columns[1:]))
    assert render_score(info_of(replace(plain.plan, signature=signature)), info_sha256="0" * 64) != plain.script


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(texts=TEXTS)
def test_the_description_is_whole(plain: Plain, texts: Sequence[str]) -> None:
    plan = settled(plain.plan, texts)
    assert yaml.load(render_conda(plan.name, None), Loader)["name"] == plan.name
    examples = Examples({}, {}, {})
    api = describe_api(info_of(plan), title=plan.name, version=plan.version, examples=examples)
    names = [column.name for column in plan.signature.columns]
    assert api["components"]["schemas"]["RowObject"]["required"] == names  # type: ignore[index, call-overload]
    assert json.loads(json.dumps(api)) == api


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(texts=st.tuples(*[TEXT | st.just("\ud800")] * FIELDS))
def test_a_recipe_with_such_texts_is_refused_by_name_or_taken(
    tmp_path_factory: pytest.TempPathFactory, texts: Sequence[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.yml"
    asked = deploy(texts).model_dump(mode="json", exclude={"data_collector"})
    document = {"recipe_version": 1, "name": "a", "source": {"uri": "x"}, "bundle": {"deploy": asked}}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    try:
        check_deploy(load_recipe(path, environ={}))
    except (RecipeError, BundleError) as error:
        told = str(error)
        assert len(told.encode("utf-8")) < 4_000
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\u2066]", told)


def test_a_lone_surrogate_in_a_recipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text('recipe_version: 1\nname: a\nsource: {uri: x}\nbundle: {deploy: {tags: {x: "\\ud800"}}}\n')
    with pytest.raises(RecipeError, match="one line, without control characters"):
        load_recipe(path, environ={})
