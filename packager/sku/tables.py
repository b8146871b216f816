"""A SkuReport's lists as tables of text, the same for the page and for Markdown. An estimate begins with ≈."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from packager import wording
from packager.report.tables import Cell, Columns, Row, RowTone, Table, plain_row
from packager.sku.model import EndpointLimit, Figure, Fit, InstancePlan, Recommendation, SkuReport

# So many types are shown, the surest and cheapest; all are in report.json.
TYPES_SHOWN = 12
_DASH = "\N{EN DASH}"


def instance_table(report: SkuReport) -> Table:
    """The types that can be taken: how many, what they cost, how fast they answer, and how that is known."""
    columns: Columns = (
        ("Instance type", "text"),
        ("Instances", "number"),
        ("A month", "number"),
        ("At best", "number"),
        ("Per million", "number"),
        ("p95, ms", "number"),
        ("One holds, /s", "number"),
        ("Known how", "word"),
    )
    rows = tuple(_instance_row(report, plan) for plan in taken(report))
    qps, day = wording.qps(report.target.qps), report.prices.recorded_on
    caption = f"What {qps} requests/s take, at the worse end of every interval and at best, at prices of {day}"
    return Table(caption, columns, rows, stacks=True)


def count_table(report: SkuReport) -> Table:
    """The same types: how instances are counted, whether the server fits, what is left."""
    columns: Columns = (
        ("Instance type", "text"),
        ("vCPU", "number"),
        ("Knee", "number"),
        ("Little", "number"),
        ("SLO", "number"),
        ("Headroom", "number"),
        ("One may fail", "word"),
        ("Workers", "word"),
        ("Memory left", "number"),
        ("Disk left", "number"),
    )
    rows = tuple(_count_row(report, plan) for plan in taken(report))
    return Table(
        "How many by the knee and by the SLO, and to check them by Little's law at the p95 that each then has; what is "
        "left of each, memory and disk as measured here",
        columns,
        rows,
        stacks=True,
    )


def refused_table(report: SkuReport) -> Table:
    """The types that cannot be taken, and why."""
    rows = tuple(
        plain_row(wording.printable(plan.instance_type), "; ".join(plan.problems))
        for plan in report.instances
        if plan.problems
    )
    return Table("Types that cannot be taken", (("Instance type", "text"), ("Why", "text")), rows, stacks=True)


def settings_table(report: SkuReport, chosen: Recommendation) -> Table:
    """What the deployment and its autoscale rules are set to."""
    plan = next(one for one in report.instances if one.instance_type == chosen.instance_type)
    scale, settings = plan.settings.autoscale, plan.settings
    rows = (
        plain_row("instance_type", chosen.instance_type),
        plain_row("instance_count", wording.count(chosen.instances)),
        plain_row("WORKER_COUNT", wording.count(chosen.workers)),
        plain_row("threads a worker", wording.count(chosen.threads)),
        plain_row("max_concurrent_requests_per_instance", wording.count(settings.max_concurrent_requests_per_instance)),
        plain_row("requests in flight before 429", wording.count(settings.admitted_requests)),
        plain_row("autoscale, instances", f"{scale.min_instances} to {scale.max_instances}"),
        plain_row("autoscale, add one above", _per_minute(scale.scale_out_requests_per_minute)),
        plain_row("autoscale, remove one below", _per_minute(scale.scale_in_requests_per_minute)),
    )
    return Table("Settings that follow", (("Setting", "code"), ("Value", "text")), rows)


def measured_table(report: SkuReport) -> Table:
    """What each arrangement held on the machines that were measured."""
    columns: Columns = (
        ("File", "code"),
        ("Processors", "number"),
        ("Workers", "number"),
        ("Threads", "number"),
        ("Held, requests/s", "number"),
        ("Not held", "number"),
        ("p95 there, ms", "number"),
        ("Counted with", "word"),
        ("Note", "text"),
    )
    rows = tuple(
        plain_row(
            wording.printable(one.file),
            wording.count(one.cpus),
            wording.count(one.workers),
            wording.count(one.threads),
            wording.NONE if one.knee_qps is None else wording.qps(one.knee_qps),
            _above(one.knee_qps, one.knee_interval_qps),
            wording.NONE if one.p95_ms_at_knee is None else wording.qps(one.p95_ms_at_knee),
            "yes" if one.used else "no",
            wording.printable(one.reason or wording.NONE),
        )
        for one in report.measured
    )
    return Table("The highest rate within the SLO, measured", columns, rows, stacks=True)


def limit_table(limits: Sequence[EndpointLimit]) -> Table:
    """What the target rate asks of the endpoint, against Azure's limits."""
    columns: Columns = (("Limit", "text"), ("Needed", "number"), ("Allowed", "number"), ("OK", "word"))
    rows = tuple(
        Row(
            (
                Cell(one.name),
                Cell(f"{wording.qps(one.needed)} {one.unit}"),
                Cell(f"{wording.qps(one.limit)} {one.unit}"),
                Cell("yes", "good") if one.ok else Cell("no", "bad"),
            ),
            "plain" if one.ok else "bad",
        )
        for one in limits
    )
    return Table("The whole endpoint against Azure's default limits", columns, rows)


