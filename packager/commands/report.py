"""`package report`: results of the benchmark, from one machine or several, become a page and one recommendation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packager import wording
from packager.benchmark_result import LEAST, MOST
from packager.commands.outputs import require_folder
from packager.console import Console, Style
from packager.errors import BenchmarkError, RecipeError
from packager.sku.catalogue import azure
from packager.sku.model import Recommendation, SkuReport
from packager.sku.prices import with_prices
from packager.sku.report import Asked, make_report
from packager.sku.results import read_results
from packager.sku.sections import cost
from packager.sku.tables import known_how, taken
from packager.sku.write import render_json, write_report

# A console shows the first few; the page has more, report.json all.
_TYPES_SHOWN = 5
_COLUMNS = ("  instance type", "instances", "a month", "p95", "one holds", "known how")


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    slo_p95_ms: float | None = None
    qps: float | None = None
    utilization: float | None = None
    rows_per_request: int | None = None
    prices: Path | None = None


def report_files(files: Sequence[Path], options: Options, *, out: Path, as_json: bool) -> dict[str, Any]:
    """Write the report of the files into `out`; return the recommendation, or print report.json.

    RecipeError (2) for what the command line says, BenchmarkError (7) where nothing can be recommended: the report that
    says why is written first.
    """
    asked = _asked(options)
    require_folder(out, "--out")
    catalogue = azure() if options.prices is None else with_prices(azure(), options.prices)
    results = read_results(files)
    report = make_report(results, asked, catalogue)
    write_report(report, results, out)
    console = Console()
    if as_json:
        print(render_json(report), end="")
    elif report.recommendation is not None:
        _tell(console, report)
    console.write((f"{'report':<10} ", "strong"), (str(out / "report.html"), ""))
    if report.recommendation is None:
        raise _nothing(report, out)
    return {} if as_json else _result(report, report.recommendation)


def _asked(options: Options) -> Asked:
    for name, value in (("--slo-p95-ms", options.slo_p95_ms), ("--qps", options.qps)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise RecipeError(f"{name} has to be a number above 0", measured=value)
        if value is not None and not LEAST <= value <= MOST:
            raise RecipeError(f"{name} has to lie between {LEAST:g} and {MOST:g}", measured=value)
    if options.utilization is not None and not LEAST <= options.utilization <= 1:
        raise RecipeError("--utilization has to be a share above 0, at most 1", measured=options.utilization)
    return Asked(options.slo_p95_ms, options.qps, options.utilization, options.rows_per_request)


def _tell(console: Console, report: SkuReport) -> None:
    rows: list[tuple[Style, list[str]]] = []
    plans = taken(report)
    for index, plan in enumerate(plans[:_TYPES_SHOWN]):
        p95 = wording.NONE if plan.p95_ms is None else _span(plan.p95_ms.low, plan.p95_ms.high, "ms")
        knee = plan.knee_qps
        holds = f"{wording.qps(knee.low)} /s or more" if knee.or_more else _span(knee.low, knee.high, "/s")
        cells = [
            f"{'▸' if index == 0 else ' '} {plan.instance_type}",
            wording.count(plan.count.planned),
            wording.usd(plan.cost.usd_per_month),
            p95,
            holds,
            known_how(plan),
        ]
        rows.append(("chosen" if index == 0 else "", cells))
    console.table(_COLUMNS, rows, left=1)
    console.paragraph(
        (" ", ""), f"prices recorded on {report.prices.recorded_on}, {report.prices.region}", style="quiet"
    )
    console.write(("", ""))


def _span(low: float, high: float, unit: str) -> str:
    ends = wording.qps(low), wording.qps(high)
    return f"{ends[0]} {unit}" if ends[0] == ends[1] else f"{ends[0]}\N{EN DASH}{ends[1]} {unit}"


def _result(report: SkuReport, chosen: Recommendation) -> dict[str, Any]:
    told = {
        "instance_type": chosen.instance_type,
        "instances": chosen.instances,
        "workers": chosen.workers,
        "threads": chosen.threads,
        "cost": cost(report, chosen),
        "why": chosen.reason,
        "before": list(chosen.before_deploying),
        "change": list(chosen.would_change),
    }
    return {key: value for key, value in told.items() if value != []}


def _nothing(report: SkuReport, out: Path) -> BenchmarkError:
    best = min((one.best_p95_ms for one in report.measured if one.best_p95_ms is not None), default=None)
    slo = wording.latency(1000 * report.target.slo_p95_ms)
    hint = f"read {out / 'report.html'}; plan for another --slo-p95-ms or --qps, or make the model faster"
    if report.instances or best is None or best <= report.target.slo_p95_ms:
        return BenchmarkError(report.reason or "nothing can be recommended", hint=hint)
    return BenchmarkError(
        f"nothing measured of {report.name} {report.version} holds the SLO",
        measured=f"p95 {wording.latency(1000 * best)} at best",
        limit=slo,
        key="--slo-p95-ms",
        hint=hint,
    )
