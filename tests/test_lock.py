"""The lock: written, read back, and refused where it was made for something else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from packager.artifact import SessionSettings
from packager.errors import RecipeError
from packager.lock import LOCK_FILE, Lock, check_library, check_lock, find_lock
from packager.recipe.load import load_recipe
from packager.recipe.model import Recipe

LOCK = Lock("fraud", "3", "a" * 64, "b" * 64, "fp64")


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    path = tmp_path / "fraud.yml"
    path.write_text("recipe_version: 1\nname: fraud\nsource: {uri: model.joblib}\n")
    return load_recipe(path)


@pytest.mark.parametrize("version", ["3", "1e3", "null", "2026-01-01", "true", "é: [x"])
def test_what_is_written_is_read(version: str, recipe: Recipe, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    lock = replace(LOCK, version=version)
    (bundle / LOCK_FILE).write_text(lock.text(), encoding="utf-8")
    assert find_lock(recipe, bundle) == lock
    check_lock(lock, lock)


def test_tuned_settings_are_written_and_read(recipe: Recipe, tmp_path: Path) -> None:
    session = SessionSettings(threads=4, optimization="basic", execution="parallel", arena=False, rows_per_run=128)
    (tmp_path / "fraud.lock.yml").write_text(replace(LOCK, session=session).text())
    assert find_lock(recipe, tmp_path).session == session


def test_a_lock_of_before_settings_were_tuned_is_read_and_written_as_it_was(recipe: Recipe, tmp_path: Path) -> None:
    assert "session" not in LOCK.text()
    (tmp_path / "fraud.lock.yml").write_text(LOCK.text())
    assert find_lock(recipe, tmp_path).session is None


@pytest.mark.parametrize(
    "session",
    [
        {"threads": 0},
        {"threads": "4"},
        {"optimization": "most"},
        {"rows_per_run": 0},
        {"arena": "yes"},
        {"spinning": True},
        [1],
        "fast",
    ],
    ids=str,
)
def test_settings_that_are_none_are_refused(session: object, recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "fraud.lock.yml").write_text(f"{LOCK.text()}session: {json.dumps(session)}\n")
    with pytest.raises(RecipeError, match="is not a lock"):
        find_lock(recipe, tmp_path)


def test_the_lock_beside_the_recipe_comes_first(recipe: Recipe, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / LOCK_FILE).write_text(LOCK.text())
    (tmp_path / "fraud.lock.yml").write_text(replace(LOCK, selected="int8").text())
    assert find_lock(recipe, bundle).selected == "int8"


def test_without_a_lock_the_way_to_one_is_told(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        find_lock(recipe, tmp_path / "bundle")
    assert "build once without --locked" in str(caught.value)


@pytest.mark.parametrize("field", ["name", "version", "recipe_digest", "source_sha256", "tool"])
def test_a_lock_for_something_else_is_refused_by_what_differs(field: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_lock(LOCK, replace(LOCK, **{field: "other"}))
    assert field.replace("_", " ") in str(caught.value)
    assert caught.value.measured == "other"
    assert caught.value.limit == getattr(LOCK, field)


LIBRARY = replace(LOCK, selected="binned", library_sha256="c" * 64)


def test_the_compiled_library_is_written_and_read(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "fraud.lock.yml").write_text(LIBRARY.text())
    assert find_lock(recipe, tmp_path) == LIBRARY
    assert "library" not in LOCK.text()


def test_another_compilation_of_the_library_is_refused_with_what_to_do() -> None:
    check_library(LIBRARY, "c" * 64)
    check_library(LOCK, "d" * 64)  # one of before libraries were locked
    with pytest.raises(RecipeError) as caught:
        check_library(LIBRARY, "d" * 64)
    assert "--locked: the library of binned trees here is not the one of the lock" in str(caught.value)
    assert (caught.value.measured, caught.value.limit) == ("d" * 12, "c" * 12)
    assert "wheel" in str(caught.value.hint)


def test_another_choice_is_no_mismatch() -> None:
    check_lock(replace(LOCK, selected="int8"), LOCK)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[1, 2]",
        b"just text",
        b"name: fraud\n",
        b"{",
        b"name: [unclosed",
        b"\xff\xfe\x00",
        LOCK.text().encode() + b"more: 1\n",
        LOCK.text().encode() + b"library_sha256: 7\n",
    ],
    ids=["empty", "a list", "text", "too little", "broken", "unclosed", "not UTF-8", "an unknown key", "no digest"],
)
def test_what_is_no_lock_is_refused(content: bytes, recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "fraud.lock.yml").write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        find_lock(recipe, tmp_path / "bundle")
    assert "fraud.lock.yml" in str(caught.value)


def test_a_lock_of_another_format_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "fraud.lock.yml").write_text(replace(LOCK, lock_version=2).text())
    with pytest.raises(RecipeError, match="lock_version 2"):
        find_lock(recipe, tmp_path / "bundle")
