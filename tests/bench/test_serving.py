"""The serving bench: each body holds the rows, ratios compare within a round, and a goal that is missed says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.serving.contenders import CONTENDERS, Contender
from bench.serving.environments import PINS
from bench.serving.measure import Visit
from bench.serving.table import goals, markdown, ratios

ROWS = [[1.5, -2.0, 1e-07], [0.0, 3.25, 4.0]]
BY_NAME = {contender.name: contender for contender in CONTENDERS}


def joined(rows: list[list[float]]) -> list[float]:
    return [cell for row in rows for cell in row]


# Where each body has the rows' numbers, in order.
CELLS = {
    "mlserver": lambda body: body["inputs"][0]["data"],
    "mlflow": lambda body: joined(body["inputs"]["features"]),
}
ANSWERS = {
    "mlserver": {"outputs": [{"name": "probabilities", "shape": [2, 2], "data": [0.25, 0.75, 1.0, 0.0]}]},
    "mlflow": {"predictions": {"label": [1, 0], "probabilities": [[0.25, 0.75], [1.0, 0.0]]}},
}


def visit(rate: float, cold_s: float = 1.0, memory_mb: float = 100.0) -> Visit:
    return Visit(cold_s, {1: rate, 100: rate / 2, 1_000: rate / 20}, memory_mb)


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
def test_a_body_holds_the_rows_and_an_answer_the_probabilities(contender: Contender) -> None:
    body = json.loads(contender.encode(json.dumps(ROWS), len(ROWS)))
    found = CELLS.get(contender.name, lambda body: joined(body["features"]))(body)
    assert found == joined(ROWS)
    answer = ANSWERS.get(contender.name, {"prediction": [1, 0], "probability": [[0.25, 0.75], [1.0, 0.0]]})
    assert contender.probabilities(answer) == [[0.25, 0.75], [1.0, 0.0]]
    if contender.name == "mlserver":
        assert body["inputs"][0]["shape"] == [2, 3]


@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in ("bundle", "onnx")])
def test_every_peer_is_pinned_exactly(name: str) -> None:
    lines = (Path(PINS) / f"{name}.txt").read_text().split("\n")
    pins = [line.partition(" ;")[0] for line in lines if line]
    assert pins
    assert all("==" in pin for pin in pins)


def test_ratios_compare_within_a_round() -> None:
    ours, theirs = [visit(200), visit(400), visit(300)], [visit(100), visit(100), visit(200)]
    first = ratios(ours, theirs)[0]
    assert (first.value, first.low, first.high) == (2.0, 1.5, 4.0)


def test_a_goal_that_is_missed_says_so() -> None:
    visits = {"bundle": [visit(170, cold_s=0.5)] * 3, "joblib": [visit(100)] * 3, "litserve": [visit(180)] * 3}
    said = goals(visits)
    assert [line.split()[0] for line in said[:4]] == ["MISSED", "MISSED", "MISSED", "reached"]
    assert said[4].startswith("MISSED")
    assert "| LitServe | 180 | 90 | 9 | 1.00 | 100 |" in markdown(visits)
    assert "| LitServe | 0.94 [0.94, 0.94] |" in markdown(visits)
    assert "MLServer" not in markdown(visits)
