"""Writing a bundle: its layout, its bytes, and what is refused before anything is written wrong."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from packager.artifact import Column, Output
from packager.bundle.manifest import check_digests
from packager.bundle.plan import BundlePlan, Golden
from packager.bundle.write import write_bundle
from packager.dataset.rows import Rows
from packager.errors import BundleError

from . import models
from .scripts import ask, load

LAYOUT = {
    ".vscode/launch.json",
    "README.md",
    "clients/csharp/Example.cs",
    "clients/csharp/ScoringClient.cs",
    "clients/curl/score.sh",
    "clients/javascript/scoring-client.mjs",
    "clients/python/scoring_client.py",
    "code/model_info.json",
    "code/score.py",
    "code/swagger.json",
    "code/swagger3.1.json",
    "code/swagger3.json",
    "container/Dockerfile",
    "container/Dockerfile.dockerignore",
    "container/requirements.txt",
    "deploy/deployment.yml",
    "deploy/endpoint.yml",
    "environment/conda.yml",
    "model/model.onnx",
    "openapi.json",
    "recipe.lock.yml",
    "samples/golden.json",
    "samples/request.json",
    "samples/response.json",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", models.KINDS)
def test_a_bundle_holds_what_it_should(kind: str, tmp_path: Path) -> None:
    plan = models.KINDS[kind](tmp_path)
    folder = tmp_path / "bundle"
    folder.mkdir()
    digest = write_bundle(plan, folder)
    found = contents(folder)
    assert found.keys() == LAYOUT | {"manifest.json"}
    assert check_digests(folder).digest == digest
    assert found["model/model.onnx"] == (tmp_path / "variant.onnx").read_bytes()
    assert found["code/swagger.json"] == found["code/swagger3.json"] == found["openapi.json"]
    assert not any(str(tmp_path).encode() in data for data in found.values())


def test_the_sample_response_is_what_the_script_answers(tmp_path: Path) -> None:
    bundle = models.bundled(models.text_taker(tmp_path), tmp_path / "bundle")
    samples = bundle / "samples"
    answer = load(bundle).run((samples / "request.json").read_bytes())
    assert answer.get_data() == (samples / "response.json").read_bytes()


def test_golden_requests_are_ready_to_send(tmp_path: Path) -> None:
    plan = models.with_settings(models.missing_taker(tmp_path), max_batch=1, request_key="rows")
    bundle = models.bundled(plan, tmp_path / "bundle")
    golden = json.loads((bundle / "samples" / "golden.json").read_bytes())
    script = load(bundle)
    answers = [ask(script, request)[1]["prediction"] for request in golden["requests"]]
    assert len(answers) == 2
    assert golden["requests"][0] == {"rows": [[1.0, None, 3.0]]}
    assert np.ravel(answers) == pytest.approx(golden["outputs"]["variable"])
    assert golden["tolerance"] == {"atol": 1e-6, "rtol": 1e-5, "label_mismatch": 0.0}


def test_two_bundles_of_one_plan_are_the_same_bytes_and_modes(tmp_path: Path) -> None:
    plan = models.text_taker(tmp_path)
    before = os.umask(0o077)
    try:
        one = models.bundled(plan, tmp_path / "one")
        os.umask(0o002)
        other = models.bundled(plan, tmp_path / "elsewhere" / "other")
    finally:
        os.umask(before)
    assert contents(one) == contents(other)
    for folder in (one, other):
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
        assert modes == {0o644}
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_dir()} == {0o755}


def _columns(plan: BundlePlan, *columns: Column) -> BundlePlan:
    return replace(plan, signature=replace(plan.signature, columns=columns))


def _golden(plan: BundlePlan, numbers: list[list[float]], **outputs: object) -> BundlePlan:
    arrays = {name: np.array(values) for name, values in outputs.items()}
    return replace(plan, golden=Golden(Rows(np.array(numbers, dtype=float).reshape(-1, 3)), arrays))


A, B, C = models.number("a"), models.number("b"), models.number("c")
REFUSED: dict[str, tuple[Callable[[BundlePlan], BundlePlan], str]] = {
    "a key with a form of its own": (lambda p: models.with_settings(p, request_key="dataframe_split"), "request key"),
    "two columns of one name": (lambda p: _columns(p, A, B, A), "'a' is there twice"),
    "a name that is not Unicode": (lambda p: _columns(p, A, B, models.number("\ud800")), "not Unicode"),
    "text in a tensor": (lambda p: _columns(p, A, B, models.text("c")), "can't hold text"),
    "other inputs": (lambda p: replace(p, signature=replace(p.signature, layout="columns")), "inputs are not"),
    "another output": (
        lambda p: replace(p, signature=replace(p.signature, outputs=(Output("score", "value", 0),))),
        "score",
    ),
    "mixed labels": (lambda p: replace(p, signature=replace(p.signature, classes=(0, "one"))), "one JSON type"),
    "no golden rows": (lambda p: _golden(p, [], label=[], probabilities=[]), "at least one golden row"),
    "a golden cell missing": (lambda p: _golden(p, [[1, np.nan, 2]], label=[0], probabilities=[[1, 0]]), "row 0"),
    "an infinite golden cell": (lambda p: _golden(p, [[1, np.inf, 2]], label=[0], probabilities=[[1, 0]]), "row 0"),
    "no native answers": (lambda p: _golden(p, [[1, 1, 2]], label=[0]), "lack native answers for 'probabilities'"),
    "NaN from the native model": (
        lambda p: _golden(p, [[1, 1, 2]], label=[0], probabilities=[[np.nan, 1]]),
        "not finite",
    ),
    "no file": (lambda p: replace(p, model=replace(p.model, path=None)), "no file"),
    "another digest": (lambda p: replace(p, model=replace(p.model, sha256="0" * 64)), "changed on its way"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_plan_that_does_not_hold_together_is_refused(case: str, tmp_path: Path) -> None:
    change, message = REFUSED[case]
    folder = tmp_path / "bundle"
    folder.mkdir()
    with pytest.raises(BundleError, match=message):
        write_bundle(change(models.classifier(tmp_path)), folder)
    assert not (folder / "manifest.json").exists()


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not empty"):
        write_bundle(models.classifier(tmp_path), tmp_path)
