"""The floors hold: imports go downward only, and a stage never imports a sibling stage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_imports_go_downward_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_this_side_of_the_wall_loads_no_training_library() -> None:
    """A build's own process converts nothing and unpickles nothing: it must not even import what could."""
    script = """
import sys
import packager.pipeline, packager.commands.verify, packager.commands.publish, packager.commands.inspect
print(sorted({"sklearn", "lightgbm", "joblib", "skl2onnx", "onnxmltools"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
