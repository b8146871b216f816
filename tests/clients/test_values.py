"""What goes out and comes back is exact: labels of every kind, missing cells, and each double to its last bit."""

from __future__ import annotations

import json
import random
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packager.artifact import Output
from packager.bundle.clients import render_clients
from packager.bundle.model_info import ServedOutput, read_info
from packager.bundle.plan import BundlePlan
from packager.front.exchange import Asked, Reply
from packager.front.proxy import proxied
from tests.bundle import models
from tests.bundle.scripts import load

from .programs import LANGUAGES, Call, ask

LANGUAGES = LANGUAGES[:3]
GONE = "http://127.0.0.1:1"
PLANS: dict[str, Callable[[Path], BundlePlan]] = {
    **{kind: models.KINDS[kind] for kind in ("regressor", "transformer", "missing", "text", "truths")},
    "three columns": lambda folder: models.regressor(folder, width=3),
    "huge labels": lambda folder: models.classifier(folder, classes=(-(2**53) - 1, 2**63 - 1)),
    "text labels": lambda folder: models.classifier(folder, classes=('a"b\\', "Zürich\n東京 😀 i1 s")),
    "truth labels": lambda folder: models.classifier(folder, classes=(False, True)),
    "float labels": lambda folder: models.classifier(folder, classes=(0.1, 1e300)),
}


@contextmanager
def scoring(bundle: Path) -> Iterator[str]:
    """Yield the URI of the bundle's own script, asked in this process."""
    script = load(bundle)

    def answer(asked: Asked) -> Reply:
        found = script.run(asked.body)
        return Reply(found.status_code, (("Content-Type", "application/json"),), found.get_data())

    with proxied(GONE, answer=answer) as url:
        yield f"{url}/score"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the bundle of a plan, written once for all languages."""

    @cache
    def write(name: str) -> Path:
        folder = tmp_path_factory.mktemp("planned")
        return models.bundled(PLANS[name](folder), folder / "bundle")

    return write


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PLANS)
def test_every_kind_of_model_answers_as_its_script_does(
    name: str, language: str, planned: Callable[[str], Path], tmp_path: Path
) -> None:
    bundle = planned(name)
    (rows,) = json.loads((bundle / "samples" / "request.json").read_bytes()).values()
    response = json.loads((bundle / "samples" / "response.json").read_bytes())
    names = [column.name for column in read_info(bundle / "code").signature.columns]
    with scoring(bundle) as uri:
        for asked in (rows, [dict(zip(names, row, strict=True)) for row in rows]):
            assert ask(language, bundle, Call(uri, "k", asked), tmp_path).scores == response


def odd_doubles(count: int) -> list[float]:
    """Return doubles of every size, those at the ends of the range and of exact integers among them."""
    draw = random.Random(5)
    found = [0.0, -0.0, 5e-324, -1.7976931348623157e308, 2.0**53, 2.0**53 + 2, 1e21, 1e22, 1e23, 0.1, 1 / 3, 9.5e-7]
    found += [2.2250738585072011e-308, 2.2250738585072014e-308, 1.7976931348623157e308]
    found += [draw.random() for _ in range(3000)]
    while len(found) < count:
        (value,) = struct.unpack("<d", draw.randbytes(8))
        found += [value] if np.isfinite(value) else []
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_doubles_go_and_come_back_to_the_last_bit(
    language: str, planned: Callable[[str], Path], tmp_path: Path
) -> None:
    """The service gives back the rows that it got, in the same text: what is changed, the client changed."""
    bundle = planned("three columns")
    doubles = odd_doubles(9000)
    rows = [doubles[place : place + 3] for place in range(0, len(doubles), 3)]
    got: list[Any] = []

    def echo(asked: Asked) -> Reply:
        got.append(json.loads(asked.body)["features"])
        return Reply(200, (), json.dumps({"prediction": got[-1]}).encode())

    with proxied(GONE, answer=echo) as url:
        scores = ask(language, bundle, Call(f"{url}/score", "k", rows), tmp_path).scores
    assert bits(got[0]) == bits(rows)
    assert scores is not None
    assert bits(scores["prediction"]) == bits(rows)


def bits(rows: list[list[float]]) -> bytes:
    return np.array(rows, np.float64).tobytes()


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle whose clients are those of a model with two outputs of each kind."""
    folder = tmp_path_factory.mktemp("several")
    bundle = models.bundled(models.with_settings(models.classifier(folder), max_batch=2), folder / "bundle")
    info = read_info(bundle / "code")
    shares = ServedOutput("shares", "probability", "probability", "float64", (2,))
    label = ServedOutput("second", "label", "prediction", "object", ())
    info = replace(
        info,
        outputs=(*info.outputs, label, shares),
        signature=replace(info.signature, outputs=(*info.signature.outputs, Output("second", "label", 0))),
    )
    for path, text in render_clients(info, name="n", version="1", request_timeout_ms=20_000).items():
        (bundle / path).write_text(text)
    return bundle


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_outputs_give_one_list_each_also_over_batches(language: str, several: Path, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        rows = json.loads(asked.body)["features"]
        first, second = [int(row[0]) for row in rows], [f"t{row[0]:g}" for row in rows]
        shares = [[row[0] / 4, row[1]] for row in rows]
        body = {"prediction": [first, second], "probability": [shares, shares[::-1]]}
        return Reply(200, (), json.dumps(body).encode())

    rows = [[number, 0.5, 0] for number in range(3)]
    with proxied(GONE, answer=answer) as url:
        scores = ask(language, several, Call(f"{url}/score", "k", rows, in_batches=True), tmp_path).scores
    shares_ = [[0, 0.5], [0.25, 0.5], [0.5, 0.5]]
    assert scores == {
        "prediction": [[0, 1, 2], ["t0", "t1", "t2"]],
        "probability": [shares_, [shares_[1], shares_[0], shares_[2]]],
    }


@pytest.mark.skipif(not shutil.which("node"), reason="no node: apt-get install nodejs")
def test_javascript_takes_and_gives_integers_that_its_numbers_do_not_hold(
    planned: Callable[[str], Path], tmp_path: Path
) -> None:
    bundle = planned("huge labels")
    got: list[bytes] = []

    def answer(asked: Asked) -> Reply:
        got.append(asked.body)
        return Reply(200, (), b'{"prediction":[9007199254740993,12],"probability":[[1.0,123e18],[0.5,1]]}')

    with proxied(GONE, answer=answer) as url:
        call = Call(f"{url}/score", "k", [["BigInt!", 1, 2], [1, 2, 3]])
        scores = ask("javascript", bundle, call, tmp_path).scores
    assert got == [b'{"features":[[9007199254740993,1,2],[1,2,3]]}']
    assert scores == {"prediction": [9007199254740993, 12], "probability": [[1, 123e18], [0.5, 1]]}
