"""Noise of the machine: read from the system, never guessed, and a run that drowns in it says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager.benchmark.noise import judge, processor_times, steal_share


def test_steal_is_the_share_of_all_processor_time(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 800 10 0 5 35 90 0\ncpu0 1 2 3\n")
    assert processor_times(stat) == (35, 1000)  # guest time, the ninth number, is within the first
    assert steal_share((35, 1000), (60, 1500)) == 0.05
    assert steal_share((35, 1000), (35, 1000)) is None


@pytest.mark.parametrize("said", ["cpu 1 2 3\n", "", "other\n"])
def test_where_the_system_does_not_tell_nothing_is_told(said: str, tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(said)
    assert processor_times(tmp_path / "stat") is None
    assert processor_times(tmp_path / "none") is None
    assert steal_share(None, (1, 2)) is None


def test_a_steady_machine_is_not_too_noisy() -> None:
    noise = judge([200_000 + call % 7 for call in range(100)], 0.0, 0.1)
    assert (noise.too_noisy, noise.reason, noise.harness_us) == (False, None, 0.1)
    assert noise.spread < 0.001


def test_stalls_and_steal_are_each_too_noisy_and_said() -> None:
    stalled = judge([200_000] * 90 + [2_000_000] * 10, None, 0.1)
    assert stalled.too_noisy
    assert "10.00 times its median" in str(stalled.reason)
    robbed = judge([200_000] * 100, 0.2, 0.1)
    assert robbed.too_noisy
    assert "20.0% of the processor time" in str(robbed.reason)
