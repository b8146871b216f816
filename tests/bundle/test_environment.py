"""conda.yml: pins that are installed here, of things that run on its Python."""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from packager.bundle import environment
from packager.bundle.environment import SERVED, render_conda
from packager.errors import BundleError

GOLDEN = Path(__file__).parent / "golden"


def test_conda_golden(golden: Callable[[Path, str], None]) -> None:
    text = render_conda("fraud", "3.12")
    for distribution in SERVED:
        text = text.replace(f"{distribution}=={metadata.version(distribution)}", f"{distribution}==INSTALLED")
    golden(GOLDEN / "conda.yml", text)


def test_the_python_that_builds_is_the_default() -> None:
    import sys

    first = yaml.safe_load(render_conda("fraud", None))["dependencies"][0]
    assert first == f"python={sys.version_info.major}.{sys.version_info.minor}"


def test_all_that_the_script_imports_is_pinned_and_no_training_library() -> None:
    template = Path(environment.__file__).parent / "templates" / "score.py.j2"
    lines = template.read_text(encoding="utf-8").splitlines()
    tree = ast.parse("\n".join(line for line in lines if line.startswith(("import ", "from "))))
    roots = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    distributions = metadata.packages_distributions()
    packages = {root.partition(".")[0] for root in roots}
    wanted = {distributions[package][0].lower() for package in packages if package in distributions}
    assert wanted == set(SERVED)
    pins = yaml.safe_load(render_conda("fraud", "3.12"))["dependencies"][-1]["pip"]
    assert all("==" in pin for pin in pins)
    assert len(pins) == len(SERVED)


@pytest.mark.parametrize("python", ["3.6", "3.9", "2.7", "3.8.1"])
def test_a_python_that_the_pins_do_not_run_on_is_refused(python: str) -> None:
    with pytest.raises(BundleError, match=f"does not run on Python {python}") as caught:
        render_conda("fraud", python)
    error = caught.value
    assert (error.key, error.exit_code, error.measured) == ("bundle.python", 8, python)
    assert str(error.limit).startswith(">=3.")


def test_a_python_that_no_wheel_is_made_for_is_refused() -> None:
    with pytest.raises(BundleError, match=r"compiled for each Python, and names none as new as 3\.98") as caught:
        render_conda("fraud", "3.98")
    assert (caught.value.key, caught.value.measured) == ("bundle.python", "3.98")


def test_the_hint_of_a_wrong_python_works() -> None:
    assert "python=" in render_conda("fraud", None)


class Installed:
    """A distribution as an installer leaves it, with the metadata of the real one."""

    def __init__(self, version: str, **files: str) -> None:
        self.version, self._files, self._real = version, files, metadata.distribution("numpy")
        self.metadata = self._real.metadata

    def read_text(self, name: str) -> str | None:
        return self._files.get(name.partition(".")[0]) or self._real.read_text(name)


# What pip and uv write into direct_url.json.
EDITABLE = '{"url": "file:///src/numpy", "dir_info": {"editable": true}}'
FOLDER = '{"url": "file:///src/numpy", "dir_info": {}}'
REPOSITORY = '{"url": "https://example.org/numpy", "vcs_info": {"vcs": "git", "commit_id": "0123abc"}}'
WHEEL = '{"url": "file:///wheels/numpy-2.4.6-cp311.whl", "archive_info": {"hashes": {}}}'


@pytest.mark.parametrize(
    ("installed", "told"),
    [
        (Installed("2.4.6+local"), r"numpy 2\.4\.6\+local is a local build"),
        (Installed("2.5.0.dev0"), r"numpy 2\.5\.0\.dev0 is a development build"),
        (Installed("2.4.6", direct_url=EDITABLE), r"numpy 2\.4\.6 is an editable installation"),
        (Installed("2.4.6", direct_url=FOLDER), r"numpy 2\.4\.6 is a build from a folder"),
        (Installed("2.4.6", direct_url=REPOSITORY), r"numpy 2\.4\.6 is a build from a repository"),
    ],
)
def test_what_no_index_holds_is_refused(installed: Installed, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "SERVED", ("numpy",))
    monkeypatch.setattr(metadata, "distribution", lambda _: installed)
    with pytest.raises(BundleError, match=told) as caught:
        render_conda("fraud", None)
    assert caught.value.exit_code == 8
    assert "pip install --force-reinstall 'numpy<=2." in str(caught.value.hint)


@pytest.mark.parametrize("installed", [Installed("2.4.6", direct_url=WHEEL), Installed("2.4.6", direct_url="[")])
def test_a_release_that_came_as_a_file_is_taken(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "SERVED", ("numpy",))
    monkeypatch.setattr(metadata, "distribution", lambda _: installed)
    assert "numpy==2.4.6" in render_conda("fraud", None)


def test_what_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "SERVED", ("no-such-distribution",))
    with pytest.raises(BundleError, match="no-such-distribution is not installed"):
        render_conda("fraud", None)
