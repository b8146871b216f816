"""The schema says what the loader does, and the files made from it are current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from packager.errors import RecipeError
from packager.recipe.load import load_recipe
from packager.recipe.reference import EXAMPLE, reference
from packager.recipe.schema import schema, schema_text

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {"recipe_version": 1, "name": "a", "source": {"uri": "x"}}


def both(document: dict[str, Any], folder: Path) -> tuple[bool, bool]:
    path = folder / "recipe.yml"
    path.write_text(json.dumps(document), encoding="utf-8")
    by_schema = jsonschema.Draft202012Validator(schema()).is_valid(document)
    try:
        load_recipe(path, environ={})
    except RecipeError:
        return by_schema, False
    return by_schema, True


def test_the_schema_file_is_current() -> None:
    current = (ROOT / "recipes/recipe.schema.json").read_text(encoding="utf-8")
    assert current == schema_text(), "python -m packager.recipe.schema > recipes/recipe.schema.json"


def test_the_reference_is_current() -> None:
    current = (ROOT / "docs/recipe.md").read_text(encoding="utf-8")
    assert current == reference(), "python -m packager.recipe.reference > docs/recipe.md"


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_every_key_is_described_and_closed() -> None:
    def walk(part: dict[str, Any]) -> None:
        assert part["additionalProperties"] is False
        for name, inner in part["properties"].items():
            assert inner.get("description"), name

    root = schema()
    for part in (root, *root["$defs"].values()):  # type: ignore[union-attr, misc]
        walk(part)  # type: ignore[arg-type]


def test_the_example_is_valid() -> None:
    jsonschema.validate(yaml.safe_load(EXAMPLE), schema())


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"version": "1.0+b"},
        {"version": None},
        {"data": {"verification": "*.csv", "label": "y", "features": ["a"]}, "verify": {"drift": {"metric": "f1"}}},
        {"verify": {"drift": None, "thresholds": [0.5, 1]}},
        {
            "verify": {"champion": {"uri": "registry://a/1", "min_gain": 0.1}, "segment": "country"},
            "data": {"label": "y"},
        },
        {"verify": {"champion": {"uri": "dist/a/bundle", "max_drop": 0, "min_gain": None}}, "data": {"label": "y"}},
        {"convert": {"opset": 21, "converters": {"a.B": "c.d"}, "engine": "stock"}},
        {"convert": {"opset": "auto"}},
        {"optimize": {"precisions": []}},
        {"benchmark": {"targets": [{"name": "a", "provider": "qnn", "threads": 4}], "slo": {"qps": 1}}},
        {"source": {"uri": "models:/a@b", "sha256": "0" * 64, "trust": ["a.B"]}},
        {"publish": []},
        {"bundle": {"deploy": {"sized_by": "report.json", "tags": {"a": "b"}}}},
        {"bundle": {"deploy": {"sized_by": None, "workers": 2}}},
    ],
)  # fmt: skip
def test_good_documents_pass_both(tmp_path: Path, more: dict[str, Any]) -> None:
    assert both({**GOOD, **more}, tmp_path) == (True, True)


@pytest.mark.parametrize(
    "more",
    [
        {"name": "A"},
        {"name": None},
        {"unknown": 1},
        {"recipe_version": 2},
        {"recipe_version": True},
        {"version": 3},
        {"version": "a/b"},
        {"version": ".."},
        {"source": {}},
        {"source": {"uri": ""}},
        {"source": {"uri": "s4://x"}},
        {"source": {"uri": "registry://../x"}},
        {"source": {"uri": "registry://a/b/c"}},
        {"source": {"uri": "file://x"}},
        {"source": {"uri": "x", "sha256": "abc"}},
        {"source": {"uri": "x", "trust": ["a b"]}},
        {"data": None},
        {"data": {"features": []}},
        {"data": {"features": ["a", "a"]}},
        {"data": {"label": ""}},
        {"convert": {"opset": 3}},
        {"convert": {"opset": True}},
        {"convert": {"converters": {"a b": "c"}}},
        {"optimize": {"precisions": ["fp8"]}},
        {"optimize": {"precisions": ["fp16", "fp16"]}},
        {"verify": {"parity": {"atol": "1e-6"}}},
        {"verify": {"parity": {"atol": -1}}},
        {"verify": {"parity": {"atol": True}}},
        {"verify": {"parity": {"label_mismatch": 1.5}}},
        {"verify": {"parity": {"int8": {"x": 1}}}},
        {"verify": {"drift": {"metric": "f1"}}},
        {"verify": {"drift": {"metric": "f1"}}, "data": {"label": None}},
        {"verify": {"drift": {"metric": "auc"}}, "data": {"label": "y"}},
        {"verify": {"segment": "country"}},
        {"verify": {"champion": {"uri": "registry://a/1"}}},
        {"verify": {"champion": {"min_gain": 0.1}}, "data": {"label": "y"}},
        {"verify": {"champion": {"uri": "a", "min_gain": 0.1, "max_drop": 0.1}}, "data": {"label": "y"}},
        {"verify": {"drift": {"max_drop": 1}}, "data": {"label": "y"}},
        {"verify": {"golden": "x"}},
        {"benchmark": {"targets": []}},
        {"benchmark": {"targets": [{"name": "a"}]}},
        {"benchmark": {"targets": [{"name": "a", "provider": "tpu"}]}},
        {"benchmark": {"targets": [{"name": "a", "provider": "cpu", "threads": 0}]}},
        {"benchmark": {"batch_sizes": [0]}},
        {"benchmark": {"slo": {"utilization": 1.1}}},
        {"select": {"objective": "speed"}},
        {"bundle": {"python": 3.12}},
        {"bundle": {"python": "2.7"}},
        {"bundle": {"deploy": {"endpoint": ""}}},
        {"bundle": {"deploy": {"request_timeout_ms": 180_001}}},
        {"bundle": {"deploy": {"auth_mode": "password"}}},
        {"bundle": {"deploy": {"sized_by": "report.json", "workers": 2}}},
        {"bundle": {"deploy": {"tags": {"a": 1}}}},
        {"publish": [{}]},
        {"publish": {"to": "registry://x"}},
    ],
)
def test_bad_documents_fail_both(tmp_path: Path, more: dict[str, Any]) -> None:
    assert both({**GOOD, **more}, tmp_path) == (False, False)
