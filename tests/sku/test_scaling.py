"""Scaling: what was measured stands as it is, an estimate has an interval that holds what follows the law."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from packager.sku.scaling import Law, Throughput, estimate, estimate_like, fit

NUMBERS = (1, 2, 3, 4, 8, 16, 32, 64, 96)


def law(cpus: int, first: float, serial: float, coherency: float) -> float:
    return first * cpus / (1 + serial * (cpus - 1) + coherency * cpus * (cpus - 1))


def measured(*cpus: int, first: float = 500.0, serial: float = 0.03, coherency: float = 0.0) -> list[Throughput]:
    found = [(n, law(n, first, serial, coherency)) for n in cpus]
    return [Throughput(n, qps, 0.98 * qps, 1.02 * qps) for n, qps in found]


def test_a_measured_set_stands_as_measured() -> None:
    sets = measured(1, 2, 4)
    assert estimate(sets, 2) is sets[1]


def test_one_set_alone_reaches_from_no_gain_to_in_proportion() -> None:
    [one] = measured(2)
    more, fewer = estimate([one], 8), estimate([one], 1)
    assert (more.low, more.high) == (one.low, pytest.approx(4 * one.high))
    assert (fewer.low, fewer.high) == (pytest.approx(one.low / 2), one.high)
    assert more.qps == more.low


@given(st.floats(10, 1e4), st.floats(0, 0.5))
def test_two_sets_hold_amdahl_s_law_within_the_interval(first: float, serial: float) -> None:
    sets = measured(1, 2, first=first, serial=serial)
    for cpus in NUMBERS:
        found = estimate(sets, cpus)
        assert found.low <= law(cpus, first, serial, 0) * (1 + 1e-9)
        assert law(cpus, first, serial, 0) <= found.high * (1 + 1e-9)


@given(st.floats(10, 1e4), st.floats(0, 0.3), st.floats(0, 0.01))
def test_three_sets_hold_the_universal_law_up_to_its_peak(first: float, serial: float, coherency: float) -> None:
    sets = measured(1, 2, 4, first=first, serial=serial, coherency=coherency)
    assume(all(one.qps < other.qps for one, other in pairwise(sets)))
    for cpus in NUMBERS:
        found = estimate(sets, cpus)
        best = max(law(n, first, serial, coherency) for n in range(1, cpus + 1))
        assert found.low <= best * (1 + 1e-6)
        assert best <= found.high * (1 + 1e-6)


@given(st.lists(st.tuples(st.sampled_from((1, 2, 4, 8)), st.floats(1, 1e4)), min_size=1, max_size=4))
def test_any_measurement_gives_an_interval_around_its_figure(found: list[tuple[int, float]]) -> None:
    sets = [Throughput(n, qps, 0.9 * qps, 1.1 * qps) for n, qps in dict(found).items()]
    for cpus in NUMBERS:
        one = estimate(sets, cpus)
        assert 0 < one.low <= one.qps <= one.high


def test_more_processors_never_hold_less_than_fewer_were_measured_to() -> None:
    sets = [Throughput(1, 500, 490, 510), Throughput(2, 900, 880, 920), Throughput(4, 700, 690, 710)]
    assert estimate(sets, 8).low >= 880


@given(st.floats(1e-4, 1), st.floats(0, 2), st.floats(0, 0.5))
def test_the_most_of_up_to_so_many_processors_is_found_without_trying_each(a: float, b: float, c: float) -> None:
    one = Law(a, b, c)
    for cpus in (1, 2, 7, 64, 300):
        tried = max(n / (a + b * (n - 1) + c * n * (n - 1)) for n in range(1, cpus + 1))
        assert one.qps(cpus) == pytest.approx(tried)
    assert one.qps(10**15) >= one.qps(300) * (1 - 1e-9)


def test_a_set_that_never_broke_is_a_floor_and_no_bound() -> None:
    broke, never = Throughput(1, 100, 95, 105), Throughput(2, 120, 115, 120, is_open=True)
    assert estimate([never], 4).is_open
    assert estimate([never], 4).low == 115
    more = estimate([broke, never], 4)
    assert (more.low, more.high, more.is_open) == (115, 420, False)  # by the other alone in proportion, not by 120
    assert estimate_like(never, 4, measured(1, 2, 4), "there.json").is_open


def test_the_interval_widens_with_the_distance() -> None:
    sets = measured(1, 2, 4)
    widths = [estimate(sets, cpus).high / estimate(sets, cpus).low for cpus in (8, 16, 32, 64)]
    assert widths == sorted(widths)


def test_the_fit_finds_the_law_that_made_the_points() -> None:
    found = fit([(n, law(n, 400, 0.05, 0.002)) for n in (1, 2, 4, 8)], "bc")
    assert found.serial_share == pytest.approx(0.05, rel=1e-6)
    assert found.c / found.a == pytest.approx(0.002, rel=1e-6)
    assert 1 / found.a == pytest.approx(400)


def test_gain_beyond_proportion_is_noise_and_not_promised_on() -> None:
    sets = [Throughput(1, 100, 95, 105), Throughput(2, 220, 210, 230)]
    assert estimate(sets, 8).high <= 8 * 230 / 2 * 1.2


@given(st.floats(10, 1e4), st.floats(0.2, 5), st.floats(0, 0.3))
def test_one_set_scales_as_the_sets_of_another_machine_do(first: float, faster: float, serial: float) -> None:
    shape = measured(1, 2, 4, first=first, serial=serial)
    [one] = measured(4, first=first * faster, serial=serial)
    for cpus in NUMBERS:
        found, alone = estimate_like(one, cpus, shape, "there.json"), estimate([one], cpus)
        assert alone.low <= found.low <= found.qps <= found.high <= alone.high
        assert found.low * (1 - 1e-9) <= law(cpus, first * faster, serial, 0) <= found.high * (1 + 1e-9)
