"""The clean environment: what conda.yml may say, which Python serves, pip in place of uv, kept for the next time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from packager.bundle.finding import Finding
from packager.runtime import virtual_environment
from packager.validate import api, clean, interpreter
from packager.validate.clean import CleanEnvironment, clean_environment
from packager.validate.conda import Conda, Pin, read_conda
from packager.validate.interpreter import find_python, own
from packager.validate.validate import _gap

SMALL = Conda(".".join(own().version.split(".")[:2]), (Pin("packaging==24.2", "packaging", frozenset()),))


def conda(folder: Path, *dependencies: str) -> Conda | list[Finding]:
    (folder / "environment").mkdir()
    listed = "".join(f"- {line}\n" for line in dependencies)
    (folder / "environment" / "conda.yml").write_text(f"name: x\ndependencies:\n{listed}")
    return read_conda(folder)


def into(folder: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(folder), **more}


def test_pins_and_hashes_are_read(tmp_path: Path) -> None:
    line = f"Orjson==3.13.0 --hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}"
    found = conda(tmp_path, "python=3.12", "pip", "pip:\n  - numpy==2.4.6\n  - " + line)
    assert found == Conda(
        "3.12",
        (Pin("numpy==2.4.6", "numpy", frozenset()), Pin("Orjson==3.13.0", "orjson", frozenset({"a" * 64, "b" * 64}))),
    )


@pytest.mark.parametrize(
    "line",
    ["numpy", "numpy>=2", "numpy==2.*", "numpy===2", "-e .", "-r more.txt", "--index-url https://x", "./wheels/a.whl",
     "numpy @ https://x/numpy.whl", "git+https://x/numpy", "numpy==2 --config-settings=a=b", "5", "[numpy]"],
)  # fmt: skip
def test_nothing_but_exact_pins_reaches_an_installer(line: str, tmp_path: Path) -> None:
    found = conda(tmp_path, "python=3.12", f"pip:\n  - numpy==2.4.6\n  - {line}")
    assert isinstance(found, list)
    assert [(one.code, one.message) for one in found] == [("ImageBuildFailure", "not an exact pin")]
    assert found[0].file == "environment/conda.yml:6"


@pytest.mark.parametrize("python", ["python", "python>=3.9", "python=3", "python=2.7", "python=3.12.*.1"])
def test_a_python_that_is_not_pinned(python: str, tmp_path: Path) -> None:
    found = conda(tmp_path, python, "pip:\n  - numpy==2.4.6")
    assert isinstance(found, list)
    assert "is not pinned" in found[0].message


def test_an_environment_without_packages(tmp_path: Path) -> None:
    found = conda(tmp_path, "python=3.12")
    assert isinstance(found, list)
    assert "there is no pip part" in found[0].message


def test_the_own_python_is_at_hand_and_a_future_one_is_not() -> None:
    assert find_python(SMALL.python, os.environ) == own()
    assert find_python("3.77", os.environ) is None


def test_an_interpreter_of_that_name_is_asked_for_its_version(tmp_path: Path) -> None:
    lies, fails, tells = (tmp_path / name for name in ("lies", "fails", "tells"))
    for folder, line in ((lies, f'exec {sys.executable} "$@"'), (fails, "exit 127"), (tells, "echo 3.77.1 cpython")):
        folder.mkdir()
        (folder / "python3.77").write_text(f"#!/bin/sh\n{line}\n")
        (folder / "python3.77").chmod(0o755)
    environ = {"PATH": os.pathsep.join(map(str, (lies, fails))), "HOME": str(tmp_path)}
    assert find_python("3.77", environ) is None
    found = find_python("3.77", {**environ, "PATH": os.pathsep.join(map(str, (lies, fails, tells)))})
    assert (found and found.path, found and found.version) == (tells / "python3.77", "3.77.1")


def test_a_python_of_pyenv_is_found(tmp_path: Path) -> None:
    python = tmp_path / "versions" / "3.77.4" / "bin" / "python3.77"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho 3.77.4 cpython\n")
    python.chmod(0o755)
    found = find_python("3.77", {"PATH": "", "PYENV_ROOT": str(tmp_path)})
    assert found is not None
    assert found.version == "3.77.4"


def test_what_was_not_checked_is_said() -> None:
    assert _gap("3.11", "3.11.7") is None
    assert _gap("3.11.7", "3.11.7") is None
    assert "not checked under 3.12: none at hand" in str(_gap("3.12", "3.11.7"))
    assert "not checked under 3.11.9: only 3.11.7 at hand" in str(_gap("3.11.9", "3.11.7"))


def test_it_holds_the_pins_and_is_kept(environment: CleanEnvironment, true_bundle: Path) -> None:
    asked = "import importlib.util as u, sys; sys.exit(any(map(u.find_spec, ('packager', 'sklearn', 'lightgbm'))))"
    subprocess.run([environment.python, "-I", "-c", asked], check=True, timeout=60)
    again = clean_environment(read_conda(true_bundle))  # type: ignore[arg-type]
    assert isinstance(again, CleanEnvironment)
    assert (again.was_kept, again.folder, again.packages) == (True, environment.folder, environment.packages)
    assert "--hash=sha256:" in (again.folder / "requirements.lock").read_text()


def test_without_uv_pip_locks_and_installs(
    environment: CleanEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (virtual_environment, clean, interpreter):
        monkeypatch.setattr(module, "find_uv", lambda _: None)
    made = clean_environment(SMALL, environ=into(tmp_path))
    assert isinstance(made, CleanEnvironment), made
    lines = (made.folder / "requirements.lock").read_text().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("packaging==24.2 --hash=sha256:")
    subprocess.run([made.python, "-I", "-c", "import packaging"], check=True, timeout=60)


def test_a_hash_that_the_index_does_not_have(environment: CleanEnvironment, tmp_path: Path) -> None:
    wrong = Conda(SMALL.python, (Pin("packaging==24.2", "packaging", frozenset({"0" * 64})),))
    found = clean_environment(wrong, environ=into(tmp_path))
    assert isinstance(found, Finding)
    assert "hashes do not match" in found.message
    assert not [path for path in (tmp_path / "packager" / "environments").iterdir() if path.suffix != ".lock"]


def test_the_validator_is_installed_apart_where_it_is_not_here(
    environment: CleanEnvironment, true_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.util, "find_spec", lambda _: None)
    assert api.document_findings(true_bundle, environ=into(tmp_path)) == []
    assert list((tmp_path / "packager" / "environments").glob("openapi-spec-validator-*/bin/python"))
