"""Results, a target and a catalogue in, a SkuReport out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packager import wording
from packager.benchmark_result import ServedLoad
from packager.errors import BenchmarkError, RecipeError
from packager.sku.catalogue import Catalogue
from packager.sku.evidence import Evidence, Needs, evidence, loads, measured_loads, needs
from packager.sku.knees import knee
from packager.sku.model import EndpointLimit, InstancePlan, SkuReport, Source, Target
from packager.sku.plan import Capacity, best_evidence, capacity_of
from packager.sku.processors import core_ratio
from packager.sku.recommend import Planner, recommend
from packager.sku.results import SERVED_COMMAND, Result

# The recipe's own default of benchmark.slo.utilization.
_UTILIZATION = 0.7


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; None where the measurements decide."""

    slo_p95_ms: float | None = None
    qps: float | None = None
    utilization: float | None = None
    rows_per_request: int | None = None


def make_report(results: Sequence[Result], asked: Asked, catalogue: Catalogue) -> SkuReport:
    """Plan for every instance type and recommend one.

    Raises RecipeError where the target cannot be told, BenchmarkError where the loads have nothing of it.
    """
    target = plan_target(results, asked)
    found = evidence(results, target)
    required = needs(results, target)
    planner = Planner(_capacities(found, catalogue), required, catalogue.limits)
    plans = planner.plans(target)
    chosen = plans[0] if plans and not plans[0].problems else None
    limits = tuple(_limits(target, required, catalogue, chosen))
    recommendation = recommend(planner, target, plans, limits)
    first = next((result for result in results if result.served), results[0])
    measured = tuple(measured_loads(results, target, found))
    return SkuReport(
        name=first.bundle.name,
        version=first.bundle.version,
        digest=first.bundle.digest,
        variant=first.bundle.variant,
        target=target,
        prices=catalogue.prices,
        sources=tuple(_source(result) for result in results),
        measured=measured,
        limits=limits,
        instances=tuple(plans),
        recommendation=recommendation,
        reason=None if recommendation is not None else _why_none(results, target, plans),
        notes=tuple(_notes(results, target, catalogue)),
    )


def plan_target(results: Sequence[Result], asked: Asked) -> Target:
    """Return what is planned for: as asked, else as the loads were measured for."""
    served = [load for result in results for load in result.served]
    rows = asked.rows_per_request or min(load.rows_per_request for load in served)
    of_rows = [load for load in served if load.rows_per_request == rows]
    if not of_rows:
        there = ", ".join(map(str, sorted({load.rows_per_request for load in served})))
        raise BenchmarkError(
            f"no load was measured of {wording.rows(rows)} a request, only of {there}",
            hint=f"say --rows {there.partition(',')[0]}",
        )
    slo = asked.slo_p95_ms or _slo(of_rows)
    share = asked.utilization or min((load.utilization for load in of_rows if load.utilization), default=_UTILIZATION)
    qps, qps_from = (asked.qps, "--qps") if asked.qps is not None else _rate(of_rows, slo, share)
    return Target(slo_p95_ms=slo, qps=qps, utilization=share, rows_per_request=rows, qps_from=qps_from)


def _slo(served: Sequence[ServedLoad]) -> float:
    found = sorted({load.slo_p95_ms for load in served if load.slo_p95_ms is not None})
    if len(found) == 1:
        return found[0]
    there = (
        "measured without an SLO" if not found else f"measured with SLOs of {', '.join(f'{one:g}' for one in found)} ms"
    )
    raise RecipeError(f"which SLO to plan for is not said: the loads were {there}", hint="say --slo-p95-ms 250")


def _rate(served: Sequence[ServedLoad], slo: float, share: float) -> tuple[float, str]:
    planned = [load.target_qps for load in served if load.target_qps is not None]
    if planned:
        return max(planned), "the rate that the bundle's recipe plans for"
    knees = [(at.low, load) for load in served if (at := knee(load, slo)) is not None]
    if not knees:
        rates = [point.rate_qps for load in served for point in load.points]
        if not rates:
            why = next((load.reason for load in served if load.reason), "no reason was given")
            raise BenchmarkError(f"no rate was measured: {why}", hint=f"run {SERVED_COMMAND}")
        return min(rates), "the lowest rate measured: none held the SLO"
    low, load = max(knees, key=lambda one: one[0])
    held = f"{wording.share(share)} of what {wording.several(load.cpus, 'processor')} held when measured"
    told = f"no rate was given (--qps): {held}"
    return share * low, told


