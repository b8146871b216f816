"""The three forms: the same sections in each, a page that is sound and fits a telephone, goldens of the Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from packager.benchmark_result import BenchmarkResult, TargetEnvironment
from packager.sku.catalogue import azure
from packager.sku.model import SkuReport
from packager.sku.report import Asked, make_report
from packager.sku.results import Result, read_results
from packager.sku.schema import schema_text
from packager.sku.sections import sections
from packager.sku.write import render_html, render_json, render_markdown, write_report
from tests.report.browser import CHROMIUM, Page, chromium
from tests.report.page_audit import audit, table_rows, words
from tests.report.test_html_browser import overflowing

from .samples import load, machine, result

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = '<script>alert("x")</script>|`*_[a](javascript:1)\x1b[31m\u202e & "'
Made = tuple[SkuReport, list[Result]]


def made(folder: Path, kind: str) -> Made:
    """A report of a kind, of files whose names are the same everywhere."""
    several = result(load(1, 620.0), load(2, 1180.0), load(4, 2200.0))
    on_it = result(load(4, 1500.0), on=machine("Intel(R) Xeon(R) Platinum 8370C CPU", instance_type="Standard_F4s_v2"))
    found, asked = {
        "sets": ([several], Asked(qps=900.0)),
        "machines": ([several, on_it], Asked(qps=300.0)),
        "one": ([result(load(2, 90.0, rows=100))], Asked(qps=40.0)),
        "unsure": ([several], Asked(qps=900.0, slo_p95_ms=2.5)),
        "nothing": ([several], Asked(qps=900.0, slo_p95_ms=1.0)),
        "placed": ([placed()], Asked(qps=300.0)),
        "hostile": ([result(load(2), on=machine(HOSTILE, instance_type=HOSTILE))], Asked(qps=90.0)),
    }[kind]
    paths = [folder / f"{name}.json" for name in ("here", "f4s")[: len(found)]]
    for path, one in zip(paths, found, strict=True):
        path.write_text(one.model_dump_json(), encoding="utf-8")
    results = [Result(**{**vars(one), "file": path.name}) for path, one in zip(paths, read_results(paths), strict=True)]
    return make_report(results, asked, azure()), results


def placed() -> BenchmarkResult:
    """A result whose other target has an environment and runs nothing of the graph."""
    one = result(load(2))
    operators = {"CPUExecutionProvider": {"TreeEnsemble": 1, "Cast": 2}}
    there = [
        each.model_copy(update={"placement": {"CPUExecutionProvider": 3}, "operators": operators})
        if each.target == "openvino-1"
        else each
        for each in one.measurements
    ]
    made_for = TargetEnvironment(
        target="openvino-1", package="onnxruntime-openvino", version="1.24.1", own=True, size_bytes=200 << 20
    )
    return one.model_copy(update={"measurements": tuple(there), "environments": (made_for,)})


KINDS = ("sets", "machines", "one", "unsure", "nothing", "hostile")


@pytest.fixture(scope="module", params=KINDS)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("report"), request.param)


@pytest.mark.parametrize("kind", ["machines", "one", "nothing"])
def test_markdown_is_as_it_was(kind: str, tmp_path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"{kind}.md", render_markdown(*made(tmp_path, kind)))


def test_the_json_is_what_the_published_schema_says(report: Made) -> None:
    schema = json.loads(schema_text("sku"))
    document = json.loads(render_json(report[0]))
    jsonschema.Draft202012Validator(schema).validate(document)
    del document["target"]["qps"]
    assert not jsonschema.Draft202012Validator(schema).is_valid(document)


def test_the_page_is_sound(report: Made) -> None:
    assert audit(render_html(*report)) == []


def test_no_section_and_no_row_is_missing(report: Made) -> None:
    html, markdown = render_html(*report), render_markdown(*report)
    rows = table_rows(html)
    assert markdown.count("\n## ") == html.count("<h2") == len(list(sections(*report)))
    for shown in sections(*report):
        for row in shown.section.table.rows if shown.section.table else ():
            assert [cell.text for cell in row.cells] in rows
        assert not shown.pictures or shown.section.table is not None


def test_an_estimate_is_never_without_its_interval(report: Made) -> None:
    for row in table_rows(render_html(*report)):
        for cell in row:
            if cell.startswith("≈"):
                assert "(" in cell
                assert "\N{EN DASH}" in cell


def test_what_was_measured_beside_the_load_is_shown(tmp_path: Path) -> None:
    text = " ".join(words(render_html(*made(tmp_path, "placed"))).split())
    assert "fp64 on openvino-1: openvino runs 0 of 3 nodes: tree operators and Cast stay on CPU." in text
    assert "start to first answer 610 ms (95% interval 590 ms \N{EN DASH} 640 ms, 5 starts)" in text
    assert "onnxruntime-openvino" in text
    assert "made for it, 200 MiB" in text
    assert "a fixed piece of work, p95 above its median 4%" in text
    assert "Too noisy" not in text


def test_costs_are_dated(report: Made) -> None:
    text = words(render_html(*report))
    assert "2026-11-28" in text
    if report[0].recommendation is not None:
        assert "at prices of 2026-11-28" in text.split("Planned for")[0]


def test_a_plan_that_may_miss_the_slo_is_not_marked_as_good(tmp_path: Path) -> None:
    html = render_html(*made(tmp_path, "unsure"))
    assert "✗ Recommendation, not a sure one" in words(html)
    assert "It may miss the SLO." in words(html)
    assert render_markdown(*made(tmp_path, "unsure")).startswith("# ❌")


def test_names_stay_text(tmp_path: Path) -> None:
    html = render_html(*made(tmp_path, "hostile"))
    assert "<script>alert" not in html
    assert '<script>alert("x")</script>' in words(html)


def test_files_are_written_whole(tmp_path: Path) -> None:
    report, results = made(tmp_path, "one")
    write_report(report, results, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.json", "report.md"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.mark.parametrize("width", [390, 1280])
def test_it_loads_alone_and_fits_the_window(page: Page, report: Made, tmp_path: Path, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(*report), encoding="utf-8")
    page.open(path, width=width)
    assert page.requests() == [path.as_uri()]
    assert page.complaints() == []
    assert page.value("document.documentElement.scrollWidth") <= width
    assert overflowing(page, width) == []


def test_pictures_can_be_read_on_a_telephone(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(*made(tmp_path, "sets")), encoding="utf-8")
    page.open(path, width=390)
    boxes = page.value("[...document.querySelectorAll('svg')].map(one => one.getBoundingClientRect().width)")
    assert len(boxes) == 6
    assert all(300 < width <= 390 for width in boxes)
    letters = page.value("[...document.querySelectorAll('svg text')].map(one => one.getBoundingClientRect().height)")
    assert min(letters) > 10


def test_it_prints(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(*made(tmp_path, "machines")), encoding="utf-8")
    page.open(path)
    page.printed(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
