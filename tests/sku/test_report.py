"""The report: figures say where they come from, no plan is too small, the advice is the cheapest that is sure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager import wording
from packager.azure.instance_types import InstanceType
from packager.benchmark_result import BenchmarkResult
from packager.errors import BenchmarkError, RecipeError
from packager.sku.catalogue import Catalogue, azure
from packager.sku.model import InstancePlan, SkuReport
from packager.sku.report import Asked, make_report
from packager.sku.results import Result, read_results
from packager.sku.tables import ranged

from .samples import SLO_MS, load, machine, point, result, write

ICE_LAKE = "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz"


def results(folder: Path, *found: BenchmarkResult) -> list[Result]:
    return read_results([write(folder, one, f"{index}.json") for index, one in enumerate(found)])


def made(folder: Path, *found: BenchmarkResult, qps: float | None = 900.0, slo: float | None = None) -> SkuReport:
    return make_report(results(folder, *found), Asked(slo_p95_ms=slo, qps=qps), azure())


def plan(report: SkuReport, instance_type: str) -> InstancePlan:
    return next(one for one in report.instances if one.instance_type == instance_type)


def scaled() -> BenchmarkResult:
    return result(load(1, 620.0), load(2, 1180.0), load(4, 2200.0))


def test_a_type_that_was_measured_says_so_and_others_are_estimated(tmp_path: Path) -> None:
    report = made(tmp_path, result(load(4, 2200.0), on=machine(ICE_LAKE, instance_type="Standard_F4s_v2")))
    there = plan(report, "Standard_F4s_v2").knee_qps
    assert (there.basis, there.cpus) == ("measured on that SKU", (4,))
    assert (there.low, there.value, there.high) == (2200.0, 2200.0, 2332.0)
    other = plan(report, "Standard_F8s_v2").knee_qps
    assert (other.basis, other.cpus) == ("estimated", (4,))
    assert other.low == pytest.approx(2200.0 * 195 / 210)  # the series runs on several processors
    assert other.high == pytest.approx(2 * 2332.0 * 210 / 195)


def test_the_same_processor_and_number_of_cores_counts_as_measured_here(tmp_path: Path) -> None:
    report = made(tmp_path, result(load(4, 2200.0), on=machine("AMD EPYC 7452 32-Core Processor")))
    assert plan(report, "Standard_D4as_v4").knee_qps.basis == "measured here"
    assert plan(report, "Standard_F4s_v2").knee_qps.basis == "estimated"


def test_another_processor_widens_and_is_named(tmp_path: Path) -> None:
    one = plan(made(tmp_path, scaled()), "Standard_F4s_v2")
    assert one.knee_qps.low == pytest.approx(2200 * 160 / 340)
    assert one.knee_qps.high == pytest.approx(2332 * 340 / 160)
    assert "which Azure does not rate" in str(one.processor_note)


def test_the_machine_that_is_the_type_tells_more_than_the_one_that_is_not(tmp_path: Path) -> None:
    on_it = result(load(4, 1500.0), on=machine(ICE_LAKE, instance_type="Standard_F4s_v2"))
    report = made(tmp_path, scaled(), on_it)
    assert plan(report, "Standard_F4s_v2").knee_qps.value == 1500.0
    smaller = plan(report, "Standard_F2s_v2").knee_qps
    assert smaller.cpus == (4,)
    assert "from 4 processors, scaled as those of" in smaller.how
    assert smaller.high < 1590  # the sets of the other machine say what two of four processors hold at most


def test_every_figure_of_every_plan_lies_within_its_interval(tmp_path: Path) -> None:
    for one in made(tmp_path, scaled()).instances:
        for figure in (one.knee_qps, one.p95_ms, one.count.headroom):
            assert figure is not None
            assert figure.low <= figure.value <= figure.high
            assert figure.how


def test_no_plan_is_smaller_than_the_knee_and_the_slo_want(tmp_path: Path) -> None:
    report = made(tmp_path, scaled())
    for one in report.instances:
        assert one.p95_ms is not None
        assert one.count.planned >= 900 / (0.7 * one.knee_qps.low) * (1 - 1e-9)
        assert one.count.planned == max(one.count.by_knee, one.count.by_slo or 1)
        assert one.count.at_best is not None
        assert one.count.at_best <= one.count.planned
        assert one.cost.usd_per_month == pytest.approx(730 * one.count.planned * one.usd_per_hour)
        assert one.cost.usd_per_million_predictions == pytest.approx(one.cost.usd_per_hour / (900 * 3600) * 1e6)
        assert one.settings.admitted_requests == (
            2 * one.settings.max_concurrent_requests_per_instance * one.count.planned
        )


@settings(max_examples=6, deadline=None)
@given(st.floats(1, 5000), st.floats(1, 3))
def test_a_higher_rate_never_takes_fewer_instances(
    tmp_path_factory: pytest.TempPathFactory, qps: float, by: float
) -> None:
    found = results(tmp_path_factory.mktemp("rates"), scaled())
    few = replace(azure(), types=azure().types[::6])
    counts = [
        {one.instance_type: one.count.planned for one in make_report(found, Asked(qps=rate), few).instances}
        for rate in (qps, qps * by)
    ]
    assert all(counts[0][name] <= counts[1][name] for name in counts[0])


def test_the_cheapest_that_is_sure_is_recommended(tmp_path: Path) -> None:
    report = made(tmp_path, scaled())
    chosen = report.recommendation
    assert chosen is not None
    usable = [one for one in report.instances if not one.problems and one.meets_slo == "yes"]
    assert chosen.usd_per_month == min(one.cost.usd_per_month for one in usable)
    assert report.instances[0].instance_type == chosen.instance_type


def test_what_would_change_it_holds_when_it_is_tried(tmp_path: Path) -> None:
    found = results(tmp_path, scaled())
    report = make_report(found, Asked(qps=900.0), azure())
    assert report.recommendation is not None
    change = report.recommendation.change
    assert change.flips_at_usd_per_hour is not None
    for factor, changes in ((0.999, False), (1.01, True)):
        price = change.flips_at_usd_per_hour * factor
        dearer = tuple(
            replace(one, usd_per_hour=price) if one.name == report.recommendation.instance_type else one
            for one in azure().types
        )
        chosen = make_report(found, Asked(qps=900.0), azure().priced(dearer, azure().prices)).recommendation
        assert chosen is not None
        assert (chosen.instance_type != report.recommendation.instance_type) is changes
    assert change.flips_above_qps is not None
    above = make_report(found, Asked(qps=change.flips_above_qps), azure()).recommendation
    assert above is not None
    assert above.instance_type == change.above_type


def test_the_advice_says_what_it_is_sure_of_and_what_not(tmp_path: Path) -> None:
    report = made(tmp_path, scaled())
    assert report.recommendation is not None
    sure, unsure = report.recommendation.sure_of, " ".join(report.recommendation.not_sure_of)
    assert any("2 workers on 2 processors of Some Processor" in line and "1,180" in line for line in sure)
    assert "estimated" in unsure
    assert "Azure's gateway and the network come on top" in unsure
    assert any(
        "package benchmark BUNDLE --served --instance-type" in line for line in report.recommendation.would_change
    )


def test_a_cheaper_type_that_is_not_sure_is_named_as_such(tmp_path: Path) -> None:
    """Measured on a dear type, an SLO barely above its idle latency is sure there alone."""
    on_it = result(load(4, 2200.0), on=machine("Xeon 6246R", instance_type="Standard_FX4mds"))
    report = made(tmp_path, on_it, slo=2.0, qps=50.0)
    assert report.recommendation is not None
    assert report.recommendation.instance_type == "Standard_FX4mds"
    assert "Standard_DS2_v2" in report.recommendation.change.cheaper_but_unsure
    assert any("they may miss the SLO: Standard_" in line for line in report.recommendation.would_change)


def test_only_types_that_are_as_sure_are_counted_and_compared(tmp_path: Path) -> None:
    on_it = result(load(4, 2200.0), on=machine("Xeon 6246R", instance_type="Standard_FX4mds"))
    two: Catalogue = replace(azure(), types=(_type("Standard_FX4mds"), _type("Standard_F2s_v2")))
    report = make_report(results(tmp_path, on_it), Asked(qps=50.0, slo_p95_ms=2.6), two)
    assert [one.meets_slo for one in report.instances] == ["yes", "perhaps"]
    assert report.instances[0].cost.usd_per_month > report.instances[1].cost.usd_per_month
    chosen = report.recommendation
    assert chosen is not None
    assert chosen.reason.startswith("the only instance type (of 2) sure to hold 50 requests/s")
    assert (chosen.change.next_type, chosen.change.flips_at_usd_per_hour) == (None, None)
    said = " | ".join(chosen.would_change)
    assert "costs the same" not in said
    assert "cheaper, but by what is known they may miss the SLO: Standard_F2s_v2" in said
    assert "is the cheapest" not in said


def test_what_is_said_of_a_rate_is_so_just_there(tmp_path: Path) -> None:
    """Instances are whole: what is cheaper just below a rate need not be further down, and is not said to be."""
    found = results(tmp_path, scaled())
    report = make_report(found, Asked(qps=900.0), azure())
    assert report.recommendation is not None
    change, told = report.recommendation.change, " | ".join(report.recommendation.would_change)
    flips = (("above", change.flips_above_qps, change.above_type), ("below", change.flips_below_qps, change.below_type))
    for side, qps, name in flips:
        if qps is None or name is None:
            continue
        there = make_report(found, Asked(qps=qps), azure())
        now, then = plan(there, report.recommendation.instance_type), plan(there, name)
        assert there.instances[0] == then
        assert f"just {side} " in told
        assert (
            f"of {name} cost{'s' * (then.count.planned == 1)} less than {now.count.planned} of {now.instance_type}"
            in told
        )
        assert then.cost.usd_per_month < now.cost.usd_per_month


def test_a_noisy_p95_does_not_multiply_the_instances(tmp_path: Path) -> None:
    """One hiccup at a low rate: the knee holds all the same, and Little's law alone would want many times as many."""
    noisy = load(2, 1180.0).model_copy(update={"points": (point(30, 2), point(60, 20), *load(2, 1180.0).points[2:])})
    on_it = machine(ICE_LAKE, cores=2, instance_type="Standard_F2s_v2")
    report = make_report(
        results(tmp_path, result(noisy, on=on_it)),
        Asked(qps=900.0),
        replace(azure(), types=(_type("Standard_F2s_v2"),)),
    )
    one = plan(report, "Standard_F2s_v2")
    assert one.count.by_latency is not None
    assert one.count.by_latency > 3 * one.count.by_knee
    assert one.count.planned == max(one.count.by_knee, one.count.by_slo or 1)
    assert report.recommendation is not None
    assert any("Little's law, with the p95 at the rate that" in line for line in report.recommendation.not_sure_of)


