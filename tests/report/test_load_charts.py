"""The picture of a server under load draws each point that was measured, the limit and the knee, and its table all."""

from __future__ import annotations

from typing import Any

from packager.benchmark_result import LoadPoint, ServedLoad
from packager.report.load_charts import held, holds, load_chart, load_table

from .test_charts import drawn

RATES = (20.0, 80.0, 320.0, 410.0, 430.0, 480.0)


def point(rate_qps: float, p95_ms: float | None, **changes: Any) -> LoadPoint:
    facts: dict[str, Any] = {
        "rate_qps": rate_qps,
        "achieved_qps": min(rate_qps, 425.0),
        "seconds": 5.0,
        "requests": round(rate_qps * 5),
        "errors": 0,
        "p50_ms": None if p95_ms is None else p95_ms / 3,
        "p95_ms": p95_ms,
        "p99_ms": None if p95_ms is None else p95_ms * 1.5,
        "p95_ci_ms": None if p95_ms is None else (p95_ms * 0.9, p95_ms * 1.2),
        "meets_slo": p95_ms is not None and p95_ms <= 100,
    }
    return LoadPoint(**{**facts, **changes})


def load(**changes: Any) -> ServedLoad:
    points = tuple(point(rate, p95) for rate, p95 in zip(RATES, (2.1, 2.4, 8.0, 41.0, 130.0, 900.0), strict=True))
    facts: dict[str, Any] = {
        "cpus": 2,
        "workers": 2,
        "threads": 1,
        "rows_per_request": 1,
        "request_bytes": 300,
        "response_bytes": 90,
        "slo_p95_ms": 100.0,
        "p95_limit_ms": 100.0,
        "points": points,
        "knee_qps": 410.0,
        "knee_interval_qps": (410.0, 430.0),
    }
    return ServedLoad(**{**facts, **changes})


def test_each_point_is_drawn_once_and_hollow_where_the_rate_was_not_held() -> None:
    svg = load_chart(load(), "p")
    assert len(drawn(svg, "circle", "dot")) == len(RATES)
    assert len(drawn(svg, "circle", "native")) == 2
    assert len(drawn(svg, "line", "interval")) == len(RATES)


def test_slo_and_knee_are_lines_with_their_figures() -> None:
    svg = load_chart(load(), "p")
    assert len(drawn(svg, "line", "limit")) == len(drawn(svg, "line", "knee")) == 1
    texts = [one.text for one in drawn(svg, "text")]
    assert "SLO 100 ms" in texts
    assert "knee 410/s" in texts


def test_a_point_that_was_never_answered_is_told_and_not_drawn() -> None:
    unanswered = point(600.0, None, errors=40, meets_slo=False)
    one = load(points=(*load().points, unanswered))
    assert len(drawn(load_chart(one, "p"), "circle", "dot")) == len(RATES)
    assert [cell.text for cell in load_table(one).rows[-1].cells][2:6] == ["–"] * 4
    assert held(unanswered) == "no: errors"


def test_without_any_figure_the_picture_says_so() -> None:
    svg = load_chart(load(points=(), knee_qps=None, knee_interval_qps=None, reason="the server died"), "p")
    assert "not measured" in [one.text for one in drawn(svg, "text")]


def test_the_table_holds_every_rate_in_order_and_marks_the_knee() -> None:
    table = load_table(load(points=tuple(reversed(load().points))))
    assert [row.cells[0].text for row in table.rows] == ["20", "80", "320", "410", "430", "480"]
    assert [row.tone for row in table.rows].index("selected") == 3
    assert all(len(row.cells) == len(table.columns) for row in table.rows)


def test_one_sentence_says_what_is_held_or_why_nothing_is() -> None:
    expected = "2 workers on 2 processors hold 410 requests/s at p95 ≤ 100 ms, measured 410–430"
    assert holds(load()) == expected
    assert "ten times the idle server's" in holds(load(slo_p95_ms=None))
    none = load(knee_qps=None, knee_interval_qps=None, reason="one request alone takes 120 ms")
    assert holds(none) == "2 workers on 2 processors: no rate held, one request alone takes 120 ms"
