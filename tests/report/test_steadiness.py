"""Steadiness: what was measured of the machine is shown, what was not says so, and too noisy is said aloud."""

from __future__ import annotations

from io import StringIO

from packager.console import Console
from packager.report.html import render_html
from packager.report.markdown import render_markdown
from packager.report.steadiness import environment_table, noise_facts, noise_said, noise_table
from packager.report.summary import print_summary

from .samples import ok_build

STEADY = {"steal_share": 0.0, "spread": 0.0312, "harness_us": 0.25, "too_noisy": False, "reason": None}
NOISY = {**STEADY, "steal_share": None, "too_noisy": True, "reason": "a fixed piece of work took 3.20 times its median"}


def test_figures_of_the_machine_are_shown() -> None:
    assert list(noise_facts(STEADY).values()) == ["0%", "3.12%", "250 ns"]
    assert next(iter(noise_facts(NOISY).values())) == "not measured: the system does not tell"
    assert noise_table(None) is None


def test_a_run_that_is_too_noisy_says_so_in_every_form() -> None:
    report = ok_build()
    report.noise = NOISY
    said = noise_said(NOISY)
    assert said == "Too noisy to decide small differences: a fixed piece of work took 3.20 times its median."
    stream = StringIO()
    print_summary(Console(stream), report)
    for text in (render_html(report), render_markdown(report), stream.getvalue()):
        assert "Too noisy to decide small differences" in text
    report.noise = STEADY
    assert "Too noisy" not in render_html(report)


def test_environments_tell_what_was_made_and_what_can_not_be_had() -> None:
    own = {"target": "cpu-1", "package": "onnxruntime", "version": "1.31.1", "own": False, "size_bytes": None}
    made = {"target": "vino", "package": "onnxruntime-openvino", "version": "1.24.1", "own": True, "size_bytes": 2**28}
    absent = {"target": "gpu", "package": "onnxruntime-gpu", "version": None, "own": False, "reason": "unavailable: x"}
    told = [row.cells[-1].text for row in environment_table([own, made, absent]).rows]
    assert told == ["the tool's own", "made for it, 256 MiB", "unavailable: x"]
