"""Replay: a true bundle passes, and each way in which one can be false is caught and said."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from packager.bundle import scoring
from packager.bundle.manifest import read_manifest, write_manifest
from packager.bundle.replay import replay
from packager.errors import BundleError

from . import models


def sealed(bundle: Path) -> Path:
    """Give a bundle that was changed on purpose a manifest that is true again."""
    manifest = read_manifest(bundle)
    write_manifest(bundle, manifest.name, manifest.version, lineage=manifest.lineage)
    return bundle


def edited(bundle: Path, name: str, change: Callable[[str], str]) -> Path:
    """Change one text file of a bundle, and seal it."""
    path = bundle / name
    before = path.read_text(encoding="utf-8")
    path.write_text(change(before), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != before
    return sealed(bundle)


@pytest.mark.parametrize("kind", models.KINDS)
def test_a_true_bundle_passes(kind: str, tmp_path: Path) -> None:
    plan = models.with_settings(models.KINDS[kind](tmp_path), max_batch=2)
    result = replay(models.bundled(plan, tmp_path / "bundle"))
    assert (result.ok, result.failures, result.rows) == (True, (), len(plan.golden.rows))
    assert result.label_mismatches == 0
    assert 0 <= result.max_abs_error < 1e-6


@pytest.mark.parametrize("classes", [(False, True), ("no", "yes"), (0.5, 1.5)])
def test_labels_of_every_type_pass(classes: tuple[bool | float | str, ...], tmp_path: Path) -> None:
    assert replay(models.bundled(models.classifier(tmp_path, classes=classes), tmp_path / "bundle")).ok


def test_nothing_is_written_into_the_bundle(tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    for path in bundle.rglob("*"):
        os.utime(path, (0, 0))
    replay(bundle)
    assert {path.stat().st_mtime for path in bundle.rglob("*")} == {0}


def _golden(change: Callable[[dict[str, list[list[float]]]], object]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        document = json.loads(text)
        change(document["outputs"])
        return json.dumps(document)

    return edit


def test_a_native_answer_beyond_the_limits_is_caught(tmp_path: Path) -> None:
    def shift(outputs: dict[str, list[list[float]]]) -> None:
        outputs["probabilities"][1][0] += 1e-4

    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    result = replay(edited(bundle, "samples/golden.json", _golden(shift)))
    assert not result.ok
    assert result.max_abs_error == pytest.approx(1e-4, rel=1e-3)
    (failure,) = result.failures
    assert failure == "probabilities: 1 of 8 values are off, by up to 0.0001, beyond atol 1e-06, rtol 1e-05"


def test_another_label_is_caught(tmp_path: Path) -> None:
    def flip(outputs: dict[str, list[list[float]]]) -> None:
        outputs["label"][2] = 1 - outputs["label"][2]  # type: ignore[operator, call-overload]

    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    result = replay(edited(bundle, "samples/golden.json", _golden(flip)))
    assert (result.ok, result.label_mismatches) == (False, 1)
    assert result.failures == ("label: 1 of 4 labels differ from the native ones, limit 0",)


def test_answers_of_another_shape_are_caught(tmp_path: Path) -> None:
    def narrow(outputs: dict[str, list[list[float]]]) -> None:
        outputs["probabilities"] = [row[:1] for row in outputs["probabilities"]]

    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    result = replay(edited(bundle, "samples/golden.json", _golden(narrow)))
    assert result.failures == ("probabilities: answers of shape (4, 2), native ones of shape (4, 1)",)


def test_a_script_that_rounds_is_caught_although_it_stays_within_the_limits(tmp_path: Path) -> None:
    def round_off(script: str) -> str:
        return script.replace(
            "answer = orjson.dumps(answer",
            "answer['probability'] = answer['probability'].round(9)\n    answer = orjson.dumps(answer",
        )

    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    result = replay(edited(bundle, "code/score.py", round_off))
    assert result.failures == ("probabilities: the answers are not bit for bit those of the session",)


def test_a_script_that_refuses_or_imports_too_much_is_caught(tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    edited(bundle, "code/score.py", lambda script: script.replace("import time", "import time\nimport joblib"))
    edited(bundle, "code/score.py", lambda script: script.replace("len(rows) > MAX_BATCH", "True"))
    result = replay(bundle)
    assert not result.ok
    assert result.failures == (
        "score.py answered golden request 0 with status 413",
        "score.py imports joblib, which its environment does not hold",
    )


def test_a_script_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    (bundle / "model" / "model.onnx").write_bytes(b"another model")
    with pytest.raises(BundleError, match="RuntimeError: The model file was changed"):
        replay(sealed(bundle))


def test_a_damaged_bundle_is_not_even_run(tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    marker = tmp_path / "ran"
    script = bundle / "code" / "score.py"
    script.write_text(f"open({str(marker)!r}, 'w')\n" + script.read_text())
    with pytest.raises(BundleError, match=r"changed 'code/score\.py'"):
        replay(bundle)
    assert not marker.exists()


def test_no_secret_of_the_builder_reaches_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "271828")
    folder = tmp_path / "app"
    environment = scoring.child_environment(folder, folder, folder)
    assert "271828" not in str(environment)
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    edited(
        bundle,
        "code/score.py",
        lambda script: script.replace("import time\n", "import time\nassert 'SECRET_TOKEN' not in os.environ\n"),
    )
    assert replay(bundle).ok
