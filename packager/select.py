"""Choose the variant that goes into the bundle, among those that passed.

Faster counts only when the intervals of the medians part; else the variant that comes first stays, the baseline
before all.
"""

from __future__ import annotations

from collections.abc import Sequence

from packager.artifact import Measurement, Variant
from packager.benchmark.benchmark import require_measured
from packager.recipe.model import Recipe


def select(variants: Sequence[Variant], measurements: Sequence[Measurement], recipe: Recipe) -> str:
    """Return the name of the selected variant; the first of `variants` is the baseline.

    latency: the fastest at the smallest batch; throughput: the fastest at the largest batch; size: the fewest bytes
    in a bundle. Raises BenchmarkError when the target that decides gave no figure at that batch.
    """
    passed = [variant for variant in variants if variant.status == "ok"]
    baseline = passed[0]
    objective = recipe.select.objective
    if objective == "fidelity":
        return baseline.name
    if objective == "size":
        return min(passed, key=lambda variant: _carried_bytes(variant, baseline)).name
    target = recipe.select.target or recipe.benchmark.targets[0].name
    sizes = recipe.benchmark.batch_sizes
    batch_size = min(sizes) if objective == "latency" else max(sizes)
    deciding = [row for row in measurements if row.batch_size == batch_size]
    require_measured(target, deciding, recipe.where("select.target"))
    rows = {row.variant: row for row in deciding if row.target == target}
    best = rows.get(baseline.name)
    for variant in passed[1:]:
        if _is_faster(rows.get(variant.name), best):
            best = rows[variant.name]
    return best.variant if best is not None else baseline.name


def _is_faster(row: Measurement | None, best: Measurement | None) -> bool:
    """Tell whether `row` is faster than the best so far; one that has no figure is beaten by any."""
    if row is None or row.ci95 is None:
        return False
    return best is None or best.ci95 is None or row.is_faster_than(best)


def _carried_bytes(variant: Variant, baseline: Variant) -> int:
    """Return the size of a variant's file; with a binned one a bundle carries the baseline for other processors too."""
    beside = baseline.size_bytes if variant.precision == "binned" else 0
    return (variant.size_bytes or 0) + (beside or 0)
