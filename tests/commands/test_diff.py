"""`package diff`: each kind of change is told, and marked where a client of the first bundle would notice it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packager.artifact import Column
from packager.bundle.differences import Change, _takes_less, differences, open_side
from packager.bundle.plan import BundlePlan
from packager.commands.diff import diff_bundles
from packager.errors import BundleError
from packager.recipe.model import Deploy
from tests.bundle import binned, models
from tests.runtime.binned_files import needs_library


def bundle(plan: BundlePlan, folder: Path) -> Path:
    return models.bundled(plan, folder / "bundle")


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> BundlePlan:
    return models.classifier(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def first(plan: BundlePlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle(plan, tmp_path_factory.mktemp("first"))


def changes(first: Path, second: Path) -> dict[tuple[str, str], Change]:
    return {(one.section, one.what): one for one in differences(open_side(first), open_side(second))}


def told(first: Path, second: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert diff_bundles(first, second, as_json=True) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_same_bundle_twice(
    first: Path, plan: BundlePlan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = bundle(plan, tmp_path)
    assert told(first, again, capsys)["same"] is True
    assert diff_bundles(first, again, as_json=False) == 0
    assert "no difference" in capsys.readouterr().out


def test_settings_that_no_client_notices(first: Path, plan: BundlePlan, tmp_path: Path) -> None:
    second = bundle(replace(models.with_settings(plan, max_batch=5000), version="2"), tmp_path)
    found = changes(first, second)
    assert found["requests", "max_batch"].after == 5000
    assert found["bundle", "version"] == Change("bundle", "version", plan.version, "2")
    assert not any(change.breaks for change in found.values())


def test_what_breaks_a_client(first: Path, plan: BundlePlan, tmp_path: Path) -> None:
    second = bundle(
        replace(models.with_settings(plan, max_batch=1, request_key="rows"), deploy=Deploy(instance_count=3)), tmp_path
    )
    found = changes(first, second)
    assert found["requests", "max_batch"].breaks
    assert found["requests", "key"].breaks
    assert (found["deployment", "instance_count"].after, found["deployment", "instance_count"].breaks) == (3, False)


def test_columns_and_labels(first: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    second = bundle(
        models.classifier(tmp_path / "m", classes=("no", "yes"), names=("hour", "amount", "years")), tmp_path
    )
    found = changes(first, second)
    assert found["columns", "age"].after is None
    assert found["columns", "years"].before is None
    assert found["columns", "order"].before == "amount, hour"
    assert (found["answers", "labels"].before, found["answers", "labels"].after) == ("0, 1", "no, yes")
    assert all(found["columns", what].breaks for what in ("age", "years", "order"))


NUMBER = Column("a", "float64", True, 1e9)


@pytest.mark.parametrize(
    ("new", "breaks"),
    [
        (replace(NUMBER, accepts_missing=False), True),
        (replace(NUMBER, max_abs=1e6), True),
        (replace(NUMBER, max_abs=1e12), False),
        (replace(NUMBER, minimum=0.0), True),
        (replace(NUMBER, known=(1.0, 2.0)), True),
        (replace(NUMBER, truth=True), False),
        (replace(NUMBER, dtype="string"), True),
        (replace(NUMBER, dtype="any"), False),
    ],
)
def test_a_column_that_takes_less_breaks_clients(new: Column, breaks: bool) -> None:
    assert _takes_less(NUMBER, new) is breaks


def test_fewer_known_values_break_and_more_do_not() -> None:
    known = Column("city", "string", False, 1.0, ("Bern", "Rom"))
    assert _takes_less(known, replace(known, known=("Bern",)))
    assert not _takes_less(known, replace(known, known=("Bern", "Rom", "Wien")))
    assert not _takes_less(known, replace(known, known=None))


def test_answers_of_another_model_are_compared(
    first: Path, plan: BundlePlan, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").mkdir()
    monkeypatch.setattr(models, "WEIGHTS", -models.WEIGHTS)
    second = bundle(models.classifier(tmp_path / "m"), tmp_path)
    answers = {answer["output"]: answer for answer in told(first, second, capsys)["answers"]}
    assert answers["label"]["other_labels"] == 4  # all four rows lie off the boundary
    assert 0.5 < answers["probabilities"]["max_abs_difference"] < 1


@needs_library
def test_what_is_compared_is_what_is_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One bundle serves its ONNX file, the other the same model binned: their exponentials round otherwise at most."""
    plan = binned.plan(tmp_path)
    served = [bundle(one, tmp_path / name) for name, one in (("onnx", replace(plan, binned=None)), ("binned", plan))]
    found = told(*served, capsys)
    assert found["answers_reason"] is None
    assert found["answers"]
    assert all((one["max_abs_difference"] or 0) < 1e-15 and not one["other_labels"] for one in found["answers"])


def _report(bundle: Path, digest: str, p50_us: float) -> None:
    folder = bundle.parent / "report"
    folder.mkdir(exist_ok=True)
    rows = [{"target": "cpu-1", "batch_size": 1, "variant": "fp64", "p50_us": p50_us}]
    verdicts = [{"check": "drift.roc_auc", "subject": "fp64", "measured": p50_us / 1000}]
    document = {"bundle": {"digest": digest}, "selected": "fp64", "verdicts": verdicts, "measurements": rows}
    (folder / "report.json").write_text(json.dumps({**document, "machine": {"processor": "x"}}))


def test_figures_are_those_of_this_very_bundle(
    plan: BundlePlan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.mkdir()
    two.mkdir()
    first, second = bundle(plan, one), bundle(replace(plan, version="2"), two)
    assert "no report" in told(first, second, capsys)["figures_reason"]
    digests = [open_side(side).manifest.digest for side in (first, second)]
    _report(first, digests[0], 50.0)
    _report(second, digests[0], 40.0)
    assert "no report of this very bundle" in told(first, second, capsys)["figures_reason"]
    _report(second, digests[1], 40.0)
    found = told(first, second, capsys)
    assert found["figures_reason"] is None
    assert {change["what"]: change["after"] for change in found["figures"]} == {
        "drift.roc_auc": 0.04,
        "p50 cpu-1 x1": 40.0,
    }
    assert diff_bundles(first, second, as_json=False) == 0
    assert "40.0 µs" in capsys.readouterr().out


def test_a_changed_bundle_is_not_compared(first: Path, plan: BundlePlan, tmp_path: Path) -> None:
    second = bundle(plan, tmp_path)
    (second / "README.md").write_text("another")
    with pytest.raises(BundleError):
        diff_bundles(first, second, as_json=True)