def machine_table(report: SkuReport) -> Table:
    """Where the files were measured."""
    columns: Columns = (
        ("File", "code"),
        ("Processor", "text"),
        ("Cores", "number"),
        ("Memory", "number"),
        ("Instance type", "code"),
        ("Measured at", "word"),
    )
    rows = tuple(
        plain_row(
            wording.printable(one.file),
            wording.printable(one.machine.processor),
            f"{one.machine.cores_usable} of {one.machine.cores}",
            wording.size(one.machine.memory_bytes),
            wording.printable(one.machine.instance_type or wording.NONE),
            wording.printable(one.measured_at or wording.NONE),
        )
        for one in report.sources
    )
    return Table("The machines", columns, rows, stacks=True)


def taken(report: SkuReport) -> list[InstancePlan]:
    """Return the plans that are shown: those that can be taken, as far as there is room."""
    return [plan for plan in report.instances if not plan.problems][:TYPES_SHOWN]


def known_how(plan: InstancePlan) -> str:
    """Return where a plan's figures come from, and what is open about them."""
    other = ", other processors" if plan.other_processors else ""
    return f"{basis(plan.knee_qps)}{other}{'' if plan.meets_slo == 'yes' else '; may miss the SLO'}"


def basis(figure: Figure) -> str:
    """Return where a figure comes from: measured here, measured on that SKU, estimated from 1, 2 cores."""
    if figure.basis != "estimated":
        return figure.basis
    cores = ", ".join(map(str, figure.cpus))
    return f"estimated from {cores} core{'' if figure.cpus == (1,) else 's'}"


def ranged(figure: Figure | None, say: Callable[[float], str]) -> Cell:
    """Return a figure with its interval; the whole text says how it is known."""
    if figure is None:
        return Cell("not measured", "quiet", "no rate as high was measured")
    mark, shown = ("≈ ", _two_digits) if figure.basis == "estimated" else ("", float)
    value, low, high = (say(shown(number)) for number in (figure.value, figure.low, figure.high))
    ends = f"{low} or more" if figure.or_more else f"{low}{_DASH}{high}"
    return Cell(f"{mark}{value} ({ends})", full=wording.printable(figure.how))


def _two_digits(number: float) -> float:
    """An estimate has no more digits than that."""
    return float(f"{number:.2g}")


def _instance_row(report: SkuReport, plan: InstancePlan) -> Row:
    cost, count = plan.cost, plan.count
    cells = (
        Cell(wording.printable(plan.instance_type)),
        Cell(wording.count(count.planned)),
        Cell(wording.usd(cost.usd_per_month)),
        _at_best(plan),
        Cell(wording.usd(cost.usd_per_million_predictions)),
        ranged(plan.p95_ms, wording.qps),
        ranged(plan.knee_qps, wording.qps),
        Cell(known_how(plan)),
    )
    return Row(cells, _tone(report, plan))


def _at_best(plan: InstancePlan) -> Cell:
    count, usd = plan.count.at_best, plan.cost.usd_per_month_at_best
    if count is None or usd is None:
        return Cell("not known", "quiet", "no rate was tried that did not hold")
    return Cell(f"{wording.count(count)}: {wording.usd(usd)}")


def _count_row(report: SkuReport, plan: InstancePlan) -> Row:
    count = plan.count
    cells = (
        Cell(wording.printable(plan.instance_type)),
        Cell(wording.count(plan.vcpus)),
        Cell(wording.count(count.by_knee)),
        Cell(wording.NONE if count.by_latency is None else wording.count(count.by_latency)),
        Cell(wording.NONE if count.by_slo is None else wording.count(count.by_slo)),
        ranged(count.headroom, lambda part: f"{100 * part:,.0f}%"),
        Cell("yes" if count.survives_one_loss else "no"),
        Cell(_workers(plan)),
        _left(plan.memory),
        _left(plan.disk),
    )
    return Row(cells, _tone(report, plan))


def _tone(report: SkuReport, plan: InstancePlan) -> RowTone:
    chosen = report.recommendation
    return "selected" if chosen is not None and chosen.instance_type == plan.instance_type else "plain"


def _left(fit: Fit) -> Cell:
    if fit.left_bytes is None or fit.needed_bytes is None:
        return Cell("not measured", "quiet", fit.reason)
    return Cell(wording.size(fit.left_bytes), full=f"{wording.size(fit.needed_bytes)} needed: {fit.reason}")


def _workers(plan: InstancePlan) -> str:
    if plan.memory.needed_bytes is None:
        return wording.count(plan.workers)
    return f"{wording.count(plan.workers)} of {wording.size(plan.memory.needed_bytes / plan.workers)}"


def _above(knee_qps: float | None, interval: tuple[float, float] | None) -> str:
    if knee_qps is None or interval is None or interval[1] <= knee_qps:
        return wording.NONE
    return wording.qps(interval[1])


def _per_minute(rate: float) -> str:
    return f"{wording.qps(rate)} a minute each"
