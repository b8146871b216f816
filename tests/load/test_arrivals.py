"""Requests are due at exactly the rate that was asked for, evenly or by chance, and the same ones each time."""

from __future__ import annotations

import numpy as np
import pytest

from packager.load.arrivals import Arrivals, due_times


@pytest.mark.parametrize("arrivals", ["fixed", "poisson"])
def test_the_rate_is_exact_and_moments_are_in_order(arrivals: Arrivals) -> None:
    due = due_times(40, 10, arrivals)
    assert len(due) == 400
    assert (np.diff(due) >= 0).all()
    assert due[0] >= 0
    assert due[-1] < 10


def test_fixed_arrivals_are_even() -> None:
    assert due_times(8, 1, "fixed").tolist() == [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]


def test_poisson_arrivals_come_as_independently_as_they_should() -> None:
    gaps = np.diff(due_times(1000, 100, "poisson"))
    assert np.mean(gaps) == pytest.approx(1e-3, rel=0.01)
    assert np.std(gaps) == pytest.approx(1e-3, rel=0.03)  # of an exponential, mean and deviation are equal
    assert np.mean(gaps > 3e-3) == pytest.approx(np.exp(-3), rel=0.1)


def test_a_seed_gives_the_same_moments_and_another_one_others() -> None:
    again = [due_times(10, 5, "poisson", seed=seed).tolist() for seed in (3, 3, 4)]
    assert again[0] == again[1] != again[2]


def test_there_is_at_least_one_request() -> None:
    assert len(due_times(0.1, 1, "poisson")) == 1
