"""Selection: fidelity unless the recipe says otherwise, and faster only where the intervals part."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager.artifact import NATIVE, Measurement, Variant
from packager.errors import BenchmarkError
from packager.recipe.load import load_recipe
from packager.recipe.model import Recipe
from packager.select import select


def recipe(folder: Path, objective: str, target: str = "cpu-1") -> Recipe:
    path = folder / "recipe.yml"
    path.write_text(
        f"""recipe_version: 1
name: chosen
source: {{uri: model.joblib}}
benchmark:
  targets: [{{name: cpu-1, provider: cpu}}, {{name: other, provider: openvino}}]
  batch_sizes: [1, 100]
select: {{objective: {objective}, target: {target}}}
"""
    )
    return load_recipe(path)


def variant(name: str, size: int = 100, status: str = "ok") -> Variant:
    return Variant(name, "fp32", status, None, Path(name), size)  # type: ignore[arg-type]


def row(name: str, interval: tuple[float, float] | None, batch_size: int = 1, target: str = "cpu-1") -> Measurement:
    middle = None if interval is None else sum(interval) / 2
    reason = "not to be had" if interval is None else None
    return Measurement(
        target, "cpu", None, {}, name, batch_size, 1, p50_us=middle, ci95=interval, runs=10, reason=reason
    )


BASE, FAST, FASTER = variant("fp64"), variant("fp32", 60), variant("int8", 30)
ALL = [BASE, FAST, FASTER]


def test_fidelity_takes_the_baseline_however_slow(tmp_path: Path) -> None:
    rows = [row("fp64", (90, 110)), row("int8", (1, 2))]
    assert select(ALL, rows, recipe(tmp_path, "fidelity")) == "fp64"


def test_size_takes_the_smallest_that_passed(tmp_path: Path) -> None:
    assert select(ALL, [], recipe(tmp_path, "size")) == "int8"
    rejected = [BASE, FAST, variant("int8", 30, "rejected")]
    assert select(rejected, [], recipe(tmp_path, "size")) == "fp32"
    assert select([BASE, variant("fp32", 100)], [], recipe(tmp_path, "size")) == "fp64"


def test_a_binned_form_is_as_large_as_what_its_bundle_carries(tmp_path: Path) -> None:
    binned = Variant("binned", "binned", "ok", None, Path("binned"), 10)
    assert select([BASE, binned], [], recipe(tmp_path, "size")) == "fp64"
    assert select([BASE, binned, FAST], [], recipe(tmp_path, "size")) == "fp32"


def test_a_binned_form_is_chosen_by_the_clock_alone(tmp_path: Path) -> None:
    binned = Variant("binned", "binned", "ok", None, Path("binned"), 10)
    rows = [row("fp64", (90, 110)), row("binned", (8, 9))]
    assert select([BASE, FAST, binned], rows, recipe(tmp_path, "latency")) == "binned"
    assert select([BASE, FAST, binned], rows, recipe(tmp_path, "fidelity")) == "fp64"


def test_latency_takes_the_fastest_at_the_smallest_batch(tmp_path: Path) -> None:
    rows = [row("fp64", (90, 110)), row("fp32", (50, 60)), row("int8", (20, 30)), row("fp64", (1, 2), 100)]
    assert select(ALL, rows, recipe(tmp_path, "latency")) == "int8"


def test_throughput_takes_the_fastest_at_the_largest_batch(tmp_path: Path) -> None:
    rows = [
        row("int8", (1, 2)),
        row("fp64", (900, 990), 100),
        row("fp32", (500, 600), 100),
        row("int8", (700, 800), 100),
    ]
    assert select(ALL, rows, recipe(tmp_path, "throughput")) == "fp32"


@pytest.mark.parametrize("interval", [(80, 90), (85, 95), (95, 100), (110, 120), (1, 111)])
def test_overlapping_intervals_keep_the_baseline(interval: tuple[float, float], tmp_path: Path) -> None:
    rows = [row("fp64", (90, 110)), row("fp32", interval)]
    expected = "fp64" if interval[1] >= 90 else "fp32"
    assert select([BASE, FAST], rows, recipe(tmp_path, "latency")) == expected


def test_of_two_whose_intervals_overlap_the_first_stays(tmp_path: Path) -> None:
    rows = [row("fp64", (90, 110)), row("fp32", (50, 60)), row("int8", (40, 51))]
    assert select(ALL, rows, recipe(tmp_path, "latency")) == "fp32"


def test_a_rejected_variant_is_never_chosen(tmp_path: Path) -> None:
    variants = [BASE, variant("fp32", 1, "rejected"), variant("int8", 1, "failed")]
    rows = [row("fp64", (90, 110)), row("fp32", (1, 2)), row("int8", (1, 2))]
    for objective in ("latency", "size", "fidelity"):
        assert select(variants, rows, recipe(tmp_path, objective)) == "fp64"


def test_figures_of_another_target_do_not_count(tmp_path: Path) -> None:
    rows = [row("fp64", (90, 110)), row("fp32", (95, 100)), row("fp32", (1, 2), target="other")]
    assert select([BASE, FAST], rows, recipe(tmp_path, "latency")) == "fp64"


def test_the_native_model_is_no_candidate(tmp_path: Path) -> None:
    rows = [row("fp64", (90, 110)), row(NATIVE, (1, 2))]
    assert select([BASE], rows, recipe(tmp_path, "latency")) == "fp64"


def test_a_variant_without_figures_is_not_faster(tmp_path: Path) -> None:
    rows = [row("fp64", (90, 110)), row("fp32", None)]
    assert select([BASE, FAST], rows, recipe(tmp_path, "latency")) == "fp64"


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row("fp64", None), row("fp32", None)],
        [row("fp64", (1, 2), target="cpu-1")],
        [row("fp64", (1, 2), 100, target="other")],
        [row(NATIVE, (1, 2), target="other")],
    ],
    ids=["nothing", "only reasons", "another target", "another batch size", "only the native model"],
)
def test_a_target_that_decides_and_gave_no_figure_stops_the_build(rows: list[Measurement], tmp_path: Path) -> None:
    chosen = recipe(tmp_path, "latency", "other")
    with pytest.raises(BenchmarkError) as caught:
        select([BASE, FAST], rows, chosen)
    assert caught.value.exit_code == 7
    assert "'other'" in str(caught.value)
    assert "select.target" in str(caught.value.key)
