"""What other numbers of processors hold, from what some were measured to hold: an estimate never without its interval.

Gunther's Universal Scalability Law, X(n) = l*n / (1 + s*(n - 1) + k*n*(n - 1)), holds contention (s, Amdahl's serial
fraction) and coherency (k). N. J. Gunther, "Guerrilla Capacity Planning", 2007. As n/X(n) it is linear in its terms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

# All corners of the measured intervals are fitted: 2^6 of them at most.
_MOST_SETS = 6
_MEASURED = "measured"


@dataclass(frozen=True)
class Throughput:
    """Requests per second that so many processors hold, with its interval; `is_open`: or more than `high`."""

    cpus: int
    qps: float
    low: float
    high: float
    how: str = _MEASURED
    is_open: bool = False


@dataclass(frozen=True)
class Law:
    """n / X(n) = a + b*(n - 1) + c*n*(n - 1), each of them at least zero: no processor adds more than the first."""

    a: float
    b: float
    c: float

    def qps(self, cpus: int) -> float:
        """Return what so many processors hold; past the peak, as many of them as hold most."""
        tried = {1, cpus}
        if self.c > 0 and self.a > self.b:  # n / X(n) over n = (a - b) / n + b + c*(n - 1) is least at this n
            peak = math.sqrt((self.a - self.b) / self.c)
            tried |= {max(1, min(cpus, int(min(peak, cpus)) + after)) for after in (0, 1)}
        return max(n / (self.a + self.b * (n - 1) + self.c * n * (n - 1)) for n in tried)

    @property
    def serial_share(self) -> float:
        """Return the share of the work that one processor after another has to do, s of the law."""
        return self.b / self.a


def estimate(measured: Sequence[Throughput], cpus: int) -> Throughput:
    """Return what `cpus` processors hold: as measured, else by the law that the measured sets follow.

    One set alone tells nothing of scaling: in proportion is the one end of the interval, no gain at all the other. A
    set that never broke tells how much is held at least, and nothing of scaling.
    """
    for one in measured:
        if one.cpus == cpus:
            return one
    ended = [one for one in measured if not one.is_open]
    floors = [_unscaled(one, cpus) for one in measured]
    if not ended:
        return max(floors, key=lambda one: one.low)
    found = _unscaled(ended[0], cpus) if len(ended) == 1 else _scaled(ended, cpus)
    low = max(one.low for one in floors)
    return found if low <= found.low else replace(found, low=low, qps=max(low, found.qps), high=max(low, found.high))


def _scaled(measured: Sequence[Throughput], cpus: int) -> Throughput:
    """Return what the law says, through the ends of every interval."""
    fitted = fit([(one.cpus, one.qps) for one in measured], _terms(len(measured))[0])
    laws = list(_corners(sorted(measured, key=lambda one: -one.cpus)[:_MOST_SETS]))
    off = max(abs(fitted.qps(one.cpus) / one.qps - 1) for one in measured)
    low = min(law.qps(cpus) for law in laws) * (1 - min(off, 1.0))
    high = max(law.qps(cpus) for law in laws) * (1 + off)
    # More processors never hold less, some of them can be left idle; fewer hold their share of what more do.
    low = max([low, *(_unscaled(one, cpus).low for one in measured)])
    high = max(low, min([high, *(one.high for one in measured if one.cpus > cpus)]))
    value = min(max(fitted.qps(cpus), low), high)
    return Throughput(cpus, value, low, high, _told(fitted, measured))


def estimate_like(one: Throughput, cpus: int, shape: Sequence[Throughput], where: str) -> Throughput:
    """Return what `cpus` processors hold where one set alone was measured: as the sets of `shape` scale elsewhere.

    The interval stays within what the one set says by itself, from no gain to in proportion.
    """
    alone = _unscaled(one, cpus)
    there, here = estimate(shape, cpus), estimate(shape, one.cpus)
    if one.is_open or there.is_open or here.is_open:
        return alone
    low = min(max(alone.low, one.low * there.low / here.high), alone.high)
    high = max(low, min(alone.high, one.high * there.high / here.low))
    value = min(max(low, one.qps * there.qps / here.qps), high)
    by = "" if there.how == _MEASURED else f", {there.how}"
    return Throughput(cpus, value, low, high, f"from {one.cpus} processors, scaled as those of {where}{by}")


def fit(points: Sequence[tuple[int, float]], terms: Sequence[str]) -> Law:
    """Return the law nearest to (processors, requests per second) in relative error, with these of its terms."""
    import numpy as np

    cpus = np.array([n for n, _ in points], float)
    qps = np.array([x for _, x in points], float)
    columns = {"a": np.ones_like(cpus), "b": cpus - 1, "c": cpus * (cpus - 1)}
    best: tuple[float, Law] | None = None
    for kept in _subsets(terms):
        names = ("a", *kept)
        matrix = np.stack([columns[name] * qps / cpus for name in names], axis=1)
        found, *_ = np.linalg.lstsq(matrix, np.ones_like(cpus), rcond=None)
        error = float(np.sum((matrix @ found - 1) ** 2))
        if np.all(found >= 0) and found[0] > 0 and (best is None or error < best[0]):
            value = dict(zip(names, map(float, found), strict=True))
            best = (error, Law(value["a"], value.get("b", 0.0), value.get("c", 0.0)))
    if best is None:  # of one term alone the least squares are positive, so this is out of reach
        raise ArithmeticError("no law fits")
    return best[1]


def _unscaled(one: Throughput, cpus: int) -> Throughput:
    ratio = cpus / one.cpus
    low, high = one.low * min(1.0, ratio), one.high * max(1.0, ratio)
    how = f"one set of {one.cpus} alone: from no gain to in proportion"
    if ratio < 1:
        high, how = one.high, f"one set of {one.cpus} alone: from in proportion to no loss"
    return Throughput(cpus, low, low, high, how, one.is_open)


def _corners(measured: Sequence[Throughput]) -> Iterator[Law]:
    """Yield a law for every choice of ends of the intervals, and for every reading of what is lost."""
    for ends in product(*((one.low, one.high) for one in measured)):
        points = [(one.cpus, qps) for one, qps in zip(measured, ends, strict=True)]
        for terms in _terms(len(measured)):
            yield fit(points, terms)


def _terms(sets: int) -> tuple[str, ...]:
    """Return the readings: two sets cannot tell contention from coherency, so the loss is read as either."""
    return ("b", "c") if sets == 2 else ("bc",)


def _subsets(terms: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for keep in product((True, False), repeat=len(terms)):
        yield tuple(term for term, kept in zip(terms, keep, strict=True) if kept)


def _told(law: Law, measured: Sequence[Throughput]) -> str:
    sets = ", ".join(str(one.cpus) for one in sorted(measured, key=lambda one: one.cpus))
    if len(measured) == 2:
        law_said = f"Amdahl's law through sets of {sets} (serial share {law.serial_share:.2g})"
        return f"{law_said}; at worst all of the loss is coherency"
    return f"Universal Scalability Law through sets of {sets} (serial share {law.serial_share:.2g})"
