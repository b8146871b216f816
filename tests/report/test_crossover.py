"""Crossovers: faster only where intervals part, between measured sizes only, and none is found where there is none."""

from __future__ import annotations

import pytest

from packager.artifact import NATIVE, Measurement
from packager.report.crossover import crossovers, crossovers_said


def row(variant: str, batch_size: int, p50: float | None, *, threads: int = 1, width: float = 0.01) -> Measurement:
    if p50 is None:
        return Measurement("cpu", "cpu", None, {}, variant, batch_size, threads, reason="none")
    ends = (p50 * (1 - width), p50 * (1 + width))
    return Measurement("cpu", "cpu", None, {}, variant, batch_size, threads, p50_us=p50, ci95=ends)


def rows(variant: str, *figures: float | None, width: float = 0.01) -> list[Measurement]:
    return [row(variant, size, p50, width=width) for size, p50 in zip((1, 10, 100, 1000), figures, strict=True)]


def test_the_crossover_lies_between_the_sizes_where_it_was_seen() -> None:
    (one,) = crossovers([*rows(NATIVE, 100, 110, 200, 900), *rows("fp64", 10, 30, 199, 2000)])
    assert (one.faster_at, one.slower_at, one.undecided_at, one.between) == ((1, 10), (1000,), (100,), (10, 1000))
    (said,) = crossovers_said([one])
    assert said == (
        "fp64 against native: faster at 1 and 10 rows, too close to tell at 100 rows, slower at 1,000 rows; "
        "the crossover lies between 10 and 1,000 rows."
    )


def test_variants_that_fare_alike_share_a_sentence_and_none_is_none() -> None:
    measured = [*rows(NATIVE, 100, 100, 100, 100), *rows("fp64", 1, 1, 1, 1), *rows("fp32", 2, 2, 2, 2)]
    assert crossovers_said(crossovers(measured)) == [
        "fp64 and fp32 against native: faster at 1, 10, 100 and 1,000 rows; no crossover within what was measured."
    ]


@pytest.mark.parametrize(("width", "faster"), [(0.01, (1, 10, 100, 1000)), (0.6, ())])
def test_faster_is_claimed_only_where_intervals_part(width: float, faster: tuple[int, ...]) -> None:
    (one,) = crossovers([*rows(NATIVE, 9, 9, 9, 9, width=width), *rows("fp64", 6, 6, 6, 6, width=width)])
    assert one.faster_at == faster


def test_what_was_not_measured_on_as_many_threads_is_not_compared() -> None:
    assert crossovers(rows("fp64", 1, 1, 1, 1)) == []
    assert crossovers([*rows(NATIVE, 1, 1, 1, 1), row("fp64", 1, 2, threads=2)]) == []
    (one,) = crossovers([*rows(NATIVE, 1, None, 1, None), *rows("fp64", 2, 2, None, 2)])
    assert (one.slower_at, one.faster_at, one.undecided_at) == ((1,), (), ())
