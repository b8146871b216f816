"""The whole job and its face: a cold build of the largest example, and the time until help is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

RECIPES = Path(__file__).parents[1] / "recipes"


def _package(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "packager", *arguments], check=True, capture_output=True)


def test_help(benchmark: Any) -> None:
    benchmark.group = "start"
    benchmark.pedantic(_package, ("--help",), rounds=10, warmup_rounds=2)


def test_python_alone(benchmark: Any) -> None:
    benchmark.group = "start"
    benchmark.pedantic(subprocess.run, ([sys.executable, "-c", "pass"],), {"check": True}, rounds=10, warmup_rounds=2)


def test_cold_build(benchmark: Any, tmp_path: Path) -> None:
    benchmark.group = "build fraud-lightgbm"
    arguments = ("build", str(RECIPES / "fraud-lightgbm.yml"), "--out", str(tmp_path))
    benchmark.pedantic(_package, arguments, rounds=3)
