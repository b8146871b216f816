"""BuildReports as builds leave them, with figures as they are measured, and some that no build should leave."""

from __future__ import annotations

from pathlib import Path

from packager.artifact import Bundle, Measurement, Status, Variant, Verdict
from packager.report.model import (
    BuildReport,
    Calibration,
    Drift,
    ErrorDistribution,
    Flips,
    Gain,
    ScoreMap,
    WorstRow,
)

DIGEST = "9f2c4be1a07d3358c6be0f9d21b7a4e5c8d90311f6a27b4c5d6e7f8091a2b3c4"
EDGES = (0.0, *(float(f"1e{exponent}") for exponent in range(-18, 4)), float("inf"))
HOSTILE = '<script>alert("x")</script>|`*_[a](javascript:1)\x1b[31mred\x00\u202edlrow\ud800 & "quoted\' ]]> {{ 7*7 }}'

_FIGURES = {  # p50 in µs for 1, 100 and 1,000 rows
    "native": (397.2, 1670.0, 12_040.0),
    "fp64": (24.1, 1229.0, 11_710.0),
    "fp32": (21.9, 1011.0, 9_644.0),
    "int8": (22.3, 1018.0, 9_702.0),
}


def ok_build() -> BuildReport:
    """A LightGBM classifier: fp64 selected, fp32 rejected, fp16 and int8 not made, one target absent."""
    return BuildReport(
        name="fraud",
        version="3",
        ok=True,
        exit_code=0,
        selected="fp64",
        bundle=Bundle(Path("dist/fraud-3/bundle"), f"sha256:{DIGEST[::-1]}"),
        source=_source(),
        verification={
            "rows": 4812,
            "made_rows": 11_904,
            "made_rows_refused_by_native": 12,
            "made_rows_by_kind": {"boundary": 9000, "missing": 2000, "extreme": 904},
            "label": "is_fraud",
            "threshold_flips": {"fp64": {"0.5": 0}, "fp32": {"0.5": 4}},
        },
        variants=_variants(),
        verdicts=[*_passed("fp64", 2.2e-16), *_rejected("fp32")],
        drift=[
            Drift(
                "fp64", "roc_auc", 0.98123456, 0.98123456, 0.0, 4812, (0.0, 0.0), 0.95, "identical answers", "within"
            ),
            Drift("fp32", "roc_auc", 0.98123456, 0.98121, 2.46e-5, 4812, (-1e-5, 5.9e-5), 0.95, "DeLong", "undecided"),
        ],
        segments=[
            Drift("fp64", "roc_auc", 0.97, 0.97, 0.0, 4000, (0.0, 0.0), 0.975, "identical answers", "within", "DE"),
            Drift("fp64", "roc_auc", 0.99, 0.98, 0.01, 812, (0.002, 0.018), 0.975, "bootstrap", "beyond", "FR"),
        ],
        champion=[Gain("fp64", "roc_auc", 0.975, 0.98123456, 0.0062, 4812, (0.001, 0.011), "DeLong", "within")],
        flips=[Flips("fp64", 0.5, 4812, 0, 0), Flips("fp32", 0.5, 4812, 3, 1)],
        distributions=_distributions(),
        scores=[_score_map("fp64", ((0, 0, 4500), (63, 63, 312))), _score_map("fp32", ((0, 0, 4500), (62, 63, 312)))],
        calibration=[_calibration("native"), _calibration("fp64"), _calibration("fp32")],
        worst_rows=[
            WorstRow("fp64", 17, "fraud.parquet", None, False, "probability", "1", 2.2e-16, 5.9e-6),
            WorstRow("fp32", 4811, "fraud.parquet", None, True, "label", None, 1.2e-3, 1e-6),
            WorstRow("fp32", 901, None, "threshold", False, "probability", "1", 0.9, 1e-6, "0.02", "0.92"),
        ],
        measurements=[*_cpu("cpu-1", 1), *_absent("openvino")],
        published=["registry://fraud-onnx/3"],
        notes=["The verification rows hold 12 rows that also occur among the probe rows."],
        timings_s={
            "source": 1.84,
            "convert": 0.61,
            "optimize": 0.94,
            "verify": 2.33,
            "benchmark": 8.02,
            "bundle": 1.27,
            "publish": 0.03,
        },
        machine={
            "system": "Linux 6.8.0 x86_64",
            "processor": "Intel Xeon Platinum 8488C",
            "cores": 2,
            "memory_bytes": 25_276_510_208,
            "features": ["avx2", "avx512f", "avx512_vnni", "amx_int8"],
        },
        versions={"packager": "0.1.0", "python": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.31.1"},
    )


def failed_build() -> BuildReport:
    """A build that the gate stopped: the baseline is beyond its limits, so there is no bundle."""
    report = ok_build()
    report.ok, report.exit_code, report.selected, report.bundle, report.published = False, 6, None, None, []
    report.error = (
        "variant fp64 does not score like the registered model: 17 values of probability lie beyond the limits\n"
        "  measured 17, limit 0\n"
        "  at verify.parity.atol (recipes/fraud.yml:14)\n"
        "  hint: look at the largest errors in report.html, or raise the limit if they do not matter to you"
    )
    report.verdicts = [
        Verdict("parity", "fp64", 17, 0, False, "verify.parity.atol"),
        Verdict("max_abs_error", "fp64", 1.04e-6, 1.0e-6, False, "verify.parity.atol"),
        Verdict("label_mismatch", "fp64", 0.0002078, 0.0, False, "verify.parity.label_mismatch"),
        Verdict("drift.roc_auc", "fp64", 0.0001, 0.001, True, "verify.drift.max_drop"),
        Verdict("outputs", "fp64", "finite", "finite", True, "convert.outputs"),
        *_rejected("fp32"),
    ]
    report.measurements, report.timings_s = [], {"source": 1.84, "convert": 0.61, "optimize": 0.94, "verify": 2.33}
    return report


def early_failure() -> BuildReport:
    """A build that ended before anything was read or measured."""
    return BuildReport(
        name="fraud",
        exit_code=3,
        error="registry://fraud/3 has another digest than the recipe pins",
        source={"uri": "registry://fraud/3"},
        timings_s={"source": 0.004},
    )


def hostile_build() -> BuildReport:
    """Names, reasons and errors that try to break out of every form, and figures at the ends of the scale."""
    variants = [
        Variant(HOSTILE, "fp64", "ok", HOSTILE, None, 10**18, HOSTILE, {HOSTILE: 10**9, "A" * 400: 1}),
        Variant("v" * 300, "fp16", "failed", "no spaces" * 400, None, 0, None, {}),
        Variant("", "int8", "no_op", None),
    ]
    verdicts = [
        Verdict(HOSTILE, HOSTILE, float("inf"), 1e-300, False, HOSTILE),
        Verdict("max_abs_error", HOSTILE, float("nan"), 1e-6, False, "verify.parity.atol"),
        Verdict("parity", HOSTILE, 10**15, 0, False, "verify.parity"),
        Verdict("outputs", "v" * 300, HOSTILE, None, True, "", HOSTILE),
        Verdict("probe_parity", "v" * 300, None, None, True, "verify.probes"),
    ]
    edges, counts, infinite = (0.0, 1e-300, 1e-3, 1e300, float("inf")), (3, 0, 10**12, 1), float("inf")
    return BuildReport(
        name=HOSTILE,
        version=HOSTILE,
        ok=False,
        exit_code=6,
        error=f"{HOSTILE}\n{HOSTILE}\n{'long ' * 2000}",
        source={"uri": HOSTILE, "sha256": HOSTILE, "framework": HOSTILE, "versions": {HOSTILE: HOSTILE}},
        verification={HOSTILE: [HOSTILE]},
        variants=variants,
        verdicts=verdicts,
        drift=[Drift(HOSTILE, HOSTILE, float("nan"), 1e300, float("inf"), 10**12, None, 0.95, HOSTILE, "undecided")],
        segments=[
            Drift(HOSTILE, HOSTILE, 1.0, 1.0, 0.0, 1, (float("-inf"), 1e300), 0.95, HOSTILE, "beyond", HOSTILE * 20)
        ],
        champion=[Gain(HOSTILE, HOSTILE, float("nan"), 1.0, float("nan"), 0, None, HOSTILE, "undecided")],
        flips=[Flips(HOSTILE, 1e300, 0, 0, 0), Flips("v" * 300, float("nan"), 10**12, 1, 10**12 - 1)],
        distributions=[
            ErrorDistribution(HOSTILE, HOSTILE, 0, edges, counts),
            ErrorDistribution("v" * 300, HOSTILE, 10**12, edges, (0, 0, 0, 0)),
            ErrorDistribution("", "empty", 0, (1e-3, 1e-2), (0,)),
            ErrorDistribution(
                "v" * 300, "errors", 1, edges, (0, 1, 1, 1), ((0.5, 0.0), (0.9, 1e-300), (1.0, infinite))
            ),
            ErrorDistribution(HOSTILE, "errors", 3, edges, (0, 0, 0, 0), ((0.5, 0.0), (0.9, 0.0), (1.0, 0.0))),
        ],
        scores=[
            ScoreMap(
                HOSTILE, "value", -1e300, 1e299, ((0, 0, 1), (63, 0, 10**12)), ((0, 0, 1), (63, 3, 1)), edges, 10**9
            ),
            ScoreMap("v" * 300, HOSTILE, 0.0, 1 / 64, ((1, 1, 1),), ((1, 0, 1),), edges),
            ScoreMap("one", "value", 5.0, 2.0**-1000, ((0, 0, 1),), ((0, 0, 1),), edges),
        ],
        calibration=[
            Calibration("native", HOSTILE, ((0, None, None),) * 10),
            Calibration(HOSTILE, HOSTILE, ((10**12, 0.05, 1.0), *(((0, None, None),) * 9))),
        ],
        worst_rows=[
            WorstRow(HOSTILE, 10**12, HOSTILE, None, True, HOSTILE, HOSTILE, infinite, 0.0, HOSTILE, HOSTILE),
            WorstRow(
                "v" * 300, 0, None, HOSTILE, False, "", None, None, None, None, None, {HOSTILE: HOSTILE, "x": None}
            ),
        ],
        shows_values=True,
        measurements=[
            _measured(HOSTILE, HOSTILE, 1, 1e-7),
            _measured(HOSTILE, "v" * 300, 10**9, 1e15),
            Measurement(HOSTILE, HOSTILE, None, {}, "nan", 1, 1, float("nan"), float("inf"), None, None, None, 1),
            Measurement(HOSTILE, HOSTILE, None, {HOSTILE: 3}, "null", 1, 1, reason=HOSTILE),
            Measurement("|", HOSTILE, None, {}, "null", 1, 1),
        ],
        published=[HOSTILE],
        notes=[HOSTILE, "n" * 3000],
        timings_s={HOSTILE: 1e300, "tiny": 1e-12},
        machine={HOSTILE: {HOSTILE: HOSTILE}, "long": "x" * 5000},
        versions={HOSTILE: HOSTILE},
    )


def all_samples() -> dict[str, BuildReport]:
    """Every sample by name."""
    return {
        "ok": ok_build(),
        "failed": failed_build(),
        "early": early_failure(),
        "hostile": hostile_build(),
        "bare": BuildReport(name="bare"),
    }


def _source() -> dict[str, object]:
    return {
        "uri": "registry://fraud/3",
        "sha256": DIGEST,
        "framework": "lightgbm",
        "version": "3",
        "versions": {"lightgbm": "4.7.0", "scikit-learn": "1.9.1", "numpy": "2.4.6"},
        "estimators": ["LGBMClassifier"],
    }


def _variants() -> list[Variant]:
    tree = "TreeEnsemble"
    half = "its operators are all of ai.onnx.ml, which has no half precision: nothing in the graph can be narrowed"
    beyond = "label_mismatch measured 0.0831%, limit 0% (verify.parity.label_mismatch)"
    rows: list[tuple[str, Status, str | None, int | None, dict[str, int]]] = [
        ("fp64", "ok", None, 1_523_882, {tree: 1, "Sigmoid": 1, "Concat": 1, "Sub": 1, "ArrayFeatureExtractor": 1}),
        ("fp32", "rejected", beyond, 893_114, {tree: 1, "Cast": 2, "Sigmoid": 1, "Concat": 1, "Sub": 1, "Mul": 1}),
        ("fp16", "not_applicable", half, None, {}),
        ("int8", "no_op", "no MatMul, Gemm or Conv to quantize: 1 TreeEnsemble, 2 Cast stay as they are", None, {}),
    ]
    return [
        Variant(name, name, status, reason, None, size, DIGEST if size else None, ops)  # type: ignore[arg-type]
        for name, status, reason, size, ops in rows
    ]


def _passed(name: str, largest: float) -> list[Verdict]:
    return [
        Verdict("parity", name, 0, 0, True, "verify.parity.atol"),
        Verdict("max_abs_error", name, largest, None, True, "verify.parity.atol"),
        Verdict("max_rel_error", name, 3.1e-15, None, True, "verify.parity.rtol"),
        Verdict("label_mismatch", name, 0.0, 0.0, True, "verify.parity.label_mismatch"),
        Verdict("probe_parity", name, 0, 0, True, "verify.parity.atol"),
        Verdict("probe_max_abs_error", name, 4.4e-16, None, True, "verify.parity.atol"),
        Verdict("probe_label_mismatch", name, 0.0, 0.0, True, "verify.parity.label_mismatch"),
        Verdict("drift.roc_auc", name, 0.0, 0.001, True, "verify.drift.max_drop"),
        Verdict("outputs", name, "finite, as declared", "finite, as declared", True, "convert.outputs"),
        Verdict("served", name, 0, 0, True, "verify.golden"),
    ]


def _rejected(name: str) -> list[Verdict]:
    return [
        Verdict("parity", name, 4, 0, False, "verify.parity.atol"),
        Verdict("max_abs_error", name, 0.00118, None, True, "verify.parity.atol"),
        Verdict("label_mismatch", name, 4 / 4812, 0.0, False, "verify.parity.label_mismatch"),
        Verdict("drift.roc_auc", name, 2.46e-5, 0.001, True, "verify.drift.max_drop"),
    ]


def _distributions() -> list[ErrorDistribution]:
    exact = [0] * 23
    fp64, fp32 = exact.copy(), exact.copy()
    fp64[2:5] = [310, 1411, 802]
    fp32[10:18] = [104, 1450, 5210, 1822, 204, 6, 3, 4]
    return [
        ErrorDistribution("fp64", "probability", 9624 - sum(fp64), EDGES, tuple(fp64), _quantiles(0.0, 1e-16, 2.2e-16)),
        ErrorDistribution("fp32", "probability", 9624 - sum(fp32), EDGES, tuple(fp32), _quantiles(3e-8, 2e-7, 1.18e-3)),
    ]


def _quantiles(*errors: float) -> tuple[tuple[float, float], ...]:
    return tuple(zip((0.5, 0.99, 1.0), errors, strict=True))


def _score_map(variant: str, pairs: tuple[tuple[int, int, int], ...]) -> ScoreMap:
    deviations = ((0, 0, 4500), (63, 3 if variant == "fp64" else 16, 312))
    return ScoreMap(variant, "probability of 1", 0.0, 1 / 64, pairs, deviations, EDGES)


def _calibration(variant: str) -> Calibration:
    middle: list[tuple[int, float | None, float | None]] = [(0, None, None)] * 8
    return Calibration(variant, "probability of 1", ((4500, 0.003, 0.004), *middle, (312, 0.97, 0.93)))


def _cpu(target: str, threads: int) -> list[Measurement]:
    made = [
        _measured(target, variant, batch, p50, threads)
        for variant, figures in _FIGURES.items()
        if variant != "int8"
        for batch, p50 in zip((1, 100, 1000), figures, strict=True)
    ]
    why = "the variant has no file of its own"
    return made + [Measurement(target, "cpu", None, {}, "int8", batch, threads, reason=why) for batch in (1, 100, 1000)]


def _absent(target: str) -> list[Measurement]:
    why = "OpenVINOExecutionProvider is not in this onnxruntime (it has CPUExecutionProvider)"
    return [
        Measurement(target, "openvino", None, {}, variant, batch, 1, reason=why)
        for variant in ("fp64", "fp32")
        for batch in (1, 100, 1000)
    ]


def _measured(target: str, variant: str, batch: int, p50: float, threads: int = 1) -> Measurement:
    native = variant == "native"
    return Measurement(
        target=target,
        provider="cpu",
        provider_active=None if native else "CPUExecutionProvider",
        placement={} if native else {"CPUExecutionProvider": 6},
        variant=variant,
        batch_size=batch,
        threads=threads,
        p50_us=p50,
        p95_us=p50 * 1.31,
        p99_us=p50 * 1.9,
        rows_per_s=batch / p50 * 1e6,
        ci95=(p50 * 0.985, p50 * 1.02),
        runs=max(20, 2000 // batch),
    )