def _capacities(found: Sequence[Evidence], catalogue: Catalogue) -> tuple[Capacity, ...]:
    if not found:
        return ()
    most = max(found, key=lambda one: len(one.held))
    shape = most if len(most.held) > 1 else None
    made = []
    for instance in catalogue.types:
        rated = [(one, core_ratio(one.result.machine, instance, catalogue, bundle=one.result.bundle)) for one in found]
        one, ratio = best_evidence(rated, instance.vcpus)
        made.append(capacity_of(instance, one, ratio, shape=shape))
    return tuple(made)


def _source(result: Result) -> Source:
    return Source(
        file=result.file,
        kind=result.kind,
        measured_at=result.measured_at,
        machine=result.machine,
        noisy=result.noisy,
    )


def _limits(
    target: Target, required: Needs, catalogue: Catalogue, chosen: InstancePlan | None
) -> Iterator[EndpointLimit]:
    """Hold the target rate against what Azure allows an endpoint."""
    limits = catalogue.limits
    needed = [
        ("bandwidth", target.qps * (required.request_bytes + required.response_bytes), limits.bytes_per_s, "bytes/s"),
        ("requests", target.qps, limits.requests_per_s, "requests/s"),
    ]
    if chosen is not None and chosen.p95_ms is not None:
        needed.append(("requests in flight", target.qps * chosen.p95_ms.high / 1000, limits.connections, "connections"))
    if chosen is not None:
        most = chosen.settings.autoscale.max_instances
        needed.append(("instances at the autoscale maximum", most, limits.instances, "instances"))
    for name, amount, limit, unit in needed:
        yield EndpointLimit(name=name, needed=amount, limit=limit, ok=amount <= limit, unit=unit)


def _why_none(results: Sequence[Result], target: Target, plans: Sequence[InstancePlan]) -> str:
    slo = wording.latency(1000 * target.slo_p95_ms)
    if plans:
        nearest = plans[0]
        return f"no instance type can be taken; the nearest, {nearest.instance_type}: {'; '.join(nearest.problems)}"
    best = [(one.best_p95_ms, one) for one in measured_loads(results, target, ()) if one.best_p95_ms is not None]
    if not best:
        return f"no rate was answered without errors, let alone at p95 within {slo}"
    p95, one = min(best, key=lambda pair: pair[0])
    who = f"{wording.several(one.workers, 'worker')} on {wording.several(one.cpus, 'processor')}"
    if p95 <= target.slo_p95_ms:  # somewhere, but not from the lowest rate on, or with errors or a growing queue
        return f"no rate is held from the lowest measured on, though p95 was {wording.latency(1000 * p95)} once, {who}"
    return f"nothing measured holds p95 within {slo}: the lowest p95 was {wording.latency(1000 * p95)}, {who}"


def _notes(results: Sequence[Result], target: Target, catalogue: Catalogue) -> Iterator[str]:
    others = sorted({load.rows_per_request for result in results for load in result.served} - {target.rows_per_request})
    if others:
        yield f"Loads of {', '.join(map(str, others))} rows a request are left out: --rows plans for them."
    for result in results:
        named = result.machine.instance_type
        if named is not None and catalogue.find(named) is None and loads(result, target):
            yield wording.printable(f"{named} was measured, but has no price: give one with --prices.")
        for note in dict.fromkeys((*result.notes, *(note for load in loads(result, target) for note in load.notes))):
            yield wording.printable(f"{result.file}: {note}")
    prices = catalogue.prices
    yield (
        f"Prices: {prices.price}, {prices.region}, recorded on {prices.recorded_on}; replace them with --prices. "
        f"{prices.source}"
    )
    yield f"Limits of an endpoint: {catalogue.limits.source}. {catalogue.limits.advice}."
    yield f"Measure on an instance itself to replace an estimate: {SERVED_COMMAND}, with --instance-type."
