"""BenchmarkResults in the form that `package benchmark --served` writes. Their figures are made up, for tests only."""

from __future__ import annotations

from pathlib import Path

from packager.benchmark_result import (
    BenchmarkResult,
    Interval,
    LoadPoint,
    MeasuredBundle,
    MeasuredMachine,
    Noise,
    ServedLoad,
    ServingProcess,
    TargetMeasurement,
)

DIGEST = "ab4c1628edb7" + "0" * 52
UNRATED = "Some Processor @ 2.50GHz"
SLO_MS = 25.0


def point(qps: float, p95_ms: float | None, *, slo_ms: float = SLO_MS, errors: int = 0) -> LoadPoint:
    """One rate, held where its p95 lies within the SLO."""
    ends = None if p95_ms is None else (p95_ms * 0.95, p95_ms * 1.06)
    return LoadPoint(
        rate_qps=qps,
        achieved_qps=qps,
        seconds=10,
        requests=int(qps * 10),
        errors=errors,
        p50_ms=None if p95_ms is None else p95_ms / 2,
        p95_ms=p95_ms,
        p99_ms=None if p95_ms is None else p95_ms * 1.6,
        p95_ci_ms=ends,
        meets_slo=None if p95_ms is None else p95_ms <= slo_ms and not errors,
    )


def load(
    cpus: int,
    knee_qps: float | None = 600.0,
    *,
    rows: int = 1,
    workers: int | None = None,
    slo_ms: float | None = SLO_MS,
    target_qps: float | None = None,
    utilization: float | None = None,
) -> ServedLoad:
    """A server whose latency is flat, bends before the knee and breaks past it; one without a knee is always slow."""
    top = 600.0 * cpus if knee_qps is None else knee_qps
    shape = ((0.05, 1.6), (0.25, 1.8), (0.5, 2.4), (0.7, 3.9), (0.85, 8.0), (1.0, 18.0), (1.06, 64.0), (1.3, 900.0))
    slower = 40.0 if knee_qps is None else 1.0
    return ServedLoad(
        cpus=cpus,
        workers=workers or cpus,
        threads=1,
        rows_per_request=rows,
        request_bytes=120 * rows,
        response_bytes=64 * rows,
        slo_p95_ms=slo_ms,
        points=tuple(point(part * top, ms * slower, slo_ms=slo_ms or SLO_MS) for part, ms in shape),
        knee_qps=knee_qps,
        knee_interval_qps=None if knee_qps is None else (knee_qps, 1.06 * knee_qps),
        resident_bytes=130_000_000 * (workers or cpus),
        reason="no rate met the SLO" if knee_qps is None else None,
        target_qps=target_qps,
        utilization=utilization,
        p95_limit_ms=slo_ms or 16.0,
    )


def machine(processor: str = UNRATED, *, cores: int = 4, instance_type: str | None = None) -> MeasuredMachine:
    """A machine of as many cores."""
    return MeasuredMachine(
        processor=processor,
        architecture="x86_64",
        cores=cores,
        cores_usable=cores,
        memory_bytes=16 << 30,
        cpu_features=("avx2", "fma", "avx512f", "avx512_vnni"),
        system="Linux 6.1",
        instance_type=instance_type,
    )


def measurements() -> tuple[TargetMeasurement, ...]:
    """Two targets, one of them absent."""
    shape = ((1, 25.0), (10, 110.0), (100, 760.0), (1000, 7300.0))
    cpu = tuple(_measurement("cpu-1", rows, us) for rows, us in shape)
    openvino = tuple(_measurement("openvino-1", rows, None) for rows, _ in shape)
    return cpu + openvino


def _measurement(target: str, rows: int, us: float | None) -> TargetMeasurement:
    provider, made = target.rpartition("-")[0], us is not None
    return TargetMeasurement(
        target=target,
        provider=provider,
        provider_active="CPUExecutionProvider" if made else None,
        placement={"CPUExecutionProvider": 16} if made else {},
        variant="fp64",
        batch_size=rows,
        threads=1,
        p50_us=us,
        p95_us=None if us is None else us * 1.3,
        p99_us=None if us is None else us * 1.9,
        rows_per_s=None if us is None else rows * 1e6 / us,
        ci95=None if us is None else (us * 0.97, us * 1.02),
        runs=200 if made else 0,
        reason=None if made else "openvino runs 0 of 16 nodes: tree operators stay on CPU",
    )


def result(*served: ServedLoad, on: MeasuredMachine | None = None, digest: str = DIGEST) -> BenchmarkResult:
    """The file of one machine."""
    return BenchmarkResult(
        measured_at="2026-11-28T12:00:00+00:00",
        bundle=MeasuredBundle(name="fraud", version="3", digest=digest, size_bytes=660_000, variant="fp64"),
        machine=on or machine(),
        versions={"onnxruntime": "1.31.1"},
        noise=Noise(steal_share=0.0, spread=0.04, harness_us=0.2, too_noisy=False),
        measurements=measurements(),
        process=ServingProcess(
            cold_start_ms=Interval(median=610.0, low=590.0, high=640.0, runs=5),
            resident_bytes=120_000_000,
            resident_largest_bytes=141_000_000,
            largest_rows=1000,
            environment_bytes=310_000_000,
        ),
        served=served,
    )


def write(folder: Path, one: BenchmarkResult, name: str = "here.json") -> Path:
    """Write a result as the benchmark does."""
    path = folder / name
    path.write_text(one.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path
