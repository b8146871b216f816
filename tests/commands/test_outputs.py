"""A result goes to a place that can be written and lies in no bundle; nothing is left there by finding out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from packager.commands.outputs import require_file, require_folder
from packager.errors import RecipeError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "code").mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    return folder


def test_a_new_place_is_accepted_and_not_made(tmp_path: Path) -> None:
    require_file(tmp_path / "a" / "b.json", "--out")
    require_folder(tmp_path / "a" / "b", "--out")
    assert not list(tmp_path.iterdir())


def test_files_and_folders_that_are_there_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("")
    require_file(tmp_path / "old.json", "--out")
    require_folder(tmp_path, "--out")


def test_in_a_bundle_is_refused_by_whatever_way(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(bundle / "code")
    for place in (bundle / "x", bundle / "new" / "x", bundle / "code" / ".." / "x", tmp_path / "way" / "x"):
        with pytest.raises(RecipeError, match="lies in the bundle"):
            require_file(place, "--out")
        with pytest.raises(RecipeError, match="lies in the bundle"):
            require_folder(place, "--out")
    with pytest.raises(RecipeError, match="lies in the bundle"):
        require_folder(bundle, "--out")


def test_other_programs_have_a_manifest_too(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    require_file(tmp_path / "x.json", "--out")


def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place, said in (
        (tmp_path, "a folder"),
        (tmp_path / "pipe", "no regular file"),
        (Path(os.devnull), "no regular"),
    ):
        with pytest.raises(RecipeError, match=said):
            require_file(place, "--out")


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecipeError, match="is no folder"):
        require_folder(tmp_path / "file", "--out")
    for place in (tmp_path / "file" / "x", Path("/proc/x")):
        with pytest.raises(RecipeError, match="cannot be written"):
            require_folder(place, "--out")
