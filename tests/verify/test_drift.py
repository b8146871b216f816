"""Quality per variant over all rows and per segment, from spooled answers; against a champion."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packager.artifact import NATIVE, Output, Scalar, Signature
from packager.dataset.read import Segments
from packager.errors import VerifyError
from packager.quality.compare import IDENTICAL
from packager.recipe.metrics import METRICS
from packager.recipe.model import Champion as AskedChampion
from packager.recipe.model import Drift as AskedDrift
from packager.verify import spool as module
from packager.verify.champion import CHAMPION, Champion, gains
from packager.verify.drift import MAX_SEGMENTS, drifts, segment_drifts
from packager.verify.reading import Reading
from packager.verify.spool import Spool

REGRESSOR = Signature("regressor", "tensor", (), (Output("variable", "value", 0),))
RANDOM = np.random.default_rng(5)


def classifier(classes: tuple[Scalar, ...] = (0, 1)) -> Signature:
    outputs = (Output("label", "label", 0), Output("probabilities", "probability", len(classes)))
    return Signature("classifier", "tensor", (), outputs, classes)


def spooled(
    folder: Path, metric: str, signature: Signature, truth: np.ndarray, answers: dict[str, dict[str, np.ndarray]],
    segments: np.ndarray | None = None,
) -> Spool:  # fmt: skip
    """Spool in two chunks."""
    spool = Spool(folder / "drift", Reading.of(metric, signature, where="rows.csv: the label column 'y'", key="y"))
    for part in (slice(0, 3), slice(3, None)):
        spool.add_truth(truth[part])
        if segments is not None:
            values, rows = np.unique(segments[part], return_inverse=True)
            spool.add_segments(Segments([value or None for value in values.tolist()], rows))
        for variant, outputs in answers.items():
            spool.add_answers(variant, signature, {name: values[part] for name, values in outputs.items()})
    return spool


def answers(names: np.ndarray, chance: Any) -> dict[str, np.ndarray]:
    shares = np.asarray(chance)
    return {"label": names[(shares > 0.5).astype(int)], "probabilities": np.stack([1 - shares, shares], 1)}


@pytest.mark.parametrize("classes", [("no", "yes"), (False, True), (3, 9), (0, 1)])
@pytest.mark.parametrize("metric", [name for name in METRICS if METRICS[name].needs != "value"])
def test_a_variant_that_answers_worse_drops_whatever_the_labels_are(
    classes: tuple[Scalar, ...], metric: str, tmp_path: Path
) -> None:
    signature, names = classifier(classes), np.array(classes)
    positive = np.array([0, 1, 0, 1, 1, 0, 1, 0])
    good = answers(names, [0.1, 0.9, 0.2, 0.8, 0.7, 0.3, 0.9, 0.1])
    bad = answers(names, [0.6, 0.4, 0.2, 0.8, 0.7, 0.3, 0.9, 0.1])
    spool = spooled(tmp_path, metric, signature, names[positive], {NATIVE: good, "int8": bad, "fp64": good})
    same, worse = drifts(spool, ["fp64", "int8"], None)
    assert (same.variant, same.drop, same.interval, same.method) == ("fp64", 0, (0, 0), IDENTICAL)
    assert worse.drop > 0
    assert worse.rows == 8
    better = spooled(tmp_path, metric, signature, names[positive], {NATIVE: bad, "int8": good})
    assert drifts(better, ["int8"], None)[0].drop < 0


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
def test_a_regressor_that_answers_worse_drops(metric: str, tmp_path: Path) -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0, 7.0])
    told = {NATIVE: {"variable": truth + 0.1}, "fp16": {"variable": truth + [0.5, -0.5, 0.5, 0, 1]}}
    (drift,) = drifts(spooled(tmp_path, metric, REGRESSOR, truth, told), ["fp16"], None)
    assert drift.drop > 0.005
    assert drift.native == pytest.approx({"rmse": 0.1, "mae": 0.1, "r2": drift.native}[metric])


def test_a_variant_that_answers_no_number_has_no_drop_that_passes(tmp_path: Path) -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    told = {NATIVE: {"variable": truth}, "fp16": {"variable": np.array([1.0, np.inf, 3.0, np.nan])}}
    (drift,) = drifts(spooled(tmp_path, "rmse", REGRESSOR, truth, told), ["fp16"], AskedDrift(metric="rmse"))
    assert math.isnan(drift.drop)
    assert (drift.interval, drift.decision) == (None, "undecided")


@pytest.mark.parametrize(
    ("signature", "metric", "truth", "words"),
    [
        (classifier(), "roc_auc", [1, 1, 1, 1], "all of one class"),
        (classifier(), "f1", [0, 0, 0, 0], "all of one class"),
        (classifier((0, 1, 2)), "roc_auc", [0, 1, 0, 1], "2 of 3 classes"),
        (REGRESSOR, "r2", [2.0, 2.0, 2.0, 2.0], "all equal"),
        (REGRESSOR, "ndcg", [-1.0, 2.0, 2.0, 2.0], "at least 0"),
    ],
)
def test_rows_on_which_a_metric_has_no_value_stop_the_build(
    signature: Signature, metric: str, truth: list[Any], words: str, tmp_path: Path
) -> None:
    columns = len(signature.classes or ())
    told = {
        "label": np.zeros(4, dtype=int), "probabilities": np.full((4, columns), 1 / max(columns, 1)),
        "variable": np.arange(4.0),
    }  # fmt: skip
    spool = spooled(tmp_path, metric, signature, np.array(truth), {NATIVE: told, "fp64": told})
    with pytest.raises(VerifyError, match=words) as caught:
        drifts(spool, ["fp64"], None)
    assert "rows.csv" in str(caught.value)


def test_what_was_spooled_comes_back_in_its_shape(tmp_path: Path) -> None:
    signature = classifier(("a", "b", "c"))
    truth = np.array(["a", "c", "b", "a"], dtype=object)
    scores = np.arange(12.0).reshape(4, 3)
    told = {"native": {"label": truth, "probabilities": scores}}
    spool = spooled(tmp_path, "log_loss", signature, truth, told)
    np.testing.assert_array_equal(spool.read("native"), scores)
    np.testing.assert_array_equal(spool.read("truth"), [0, 2, 1, 0])
    assert sum(path.stat().st_size for path in (tmp_path / "drift").iterdir()) == 4 * 3 * 8 + 4 * 4


def segmented(folder: Path, *, rows: int = 6_000, countries: int = 3) -> Spool:
    """Return answers that lose 4 points of accuracy in country c0 and nothing elsewhere; some rows have no country."""
    codes = RANDOM.integers(0, countries, rows)
    truth = RANDOM.integers(0, 2, rows)
    right = RANDOM.random(rows) < 0.9
    label = np.where(right, truth, 1 - truth)
    flipped = (codes == 0) & right & (RANDOM.random(rows) < 0.05)
    variant = np.where(flipped, 1 - label, label)
    names = np.array([f"c{code}" for code in range(countries - 1)] + [""])[codes]
    told = {
        name: {"label": found, "probabilities": np.stack([1 - found, found], 1)}
        for name, found in ((NATIVE, label), ("int8", variant))
    }
    return spooled(folder, "accuracy", classifier(), truth, told, names)


def test_drift_per_segment_finds_the_one_that_loses(tmp_path: Path) -> None:
    found = segment_drifts(segmented(tmp_path), ["int8"], AskedDrift(metric="accuracy", max_drop=0.005))
    by_name = {drift.segment: drift for drift in found}
    assert by_name.keys() == {"c0", "c1", "(missing)"}
    assert [drift.rows for drift in found] == sorted((drift.rows for drift in found), reverse=True)
    assert by_name["c0"].decision == "beyond"
    assert 0.03 < by_name["c0"].drop < 0.06
    for name in ("c1", "(missing)"):
        assert (by_name[name].drop, by_name[name].interval, by_name[name].decision) == (0, (0, 0), "within")
    assert sum(drift.rows for drift in found) == 6_000
    assert found[0].confidence == pytest.approx(1 - 0.05 / 3)


def test_the_smallest_segments_are_measured_together(tmp_path: Path) -> None:
    found = segment_drifts(segmented(tmp_path, countries=MAX_SEGMENTS + 5), ["int8"], None)
    assert len(found) == MAX_SEGMENTS + 1
    assert found[-1].segment == "(others)"
    assert sum(drift.rows for drift in found) == 6_000
    assert {drift.decision for drift in found} == {None}


def test_a_segment_on_which_the_metric_has_no_value_is_undecided(tmp_path: Path) -> None:
    truth = np.array([0, 1, 0, 1, 1, 1])
    told = {name: answers(np.array([0, 1]), [0.1, 0.9, 0.2, 0.8, 0.7, 0.3]) for name in (NATIVE, "fp64")}
    segments = np.array(["a", "a", "a", "a", "b", "b"])
    spool = spooled(tmp_path, "roc_auc", classifier(), truth, told, segments)
    one, other = segment_drifts(spool, ["fp64"], AskedDrift(metric="roc_auc"))
    assert (one.segment, one.decision) == ("a", "within")
    assert (other.segment, other.decision, other.interval) == ("b", "undecided", None)
    assert math.isnan(other.drop)


def test_a_column_of_identifiers_is_no_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SEGMENT_VALUES", 2)
    with pytest.raises(VerifyError, match="too many values"):
        segmented(tmp_path)


def contest(folder: Path, *, better: float) -> Spool:
    """Return answers of a champion, and of a variant that is so much better in accuracy."""
    rows = 20_000
    truth = RANDOM.integers(0, 2, rows)
    luck = RANDOM.random(rows)
    told = {
        name: {"label": np.where(luck < share, truth, 1 - truth)}
        for name, share in ((CHAMPION, 0.9), ("fp64", 0.9 + better), (NATIVE, 0.9 + better))
    }
    return spooled(folder, "accuracy", replace(classifier(), outputs=(Output("label", "label", 0),)), truth, told)


@pytest.mark.parametrize(
    ("better", "limit", "decision"),
    [
        (0.02, {"min_gain": 0.01}, "within"),
        (0.02, {"min_gain": 0.03}, "beyond"),
        (0.02, {"min_gain": 0.0201}, "undecided"),
        (0.0, {}, "within"),
        (0.0, {"min_gain": 1e-6}, "beyond"),
        (-0.02, {}, "beyond"),
        (-0.02, {"max_drop": 0.03}, "within"),
        (-0.02, {"max_drop": 0.01}, "beyond"),
        (-0.02, {"max_drop": 0.0201}, "undecided"),
    ],
)
def test_the_whole_interval_of_a_gain_decides(
    better: float, limit: dict[str, float], decision: str, tmp_path: Path
) -> None:
    asked = AskedChampion(uri="registry://a/1", **limit)
    (gain,) = gains(contest(tmp_path, better=better), ["fp64"], asked)
    assert gain.decision == decision
    assert gain.gain == pytest.approx(better, abs=0.004)
    assert gain.interval is not None
    assert gain.interval[0] <= gain.gain <= gain.interval[1]


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (REGRESSOR, "is a regressor, the new model a classifier"),
        (classifier((0, 2)), "knows other classes"),
        (replace(classifier(), outputs=(Output("label", "label", 0),)), "answers no probabilities"),
    ],
)
def test_a_champion_of_another_kind_is_refused(signature: Signature, words: str) -> None:
    class Session:
        pass

    session: Any = Session()
    session.signature = signature
    with pytest.raises(VerifyError, match=words):
        Champion("registry://a/1", "", session).check_answers(classifier(), "score")


def test_a_champion_that_answers_no_numbers_is_refused(tmp_path: Path) -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    told = {name: {"variable": truth + shift} for name, shift in (("fp64", 0.0), (CHAMPION, np.nan))}
    spool = spooled(tmp_path, "rmse", REGRESSOR, truth, told)
    with pytest.raises(VerifyError, match="registry://a/1 has no rmse"):
        gains(spool, ["fp64"], AskedChampion(uri="registry://a/1"))
