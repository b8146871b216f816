"""A source URI finds the artifact, or says what is there instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from packager.errors import RecipeError, SourceError
from packager.recipe import schemes
from packager.registry.directory import DirectoryRegistry
from packager.registry.fetch import SCHEMES, fetch_source
from packager.registry.locate import parse_uri, registry_root


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "fraud model.joblib"
    path.write_bytes(b"model")
    return path


def test_a_path_starts_at_the_recipe(model: Path, tmp_path: Path) -> None:
    for uri in ("fraud model.joblib", str(model), f"file://{tmp_path}/fraud%20model.joblib"):
        found = fetch_source(uri, base=tmp_path, environ={})
        assert found.path == model
        assert (found.version, found.data_files, found.entry) == (None, (), None)


def test_a_registry_lies_beside_the_recipe_or_where_the_environment_says(model: Path, tmp_path: Path) -> None:
    assert registry_root(tmp_path, {}) == tmp_path / "registry"
    assert registry_root(tmp_path, {"PACKAGE_REGISTRY": "/srv/models"}) == Path("/srv/models")
    for root, environ in ((tmp_path / "registry", {}), (tmp_path / "other", {"PACKAGE_REGISTRY": f"{tmp_path}/other"})):
        entry = DirectoryRegistry(root).register(model, "fraud", version="3", data=model.with_name(_rows(tmp_path)))
        for uri in ("registry://fraud/3", "registry://fraud", "registry://fraud/latest"):
            found = fetch_source(uri, base=tmp_path, environ=environ)
            assert found.path == entry.path
            assert found.data_files == entry.data_files != ()
            assert found.version == "3"
            assert found.entry == entry


def _rows(folder: Path) -> str:
    (folder / "rows.csv").write_text("a\n1\n")
    return "rows.csv"


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("fraud modl.joblib", "there is fraud model.joblib"),
        ("nowhere/fraud.joblib", "has no nowhere"),
        (".", "is a folder; an artifact is a file"),
        ("registry://fraud/3", "the registry is empty"),
        ("fifo", "no plain file"),
        ("x" * 300, "file name too long"),
        ("fraud model.joblib/x", "no artifact at"),
    ],
)
def test_what_is_missing_is_told(model: Path, tmp_path: Path, uri: str, told: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SourceError, match=told) as caught:
        fetch_source(uri, base=tmp_path, environ={})
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("uri", ["s4://x", "registry://../x", "registry://a/b/c", "file://x", "", "registry://"])
def test_a_malformed_uri_is_the_authors(tmp_path: Path, uri: str) -> None:
    with pytest.raises(RecipeError):
        parse_uri(uri, base=tmp_path)


@pytest.mark.parametrize(
    "uri", ["models:/fraud/1", "models:/fraud@champion", "azureml:fraud:1", "oci://h/f:1", "s3://b/k", "https://h/p"]
)
def test_a_known_scheme_without_a_reader_is_named(tmp_path: Path, uri: str) -> None:
    with pytest.raises(SourceError, match="cannot be read in this version") as caught:
        fetch_source(uri, base=tmp_path, environ={})
    assert uri.partition(":")[0] in str(caught.value)


def test_the_table_holds_what_recipes_are_told_is_available() -> None:
    assert {name for name, scheme in schemes.SCHEMES.items() if scheme.available} == set(SCHEMES)