def test_a_knee_that_never_broke_is_that_or_more(tmp_path: Path) -> None:
    """No rate was tried that did not hold: the highest is no end, neither of the interval nor of what is cheapest."""
    open_above = load(4, 2200.0).model_copy(
        update={"points": load(4, 2200.0).points[:6], "knee_interval_qps": (2200.0, 2200.0)}
    )
    report = made(tmp_path, result(open_above, on=machine(ICE_LAKE, instance_type="Standard_F4s_v2")))
    assert [one.knee_is_open for one in report.measured] == [True]
    for one in report.instances:
        assert one.knee_qps.or_more
        assert (one.count.at_best, one.cost.usd_per_month_at_best) == (None, None)
        assert one.p95_ms is not None
        assert not one.p95_ms.or_more
    assert ranged(plan(report, "Standard_F4s_v2").knee_qps, wording.qps).text == "2,200 (2,200 or more)"


def test_a_worker_s_memory_is_its_share_of_the_server_and_what_the_largest_batch_adds(tmp_path: Path) -> None:
    report = made(tmp_path, result(load(2, 1180.0)))
    one = report.instances[0]
    assert one.memory.needed_bytes == one.workers * (130_000_000 + 141_000_000 - 120_000_000)


def test_limits_of_the_endpoint_are_told_before_deploying(tmp_path: Path) -> None:
    report = made(tmp_path, scaled(), qps=900.0)
    assert [one.name for one in report.limits if not one.ok] == ["requests"]
    assert report.recommendation is not None
    assert any("500 by default" in line for line in report.recommendation.before_deploying)
    calm = made(tmp_path, scaled(), qps=90.0)
    assert all(one.ok for one in calm.limits)


