"""One instance type at one rate: how many of them, whether the server fits, what it costs, how it scales.

Everything is counted at the end of the intervals that is worse for us, so that no plan is too small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packager import wording
from packager.azure.instance_types import GIB, PLATFORM_BYTES, InstanceType, Limits
from packager.sku import capacity
from packager.sku.evidence import Evidence, Held, Needs
from packager.sku.knees import Latency, p95_at
from packager.sku.model import Basis, Cost, Count, Figure, Fit, InstancePlan, Meets, Settings, Target
from packager.sku.processors import CoreRatio
from packager.sku.scaling import estimate, estimate_like


@dataclass(frozen=True)
class Rates:
    """What one instance may be given by each law; None where no latency tells.

    Little's law with the p95 as the time of every request counts waiting as work, and with a noisy p95 many times what
    the knee says: it is told beside, and not planned with. The knee and the SLO are measured.
    """

    knee: float
    latency: float | None
    slo: float | None

    @property
    def each(self) -> float:
        """Return the rate to plan with."""
        return self.knee if self.slo is None else min(self.knee, self.slo)


@dataclass(frozen=True)
class Capacity:
    """What one instance of a type holds, whatever the rate: the nearest that was measured, and its knee there."""

    instance: InstanceType
    evidence: Evidence
    nearest: Held
    ratio: CoreRatio
    knee: Figure
    workers: int

    def p95(self, share: tuple[float, float]) -> Figure | None:
        """Return the p95 at shares of the knee, from the share that is better for us to the one that is worse."""
        best, worst = (p95_at(self.nearest.latencies, part * self.nearest.knee.qps) for part in share)
        if best is None or worst is None:
            return None
        return self._slower(Latency(worst.value, min(best.low, worst.low), worst.high))

    def rates(self, target: Target, *, at_best: bool) -> Rates:
        """Return the rates that one instance may be given, at the better end of the intervals or at the worse."""
        knee, cores = (self.knee.high, self.ratio.high) if at_best else (self.knee.low, self.ratio.low)
        measured = self.nearest.latencies
        ends = [one.low if at_best else one.high for _, one in measured]
        if at_best:  # up to a rate the p95 may be as low as it was at the rate before
            ends = [*ends[:1], *ends[:-1]]
        scale = knee / self.nearest.knee.qps
        curve = [(rate * scale, ms / cores) for (rate, _), ms in zip(measured, ends, strict=True)]
        return Rates(
            capacity.rate_by_knee(knee, utilization=target.utilization),
            capacity.rate_by_latency(curve, utilization=target.utilization, workers=self.workers),
            capacity.rate_by_slo(curve, target.slo_p95_ms),
        )

    def _slower(self, latency: Latency) -> Figure:
        low, value, high = (
            latency.low / self.ratio.high,
            latency.value / (self.ratio.low * self.ratio.high) ** 0.5,
            latency.high / self.ratio.low,
        )
        how = f"p95 on {wording.several(self.nearest.load.cpus, 'processor')} at the same share of the knee"
        return self.knee.model_copy(update={"low": low, "value": value, "high": high, "how": how, "or_more": False})


def capacity_of(
    instance: InstanceType, found: Evidence, ratio: CoreRatio, *, shape: Evidence | None = None
) -> Capacity:
    """Return what an instance of a type holds by what was measured on one machine.

    Where that was one set of processors alone, it scales as the sets of the machine `shape` do.
    """
    sets = found.throughputs()
    nearest = found.nearest(instance.vcpus)
    if shape is None or len(sets) > 1 or nearest.load.cpus == instance.vcpus:
        held = estimate(sets, instance.vcpus)
    else:
        held = estimate_like(sets[0], instance.vcpus, shape.throughputs(), shape.result.file)
    centre = (ratio.low * ratio.high) ** 0.5
    exact = nearest.load.cpus == instance.vcpus
    scaled = f"measured on {wording.several(instance.vcpus, 'processor')}" if exact else held.how
    how = scaled if ratio.why is None else f"{scaled}; {ratio.why}"
    figure = Figure(
        value=held.qps * centre,
        low=held.low * ratio.low,
        high=held.high * ratio.high,
        basis=_basis(exact, ratio),
        cpus=tuple(one.load.cpus for one in ([nearest] if exact else found.held)),
        how=f"{how}; no higher rate was tried" if held.is_open else how,
        or_more=held.is_open,
    )
    workers = max(1, nearest.load.workers * instance.vcpus // nearest.load.cpus)
    return Capacity(instance, found, nearest, ratio, figure, workers)


def size(at: Capacity, target: Target, needs: Needs, limits: Limits) -> InstancePlan:
    """Return the plan for a type: instances, cost, fit, autoscale, and what keeps it from being taken."""
    instance, count = at.instance, _count(at, target)
    # One that never broke may be as idle as the slowest rate measured.
    best = 0.0 if at.knee.or_more else count.rate_each_qps / at.knee.high
    p95 = at.p95((best, count.rate_each_qps / at.knee.low))
    memory, disk = _memory(at, needs), _disk(instance, needs)
    meets = _meets(p95, target.slo_p95_ms)
    return InstancePlan(
        instance_type=instance.name,
        series=instance.series.name,
        processors=instance.series.processors,
        vcpus=instance.vcpus,
        memory_gib=instance.memory_gib,
        usd_per_hour=instance.usd_per_hour,
        workers=at.workers,
        threads=at.nearest.load.threads,
        knee_qps=at.knee,
        p95_ms=p95,
        meets_slo=meets,
        count=count,
        cost=_cost(instance.usd_per_hour, count, target),
        settings=_settings(at, target, count, limits),
        memory=memory,
        disk=disk,
        network_share=_network_share(instance, count.rate_each_qps, needs),
        other_processors=at.ratio.width > 1,
        processor_note=at.ratio.why,
        problems=(*_misfits(memory, disk), *_too_slow(p95, meets, target), *_too_many(count.planned, limits)),
    )


def best_evidence(found: Sequence[tuple[Evidence, CoreRatio]], vcpus: int) -> tuple[Evidence, CoreRatio]:
    """Return the machine that tells most of a type: the type itself, the nearest processor, the set of its size."""
    return min(
        found,
        key=lambda one: (
            not one[1].same_type,
            one[1].width,
            all(held.load.cpus != vcpus for held in one[0].held),
            -len(one[0].held),
        ),
    )


def _count(at: Capacity, target: Target) -> Count:
    """The knee and the SLO each give a number, the larger is planned with; Little's law gives one to check it by."""
    rates, best = at.rates(target, at_best=False), at.rates(target, at_best=True)

    def instances(rate: float | None) -> int | None:
        return None if rate is None else capacity.instances(target.qps, rate)

    planned = capacity.instances(target.qps, rates.each)
    ends = {name: planned * getattr(at.knee, name) / target.qps - 1 for name in ("low", "value", "high")}
    return Count(
        by_latency=instances(rates.latency),
        by_knee=capacity.instances(target.qps, rates.knee),
        by_slo=instances(rates.slo),
        planned=planned,
        at_best=None if at.knee.or_more else min(planned, capacity.instances(target.qps, best.each)),
        rate_each_qps=target.qps / planned,
        headroom=at.knee.model_copy(update={**ends, "how": "instances * knee / rate - 1"}),
        survives_one_loss=(planned - 1) * at.knee.low >= target.qps,
    )


