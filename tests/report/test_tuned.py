"""Trials and the serving process are told as they were measured; what was not measured says why."""

from __future__ import annotations

import pytest

from packager.artifact import SessionSettings
from packager.benchmark_result import Interval, ServingProcess
from packager.report.markdown import render_markdown
from packager.report.model import Trial
from packager.report.serving import process_facts
from packager.report.tuned import settings_said, tuning_table

from .samples import ok_build

PROCESS = ServingProcess(
    cold_start_ms=Interval(median=600.0, low=550.0, high=1200.0, runs=6),
    resident_bytes=80 << 20,
    resident_largest_bytes=90 << 20,
    largest_rows=1000,
    environment_bytes=None,
    environment_reason="numpy==1.0 is wanted, 2.4.6 is installed here",
)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SessionSettings(), "default"),
        (SessionSettings(threads=4), "4 threads"),
        (SessionSettings(optimization="basic", arena=False), "graph optimization basic, no memory arena"),
        (
            SessionSettings(threads=2, execution="parallel", rows_per_run=128),
            "2 threads, parallel execution, 128 rows per run",
        ),
    ],
)
def test_settings_are_told_by_what_differs(settings: SessionSettings, said: str) -> None:
    assert settings_said(settings) == said


def test_every_trial_is_a_row_and_the_chosen_one_stands_out() -> None:
    report, arena = ok_build(), SessionSettings(arena=False)
    report.tuning = [
        Trial("cpu-1", SessionSettings(threads=2), 1, None, None, None, "out: it changes 5,448 answers on 2 threads"),
        Trial("cpu-1", SessionSettings(), 2, 100, 50.0, (45.0, 55.0), "default", (1.0, 1.0, 1.0)),
        Trial("cpu-1", arena, 2, 100, 40.0, (38.0, 42.0), "faster", (0.8, 0.75, 0.85), chosen=True),
    ]
    out, default, chosen = tuning_table(report).rows
    assert [cell.text for cell in out.cells][1:] == ["2 threads", "1", "–", "–", "–", "–", report.tuning[0].outcome]
    assert default.cells[6].text == "–"
    assert (chosen.tone, chosen.cells[6].text, chosen.cells[7].text) == (
        "selected",
        "0.80 (0.75 – 0.85)",
        "faster, chosen",
    )
    assert "Session settings" in render_markdown(report)


def test_a_build_without_trials_says_nothing_of_them() -> None:
    assert "Session settings" not in render_markdown(ok_build())
    assert "Serving process" not in render_markdown(ok_build())


def test_the_process_is_told_and_the_reason_where_a_figure_is_missing() -> None:
    facts = process_facts(PROCESS, 5 << 20)
    assert facts["start to first answer"] == "600 ms (95% interval 550 ms – 1.20 s, 6 starts)"
    assert facts["resident memory after requests of 1,000 rows"] == "90.0 MiB"
    assert facts["bundle on disk"] == "5.00 MiB"
    assert facts["environment on disk, without Python"].startswith("not measured: numpy==1.0 is wanted")
    report = ok_build()
    report.process = PROCESS
    assert "600 ms" in render_markdown(report)
    assert report.document()["process"]["environment_bytes"] is None
