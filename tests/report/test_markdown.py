"""The Markdown holds what the page holds, and no string of a report becomes markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from packager import wording
from packager.report.markdown import render_markdown
from packager.report.model import BuildReport
from packager.report.sections import sections

from .samples import HOSTILE, all_samples, failed_build, ok_build

SAMPLES = all_samples()
# What the report's own markup consists of; anything else came out of a string.
OURS = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def shown(inline: Token) -> str:
    return "".join(child.content for child in inline.children or [])


def rows_of(text: str) -> list[list[str]]:
    """Return every table row of a document as the text of its cells."""
    rows: list[list[str]] = []
    cell = False
    for token in tokens(text):
        if token.type == "tr_open":
            rows.append([])
        cell = token.type in ("td_open", "th_open") or (cell and token.type == "inline")
        if cell and token.type == "inline":
            rows[-1].append(shown(token))
    return rows


@pytest.mark.parametrize("name", SAMPLES)
def test_titles_are_those_of_the_page_in_its_order(name: str) -> None:
    told = tokens(render_markdown(SAMPLES[name]))
    titles = [shown(told[at + 1]) for at, token in enumerate(told) if token.type == "heading_open"]
    assert titles[1:] == [section.title for section in sections(SAMPLES[name])]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_table_row_is_there_whole(name: str) -> None:
    found = [
        [cell.removeprefix("✅ ").removeprefix("❌ ").strip() for cell in row]
        for row in rows_of(render_markdown(SAMPLES[name]))
    ]
    for section in sections(SAMPLES[name]):
        for row in section.table.rows if section.table else ():
            assert [wording.clip(cell.text, 400).strip() for cell in row.cells] in found


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_but_our_markup_is_in_it(name: str) -> None:
    for token in tokens(render_markdown(SAMPLES[name])):
        assert token.type != "html_block"
        assert {child.type for child in token.children or []} <= OURS


def test_a_planted_pipe_and_tag_are_caught_by_the_checks_above() -> None:
    text = render_markdown(ok_build())
    assert len({len(row) for row in rows_of(text)}) > 1
    assert ["parity", "fp64", "0", "0"] in [row[:4] for row in rows_of(text)]
    broken = text.replace("| `parity` |", "| par|ity |", 1)
    assert ["parity", "fp64", "0", "0"] not in [row[:4] for row in rows_of(broken)][:2]
    tagged = text.replace("one note", "", 1).replace("The verification rows", "<b>The</b>", 1)
    assert any(child.type == "html_inline" for token in tokens(tagged) for child in token.children or [])


@settings(deadline=None)
@given(st.text(st.characters(), min_size=1, max_size=60))
def test_any_name_comes_back_as_it_is_read(name: str) -> None:
    report = BuildReport(name=f"x{name}x", error=f"y{name}y")
    told = tokens(render_markdown(report))
    inlines = [shown(token) for token in told if token.type == "inline"]
    assert inlines[0] == f"❌ {wording.printable(f'x{name}x')}"
    assert all({child.type for child in token.children or []} <= OURS for token in told)


@settings(deadline=None)
@given(st.text(st.sampled_from("`|*_[]<>~ \\a1.)-+=#!&$\n"), min_size=1, max_size=12))
def test_any_note_and_variant_name_stays_text(text: str) -> None:
    report = ok_build()
    report.notes = [f"{text}z"]
    report.verdicts = [type(report.verdicts[0])(f"a{text}z", "fp64", f"a{text}z", None, True, "k")]
    told = tokens(render_markdown(report))
    assert {child.type for token in told for child in token.children or []} <= OURS
    assert shown([token for token in told if token.type == "inline"][-1]) == wording.printable(f"{text}z").strip()
    rows = rows_of(render_markdown(report))
    expected = re.sub(r" +", " ", wording.printable(f"a{text}z"))
    assert [re.sub(r" +", " ", cell) for cell in rows[1][:3]] == [expected, "fp64", expected]


def test_a_failure_shows_the_whole_error_as_code() -> None:
    report = failed_build()
    fences = [token for token in tokens(render_markdown(report)) if token.type == "fence"]
    assert [token.content.rstrip() for token in fences] == [report.error]


def test_a_fence_in_an_error_does_not_end_the_code() -> None:
    report = BuildReport(name="x", error="a\n```\n# not a title\n````\nend")
    told = tokens(render_markdown(report))
    assert [token.content.rstrip() for token in told if token.type == "fence"] == [report.error]


def test_hostile_names_are_shown() -> None:
    assert (
        wording.printable(HOSTILE)
        in [shown(one) for one in tokens(render_markdown(SAMPLES["hostile"])) if one.children][-2]
    )
