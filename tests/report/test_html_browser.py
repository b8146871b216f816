"""The page in a real browser: it loads without a complaint or a request, and fits a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packager.report.html import render_html

from .browser import CHROMIUM, Page, chromium
from .samples import all_samples, ok_build

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

SAMPLES = all_samples()
# An element overflows when it reaches past the window, unless a frame of its own scrolls or cuts it.
# The window's width is told: a telephone's own grows with what overflows it.
OVERFLOWING = """
[...document.querySelectorAll('body *')].filter(element => {
  const box = element.getBoundingClientRect();
  if (box.right <= WIDTH + 0.5 && box.left >= -0.5) return false;
  for (let frame = element.parentElement; frame && frame !== document.body; frame = frame.parentElement)
    if (getComputedStyle(frame).overflowX !== 'visible' && frame.getBoundingClientRect().right <= WIDTH + 0.5)
      return false;
  return true;
}).map(element => `${element.tagName}.${element.getAttribute('class') || ''}`)
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one


def overflowing(page: Page, width: int) -> list[str]:
    return list(page.value(OVERFLOWING.replace("WIDTH", str(width))))


def written(folder: Path, html: str) -> Path:
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SAMPLES)
def test_it_loads_without_complaint_or_request(page: Page, tmp_path: Path, name: str) -> None:
    path = written(tmp_path, render_html(SAMPLES[name]))
    page.open(path)
    assert page.value("document.title").startswith(SAMPLES[name].name[:8])
    assert page.requests() == [path.as_uri()]
    assert page.complaints() == []
    assert page.value("document.scripts.length") == 0


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_overflows_the_window(page: Page, tmp_path: Path, name: str, width: int) -> None:
    page.open(written(tmp_path, render_html(SAMPLES[name])), width=width)
    assert page.value("innerWidth") == width
    assert page.value("document.documentElement.scrollWidth") <= width
    assert overflowing(page, width) == []


def test_pictures_are_drawn_and_readable_on_a_telephone(page: Page, tmp_path: Path) -> None:
    page.open(written(tmp_path, render_html(ok_build())), width=390)
    boxes = page.value("[...document.querySelectorAll('svg')].map(one => one.getBoundingClientRect().width)")
    assert len(boxes) == 11
    assert all(300 < width <= 390 for width in boxes)
    letters = page.value("[...document.querySelectorAll('svg text')].map(one => one.getBoundingClientRect().height)")
    assert min(letters) > 10


def test_words_do_not_overlap_in_a_picture(page: Page, tmp_path: Path) -> None:
    page.open(written(tmp_path, render_html(ok_build())))
    overlaps = """
    [...document.querySelectorAll('svg')].flatMap(svg => {
      const boxes = [...svg.querySelectorAll('text')].map(one => [one.textContent, one.getBoundingClientRect()]);
      const meet = (p, q) =>
        p.left < q.right && q.left < p.right && p.top + 4 < q.bottom && q.top + 4 < p.bottom;
      return boxes.flatMap(([a, p], i) =>
        boxes.slice(i + 1).filter(([, q]) => meet(p, q)).map(([b]) => a + ' / ' + b));
    })
    """
    assert page.value(overlaps) == []


def test_it_is_dark_where_the_reader_is(page: Page, tmp_path: Path) -> None:
    path = written(tmp_path, render_html(ok_build()))
    grounds = []
    for dark in (False, True):
        page.open(path, dark=dark)
        grounds.append(page.value("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(253, 253, 251)", "rgb(21, 22, 23)"]


def test_it_prints(page: Page, tmp_path: Path) -> None:
    page.open(written(tmp_path, render_html(ok_build())))
    page.printed(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ('<div style="width: 700px">wide</div>', "overflow"),
        ('<img src="http://127.0.0.1:9/x.png">', "complaint"),
        ("<script>console.error('x')</script>", "complaint"),
    ],
)
def test_a_planted_fault_is_caught(page: Page, tmp_path: Path, fault: str, caught: str) -> None:
    html = render_html(ok_build()).replace("<main>", f"<main>{fault}")
    page.open(written(tmp_path, html), width=390)
    found = {"overflow": overflowing(page, 390), "complaint": page.complaints()}
    assert found[caught] != []


def test_without_the_page_s_policy_a_request_would_be_seen(page: Page, tmp_path: Path) -> None:
    html = render_html(ok_build()).replace("Content-Security-Policy", "x-none")
    path = written(tmp_path, html.replace("<main>", '<main><img src="http://127.0.0.1:9/x.png">'))
    page.open(path)
    assert "http://127.0.0.1:9/x.png" in page.requests()
