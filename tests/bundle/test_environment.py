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
    wanted = {distributions[root.partition(".")[0]][0] for root in roots if root.partition(".")[0] in distributions}
    assert wanted == set(SERVED)
    pins = yaml.safe_load(render_conda("fraud", "3.12"))["dependencies"][-1]["pip"]
    assert all("==" in pin for pin in pins)
    assert len(pins) == len(SERVED)


@pytest.mark.parametrize("python", ["3.6", "2.7", "3.8.1"])
def test_a_python_that_the_pins_do_not_run_on_is_refused(python: str) -> None:
    with pytest.raises(BundleError, match=f"does not run on Python {python}") as caught:
        render_conda("fraud", python)
    assert caught.value.key == "bundle.python"
    assert caught.value.exit_code == 8


def test_what_no_index_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "SERVED", ("no-such-distribution",))
    with pytest.raises(BundleError, match="no-such-distribution is not installed"):
        render_conda("fraud", None)
    real = metadata.distribution("numpy")

    class Local:
        version, metadata = "2.4.6+local", real.metadata

    monkeypatch.setattr(environment, "SERVED", ("numpy",))
    monkeypatch.setattr(metadata, "distribution", lambda _: Local)
    with pytest.raises(BundleError, match=r"numpy 2.4.6\+local is a local build"):
        render_conda("fraud", None)