def _cost(usd_per_hour: float, count: Count, target: Target) -> Cost:
    hourly = count.planned * usd_per_hour
    return Cost(
        usd_per_hour=hourly,
        usd_per_month=hourly * capacity.HOURS_PER_MONTH,
        usd_per_month_at_best=None
        if count.at_best is None
        else count.at_best * usd_per_hour * capacity.HOURS_PER_MONTH,
        usd_per_million_predictions=capacity.usd_per_million(
            hourly, target.qps, rows_per_request=target.rows_per_request
        ),
    )


def _settings(at: Capacity, target: Target, count: Count, limits: Limits) -> Settings:
    each = at.rates(target, at_best=False).each
    at_knee = at.p95((1.0, 1.0))
    concurrent = capacity.max_concurrent_requests(
        at.knee.low,
        0.0 if at_knee is None else at_knee.value,
        slo_p95_ms=target.slo_p95_ms,
        workers=at.workers,
    )
    return Settings(
        max_concurrent_requests_per_instance=concurrent,
        admitted_requests=2 * concurrent * count.planned,
        autoscale=capacity.autoscale(target.qps, each, instances=count.planned, limit=limits.instances),
    )


def _basis(exact: bool, ratio: CoreRatio) -> Basis:
    if not exact or ratio.width > 1:
        return "estimated"
    return "measured on that SKU" if ratio.same_type else "measured here"


