"""What `package report` finds, as published in its report.json: figures with their interval and where they come from.

A figure that was not measured and cannot be estimated is null, and a reason stands beside it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from packager.benchmark_result import MeasuredMachine, Part

REPORT_VERSION: Literal[1] = 1

Basis = Literal["measured here", "measured on that SKU", "estimated"]
Meets = Literal["yes", "perhaps", "no"]


class Figure(Part):
    """A figure within its interval. Instances are counted at the end of the interval that is worse for us."""

    value: float
    low: float
    high: float
    basis: Basis
    cpus: tuple[int, ...] = Field(description="sets of processors that it was measured on")
    how: str = Field(description="how it comes from what was measured")
    or_more: bool = Field(default=False, description="`high` is no bound: no rate was tried that did not hold")


class Target(Part):
    """What is planned for."""

    slo_p95_ms: float = Field(gt=0)
    qps: float = Field(gt=0, description="requests per second")
    utilization: float = Field(gt=0, le=1, description="share of an instance's capacity to plan with")
    rows_per_request: int = Field(gt=0)
    qps_from: str = Field(description="who set the rate")


class Prices(Part):
    """Where prices come from. Every cost in the report is as old as they are."""

    recorded_on: str = Field(description="day of the price list, or of its reading")
    currency: str
    region: str
    price: str = Field(description="which price it is")
    source: str


class Source(Part):
    """A file that the report is made from, and the machine that it was measured on."""

    file: str
    kind: Literal["benchmark", "build report"]
    measured_at: str | None
    machine: MeasuredMachine
    noisy: str | None = Field(default=None, description="why the machine was too noisy, where it was")


class MeasuredLoad(Part):
    """One arrangement of the server on one set of processors, and the rate that it holds within the SLO."""

    file: str
    cpus: int
    workers: int
    threads: int
    knee_qps: float | None = Field(description="highest rate that met the SLO")
    knee_interval_qps: tuple[float, float] | None
    knee_is_open: bool = Field(default=False, description="no higher rate was tried: it holds that or more")
    p95_ms_at_knee: float | None
    best_p95_ms: float | None = Field(description="the lowest p95 of all rates without errors")
    used: bool = Field(description="instances are counted by it; else another arrangement on as many held more")
    reason: str | None = None


class Fit(Part):
    """Whether the server fits into the memory or the disk of an instance; null where a figure lacks."""

    needed_bytes: int | None
    available_bytes: int | None
    left_bytes: int | None = Field(description="left for the platform")
    fits: bool | None
    reason: str | None = None


class Autoscale(Part):
    """Azure Monitor rules on the endpoint's requests per minute, divided by instances."""

    min_instances: int
    max_instances: int
    scale_out_requests_per_minute: float = Field(description="per instance: add one above")
    scale_in_requests_per_minute: float = Field(description="per instance: remove one below")


class Count(Part):
    """How many instances the target rate takes, at the worse end of what is known, and what they leave free."""

    by_latency: int | None = Field(
        description="least R >= qps * p95 / (utilization * workers), the p95 at the rate qps / R that each of them "
        "then gets, not at the planned one; a check, not planned with"
    )
    by_knee: int = Field(description="ceil(qps / (utilization * knee))")
    by_slo: int | None = Field(
        description="ceil(qps / rate up to which the p95 is sure to lie within the SLO); null where it never is"
    )
    planned: int = Field(description="the larger of by_knee and by_slo")
    at_best: int | None = Field(
        description="as many do at the better end of the intervals; null where the knee has no such end"
    )
    rate_each_qps: float
    headroom: Figure = Field(description="how much more they hold than is asked, as a share of it")
    survives_one_loss: bool = Field(description="the others hold the target rate where one instance is lost")


class Cost(Part):
    """What the instances cost together, at the prices' date."""

    usd_per_hour: float
    usd_per_month: float = Field(description="730 hours")
    usd_per_month_at_best: float | None = Field(description="of as many as do at the better end of the intervals")
    usd_per_million_predictions: float = Field(description="rows, at the target rate")


class Settings(Part):
    """What follows from the knee for the deployment's settings."""

    max_concurrent_requests_per_instance: int
    admitted_requests: int = Field(description="in flight before Azure answers 429: 2 * setting * instances")
    autoscale: Autoscale


class InstancePlan(Part):
    """One instance type at the target rate. `problems`: why it cannot be taken; empty where it can."""

    instance_type: str
    series: str
    processors: str
    vcpus: int
    memory_gib: float
    usd_per_hour: float = Field(description="of one instance")
    workers: int
    threads: int
    knee_qps: Figure
    p95_ms: Figure | None = Field(description="at the target rate, spread over the instances")
    meets_slo: Meets | None
    count: Count
    cost: Cost
    settings: Settings
    memory: Fit
    disk: Fit
    network_share: float | None = Field(description="of the instance's expected bandwidth")
    other_processors: bool = Field(description="its cores may do more or less than the measured ones")
    processor_note: str | None = Field(default=None, description="how its processors differ from the measured one")
    problems: tuple[str, ...] = ()


class EndpointLimit(Part):
    """A limit that Azure sets on the endpoint, held against the target rate."""

    name: str
    needed: float
    limit: float
    ok: bool
    unit: str


class Change(Part):
    """What would change the recommendation: the cheapest other type, and where it becomes the cheaper one."""

    cheaper_but_unsure: tuple[str, ...] = Field(description="types that cost less, and may miss the SLO")
    next_type: str | None
    next_usd_per_month: float | None
    flips_at_usd_per_hour: float | None = Field(description="price of the chosen type above which the next is cheaper")
    flips_above_qps: float | None
    above_type: str | None
    flips_below_qps: float | None
    below_type: str | None
    to_measure: tuple[str, ...] = Field(description="types that may be cheaper: a measurement there would tell")


class Recommendation(Part):
    """One arrangement, why, and how sure."""

    instance_type: str
    instances: int
    workers: int
    threads: int
    usd_per_month: float
    usd_per_million_predictions: float
    reason: str
    before_deploying: tuple[str, ...] = Field(description="what has to be asked of Azure first")
    sure_of: tuple[str, ...]
    not_sure_of: tuple[str, ...]
    change: Change
    would_change: tuple[str, ...]


class SkuReport(Part):
    """The whole report."""

    kind: Literal["packager.sku"] = "packager.sku"
    report_version: Literal[1] = REPORT_VERSION
    name: str
    version: str
    digest: str = Field(description="of the bundle that was measured")
    variant: str | None
    target: Target
    prices: Prices
    sources: tuple[Source, ...]
    measured: tuple[MeasuredLoad, ...]
    limits: tuple[EndpointLimit, ...]
    instances: tuple[InstancePlan, ...] = Field(description="cheapest first, those that cannot be taken last")
    recommendation: Recommendation | None
    reason: str | None = Field(default=None, description="why nothing is recommended")
    notes: tuple[str, ...] = ()