def test_a_type_that_the_server_does_not_fit_is_refused_with_the_figures(tmp_path: Path) -> None:
    large = load(2, 1180.0).model_copy(update={"resident_bytes": 8 << 30})
    report = made(tmp_path, result(large))
    one = plan(report, "Standard_F2s_v2")
    assert one.memory.fits is False
    assert one.problems[0].startswith(
        "memory: needs 8.04 GiB (2 workers of 4.02 GiB, and 2.00 GiB kept free), has 4.00"
    )
    assert report.recommendation is not None
    assert report.recommendation.instance_type != "Standard_F2s_v2"


def test_what_was_not_measured_is_null_with_a_reason(tmp_path: Path) -> None:
    bare = load(2, 1180.0).model_copy(update={"resident_bytes": None})
    report = made(tmp_path, result(bare).model_copy(update={"process": None}))
    one = report.instances[0]
    assert (one.memory.needed_bytes, one.memory.fits, one.disk.fits) == (None, None, None)
    assert "not measured" in str(one.memory.reason)
    assert report.recommendation is not None
    assert any("fits the memory" in line for line in report.recommendation.not_sure_of)


def test_an_slo_that_nothing_holds_is_said_with_the_best_that_was_measured(tmp_path: Path) -> None:
    report = made(tmp_path, scaled(), slo=1.0)
    assert (report.recommendation, report.instances) == (None, ())
    assert (
        str(report.reason)
        == "nothing measured holds p95 within 1.00 ms: the lowest p95 was 1.60 ms, 1 worker on 1 processor"
    )


