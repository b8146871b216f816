"""How much faster or slower a core of an instance type may be than the one that was measured: an interval, and why.

Azure rates cores in "Azure compute units"; a series runs on several processors, so its rating is a span. A processor
that Azure does not rate, or not in the catalogue, may be as far away as the whole catalogue is wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from packager.azure.instance_types import InstanceType, Series
from packager.benchmark_result import MeasuredBundle, MeasuredMachine
from packager.sku.catalogue import Catalogue, azure

# What decides how fast, and for int8 with which answers, matrices are multiplied.
_TELLING = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16", "asimd", "sve")

# Least speeds of binned trees with vectors of 64 bytes, of 32, and without. Measured on one processor that has all, in
# calls of 1,000 rows, us a row: LightGBM of 500 trees of 31 leaves 0.46, 1.09, 1.3; of 1,000 of 127 2.35, 5.9, 6.5;
# a forest of 200 trees, 14 deep, 2.6, 5.2, 6.2. So AVX2 kept 0.40 of AVX-512's speed at least, plain instructions
# 0.35 of it and 0.84 of AVX2's; what stands here is a tenth to a third less. A model is only a part of what a request
# costs, so that a server keeps more.
_BINNED_SPEEDS = {"avx512": 1.0, "avx2": 1 / 3, "plain": 1 / 4}
_PROMISES = {"avx512f": "avx512", "avx2": "avx2"}


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
    machine: MeasuredMachine, instance: InstanceType, catalogue: Catalogue, *, bundle: MeasuredBundle | None = None
) -> CoreRatio:
    """Say how a core of `instance` compares with one of the machine, for the form of a bundle that was measured."""
    found, had = _by_rating(machine, instance, catalogue), _scored_with(bundle, machine)
    share = 1.0 if had is None or found.same_type else _share_of_binned(had, instance.series)
    if share == 1.0:
        return found
    told = "the series does not promise the instructions that binned trees were measured with"
    why = "; ".join(filter(None, (found.why, f"{told}: the model may take {1 / share:.2g} times as long")))
    return replace(found, low=found.low * share, why=why)


def _scored_with(bundle: MeasuredBundle | None, machine: MeasuredMachine) -> str | None:
    """Return the instructions that scored binned trees; None where none were scored.

    A file of before they were recorded is taken to have used the best that the machine has.
    """
    if bundle is None or (bundle.form is None and bundle.variant != "binned"):
        return None
    recorded = bundle.instruction_set
    if bundle.form is not None and recorded is None:
        return None
    return recorded if recorded in _BINNED_SPEEDS else _best_of(machine.cpu_features)


def _share_of_binned(had: str, series: Series) -> float:
    """Return how much of their speed binned trees keep at least where only what the series promises is there."""
    return min(1.0, _BINNED_SPEEDS[_best_of(series.cpu_features)] / _BINNED_SPEEDS[had])


def _best_of(features: Sequence[str]) -> str:
    return next((name for feature, name in _PROMISES.items() if feature in features), "plain")


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
