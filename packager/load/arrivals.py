"""When requests are due: a rate and a length of time go in, moments in seconds from the start come out."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Arrivals = Literal["poisson", "fixed"]


def due_times(rate_qps: float, seconds: float, arrivals: Arrivals, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return `rate_qps * seconds` moments, at least one, in order: evenly spaced, or as independent users come.

    Given their number, the arrivals of a Poisson process are uniform and independent (Ross, Introduction to
    Probability Models, theorem 5.2): the rate is therefore exactly the one that was asked for.
    """
    count = max(1, round(rate_qps * seconds))
    if arrivals == "fixed":
        return np.arange(count) / rate_qps
    return np.sort(np.random.default_rng(seed).uniform(0, seconds, count))
