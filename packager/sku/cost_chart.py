"""What each instance type costs against how fast it answers, the recommended one marked."""

from __future__ import annotations

from packager import wording
from packager.report.svg import CHARACTER_WIDTH, Drawing, LogScale, axis, upright_axis
from packager.sku.model import Figure, InstancePlan, SkuReport

_WIDTH, _HEIGHT = 370.0, 280.0
_LEFT, _RIGHT, _TOP, _FOOT = 58.0, 14.0, 28.0, 34.0
LEGEND = (
    "A dot is one instance type at the target rate: the p95 to expect of as many as it takes, and what they cost a "
    "month. Blue: the recommended one, with its intervals, the level one of the p95, the upright one down to the cost "
    "if cores there are at their best. Hollow: it cannot be taken. Both axes are logarithmic."
)


def cost_chart(report: SkuReport, ident: str) -> str:
    """Draw cost a month against p95 at the target rate, with the SLO as an upright line."""
    described = "Cost a month by p95 latency, both axes logarithmic. The table below holds the figures."
    drawing = Drawing(ident, _WIDTH, _HEIGHT, "Cost against latency by instance type", described)
    drawing.text((0, 12), f"Cost a month by p95, prices of {report.prices.recorded_on}", role="heading")
    plans = [(plan, plan.p95_ms) for plan in report.instances if plan.p95_ms is not None]
    chosen = None if report.recommendation is None else report.recommendation.instance_type
    latencies = [p95.value for _, p95 in plans] + [report.target.slo_p95_ms]
    costs = [plan.cost.usd_per_month for plan, _ in plans]
    for plan, p95 in plans:
        at_best = plan.cost.usd_per_month_at_best
        if plan.instance_type == chosen:
            latencies += [p95.low, p95.high]
            costs += [] if at_best is None else [at_best]
    across = LogScale.around(latencies, _LEFT, _WIDTH - _RIGHT)
    up = LogScale.around(costs, _HEIGHT - _FOOT, _TOP)
    if across is None or up is None:
        drawing.text((_LEFT, _TOP + 24), "no instance type can be planned", role="tick")
        return drawing.markup()
    axis(drawing, across, (_TOP, _HEIGHT - _FOOT), lambda ms: f"{ms:,.6f}")
    upright_axis(drawing, up, (_LEFT, _WIDTH - _RIGHT), lambda amount: f"${amount:,.0f}")
    drawing.text(((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4), "p95, ms", role="tick", anchor="middle")
    _slo(drawing, report.target.slo_p95_ms, across)
    for plan, p95 in sorted(plans, key=lambda one: (one[0].instance_type == chosen, not one[0].problems)):
        _dot(drawing, plan, p95, scales=(across, up), chosen=plan.instance_type == chosen)
    return drawing.markup()


def _slo(drawing: Drawing, slo_p95_ms: float, across: LogScale) -> None:
    x = across.place(slo_p95_ms)
    if x is not None:
        drawing.line((x, _TOP), (x, _HEIGHT - _FOOT), role="limit")
        drawing.text((x - 5, _TOP + 8), f"SLO {slo_p95_ms:g} ms", role="tick limit", anchor="end")


def _dot(drawing: Drawing, plan: InstancePlan, p95: Figure, *, scales: tuple[LogScale, LogScale], chosen: bool) -> None:
    across, up = scales
    x, y = across.place(p95.value), up.place(plan.cost.usd_per_month)
    if x is None or y is None:
        return
    if chosen:
        low, high, at_best = across.place(p95.low), across.place(p95.high), plan.cost.usd_per_month_at_best
        best = None if at_best is None else up.place(at_best)
        if low is not None and high is not None:
            drawing.line((low, y), (high, y), role="interval selected")
        if best is not None:
            drawing.line((x, y), (x, best), role="interval selected")
        _name(drawing, plan.instance_type, (x, y))
    role = "dot selected" if chosen else "dot native" if plan.problems else "dot"
    drawing.dot((x, y), role=role, radius=5 if chosen else 3.5)


def _name(drawing: Drawing, instance_type: str, at: tuple[float, float]) -> None:
    """Write the name of the marked type below its dot, or above where the axis is near, on the side with room."""
    text = wording.printable(instance_type.removeprefix("Standard_"))
    fits = at[0] + 8 + len(text) * CHARACTER_WIDTH < _WIDTH - _RIGHT
    x, anchor = (at[0] + 8, "start") if fits else (at[0] - 8, "end")
    down = 19 if at[1] + 24 < _HEIGHT - _FOOT else -10
    drawing.text((x, at[1] + down), text, role="name selected", anchor=anchor)
