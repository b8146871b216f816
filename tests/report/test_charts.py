"""Pictures draw each measured value once and in its place, and nothing that was not measured."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.report.charts import WIDTH, error_chart, latency_chart, size_chart
from packager.report.measured import of_target, targets
from packager.report.model import BuildReport, ErrorDistribution
from packager.report.svg import LogScale

from .samples import HOSTILE, all_samples, ok_build

SAMPLES = all_samples()


def drawn(svg: str, tag: str, role: str = "") -> list[ElementTree.Element]:
    return [
        one for one in ElementTree.fromstring(svg).iter(tag) if role in one.attrib.get("class", "").split() or not role
    ]


def charts_of(report: BuildReport) -> list[str]:
    named = [latency_chart(report, name, "p") for name in targets(report)]
    outputs = {one.output for one in report.distributions}
    return [*named, *(error_chart(report, output, "p") for output in outputs), size_chart(report, "p")]


def test_one_dot_a_measurement_and_the_rest_says_not_measured() -> None:
    report = ok_build()
    svg = latency_chart(report, "cpu-1", "p")
    measured = [one for one in of_target(report, "cpu-1") if one.p50_us is not None]
    assert len(drawn(svg, "circle", "dot")) == len(measured) == 9
    assert len(drawn(svg, "line", "interval")) == 9
    assert len(drawn(svg, "line", "upper")) == 9
    assert [one.text for one in drawn(svg, "text")].count("not measured") == 3


def test_dots_lie_in_the_order_of_their_values() -> None:
    report = ok_build()
    dots = drawn(latency_chart(report, "cpu-1", "p"), "circle", "dot")
    figures = [one.p50_us for one in of_target(report, "cpu-1") if one.p50_us is not None]
    places = [float(dot.attrib["cx"]) for dot in dots]
    by_value = [place for _, place in sorted(zip(figures, places, strict=True))]
    assert by_value == sorted(places)
    assert all(left < right for left, right in pairwise(sorted(set(places))))


def test_the_selected_variant_and_the_native_model_are_marked() -> None:
    svg = latency_chart(ok_build(), "cpu-1", "p")
    assert len(drawn(svg, "circle", "selected")) == 3
    assert len(drawn(svg, "circle", "native")) == 3


def test_a_value_moved_by_one_decade_moves_its_dot() -> None:
    report = ok_build()
    before = latency_chart(report, "cpu-1", "p")
    first = next(one for one in report.measurements if one.p50_us is not None)
    report.measurements[report.measurements.index(first)] = replace(first, p50_us=3972.0)
    assert latency_chart(report, "cpu-1", "p") != before


def test_error_bars_are_as_many_as_filled_bins_and_one_for_equal_values() -> None:
    report = ok_build()
    svg = error_chart(report, "probability", "p")
    filled = sum(1 for one in report.distributions for count in one.counts if count)
    assert len(drawn(svg, "rect", "exact")) == 2
    assert len(drawn(svg, "rect", "bar")) == filled + 2
    assert "73.8% exact" in [one.text for one in drawn(svg, "text")]


def test_a_variant_that_is_all_equal_has_the_one_bar() -> None:
    report = ok_build()
    report.distributions = [ErrorDistribution("fp64", "value", 442, (0.0, 1e-18, float("inf")), (0, 0))]
    svg = error_chart(report, "value", "p")
    assert len(drawn(svg, "rect", "bar")) == 1
    assert "100% exact" in [one.text for one in drawn(svg, "text")]


def test_size_bars_are_to_scale() -> None:
    first, second = (float(one.attrib["width"]) for one in drawn(size_chart(ok_build(), "p"), "rect", "bar"))
    assert second / first == pytest.approx(893_114 / 1_523_882, abs=0.002)


@pytest.mark.parametrize("name", SAMPLES)
def test_everything_lies_inside_its_picture(name: str) -> None:
    for svg in charts_of(SAMPLES[name]):
        root = ElementTree.fromstring(svg)
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        assert width == WIDTH
        for one in root.iter():
            for key, most in (("x", width), ("x1", width), ("x2", width), ("cx", width), ("y", height), ("cy", height)):
                assert -1 <= float(one.attrib.get(key, 0)) <= most + 0.1, ElementTree.tostring(one)


@pytest.mark.parametrize("name", SAMPLES)
def test_each_picture_has_a_title_and_a_description_and_no_foreign_markup(name: str) -> None:
    for svg in charts_of(SAMPLES[name]):
        root = ElementTree.fromstring(svg)
        assert [child.tag for child in root][:2] == ["title", "desc"]
        assert root.attrib["aria-labelledby"] == "p-title p-desc"
        assert {one.tag for one in root.iter()} <= {"svg", "title", "desc", "line", "rect", "circle", "text"}
        assert HOSTILE not in svg


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=8))
def test_a_scale_keeps_order_and_has_a_few_round_ticks_inside(values: list[float]) -> None:
    scale = LogScale.around(values, 10, 110)
    assert scale is not None
    places = [scale.place(value) for value in sorted(values)]
    assert all(place is not None and 10 <= place <= 110 for place in places)
    assert places == sorted(place for place in places if place is not None)
    ticks = scale.ticks()
    assert len(ticks) <= 10
    assert all(10 <= (scale.place(tick) or 0) <= 110 for tick in ticks)


def test_a_scale_of_nothing_is_none_and_places_no_unplaceable_value() -> None:
    assert LogScale.around([0.0, float("inf"), float("nan"), -1.0], 0, 1) is None
    scale = LogScale.around([1.0, 10.0], 0, 1)
    assert scale is not None
    assert [scale.place(value) for value in (0.0, float("inf"), float("nan"))] == [None] * 3
