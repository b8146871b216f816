"""The load gate: one strict form, p95 from due times, and what the platform would turn away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from packager.benchmark_result import LoadPoint
from packager.bundle.model_info import read_info
from packager.bundle.serve import served
from packager.errors import RecipeError
from packager.offered import offered
from packager.validate.gate import Gate, Loaded, gate_findings, load, parse_gate, turned_away
from packager.validate.settings import Settings, read_settings

POINT = LoadPoint(
    rate_qps=100,
    achieved_qps=100,
    seconds=5,
    requests=500,
    errors=0,
    p50_ms=2,
    p95_ms=4,
    p99_ms=6,
    p95_ci_ms=(3, 5),
    most_waiting=3,
    meets_slo=True,
    queue_grew=False,
    sent_late_p99_ms=0.1,
)
GATE = Gate(250, 100)


@pytest.fixture
def settings(true_bundle: Path) -> Settings:
    found = read_settings(true_bundle)
    assert isinstance(found, Settings)
    return found


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("p95 <= 250 ms at 100 rps", GATE),
        ("p95<=250ms at 100rps", GATE),
        ("  p95 <=  0.5 ms  at 12.5 rps ", Gate(0.5, 12.5)),
    ],
)
def test_the_form_is_read(text: str, gate: Gate) -> None:
    assert parse_gate(text) == gate


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p95 < 250 ms at 100 rps",
        "p99 <= 250 ms at 100 rps",
        "p95 <= 250 at 100 rps",
        "p95 <= 0.25 s at 100 rps",
        "p95 <= -1 ms at 100 rps",
        "p95 <= nan ms at 100 rps",
        "p95 <= 1e3 ms at 100 rps",
        "p95 <= 250 ms at 100 rps and more",
        "p95 <= 250 ms",
        "p95 <= 250 ms at 100 qps",
    ],
)
def test_any_other_form_is_refused_with_the_right_one(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_gate(text)
    assert caught.value.exit_code == 2
    assert "p95 <= 250 ms at 100 rps" in str(caught.value)


@pytest.mark.parametrize("text", ["p95 <= 0 ms at 1 rps", "p95 <= 200000 ms at 1 rps", "p95 <= 1 ms at 0 rps"])
def test_figures_out_of_bounds_are_refused_against_their_limit(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_gate(text)
    assert caught.value.measured
    assert caught.value.limit


def test_what_keeps_the_gate_has_no_findings(settings: Settings) -> None:
    assert gate_findings(Loaded(POINT, 25), GATE, settings) == []


@pytest.mark.parametrize(
    ("changes", "code", "measured", "limit"),
    [
        ({"p95_ms": 251.0}, "408", "p95 251 ms at 100 rps", "250 ms"),
        ({"queue_grew": True}, "408", "p95 4.00 ms at 100 rps", "250 ms"),
        ({"errors": 7}, "424", "7 of 500", 0),
        ({"p95_ms": None, "errors": 500}, "424", "500 of 500", 0),
    ],
)
def test_what_breaks_it_is_told_against_its_limit(
    changes: dict[str, object], code: str, measured: str, limit: str | int, settings: Settings
) -> None:
    (found,) = gate_findings(Loaded(POINT.model_copy(update=changes), 0), GATE, settings)
    assert (found.code, found.measured, found.limit) == (code, measured, limit)
    assert found.hint


def test_what_the_platform_turns_away_breaks_it(settings: Settings) -> None:
    (found,) = gate_findings(Loaded(POINT, 26), GATE, settings)
    assert (found.code, found.measured, found.limit) == ("429", "26 of 500 at 100 rps", "5% beyond 2 x 2 at once")
    assert str(found.file).startswith("deploy/deployment.yml:")


def test_those_are_turned_away_that_come_while_too_many_wait() -> None:
    due, ended = np.array([0.0, 1.0, 2.0, 3.0, 10.0]), np.array([9.0, 9.0, 9.0, 9.0, 11.0])
    assert [turned_away(due, ended, allowed) for allowed in (1, 2, 3, 4)] == [3, 2, 1, 0]


def test_a_real_server_is_loaded(true_bundle: Path, settings: Settings) -> None:
    with served(true_bundle, workers=2) as server:
        bodies = offered(true_bundle, read_info(true_bundle / "code"), 1).bodies
        loaded = load(server.score_url, bodies[:50], Gate(200, 25), settings)
    point = loaded.point
    assert (point.errors, point.requests) == (0, 100)
    assert point.p95_ms is not None
    assert point.p95_ms > 0
