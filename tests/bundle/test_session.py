"""score.py runs the session as it was tuned, answers the same bits, and stays within its container's processors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from packager.artifact import SessionSettings
from packager.bundle import scoring
from packager.bundle.model_info import read_info
from packager.bundle.replay import replay
from packager.runtime.cgroup import threads_within
from tests.runtime.cgroups import quota

from . import models
from .scripts import ask, load

ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [0.5, -1.0, 2.0], [7.0, 8.0, 9.0], [1.5, 2.5, 3.5]]
SETTINGS = {
    "threads": SessionSettings(threads=2),
    "parallel": SessionSettings(threads=2, execution="parallel"),
    "level": SessionSettings(optimization="basic"),
    "arena": SessionSettings(arena=False),
    "parts": SessionSettings(rows_per_run=2),
    "all": SessionSettings(threads=2, optimization="disabled", arena=False, rows_per_run=3),
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("kind", ["classifier", "text"])
def test_settings_reach_the_session_and_change_no_answer(kind: str, name: str, tmp_path: Path) -> None:
    plan = models.KINDS[kind](tmp_path)
    plain = models.bundled(plan, tmp_path / "plain")
    bundle = models.bundled(replace(plan, session=SETTINGS[name]), tmp_path / "bundle")
    assert read_info(bundle / "code").session == SETTINGS[name]
    script, settings = load(bundle), SETTINGS[name]
    options = script.SESSION.get_session_options()
    threads = threads_within(settings.threads)
    intra, inter = (1, threads) if settings.execution == "parallel" else (threads, 1)
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (intra, inter)
    assert options.enable_cpu_mem_arena == settings.arena
    assert options.execution_mode.name == f"ORT_{settings.execution.upper()}"
    assert (
        settings.optimization == "all"
        or settings.optimization.upper() in str(options.graph_optimization_level)
        or (settings.optimization == "disabled" and options.graph_optimization_level.name == "ORT_DISABLE_ALL")
    )
    request = json.loads((plain / "samples" / "request.json").read_text())
    many = {key: (rows * 5)[:5] for key, rows in request.items()}
    for asked in (request, many, {key: [] for key in request}):
        assert ask(script, asked) == ask(load(plain), asked)
    assert replay(bundle).ok


def test_parts_are_runs_of_so_many_rows(tmp_path: Path) -> None:
    plan = replace(models.KINDS["classifier"](tmp_path), session=SessionSettings(rows_per_run=2))
    script = load(models.bundled(plan, tmp_path / "bundle"))
    sizes: list[int] = []
    session = script.SESSION

    class Counted:
        def run(self, names: list[str], inputs: dict[str, object]) -> object:
            sizes.append(len(next(iter(inputs.values()))))  # type: ignore[arg-type]
            return session.run(names, inputs)

    script.SESSION = Counted()
    assert ask(script, {"features": ROWS})[0] == 200
    assert sizes == [2, 2, 1]


def test_one_thread_needs_no_look_at_the_container(tmp_path: Path) -> None:
    plan = models.KINDS["classifier"](tmp_path)
    assert "cgroup" not in (models.bundled(plan, tmp_path / "bundle") / "code" / "score.py").read_text()


def test_a_bundle_of_before_settings_were_tuned_is_read(tmp_path: Path) -> None:
    bundle = models.bundled(models.KINDS["classifier"](tmp_path), tmp_path / "bundle")
    facts = bundle / "code" / "model_info.json"
    document = json.loads(facts.read_text())
    del document["session"]
    facts.write_text(json.dumps({**document, "threads": 1}))
    assert read_info(bundle / "code").session == SessionSettings()


@pytest.fixture
def real_group() -> Iterator[Path]:
    with quota(1.5) as group:
        yield group


def test_a_real_quota_bounds_the_threads_at_start_up(real_group: Path, tmp_path: Path) -> None:
    """The script runs as the platform runs it, in a cgroup that grants one and a half processors."""
    plan = replace(models.KINDS["classifier"](tmp_path), session=SessionSettings(threads=2))
    bundle = models.bundled(plan, tmp_path / "bundle")
    (tmp_path / "scratch").mkdir()
    code, mount = scoring.lay_out(bundle, tmp_path / "scratch")
    program = f"""
import os, pathlib, sys
if sys.argv[1] == "within":
    pathlib.Path({str(real_group / "cgroup.procs")!r}).write_text(str(os.getpid()))
sys.path.append({str(code)!r})
import score
score.init()
print(score.SESSION.get_session_options().intra_op_num_threads)
"""
    environment = scoring.child_environment(code, mount, tmp_path / "scratch")
    told = []
    for place in ("within", "outside"):
        done = subprocess.run(
            [sys.executable, "-B", "-c", program, place],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told.append(int(done.stdout.split()[-1]))
    assert told == [1, threads_within(2)]
