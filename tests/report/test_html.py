"""The page holds everything, in order, and nothing of a report can become part of it but as text."""

from __future__ import annotations

import re

import pytest

from packager import wording
from packager.report.html import render_html
from packager.report.measured import reason
from packager.report.sections import sections

from .page_audit import audit, table_rows, words
from .samples import HOSTILE, all_samples, early_failure, failed_build, ok_build

SAMPLES = all_samples()


@pytest.mark.parametrize("name", SAMPLES)
def test_every_page_is_sound(name: str) -> None:
    assert audit(render_html(SAMPLES[name])) == []


@pytest.mark.parametrize(
    ("sound", "fault", "problem"),
    [
        ("<main>", "<main><script>", "unknown tag <script>"),
        ("<main>", "<main><img>", "unknown tag <img>"),
        ("<main>", '<main onclick="x()">', "<main onclick='x()'>"),
        ('href="data:,"', 'href="https://example.org/i.png"', "<link href='https://example.org/i.png'>"),
        ("</main>", "", "</body> closes nothing"),
        ('id="s2"', 'id="s1"', "id s1 occurs twice"),
        ('scope="col" class="code">Check', 'class="code">Check', "<th> without scope"),
        (' role="img"', "", "<svg> without role or name"),
        ('id="s1-caption"', "", "no element has the id s1-caption"),
        ("* { box-sizing", "@import 'x'; * { box-sizing", "a style sheet that loads something"),
    ],
)
def test_the_audit_catches_a_planted_fault(sound: str, fault: str, problem: str) -> None:
    page = render_html(ok_build())
    assert sound in page
    assert problem in audit(page.replace(sound, fault, 1))


def test_the_audit_catches_a_missing_cell_and_an_unescaped_name() -> None:
    page = render_html(ok_build())
    shorter = re.sub(r'<td role="cell"[^>]*>yes</td>\n', "", page, count=1)
    assert shorter != page
    assert "a row of 5 cells under 6 headers" in audit(shorter)
    report = ok_build()
    report.name = HOSTILE
    escaped = str(HOSTILE.split("|")[0]).replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")
    broken = render_html(report).replace(escaped, HOSTILE.split("|")[0])
    assert "unknown tag <script>" in audit(broken)


def test_sections_come_in_order() -> None:
    page = render_html(ok_build())
    titles = re.findall(r'<h2 id="[^"]*">([^<]*)</h2>', page)
    assert titles == [
        "Verdicts",
        "Variants",
        "Drift",
        "Drift per segment",
        "Champion",
        "Decision flips",
        "Error distribution of probability",
        "Scores before and after",
        "Reliability of probabilities",
        "Worst rows of fp64",
        "Worst rows of fp32",
        "Latency and throughput on cpu-1",
        "Latency and throughput on openvino",
        "Size",
        "Placement",
        "Measurements",
        "Timings",
        "Machine",
        "Versions",
        "Verification",
        "Notes",
    ]
    assert page.index("scores like the registered model") < page.index("<dl>") < page.index("<h2")


@pytest.mark.parametrize("name", SAMPLES)
def test_no_row_of_the_report_is_missing(name: str) -> None:
    shown = table_rows(render_html(SAMPLES[name]))
    for section in sections(SAMPLES[name]):
        for row in section.table.rows if section.table else ():
            assert [cell.text for cell in row.cells] in shown


def test_a_measurement_without_figures_says_why_and_shows_none() -> None:
    report = ok_build()
    absent = [one for one in report.measurements if one.p50_us is None]
    page = render_html(report)
    assert absent
    assert all(reason(one) in words(page) for one in absent)
    rows = [row for row in table_rows(page) if "int8" in row and wording.NONE in row and len(row) == 7]
    assert [row[2:] for row in rows] == [["not measured", *[wording.NONE] * 4]] * 3


def test_each_picture_is_followed_by_its_table() -> None:
    page = render_html(ok_build())
    figures = page.split("<figure>")[1:]
    assert len(figures) == 5
    assert all(0 < part.index("</figure>") < part.index("<table") for part in figures)
    assert [part.split("</figure>")[0].count("<svg") for part in figures] == [2, 4, 2, 2, 1]


def test_an_early_failure_is_one_sentence_and_no_empty_table() -> None:
    page = render_html(early_failure())
    text = words(page)
    assert "No bundle: registry://fraud/3 has another digest than the recipe pins." in text
    assert "The build ended before it had made: variants, verdicts, measurements." in text
    assert page.count("<table") == 1
    assert "<svg" not in page


def test_a_failure_shows_the_whole_error() -> None:
    report = failed_build()
    assert report.error is not None
    assert report.error in words(render_html(report))
    assert "✗ No bundle" in words(render_html(report))


def test_hostile_text_is_shown_as_text() -> None:
    text = words(render_html(SAMPLES["hostile"]))
    assert wording.printable(HOSTILE) in text
    assert "49" not in text.split("quoted")[1][:20], "a template expression was run"


def test_the_page_forbids_itself_to_load_or_run_anything() -> None:
    page = render_html(ok_build())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")
    assert "script-src" not in policy[1]


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(char * 2 for char in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_stands_out_from_its_ground(scheme: int) -> None:
    page = render_html(ok_build())
    colours = dict(re.findall(r"--(\w+): (#\w+);", re.findall(r":root \{(.*?)\}", page, re.DOTALL)[scheme]))
    for ink in ("ink", "soft", "accent", "good", "bad"):
        for ground in ("paper", "tint", "badwash"):
            light, dark = sorted((_luminance(colours[ink]), _luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
