"""One choice among the plans: the cheapest that is sure to hold the SLO, why, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packager import wording
from packager.azure.instance_types import Limits
from packager.sku.capacity import HOURS_PER_MONTH, MIN_INSTANCES
from packager.sku.evidence import Needs
from packager.sku.model import Change, EndpointLimit, InstancePlan, Recommendation, Target
from packager.sku.plan import Capacity, size

# Rates are tried in steps of a tenth, to twenty times the target and to a twentieth of it; then the step in which the
# choice changes is halved, to within a thousandth.
_STEP, _FURTHEST, _HALVINGS = 1.1, 20.0, 7
_MEASUREMENTS_SHOWN = 3


@dataclass(frozen=True)
class Planner:
    """Every type's capacity; a rate decides how many of each and which."""

    capacities: tuple[Capacity, ...]
    needs: Needs
    limits: Limits

    def plans(self, target: Target) -> list[InstancePlan]:
        """Return a plan for each type: those that can be taken first, the surest before the cheapest."""
        return sorted((size(at, target, self.needs, self.limits) for at in self.capacities), key=_order)

    def choose(self, target: Target) -> InstancePlan | None:
        """Return the plan to take, None where none can be."""
        first = min((size(at, target, self.needs, self.limits) for at in self.capacities), key=_order, default=None)
        return None if first is None or first.problems else first


def recommend(
    planner: Planner, target: Target, plans: Sequence[InstancePlan], limits: Sequence[EndpointLimit]
) -> Recommendation | None:
    """Return the recommendation, None where no type can be taken; `limits` are what Azure allows the endpoint."""
    if not plans or plans[0].problems:
        return None
    chosen, others = plans[0], [plan for plan in plans[1:] if not plan.problems]
    alike = [plan for plan in others if _is_sure(plan) == _is_sure(chosen)]
    above, below = (_flip(planner, target, chosen.instance_type, step) for step in (_STEP, 1 / _STEP))
    change = _change(chosen, others, alike, (above, below))
    capacity = next(at for at in planner.capacities if at.instance.name == chosen.instance_type)
    return Recommendation(
        instance_type=chosen.instance_type,
        instances=chosen.count.planned,
        workers=chosen.workers,
        threads=chosen.threads,
        usd_per_month=chosen.cost.usd_per_month,
        usd_per_million_predictions=chosen.cost.usd_per_million_predictions,
        reason=_reason(chosen, target, taken=1 + len(alike), of=len(plans)),
        before_deploying=tuple(_before(chosen, limits)),
        sure_of=tuple(_sure(capacity, planner.needs, target)),
        not_sure_of=tuple(_not_sure(chosen, capacity, planner.needs)),
        change=change,
        would_change=(
            *_prices(change, chosen),
            *(_flip_said("above", above) if above else ()),
            *(_flip_said("below", below) if below else ()),
            *_measurement(change, chosen),
        ),
    )


def _order(plan: InstancePlan) -> tuple[object, ...]:
    measured = plan.knee_qps.basis != "estimated"
    return (
        bool(plan.problems),
        not _is_sure(plan),
        round(plan.cost.usd_per_month, 6),
        not measured,
        plan.count.planned,
        plan.vcpus,
        plan.instance_type,
    )


def _is_sure(plan: InstancePlan) -> bool:
    return plan.meets_slo == "yes"


def _reason(chosen: InstancePlan, target: Target, *, taken: int, of: int) -> str:
    slo = wording.latency(1000 * target.slo_p95_ms)
    holds = f"{wording.qps(target.qps)} requests/s of {wording.rows(target.rows_per_request)} at p95 within {slo}"
    sure = "" if _is_sure(chosen) else "; by what is known it may miss the SLO, and no type is sure to hold it"
    types = f"the cheapest of {taken} instance types" if taken > 1 else "the only instance type"
    types += f" (of {of})" if taken < of else ""
    surely = "sure to hold" if _is_sure(chosen) else "that may hold"
    types += f" that are {surely}" if taken > 1 and _is_sure(chosen) else f" {surely}"
    counts = f"{chosen.count.by_knee} by the knee, of which {wording.share(target.utilization)} is planned with"
    if chosen.count.by_slo is not None:
        counts += f", {chosen.count.by_slo} by the SLO"
    return f"{types} {holds}, counted at the worse end of every interval: it takes {counts}{sure}"


