"""Noise is that of the whole run, and a verdict on a load says that it is one."""

from __future__ import annotations

from packager.benchmark_result import BenchmarkResult, Noise
from packager.commands.parts import Parts, worst
from tests.sku.samples import load, result

QUIET = Noise(steal_share=0.01, spread=0.1, harness_us=0.2, too_noisy=False)
NOISY = Noise(steal_share=None, spread=0.9, harness_us=0.3, too_noisy=True, reason="work took 1.90 times its median")


def test_each_figure_is_at_its_worst_and_every_reason_is_told() -> None:
    assert worst([QUIET]) == QUIET
    both = worst([NOISY, QUIET])
    assert (both.steal_share, both.spread, both.harness_us) == (0.01, 0.9, 0.2)
    assert (both.too_noisy, both.reason) == (True, NOISY.reason)


def test_a_noisy_load_makes_a_noisy_result() -> None:
    parts = Parts(result().bundle, result().machine, lambda so_far: kept.append(so_far.result))
    kept: list[BenchmarkResult | None] = []
    parts.add_load(load(1), QUIET)
    parts.add_load(load(2), NOISY)
    first, second = kept
    assert first is not None
    assert second is not None
    assert (first.noise.too_noisy, second.noise.too_noisy) == (False, True)
    assert second.noise.reason == "under load, work took 1.90 times its median"
    assert second.served == (load(1), load(2))
    assert parts.result is second
