"""The noun between `package benchmark` and `package report`: what was measured of one bundle on one machine.

Written by the one, joined by the other, with results from other machines. A figure that was not measured is null and a
`reason` stands beside it; nothing in here is estimated.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, model_validator

RESULT_VERSION: Literal[1] = 1
# No machine that serves models has as many; what counts up to a number of processors has an end.
MOST_PROCESSORS = 4096
# What is computed from rates and times stays within what a float holds: a request every ten days, a nanosecond.
LEAST, MOST = 1e-6, 1e9


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"the lower end {ends[0]:g} lies above the upper end {ends[1]:g}")
    return ends


Processors = Annotated[int, Field(gt=0, le=MOST_PROCESSORS)]
Bytes = Annotated[int, Field(gt=0, le=1 << 60)]
Qps = Annotated[float, Field(ge=LEAST, le=MOST)]
Ms = Annotated[float, Field(ge=LEAST, le=MOST)]
Us = Annotated[float, Field(ge=LEAST, le=MOST * 1000)]
QpsInterval = Annotated[tuple[Qps, Qps], AfterValidator(_ordered)]
MsInterval = Annotated[tuple[Ms, Ms], AfterValidator(_ordered)]
UsInterval = Annotated[tuple[Us, Us], AfterValidator(_ordered)]


class Part(BaseModel):
    """Frozen; unknown keys are errors; numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MeasuredBundle(Part):
    """Which bundle was measured; `digest` is what tells two of them apart."""

    name: str
    version: str
    digest: str
    size_bytes: int = Field(ge=0, le=1 << 60, description="all files of the bundle on disk")
    variant: str = Field(description="the variant that the bundle serves there")
    form: str | None = Field(
        default=None,
        max_length=100,
        description="of a bundle with two forms of its model, the one that answered there and was measured, as the "
        "header x-model-form tells it: with its instructions (binned avx512), or why the other (onnx; platform)",
    )

    @property
    def instruction_set(self) -> str | None:
        """Return what scored its trees where the binned form answered, as far as the file tells it."""
        name, _, instructions = (self.form or "").partition(" ")
        return instructions if name == "binned" else None


class MeasuredMachine(Part):
    """Where it was measured. `instance_type` is what the caller says the machine is; null where nothing was said."""

    processor: str
    architecture: str
    cores: int = Field(gt=0, description="processors that the machine shows")
    cores_usable: int = Field(gt=0, description="processors that the process may run on")
    cpu_limit: float | None = Field(
        default=None, gt=0, description="processors that the container's quota grants, if any"
    )
    memory_bytes: Bytes
    cpu_features: tuple[str, ...] = ()
    system: str
    instance_type: str | None = None


class Noise(Part):
    """How steady the machine was while it measured.

    `steal_share`: time that the hypervisor gave to others, of all processor time; null where the system does not tell.
    `spread`: (p95 - p50) / p50 of a fixed piece of work, repeated through the whole run. `harness_us`: what an empty
    call costs with the same clock and loop; shown, never subtracted.
    """

    steal_share: float | None = Field(ge=0)
    spread: float = Field(ge=0)
    harness_us: float = Field(ge=0)
    too_noisy: bool
    reason: str | None = None


class Interval(Part):
    """A median with its 95% interval, over `runs` repetitions."""

    median: float = Field(ge=0)
    low: float = Field(ge=0)
    high: float = Field(ge=0)
    runs: int = Field(gt=0)

    @model_validator(mode="after")
    def _is_ordered(self) -> Interval:
        _ordered((self.low, self.high))
        return self


class CallSpread(Part):
    """How the timed calls lie around their median, as the build's own `Spread`: microseconds, counts of outliers."""

    min_us: float
    q1_us: float
    mean_us: float
    q3_us: float
    max_us: float
    stddev_us: float
    low_fence_us: float
    high_fence_us: float
    iqr_outliers: int = Field(ge=0)
    stddev_outliers: int = Field(ge=0)


class TargetMeasurement(Part):
    """One variant on one target at one batch size, as in report.json: microseconds per call, null with a reason."""

    target: str
    provider: str
    provider_active: str | None
    placement: dict[str, NonNegativeInt]
    variant: str
    batch_size: int = Field(gt=0)
    threads: int = Field(gt=0)
    operators: dict[str, dict[str, NonNegativeInt]] = Field(
        default_factory=dict, description="per provider how often it runs which operator"
    )
    p50_us: Us | None = None
    p95_us: Us | None = None
    p99_us: Us | None = None
    rows_per_s: float | None = Field(default=None, ge=0)
    ci95: UsInterval | None = None
    runs: int = Field(default=0, ge=0)
    reason: str | None = None
    spread: CallSpread | None = None


