"""What ends a source worker's work: a fault of ours is told as one, a crash of the artifact's library as that."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from tests.workspace import Ran, Workspace, labelled_rows

_STEP = """
from sklearn.preprocessing import StandardScaler
class Step(StandardScaler):
    def __setstate__(self, state):
        super().__setstate__(state)
        fault()
def fault():
    pass
"""
_OURS = """
    import packager.convert.trace
    def broken(model, signature):
        raise KeyError("a cell of the user's")
    packager.convert.trace.structure_of = broken
"""
_CRASH = """
    import os, signal
    os.kill(os.getpid(), signal.SIGSEGV)
"""
_RAISED = """
    raise RuntimeError("does not unpickle")
"""


def built_with(folder: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Build a model whose own trusted class plants `fault` while it is loaded."""
    space = Workspace(folder)
    module = folder / "planted_step.py"
    module.write_text(_STEP)
    monkeypatch.syspath_prepend(folder)
    rows = labelled_rows(60)
    step = importlib.import_module("planted_step").Step()
    space.save(step.fit(rows.drop(columns="target")), rows)
    del sys.modules["planted_step"]
    module.write_text(_STEP.replace("    pass", fault.strip("\n")))
    space.recipe(source={"uri": "model.joblib", "trust": ["planted_step.Step"]})
    return space.package("build", "recipe.yml", "--out", "dist", TMPDIR=str(folder))


def test_a_fault_of_ours_is_a_bug_whose_log_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = built_with(tmp_path, _OURS, monkeypatch)
    assert ran.code == 1, ran.err
    [log] = tmp_path.glob("packager-*.log")
    assert f"a bug of ours in the source worker during `describe`: KeyError; the log is {log}" in ran.err
    assert "crashes its own library" not in ran.err
    told = log.read_text()
    assert "Python 3" in told
    assert 'in broken\n    raise KeyError("a cell' in told
    assert "KeyError: " not in told, "what a library says may hold a cell"


@pytest.mark.parametrize(("fault", "said"), [(_CRASH, "signal 11"), (_RAISED, "does not load")])
def test_a_crash_of_the_artifact_is_the_sources(
    fault: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = built_with(tmp_path, fault, monkeypatch)
    assert ran.code == 3, ran.err
    assert said in ran.err
    assert not list(tmp_path.glob("packager-*.log"))
