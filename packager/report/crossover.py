"""Where the registered model in its own library and a variant change places: from which rows per call on.

Measurements go in. Faster means that the 95% intervals part, here as where a variant is selected. Nothing is told of
sizes between those that were measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packager import wording
from packager.artifact import NATIVE, Measurement


@dataclass(frozen=True)
class Crossover:
    """One variant on one target against the native model on as many threads, by rows per call.

    `between`: the sizes that the crossover lies between, or null where there is none within what was measured.
    """

    target: str
    variant: str
    threads: int
    faster_at: tuple[int, ...]
    slower_at: tuple[int, ...]
    undecided_at: tuple[int, ...]
    between: tuple[int, int] | None


def crossovers(measurements: Sequence[Measurement]) -> list[Crossover]:
    """Return how each variant on each target compares with the native model, where both were measured."""
    native = {(one.threads, one.batch_size): one for one in measurements if one.variant == NATIVE and one.ci95}
    keys = dict.fromkeys((one.target, one.variant) for one in measurements if one.variant != NATIVE)
    found = []
    for target, variant in keys:
        rows = [one for one in measurements if (one.target, one.variant) == (target, variant) and one.ci95]
        pairs = [(one, native[key]) for one in rows if (key := (one.threads, one.batch_size)) in native]
        if pairs:
            found.append(_crossover(pairs))
    return found


def crossovers_said(found: Sequence[Crossover]) -> list[str]:
    """Return one target's as sentences, variants that fare alike in one: fp64 against native: faster at 1 row, …"""
    alike: dict[tuple[object, ...], list[Crossover]] = {}
    for one in found:
        alike.setdefault((one.faster_at, one.slower_at, one.undecided_at, one.between), []).append(one)
    return [_said(ones) for ones in alike.values()]


def _said(alike: Sequence[Crossover]) -> str:
    one = alike[0]
    states = (("faster", one.faster_at), ("slower", one.slower_at), ("too close to tell", one.undecided_at))
    parts = [f"{state} at {_sizes(sizes)}" for state, sizes in sorted(states, key=lambda part: part[1]) if sizes]
    where = "no crossover within what was measured"
    if one.between is not None:
        low, high = (wording.count(size) for size in one.between)
        where = f"the crossover lies between {low} and {high} rows"
    names = _listed([wording.printable(each.variant) for each in alike])
    return f"{names} against native: {', '.join(parts)}; {where}."


def _crossover(pairs: Sequence[tuple[Measurement, Measurement]]) -> Crossover:
    one = pairs[0][0]
    states = {ours.batch_size: _state(ours, native) for ours, native in sorted(pairs, key=lambda p: p[0].batch_size)}
    return Crossover(
        target=one.target,
        variant=one.variant,
        threads=one.threads,
        faster_at=tuple(size for size, state in states.items() if state > 0),
        slower_at=tuple(size for size, state in states.items() if state < 0),
        undecided_at=tuple(size for size, state in states.items() if state == 0),
        between=next(_changes(states), None),
    )


def _state(ours: Measurement, native: Measurement) -> int:
    return 1 if ours.is_faster_than(native) else -1 if native.is_faster_than(ours) else 0


def _changes(states: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the neighbouring sizes, of those that are decided, where faster and slower change places."""
    decided = [(size, state) for size, state in states.items() if state]
    for (before, one), (after, other) in itertools.pairwise(decided):
        if one != other:
            yield before, after


def _sizes(sizes: Sequence[int]) -> str:
    return f"{_listed([wording.count(size) for size in sizes])} {'row' if tuple(sizes) == (1,) else 'rows'}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
