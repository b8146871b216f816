"""The same model gives the same bytes in every process, whatever Python hashes with."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from . import lightgbm_cases, sklearn_cases

NAMES = (
    "forest, ten classes",
    "hist, missing",
    "scaled forest",
    "numbers by name, forest",
    "one-hot, logistic",
    "network, classes",
    "lightgbm 2 classes, category, missing",
    "lightgbm filled and scaled",
)


def digests(folder: Path) -> dict[str, str]:
    """Convert every named case and return the digest of its file."""
    from .pairs import pair

    found = {}
    for case in (*sklearn_cases.CASES, *lightgbm_cases.CASES):
        if case.name in NAMES:
            found[case.name] = hashlib.sha256(pair(case.fit(), folder).path.read_bytes()).hexdigest()
    return found


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    code = "import sys, json, pathlib; from tests.convert.test_same_bytes import digests; "
    code += "print(json.dumps(digests(pathlib.Path(sys.argv[1]))))"
    found = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        environment["OMP_NUM_THREADS"] = "1"
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True, env=environment, timeout=120
        )
        found.append(json.loads(done.stdout.splitlines()[-1]))
    assert found[0] == found[1]
    assert sorted(found[0]) == sorted(NAMES)


def test_other_models_write_other_bytes(tmp_path: Path) -> None:
    assert len(set(digests(tmp_path).values())) == len(NAMES)
