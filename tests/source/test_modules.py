"""Modules of the user's own are found without being imported, and imported from where they were found."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from packager.source.modules import Finder, locate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a package, a module, a package without `__init__.py`, and one called like a library."""
    for name in ("whole_package/__init__.py", "whole_package/inner.py", "lone_module.py", "bare_package/part.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"WHERE = {name!r}\n")
    (tmp_path / "raising.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "numpy.py").write_text("WHERE = 'not numpy'\n")
    return tmp_path


def test_found_beside_the_recipe_without_importing(folder: Path) -> None:
    found = locate(["whole_package.inner.Step", "lone_module.Step", "bare_package.part", "raising.Step"], folder)
    assert set(found) == {"whole_package", "lone_module", "bare_package", "raising"}
    assert found["whole_package"].readable == (folder / "whole_package",)
    assert found["lone_module"].readable == (folder / "lone_module.py",)
    assert found["bare_package"].file is None
    assert not {"whole_package", "raising"} & set(sys.modules)


def test_what_is_installed_goes_first(folder: Path) -> None:
    assert Path(locate(["numpy.ndarray"], folder)["numpy"].file or "").parent.name == "numpy"


def test_the_standard_library_and_unknown_names_are_left_out(folder: Path) -> None:
    assert locate(["os.system", "no_such_package.Step", "__main__.Step"], folder) == {}


@pytest.mark.parametrize("name", ["whole_package", "whole_package.inner", "lone_module", "bare_package.part"])
def test_imported_from_the_place(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for known in list(sys.modules):
        if known.partition(".")[0] in ("whole_package", "lone_module", "bare_package"):
            monkeypatch.delitem(sys.modules, known)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)
    monkeypatch.setattr(sys, "meta_path", [Finder(locate([name], folder)), *sys.meta_path])
    assert importlib.import_module(name).WHERE.startswith(name.replace(".", "/"))
    for known in list(sys.modules):
        if known.partition(".")[0] in ("whole_package", "lone_module", "bare_package"):
            monkeypatch.delitem(sys.modules, known)