def _before(chosen: InstancePlan, limits: Sequence[EndpointLimit]) -> Iterator[str]:
    for limit in limits:
        if not limit.ok:
            needed, most = wording.count(limit.needed), wording.count(limit.limit)
            yield f"ask Azure to raise the endpoint's limit of {limit.name}: {needed} {limit.unit}, {most} by default"
    if chosen.count.planned < MIN_INSTANCES:
        both = wording.usd(MIN_INSTANCES * chosen.usd_per_hour * HOURS_PER_MONTH)
        yield f"decide on a second instance, {both} a month for both: with one, nothing answers while it is replaced"
    elif not chosen.count.survives_one_loss:
        yield f"know that {chosen.count.planned - 1} of the {chosen.count.planned} instances do not hold the rate alone"


def _sure(capacity: Capacity, needs: Needs, target: Target) -> Iterator[str]:
    slo = wording.latency(1000 * target.slo_p95_ms)
    result = capacity.evidence.result
    machine = result.machine.instance_type or result.machine.processor
    for held in capacity.evidence.held:
        load, knee = held.load, held.knee
        who = f"{wording.several(load.workers, 'worker')} on {wording.several(load.cpus, 'processor')} of {machine}"
        end = ", the highest rate tried" if knee.is_open else f", and not {wording.qps(knee.high)}"
        if knee.low < knee.qps:
            end += f"; no run failed up to {wording.qps(knee.low)}"
        rate = f"{wording.qps(knee.qps)} requests/s{' or more' if knee.is_open else ''}"
        yield wording.printable(f"{who} held {rate} at p95 within {slo}{end}: measured")
    if needs.worker_bytes is not None:
        size = wording.size(needs.worker_bytes)
        yield f"a worker takes {size} of memory at most, served, with what the largest batch adds: measured"
    asked, answered = wording.size(needs.request_bytes), wording.size(needs.response_bytes)
    yield f"a request has {asked} and its answer {answered}: measured"


def _not_sure(chosen: InstancePlan, capacity: Capacity, needs: Needs) -> Iterator[str]:
    knee = chosen.knee_qps
    if knee.basis == "estimated":
        ends = f"{wording.qps(knee.low)} to {wording.qps(knee.high)} requests/s"
        ends = f"{wording.qps(knee.low)} requests/s or more" if knee.or_more else ends
        yield wording.printable(f"what one {chosen.instance_type} holds, estimated {ends}: {knee.how}")
    if chosen.p95_ms is None:
        yield "the p95 at the target rate: no rate as high was measured"
    if chosen.count.by_latency is not None and chosen.count.by_latency > chosen.count.planned:
        yield (
            f"how long requests wait for a worker: Little's law, with the p95 at the rate that each then gets as the "
            f"time of every request, takes {wording.several(chosen.count.by_latency, 'instance')}"
        )
    if capacity.nearest.load.client_shares_cpus:
        yield "how much more the server holds alone: the load generator ran on its processors"
    if capacity.evidence.result.noisy is not None:
        yield wording.printable(f"small differences: the machine was noisy, {capacity.evidence.result.noisy}")
    if needs.worker_bytes is None:
        yield "whether it fits the memory: no file tells what the server takes"
    yield "the way to the endpoint: Azure's gateway and the network come on top of every latency here"
    yield "the price on the day you order"


def _change(
    chosen: InstancePlan,
    others: Sequence[InstancePlan],
    alike: Sequence[InstancePlan],
    flips: tuple[_Flip | None, _Flip | None],
) -> Change:
    """`alike` are those of the others that are as sure to hold the SLO: the first of them is next in price."""
    following, (above, below) = next(iter(alike), None), flips
    cheaper = [plan for plan in others if plan not in alike and _is_cheaper(plan, chosen)]
    to_measure = sorted(
        (plan for plan in others if plan.knee_qps.basis == "estimated" and _at_best(plan) < chosen.cost.usd_per_month),
        key=lambda plan: (_at_best(plan), plan.vcpus, plan.instance_type),
    )
    return Change(
        cheaper_but_unsure=tuple(plan.instance_type for plan in cheaper),
        next_type=None if following is None else following.instance_type,
        next_usd_per_month=None if following is None else following.cost.usd_per_month,
        flips_at_usd_per_hour=None
        if following is None
        else following.cost.usd_per_month / (HOURS_PER_MONTH * chosen.count.planned),
        flips_above_qps=None if above is None else above.qps,
        above_type=None if above is None else above.then.instance_type,
        flips_below_qps=None if below is None else below.qps,
        below_type=None if below is None else below.then.instance_type,
        to_measure=tuple(plan.instance_type for plan in to_measure),
    )


