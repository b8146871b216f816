"""Pictures of single calls: every figure that was measured is drawn, nothing else is, and names do not overlap."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from packager.artifact import Measurement
from packager.report.call_charts import apart, batch_chart, has_placement, placement_chart


def measured(variant: str, rows: int, us: float | None, **placement: int) -> Measurement:
    ends = None if us is None else (us * 0.9, us * 1.1)
    return Measurement("cpu-1", "cpu", "CPUExecutionProvider", placement, variant, rows, 1, p50_us=us, ci95=ends)


FOUND = [
    measured(variant, rows, us * rows**0.8 if us else None, CPUExecutionProvider=16)
    for variant, us in (("fp64", 25.0), ("native", 400.0), ("int8", 26.0), ("fp16", None))
    for rows in (1, 10, 100)
]


def shapes(svg: str, tag: str, role: str) -> list[ElementTree.Element]:
    return [one for one in ElementTree.fromstring(svg).iter(tag) if one.get("class") == role]


def test_a_dot_stands_for_each_figure_and_a_bar_for_its_interval() -> None:
    svg = batch_chart(FOUND, "fp64", "p0")
    assert [len(shapes(svg, "circle", f"dot {role}")) for role in ("selected", "native", "other")] == [3, 3, 3]
    assert len(shapes(svg, "line", "interval selected")) == 3
    assert len(shapes(svg, "line", "curve native")) == 2
    assert "fp16" not in svg


def test_more_rows_lie_further_right_and_more_time_higher() -> None:
    dots = shapes(batch_chart(FOUND, "fp64", "p0"), "circle", "dot selected")
    for one, other in pairwise(dots):
        assert float(one.get("cx", 0)) < float(other.get("cx", 0))
        assert float(one.get("cy", 0)) > float(other.get("cy", 0))


def test_without_a_figure_it_says_so() -> None:
    assert "not measured" in batch_chart([measured("fp64", 1, None)], "fp64", "p0")


def test_placement_is_drawn_in_proportion() -> None:
    found = [measured("fp64", 1, 25.0, OpenVINOExecutionProvider=3, CPUExecutionProvider=13), *FOUND]
    svg = placement_chart(found, "p1")
    assert "fp64 on cpu-1: 3 OpenVINO, 13 CPU" in svg
    widths = [float(one.get("width", 0)) + 1 for one in ElementTree.fromstring(svg).iter("rect")][:2]
    assert round(widths[1] / widths[0], 1) == round(13 / 3, 1)
    assert has_placement(found)
    assert not has_placement([measured("native", 1, 25.0)])


@given(st.lists(st.floats(30, 220), max_size=12).map(sorted))
def test_lines_of_text_stand_apart_in_their_order(places: list[float]) -> None:
    moved = apart(places, 28, 226)
    assert all(other - one >= 14 - 1e-9 for one, other in pairwise(moved))
    assert all(y <= 226 for y in moved)
