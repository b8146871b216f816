"""The page for people, in a real browser before the real server: it scores, shows faults, and runs no one's code."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packager.artifact import Signature
from packager.bundle.plan import BundlePlan
from packager.errors import BundleError
from packager.front import page as page_module
from packager.front.page import Browsed, browsed
from tests.bundle import binned, models
from tests.report.browser import CHROMIUM, Page, chromium
from tests.report.test_html_browser import overflowing

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is missing: apt-get install chromium")
ATTACK = '</script><img src=x onerror="window.hit=1"><script>window.hit=1</script>'
NAMES = (ATTACK, "\"'><svg onload=window.hit=1>", "{{7*7}}\u2028<!--<script>")


def hostile(plan: BundlePlan) -> BundlePlan:
    """Return the plan with names and labels that would run where they are not taken as text."""
    columns = tuple(replace(column, name=name) for column, name in zip(plan.signature.columns, NAMES, strict=True))
    signature: Signature = replace(plan.signature, columns=columns)
    return replace(plan, name="fraud", version=ATTACK, signature=signature)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    plans: dict[str, Callable[[Path], BundlePlan]] = {
        "plain": lambda folder: models.classifier(folder, classes=("no", "yes")),
        "mixed": models.text_taker,
        "strict": models.strict_taker,
        "hostile": lambda folder: hostile(models.classifier(folder, classes=("<b>no</b>", ATTACK))),
    }
    folders = {name: tmp_path_factory.mktemp(name) for name in plans}
    return {name: models.bundled(plans[name](folder), folder / "bundle") for name, folder in folders.items()}


@pytest.fixture(scope="module")
def plain(bundles: dict[str, Path]) -> Iterator[Browsed]:
    with browsed(bundles["plain"]) as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one


def test_a_port_that_is_taken_is_named_before_anything_starts(
    bundles: dict[str, Path], plain: Browsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "served", None)  # calling it would be another error
    port = int(plain.url.rpartition(":")[2])
    with pytest.raises(BundleError, match=f"Can't listen on port {port}"), browsed(bundles["plain"], port=port):
        pass


def get(url: str, accept: str | None = None) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, headers={"Accept": accept} if accept else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def ask(page: Page) -> None:
    """Press the button and wait for the answer."""
    before = page.value("document.body.dataset.asked")
    page.value("document.getElementById('send').click()")
    deadline = time.monotonic() + 20
    while page.value("document.body.dataset.asked") == before and time.monotonic() < deadline:
        time.sleep(0.02)


def text(page: Page, selector: str) -> Any:
    return page.value(f"document.querySelector({json.dumps(selector)}).innerText")


def write(page: Page, body: str) -> None:
    """Choose JSON and write a body."""
    page.value("document.querySelector('[value=json]').click()")
    page.value(f"body.value = {json.dumps(body)}; body.dispatchEvent(new Event('input', {{bubbles: true}}))")


def test_browsers_get_the_page_and_all_others_the_server(plain: Browsed) -> None:
    status, headers, body = get(plain.url + "/", "text/html,application/xhtml+xml")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<title>" in body
    assert "script-src 'sha256-" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    for accept in (None, "*/*", "application/json"):
        assert get(plain.url + "/", accept)[2] == b"Healthy"
    assert get(plain.url + "/nowhere", "text/html")[0] == 404
    assert json.loads(get(plain.url + "/swagger.json", "text/html")[2])["openapi"] == "3.1.0"
    assert get(plain.url + "/score", "text/html")[0] == 405


@in_a_browser
def test_a_click_shows_the_answer_to_the_sample(page: Page, plain: Browsed, bundles: dict[str, Path]) -> None:
    page.open(plain.url + "/")
    expected = json.loads((bundles["plain"] / "samples" / "response.json").read_bytes())
    ask(page)
    assert text(page, "#answer td.first") == expected["prediction"][0]
    assert text(page, "#status").startswith("200 in ")
    assert "ms in the script" in text(page, "#status")
    page.value("document.querySelector('[value=json]').click()")
    ask(page)
    assert json.loads(page.value("document.getElementById('text').textContent")) == expected
    assert page.value("document.querySelectorAll('#answer tbody tr').length") == len(expected["prediction"])
    shares = page.value("[...document.querySelectorAll('#answer tbody tr:first-child .share')].map(one => one.title)")
    assert [float(share) for share in shares] == expected["probability"][0]
    assert page.complaints() == []
    assert {address.partition("?")[0] for address in page.requests()} <= {
        f"{plain.url}/",
        f"{plain.url}/score",
        "data:,",
    }


@in_a_browser
@binned.needs_library
def test_the_form_of_the_model_that_answers_is_shown(page: Page, plain: Browsed, tmp_path: Path) -> None:
    with browsed(models.bundled(binned.plan(tmp_path), tmp_path / "bundle")) as running:
        page.open(running.url)
        ask(page)
        assert re.search(r" ms in the script, by binned (avx512|avx2|plain)$", text(page, "#status"))
    page.open(plain.url)
    ask(page)
    assert text(page, "#status").endswith(" ms in the script")


@in_a_browser
def test_a_bad_cell_is_shown_where_it_stands(page: Page, plain: Browsed) -> None:
    page.open(plain.url + "/")
    page.value("document.querySelector('[data-column=\"1\"]').value = 'noon'")
    ask(page)
    assert text(page, "#failure strong") == "row 0, column hour"
    assert text(page, "#failure p") == "expected number, found string"
    assert page.value("document.querySelector('[aria-invalid]').dataset.column") == "1"
    assert text(page, "#columns tr.bad th") == "hour"
    assert text(page, "#status").startswith("400 in ")
    page.value("document.getElementById('again').click()")
    ask(page)
    assert page.value("document.getElementById('failure').hidden")
    assert page.value("document.querySelectorAll('[aria-invalid], tr.bad').length") == 0


@in_a_browser
@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"features": [[1, 2, 3], [1,  "x,]", 3]]}', '"x,]"'),
        ('{"data": [{"amount": 1, "age": 2, "hour": 3}, {"hour": {"a": [1]}, "amount": 1, "age": 2}]}', '{"a": [1]}'),
        ('{"dataframe_split": {"columns": ["age", "hour", "amount"], "data": [[1, null, 2]]}}', "null"),
        ('{"features": [[1, 2, 3], [1, 2]]}', "[1, 2]"),
    ],
)
def test_a_bad_cell_is_selected_in_json(page: Page, plain: Browsed, body: str, shown: str) -> None:
    page.open(plain.url + "/")
    write(page, body)
    ask(page)
    assert text(page, "#status").startswith("400 in ")
    assert page.value("body.value.slice(body.selectionStart, body.selectionEnd)") == shown
    assert page.value("document.activeElement.id") == "body"


@in_a_browser
def test_what_is_no_json_is_told(page: Page, plain: Browsed) -> None:
    page.open(plain.url + "/")
    write(page, "{")
    ask(page)
    assert text(page, "#failure strong") == "malformed json"
    write(page, '{"features": [[1e400, 1, 1]]}')
    ask(page)
    assert text(page, "#status").startswith("400 in ")


@in_a_browser
def test_text_missing_cells_and_choices_are_sent_as_such(page: Page, bundles: dict[str, Path]) -> None:
    with browsed(bundles["mixed"]) as running:
        page.open(running.url + "/")
        assert page.value("formBody()") == '{"features": [[1, "Bern", 2]]}'
        page.value("document.querySelector('[data-column=\"1\"]').value = '12'")
        page.value("document.querySelector('[data-column=\"2\"]').value = ''")
        page.value("document.querySelector('[data-column=\"0\"]').value = '0.10'")
        assert page.value("formBody()") == '{"features": [[0.10, "12", null]]}'
        ask(page)
        assert text(page, "#status").startswith("200 in ")
    with browsed(bundles["strict"]) as running:
        page.open(running.url + "/")
        assert page.value("[...document.querySelector('[data-column=\"0\"]').options].map(one => one.text)") == [
            "missing",
            *models.CITIES,
        ]
        ask(page)
        assert text(page, "#answer td.first") == "11"


@in_a_browser
def test_hostile_names_and_labels_are_text(page: Page, bundles: dict[str, Path]) -> None:
    with browsed(bundles["hostile"]) as running:
        page.open(running.url + "/")
        ask(page)
        assert text(page, "#status").startswith("200 in ")
        page.value("document.querySelector('[data-column=\"0\"]').value = 'x'")
        ask(page)
        assert ATTACK in page.value("document.getElementById('failure').textContent")
        assert page.value("[...document.querySelectorAll('#columns th')].map(one => one.textContent)") == list(NAMES)
        assert page.value("window.hit === undefined")
        assert page.value("document.querySelectorAll('img, svg, b').length") == 0
        assert page.value("document.scripts.length") == 2
        assert page.complaints() == [] or all("400" in told for told in page.complaints())


@in_a_browser
def test_the_policy_stops_what_would_run_nevertheless(page: Page, plain: Browsed) -> None:
    page.open(plain.url + "/")
    page.value("document.getElementById('about').innerHTML = '<img src=x onerror=\"window.hit=1\">'")
    page.value(
        "const one = document.createElement('script'); one.textContent = 'window.hit = 1'; document.body.append(one)"
    )
    time.sleep(0.2)
    assert page.value("window.hit === undefined")


@in_a_browser
@pytest.mark.parametrize("width", [390, 1100])
@pytest.mark.parametrize("mode", ["form", "json"])
def test_nothing_overflows_the_window(page: Page, plain: Browsed, width: int, mode: str) -> None:
    page.open(plain.url + "/", width=width, dark=mode == "json")
    page.value(f"document.querySelector('[value={mode}]').click()")
    ask(page)
    assert [one for one in overflowing(page, width) if ".unseen" not in one and not one.startswith("INPUT")] == []