class TargetEnvironment(Part):
    """The environment that a target ran in: `package` at `version`, and its size; `own` where it was made for it."""

    target: str
    package: str
    version: str | None
    own: bool
    size_bytes: int | None = Field(default=None, ge=0, le=1 << 60)
    reason: str | None = Field(default=None, description="why there is no such environment here")


class ServingProcess(Part):
    """One serving process, measured with score.py alone: start to first answer, and resident memory."""

    cold_start_ms: Interval
    resident_bytes: Bytes = Field(description="after the warm-up")
    resident_largest_bytes: Bytes = Field(description="after requests of the most rows that one may hold")
    largest_rows: int = Field(gt=0)
    environment_bytes: int | None = Field(
        default=None, ge=0, le=1 << 60, description="installed packages that the bundle needs"
    )
    environment_reason: str | None = Field(default=None, description="why the environment was not measured")
    form: str | None = Field(default=None, max_length=100, description="which form of the model answered, if it tells")


class LoadPoint(Part):
    """The served bundle at one rate of arrivals. Latency counts from the moment a request was due.

    A request without an answer of status 200 counts as slower than any that has one: a percentile that falls among
    such requests is null.
    """

    rate_qps: Qps = Field(description="requests per second that were due")
    achieved_qps: float = Field(ge=0, description="answers with status 200 per second")
    seconds: float = Field(gt=0)
    requests: int = Field(ge=0)
    errors: int = Field(ge=0, description="other statuses, broken connections, time-outs")
    p50_ms: Ms | None = None
    p95_ms: Ms | None = None
    p99_ms: Ms | None = None
    p95_ci_ms: MsInterval | None = None
    most_waiting: int = Field(default=0, ge=0, description="most requests that were due and not answered at once")
    meets_slo: bool | None = Field(default=None, description="the rate was held: no error, p95 within the limit")
    queue_grew: bool = Field(default=False, description="requests waited longer and longer: the rate is not held")
    sent_late_p99_ms: float | None = Field(default=None, ge=0, description="how late the load generator itself sent")


class ServedLoad(Part):
    """One arrangement of the inference server under rising load, on `cpus` processors.

    `knee_qps`: the highest rate that was measured to meet the SLO without errors, within `knee_interval_qps`; null
    where none did. `p95_limit_ms` is what the knee was searched with: the SLO, or without one ten times the p95 of the
    idle server. `client_share`: processor time of the load generator, of one processor.
    """

    cpus: Processors
    workers: Processors
    threads: Processors
    rows_per_request: int = Field(gt=0, le=1_000_000_000)
    request_bytes: Bytes
    response_bytes: Bytes
    slo_p95_ms: Ms | None
    points: tuple[LoadPoint, ...]
    knee_qps: Qps | None
    knee_interval_qps: QpsInterval | None = None
    resident_bytes: Bytes | None = Field(default=None, description="of the server with all its workers, at the knee")
    client_share: float | None = Field(default=None, ge=0)
    client_shares_cpus: bool = Field(default=False, description="the load generator ran on the server's processors")
    reason: str | None = None
    arrivals: Literal["poisson", "fixed"] = Field(default="poisson", description="how requests were spaced")
    target_qps: Qps | None = Field(default=None, description="the rate to plan for, measured whatever the knee")
    utilization: float | None = Field(default=None, ge=LEAST, le=1, description="share of an instance to plan with")
    p95_limit_ms: Ms | None = None
    notes: tuple[str, ...] = Field(default=(), description="what makes these figures worth less than they look")
    form: str | None = Field(default=None, max_length=100, description="which form of the model answered, if it tells")


class BenchmarkResult(Part):
    """The whole file."""

    kind: Literal["packager.benchmark"] = "packager.benchmark"
    result_version: Literal[1] = RESULT_VERSION
    measured_at: str = Field(description="UTC, ISO 8601")
    bundle: MeasuredBundle
    machine: MeasuredMachine
    versions: dict[str, str]
    noise: Noise
    measurements: tuple[TargetMeasurement, ...]
    environments: tuple[TargetEnvironment, ...] = ()
    process: ServingProcess | None = None
    served: tuple[ServedLoad, ...] = ()
    notes: tuple[str, ...] = ()
