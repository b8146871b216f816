"""How much faster or slower a core of an instance type may be than the one that was measured: an interval, and why.

Azure rates cores in "Azure compute units"; a series runs on several processors, so its rating is a span. A processor
that Azure does not rate, or not in the catalogue, may be as far away as the whole catalogue is wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from packager.azure.instance_types import InstanceType, Series
from packager.benchmark_result import MeasuredMachine
from packager.sku.catalogue import Catalogue, azure

# What decides how fast, and for int8 with which answers, matrices are multiplied.
_TELLING = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16", "asimd", "sve")

# Speeds of binned trees with vectors of 64 bytes, of 32, and without, where it differs most: in large batches.
# A model is only a part of what a request costs, so that a server keeps more.
_BINNED_SPEEDS, _PLAIN_SPEED = (("avx512f", 1.0), ("avx2", 1 / 3)), 1 / 5


@dataclass(frozen=True)
class CoreRatio:
    """A core of the type does between `low` and `high` times what the measured one does."""

    low: float
    high: float
    same_type: bool
    why: str | None = None

    @property
    def width(self) -> float:
        """Return how little is known: 1 where nothing is open."""
        return self.high / self.low


def core_ratio(
    machine: MeasuredMachine, instance: InstanceType, catalogue: Catalogue, *, variant: str = ""
) -> CoreRatio:
    """Return how a core of `instance` compares with one of the measured machine, for a bundle of this variant."""
    found = _by_rating(machine, instance, catalogue)
    share = _share_of_binned(machine, instance.series) if variant == "binned" and not found.same_type else 1.0
    if share == 1.0:
        return found
    told = "the series does not promise the instructions that binned trees were measured with"
    why = "; ".join(filter(None, (found.why, f"{told}: the model may take {1 / share:.2g} times as long")))
    return replace(found, low=found.low * share, why=why)


def _share_of_binned(machine: MeasuredMachine, series: Series) -> float:
    """Return how much of their speed binned trees keep at least where only what the series promises is there."""
    had, has = (_speed_of_binned(features) for features in (machine.cpu_features, series.cpu_features))
    return min(1.0, has / had)


def _speed_of_binned(features: Sequence[str]) -> float:
    return next((speed for feature, speed in _BINNED_SPEEDS if feature in features), _PLAIN_SPEED)


def _by_rating(machine: MeasuredMachine, instance: InstanceType, catalogue: Catalogue) -> CoreRatio:
    named = machine.instance_type
    known = None if named is None else catalogue.find(named) or azure().find(named)
    if named is not None and named.lower() == instance.name.lower():
        return CoreRatio(1.0, 1.0, same_type=True)
    series = instance.series
    if known is not None and known.series.name == series.name:
        return _same_series(f"measured on {known.name}, of the same series", series)
    if any(model in machine.processor for model in series.processor_models):
        return _same_series(f"measured on {machine.processor}, a processor of the series", series)
    if known is not None and known.series.acu is not None and series.acu is not None:
        (had_low, had_high), (low, high) = known.series.acu, series.acu
        why = f"other processors ({series.processors}): {low:g}-{high:g} ACU against {had_low:g}-{had_high:g}"
        return CoreRatio(low / had_high, high / had_low, same_type=False, why=_and_features(why, machine, series))
    low, high = azure().acu_span()
    unrated = "which Azure does not rate" if known is None else "and the catalogue has no rating of both"
    why = (
        f"other processors ({series.processors}), measured on {machine.processor}, {unrated}: a core "
        f"may do {low / high:.2g} to {high / low:.2g} times as much, as far apart as cores of the catalogue are"
    )
    return CoreRatio(low / high, high / low, same_type=False, why=_and_features(why, machine, series))


def _same_series(why: str, series: Series) -> CoreRatio:
    """Which of a series' processors one gets is Azure's choice, whichever of them was measured."""
    if len(series.processor_models) == 1 or series.acu is None:
        return CoreRatio(1.0, 1.0, same_type=False, why=why)
    low, high = series.acu
    told = f"{why}, which runs on several processors: {low:g}-{high:g} ACU"
    return CoreRatio(low / high, high / low, same_type=False, why=told)


def _and_features(why: str, machine: MeasuredMachine, series: Series) -> str:
    lacking = [one for one in _TELLING if one in machine.cpu_features and one not in series.cpu_features]
    if not lacking:
        return why
    return f"{why}; {', '.join(lacking)} of the measured processor are not promised there"