def _at_best(plan: InstancePlan) -> float:
    """Return the least that a plan may cost; where nothing tells how much an instance holds, that of one."""
    at_best = plan.cost.usd_per_month_at_best
    return plan.usd_per_hour * HOURS_PER_MONTH if at_best is None else at_best


def _is_cheaper(plan: InstancePlan, chosen: InstancePlan) -> bool:
    """Tell whether a plan costs less, by more than rounding."""
    return plan.cost.usd_per_month < chosen.cost.usd_per_month * (1 - 1e-9)


@dataclass(frozen=True)
class _Flip:
    """The nearest rate at which another type is chosen: the plans there, of the type chosen now and of the other."""

    qps: float
    now: InstancePlan
    then: InstancePlan


def _flip(planner: Planner, target: Target, chosen: str, step: float) -> _Flip | None:
    """Return the nearest rate in one direction at which another type is chosen."""
    same, factor = 1.0, step
    while 1 / _FURTHEST <= factor <= _FURTHEST:
        if _chosen_at(planner, target, factor) not in (chosen, None):
            break
        same, factor = factor, factor * step
    else:
        return None
    for _ in range(_HALVINGS):
        between = (same * factor) ** 0.5
        if _chosen_at(planner, target, between) in (chosen, None):
            same = between
        else:
            factor = between
    plans = planner.plans(target.model_copy(update={"qps": target.qps * factor}))
    return _Flip(target.qps * factor, next(plan for plan in plans if plan.instance_type == chosen), plans[0])


def _chosen_at(planner: Planner, target: Target, factor: float) -> str | None:
    plan = planner.choose(target.model_copy(update={"qps": target.qps * factor}))
    return None if plan is None else plan.instance_type


def _flip_said(side: str, flip: _Flip) -> Iterator[str]:
    """Instances are whole, so that the choice may change back further on: only what holds at that rate is said."""
    now, then = flip.now, flip.then
    others = f"{wording.several(then.count.planned, 'instance')} of {then.instance_type}"
    if now.problems:
        why = f"can be taken, and {now.instance_type} cannot: {now.problems[0]}"
    elif _is_sure(now) != _is_sure(then):
        why = f"can be taken, and {now.instance_type} may miss the SLO there"
    else:
        less = "less than" if _is_cheaper(then, now) else "no more than"
        why = f"{'costs' if then.count.planned == 1 else 'cost'} {less} {now.count.planned} of {now.instance_type}"
    if now.problems and _is_sure(now) and not _is_sure(then):
        why += "; they may miss the SLO"
    yield f"just {side} {wording.qps(flip.qps)} requests/s {others} {why}"


def _prices(change: Change, chosen: InstancePlan) -> Iterator[str]:
    if change.next_type is None or change.next_usd_per_month is None or change.flips_at_usd_per_hour is None:
        yield "no other type that is as sure to hold the SLO can be taken"
    elif change.next_usd_per_month <= chosen.cost.usd_per_month * (1 + 1e-9):
        yield f"{change.next_type} costs the same"
    else:
        more = wording.share(change.next_usd_per_month / chosen.cost.usd_per_month - 1)
        price = wording.usd(change.flips_at_usd_per_hour)
        yield (
            f"{change.next_type} is next, {wording.usd(change.next_usd_per_month)} a month, {more} more: it becomes "
            f"the cheaper one where {chosen.instance_type} costs over {price} an hour"
        )
    if change.cheaper_but_unsure:
        named = ", ".join(change.cheaper_but_unsure[:_MEASUREMENTS_SHOWN])
        yield f"cheaper, but by what is known they may miss the SLO: {named}"


def _measurement(change: Change, chosen: InstancePlan) -> Iterator[str]:
    cheaper = [name for name in change.to_measure if name != chosen.instance_type][:_MEASUREMENTS_SHOWN]
    named = [chosen.instance_type] if chosen.knee_qps.basis == "estimated" else cheaper[:1]
    why = f"; {', '.join(cheaper)} may prove to hold the rate for less" if cheaper else ""
    for on in named:
        yield f"to be sure, run package benchmark BUNDLE --served --instance-type {on} --out FILE on one{why}"
