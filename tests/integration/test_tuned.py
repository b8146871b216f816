"""Tuned settings: tried in a build, told in its report, served with, and replayed by `--locked` byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from sklearn.linear_model import LogisticRegression

from tests.workspace import Workspace, labelled_rows

SESSION = {"threads": 1, "optimization": "extended", "execution": "sequential", "arena": False, "rows_per_run": None}


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    space = Workspace(tmp_path_factory.mktemp("tuned"))
    rows = labelled_rows()
    space.save(LogisticRegression().fit(rows.drop(columns="target"), rows.target), rows)
    return space


def built(space: Workspace, *arguments: str, tuning: str = "auto", objective: str = "latency") -> Path:
    space.recipe(
        optimize={"precisions": ["fp64"]},
        benchmark={"batch_sizes": [1, 50], "process": "skip", "tuning": tuning},
        select={"objective": objective},
    )
    ran = space.package("build", "recipe.yml", *arguments)
    assert ran.code == 0, ran.err
    return space.folder / "dist" / "sample-1"


def session_of(folder: Path) -> Any:
    return json.loads((folder / "bundle" / "code" / "model_info.json").read_text())["session"]


def digest_of(folder: Path) -> str:
    return str(json.loads((folder / "bundle" / "manifest.json").read_text())["digest"])


def test_a_build_tells_every_trial_and_replays_its_choice(space: Workspace) -> None:
    folder = built(space)
    report = json.loads((folder / "report" / "report.json").read_text())
    chosen = {json.dumps(one["settings"]) for one in report["tuning"] if one["chosen"]}
    lock = yaml.safe_load((folder / "bundle" / "recipe.lock.yml").read_text())
    assert chosen == {json.dumps(lock["session"])}
    assert session_of(folder) == lock["session"]
    assert {one["outcome"] for one in report["tuning"]} >= {"default"}
    assert "Session settings" in (folder / "report" / "report.md").read_text()
    first = digest_of(folder)
    assert digest_of(built(space, "--locked")) == first
    (space.folder / "recipe.lock.yml").write_text(yaml.safe_dump({**lock, "session": SESSION}, sort_keys=False))
    replayed = built(space, "--locked")
    assert session_of(replayed) == SESSION
    assert "enable_cpu_mem_arena = False" in (replayed / "bundle" / "code" / "score.py").read_text()
    report = json.loads((replayed / "report" / "report.json").read_text())
    assert report["tuning"] == []
    assert {v["check"]: v["ok"] for v in report["verdicts"]}["served_bitwise"] is True
    (space.folder / "recipe.lock.yml").unlink()


@pytest.mark.parametrize(("tuning", "objective"), [("auto", "fidelity")])
def test_nothing_is_tried_where_no_clock_may_decide(tuning: str, objective: str, space: Workspace) -> None:
    folder = built(space, tuning=tuning, objective=objective)
    assert json.loads((folder / "report" / "report.json").read_text())["tuning"] == []
    assert "session" not in yaml.safe_load((folder / "bundle" / "recipe.lock.yml").read_text())