def _memory(at: Capacity, needs: Needs) -> Fit:
    available = int(at.instance.memory_gib * GIB)
    if needs.worker_bytes is None:
        reason = "not measured: no file tells the resident memory of the server"
        return Fit(needed_bytes=None, available_bytes=available, left_bytes=None, fits=None, reason=reason)
    needed = needs.worker_bytes * at.workers
    fits = available - needed >= PLATFORM_BYTES
    each, kept = wording.size(needs.worker_bytes), wording.size(PLATFORM_BYTES)
    asked = f"{wording.several(at.workers, 'worker')} of {each}, and {kept} kept free"
    return Fit(needed_bytes=needed, available_bytes=available, left_bytes=available - needed, fits=fits, reason=asked)


def _disk(instance: InstanceType, needs: Needs) -> Fit:
    """The bundle and its packages on the temporary disk; Azure's image comes on top and is not measured."""
    available = None if instance.temp_disk_gib is None else int(instance.temp_disk_gib * GIB)
    if needs.disk_bytes is None or available is None:
        reason = "the size of the environment" if needs.disk_bytes is None else "the instance's temporary disk"
        told = f"not known: {reason}"
        return Fit(needed_bytes=needs.disk_bytes, available_bytes=available, left_bytes=None, fits=None, reason=told)
    left = available - needs.disk_bytes
    told = "bundle and packages; the container's image is not measured"
    return Fit(needed_bytes=needs.disk_bytes, available_bytes=available, left_bytes=left, fits=left >= 0, reason=told)


def _network_share(instance: InstanceType, qps: float, needs: Needs) -> float | None:
    if instance.network_mbps is None:
        return None
    return qps * max(needs.request_bytes, needs.response_bytes) * 8 / (instance.network_mbps * 1e6)


def _meets(p95: Figure | None, slo_p95_ms: float) -> Meets | None:
    if p95 is None:
        return None
    return "yes" if p95.high <= slo_p95_ms else "perhaps" if p95.low <= slo_p95_ms else "no"


def _misfits(memory: Fit, disk: Fit) -> Iterator[str]:
    for what, fit in (("memory", memory), ("disk", disk)):
        if fit.fits is False and fit.needed_bytes is not None and fit.available_bytes is not None:
            needed, available = wording.size(fit.needed_bytes), wording.size(fit.available_bytes)
            yield f"{what}: needs {needed} ({fit.reason}), has {available}"


def _too_slow(p95: Figure | None, meets: Meets | None, target: Target) -> Iterator[str]:
    if p95 is not None and meets == "no":
        ends = f"{wording.latency(1000 * p95.low)} to {wording.latency(1000 * p95.high)}"
        yield f"p95 {ends} at the target rate, limit {wording.latency(1000 * target.slo_p95_ms)}"


def _too_many(instances: int, limits: Limits) -> Iterator[str]:
    if instances > limits.instances:
        yield f"takes {instances} instances, Azure allows {limits.instances} a deployment"