def test_a_lowest_rate_that_misses_is_not_called_too_slow_everywhere(tmp_path: Path) -> None:
    odd = load(2, None).model_copy(update={"points": (point(10, 90), point(100, 3)), "slo_p95_ms": None})
    report = made(tmp_path, result(odd), slo=SLO_MS)
    assert str(report.reason) == (
        "no rate is held from the lowest measured on, though p95 was 3.00 ms once, 2 workers on 2 processors"
    )


def test_a_slower_processor_takes_more_instances_to_be_sure_of_the_slo(tmp_path: Path) -> None:
    report = made(tmp_path, scaled(), slo=5.0)
    one = plan(report, "Standard_F4s_v2")
    assert one.meets_slo == "yes"
    assert one.count.by_slo == one.count.planned > one.count.by_knee
    assert one.p95_ms is not None
    assert one.p95_ms.high <= 5.0


def test_a_loose_plan_says_that_it_may_miss_the_slo(tmp_path: Path) -> None:
    """At an SLO barely above what an idle server takes, a slower processor may miss it."""
    report = made(tmp_path, scaled(), slo=2.5)
    assert {one.meets_slo for one in report.instances} == {"perhaps"}
    assert report.recommendation is not None
    assert "may miss the SLO" in report.recommendation.reason


def test_too_many_instances_are_refused(tmp_path: Path) -> None:
    report = made(tmp_path, scaled(), qps=60_000.0)
    assert "Azure allows 50" in plan(report, "Standard_F2s_v2").problems[0]


def test_where_no_type_can_be_taken_the_nearest_says_why(tmp_path: Path) -> None:
    report = made(tmp_path, scaled(), qps=5e6)
    assert report.recommendation is None
    assert "no instance type can be taken; the nearest" in str(report.reason)


def test_without_a_rate_the_recipe_s_is_planned_for_else_a_share_of_the_knee(tmp_path: Path) -> None:
    assert made(tmp_path, result(load(2, 1000.0)), qps=None).target.qps == pytest.approx(700)
    planned = made(tmp_path, result(load(2, 1000.0, target_qps=123.0)), qps=None).target
    assert (planned.qps, planned.qps_from) == (123.0, "the rate that the bundle's recipe plans for")


def test_the_share_to_plan_with_is_the_one_asked_for_else_the_recipe_s_else_its_default(tmp_path: Path) -> None:
    found = results(tmp_path, result(load(2, 1000.0, utilization=0.5)))
    assert make_report(found, Asked(qps=90.0), azure()).target.utilization == 0.5
    assert make_report(found, Asked(qps=90.0, utilization=0.6), azure()).target.utilization == 0.6
    assert made(tmp_path, result(load(2, 1000.0))).target.utilization == 0.7


def test_without_one_slo_it_has_to_be_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="measured without an SLO"):
        made(tmp_path, result(load(2, slo_ms=None)))
    with pytest.raises(RecipeError, match="SLOs of 25, 50 ms"):
        made(tmp_path, result(load(2), load(4, slo_ms=50.0)))
    assert made(tmp_path, result(load(2), load(4, slo_ms=50.0)), slo=SLO_MS).target.slo_p95_ms == SLO_MS


def test_one_number_of_rows_is_planned_for_and_the_others_are_named(tmp_path: Path) -> None:
    both = result(load(2), load(2, 90.0, rows=100))
    report = made(tmp_path, both, qps=50.0)
    assert report.target.rows_per_request == 1
    assert any("100 rows a request are left out" in note for note in report.notes)
    hundred = make_report(results(tmp_path, both), Asked(qps=50.0, rows_per_request=100), azure())
    assert hundred.target.rows_per_request == 100
    with pytest.raises(BenchmarkError, match="no load was measured of 7 rows"):
        make_report(results(tmp_path, both), Asked(qps=50.0, rows_per_request=7), azure())


def test_a_measured_type_without_a_price_is_named(tmp_path: Path) -> None:
    report = made(tmp_path, result(load(4), on=machine(instance_type="Standard_D4ads_v6")))
    assert any("Standard_D4ads_v6 was measured, but has no price" in note for note in report.notes)


def test_of_one_type_there_is_nothing_to_change_to(tmp_path: Path) -> None:
    only: Catalogue = replace(azure(), types=(_type("Standard_F4s_v2"),))
    report = make_report(results(tmp_path, scaled()), Asked(qps=900.0), only)
    assert report.recommendation is not None
    assert report.recommendation.change.next_type is None
    assert report.recommendation.would_change[0] == ("no other type that is as sure to hold the SLO can be taken")


def _type(name: str) -> InstanceType:
    found = azure().find(name)
    assert found is not None
    return found
