"""The order in which a SkuReport is told, the same on the page and in Markdown: advice, grounds, details."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from packager import wording
from packager.artifact import Measurement, Spread
from packager.benchmark_result import TargetMeasurement
from packager.report.call_charts import BATCH_LEGEND, PLACEMENT_LEGEND, batch_chart, has_placement, placement_chart
from packager.report.headline import Fact
from packager.report.load_charts import LEGEND as LOAD_LEGEND
from packager.report.load_charts import arrangement, load_chart, load_table
from packager.report.measured import latency_table, provenance_table, targets
from packager.report.model import BuildReport
from packager.report.placement import placement_findings
from packager.report.sections import Section
from packager.report.serving import process_facts
from packager.report.steadiness import environment_table, noise_said, noise_table
from packager.report.tables import fact_table
from packager.sku.cost_chart import LEGEND as COST_LEGEND
from packager.sku.cost_chart import cost_chart
from packager.sku.formulas import formulas
from packager.sku.knees import judged
from packager.sku.model import Recommendation, SkuReport
from packager.sku.results import Result
from packager.sku.tables import (
    TYPES_SHOWN,
    count_table,
    instance_table,
    limit_table,
    machine_table,
    measured_table,
    refused_table,
    settings_table,
)


@dataclass(frozen=True)
class Shown:
    """A section, and what draws its pictures: each takes an identifier and returns an SVG."""

    section: Section
    pictures: tuple[Callable[[str], str], ...] = ()
    legend: str = ""


def headline(report: SkuReport) -> str:
    """Return one sentence: what to rent, or why nothing."""
    chosen = report.recommendation
    if chosen is None:
        reason = report.reason or "no reason was given"
        return f"Nothing to recommend: {wording.printable(reason)}."
    instances = wording.several(chosen.instances, "instance")
    workers = f"{wording.several(chosen.workers, 'worker')} of {wording.several(chosen.threads, 'thread')} each"
    unsure = "" if is_sure(report) else " It may miss the SLO."
    return f"{instances} of {wording.printable(chosen.instance_type)}, {workers}: {cost(report, chosen)}.{unsure}"


def is_sure(report: SkuReport) -> bool:
    """Tell whether something is recommended that is sure to hold the SLO, as far as measurements tell."""
    return report.recommendation is not None and report.instances[0].meets_slo == "yes"


def cost(report: SkuReport, chosen: Recommendation) -> str:
    """Return what the recommendation costs, with the day of the prices."""
    month, million = wording.usd(chosen.usd_per_month), wording.usd(chosen.usd_per_million_predictions)
    plan = next(one for one in report.instances if one.instance_type == chosen.instance_type)
    at_best = plan.cost.usd_per_month_at_best
    best = month if at_best is None else wording.usd(at_best)
    ends = "" if best == month else f" ({best} if all is at its best)"
    return f"{month} a month{ends}, {million} a million predictions, at prices of {report.prices.recorded_on}"


def facts(report: SkuReport) -> tuple[Fact, ...]:
    """Return what the report is about."""
    target = report.target
    told = (
        ("Planned for", f"{wording.qps(target.qps)} requests/s of {wording.rows(target.rows_per_request)}"),
        ("The rate is from", target.qps_from),
        ("SLO", f"p95 within {wording.latency(1000 * target.slo_p95_ms)}"),
        ("Share of an instance planned with", wording.share(target.utilization)),
        ("Prices", f"{report.prices.price}, {report.prices.region}, recorded on {report.prices.recorded_on}"),
        ("Bundle digest", wording.digest(report.digest)),
    )
    return tuple((label, wording.clip(wording.printable(text), 160), wording.printable(text)) for label, text in told)


def sections(report: SkuReport, results: Sequence[Result]) -> Iterator[Shown]:
    """Yield what the report has to say, sections with nothing in them left out."""
    shown = (
        *_advice(report),
        *_types(report),
        *_loads(report, results),
        *_calls(results),
        *_process(results),
        *_circumstances(report),
    )
    for one in shown:
        if one.section.lines or (one.section.table is not None and one.section.table.rows):
            yield one


def _advice(report: SkuReport) -> Iterator[Shown]:
    chosen = report.recommendation
    if chosen is None:
        return
    for title, lines in _grounds(report, chosen):
        yield Shown(Section(title, lines=tuple(_sentence(line) for line in lines)))
    yield Shown(Section("Settings", settings_table(report, chosen)))


def _grounds(report: SkuReport, chosen: Recommendation) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("Why", (chosen.reason,)),
        ("Before you deploy", chosen.before_deploying),
        ("What this is sure of", chosen.sure_of),
        ("What it is not sure of", chosen.not_sure_of),
        (f"What would change it, at prices of {report.prices.recorded_on}", chosen.would_change),
    )


def _types(report: SkuReport) -> Iterator[Shown]:
    usable = sum(not plan.problems for plan in report.instances)
    more = (f"The {TYPES_SHOWN} surest and cheapest of {usable}; report.json has all.",) if usable > TYPES_SHOWN else ()
    picture = (partial(cost_chart, report),) if report.instances else ()
    yield Shown(Section("Cost and latency by instance type", instance_table(report), lines=more), picture, COST_LEGEND)
    yield Shown(Section("How instances are counted", count_table(report)))
    yield Shown(Section("Types that cannot be taken", refused_table(report)))
    yield Shown(Section("Limits of the endpoint", limit_table(report.limits)))


def _loads(report: SkuReport, results: Sequence[Result]) -> Iterator[Shown]:
    yield Shown(Section("What was measured", measured_table(report)))
    for result in results:
        for load in result.served:
            if load.rows_per_request == report.target.rows_per_request:
                title = f"Latency under load: {arrangement(load)}{_of(result, results)}"
                by_slo = judged(load, report.target.slo_p95_ms)
                yield Shown(Section(title, load_table(by_slo)), (partial(load_chart, by_slo),), LOAD_LEGEND)


def _calls(results: Sequence[Result]) -> Iterator[Shown]:
    for result in results:
        report = _as_build(result)
        where = _of(result, results)
        for target in targets(report):
            title = f"Time per call on {wording.printable(target)}{where}"
            of_target = [one for one in report.measurements if one.target == target]
            if any(one.p50_us is not None for one in of_target):
                draw = partial(batch_chart, of_target, report.selected)
                yield Shown(Section(title, latency_table(report, target)), (draw,), BATCH_LEGEND)
        if report.measurements:
            placed = has_placement(report.measurements)
            pictures = (partial(placement_chart, report.measurements),) if placed else ()
            findings = tuple(placement_findings(report.measurements))
            section = Section(f"Placement{where}", provenance_table(report), lines=findings)
            yield Shown(section, pictures, PLACEMENT_LEGEND)


def _process(results: Sequence[Result]) -> Iterator[Shown]:
    """What a process costs to start and to keep, what the targets ran in, how steady the machine was."""
    for result in results:
        where = _of(result, results)
        if result.process is not None:
            facts = process_facts(result.process, result.bundle.size_bytes or None)
            caption = "One process that runs the bundle's score.py, without the server around it"
            yield Shown(Section(f"Serving process{where}", fact_table(caption, facts)))
        made = [one.model_dump() for one in result.environments]
        yield Shown(Section(f"Environments{where}", environment_table(made)))
        noise = None if result.noise is None else result.noise.model_dump()
        said = noise_said(noise)
        yield Shown(Section(f"Steadiness of the machine{where}", noise_table(noise), lines=(said,) if said else ()))


def _circumstances(report: SkuReport) -> Iterator[Shown]:
    yield Shown(Section("Machines", machine_table(report)))
    yield Shown(Section("Formulas", lines=formulas()))
    yield Shown(Section("Notes", lines=tuple(wording.printable(note) for note in report.notes)))


def _as_build(result: Result) -> BuildReport:
    """Return the measurements as a build tells them, whose tables they share."""
    build = BuildReport(result.bundle.name, result.bundle.version, ok=True, selected=result.bundle.variant)
    build.measurements = [_measurement(one) for one in result.measurements]
    return build


def _measurement(one: TargetMeasurement) -> Measurement:
    return Measurement(
        one.target,
        one.provider,
        one.provider_active,
        dict(one.placement),
        one.variant,
        one.batch_size,
        one.threads,
        p50_us=one.p50_us,
        p95_us=one.p95_us,
        p99_us=one.p99_us,
        rows_per_s=one.rows_per_s,
        ci95=one.ci95,
        runs=one.runs,
        reason=one.reason,
        operators={provider: dict(counts) for provider, counts in one.operators.items()},
        spread=None if one.spread is None else Spread(**one.spread.model_dump()),
    )


def _of(result: Result, results: Sequence[Result]) -> str:
    """Return which file it is of, where there are several."""
    return "" if len(results) == 1 else f", {wording.printable(result.file)}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
