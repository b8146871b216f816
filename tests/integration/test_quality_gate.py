"""Drift, segments, champion and bad labels through `package build`: what decides, what does not, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss, roc_auc_score

from tests.workspace import Ran, Workspace, labelled_rows

FEATURES = [f"f{index}" for index in range(5)]
QUICK: dict[str, Any] = {"optimize": {"precisions": []}}


def table(rows: int = 1_500) -> pd.DataFrame:
    """Return labelled rows with a country beside the features."""
    frame = labelled_rows(rows)
    frame["country"] = np.array(["DE", "FR", "US", None], dtype=object)[np.arange(rows) % 4]
    return frame


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a folder with a linear model, which is bad at these rows, a better one, and a bundle of the first."""
    here = Workspace(tmp_path_factory.mktemp("quality"))
    rows = table()
    first, target = rows[FEATURES][:500], rows["target"][:500]
    here.save(LogisticRegression().fit(first, target), rows[500:])
    forest = RandomForestClassifier(20, max_depth=6, random_state=0)
    joblib.dump(forest.fit(first, target), here.folder / "forest.joblib")
    ran = build(here, name="linear", publish=[{"to": "registry://linear"}])
    assert ran.code == 0, ran.err
    return here


def build(here: Workspace, **changes: Any) -> Ran:
    here.recipe(**{**QUICK, **changes})
    return here.package("build", "recipe.yml")


def report(here: Workspace, name: str = "sample") -> Any:
    return json.loads((here.folder / "dist" / f"{name}-1" / "report" / "report.json").read_text())


def verdicts(document: Any) -> dict[str, Any]:
    return {verdict["check"]: verdict for verdict in document["verdicts"]}


def champion(uri: str = "registry://linear/1", **limit: float) -> dict[str, Any]:
    return {"drift": {"metric": "roc_auc", "max_drop": 0.0}, "champion": {"uri": uri, **limit}}


@pytest.mark.parametrize(
    ("limit", "code", "words"),
    [
        ({"min_gain": 0.02}, 0, ""),
        ({"min_gain": 0.9}, 6, "does not do against the champion what is asked for"),
    ],
)
def test_a_better_model_beats_the_champion_by_so_much(
    place: Workspace, limit: dict[str, float], code: int, words: str
) -> None:
    ran = build(place, source={"uri": "forest.joblib"}, verify=champion(**limit))
    assert ran.code == code, ran.err
    assert words in ran.err
    document = report(place)
    (gain,) = document["champion"]
    rows = table()[500:]
    scores = [
        joblib.load(place.folder / f"{name}.joblib").predict_proba(rows[FEATURES])[:, 1] for name in ("model", "forest")
    ]
    areas = [roc_auc_score(rows["target"], score) for score in scores]
    assert (gain["champion"], gain["value"]) == pytest.approx(tuple(areas))
    assert gain["interval"][0] < gain["gain"] < gain["interval"][1]
    found = verdicts(document)["champion.roc_auc"]
    assert (found["measured"], found["ok"]) == (gain["gain"], code == 0)
    assert found["recipe_key"] == "verify.champion.min_gain"
    for form in ("report.md", "report.html"):
        assert "Champion" in (place.folder / "dist" / "sample-1" / "report" / form).read_text()


def test_a_champion_may_be_a_folder_and_loses_nothing_against_itself(place: Workspace) -> None:
    ran = build(place, verify=champion("dist/linear-1/bundle", max_drop=0.0))
    assert ran.code == 0, ran.err
    (gain,) = report(place)["champion"]
    assert (gain["gain"], gain["decision"]) == (0.0, "within")


def test_too_few_rows_to_decide_against_a_champion_fail_unless_accepted(place: Workspace) -> None:
    table(540)[500:].to_parquet(place.folder / "few.parquet")
    data = {"verification": "few.parquet", "label": "target"}
    asked = champion(min_gain=0.2)
    ran = build(place, source={"uri": "forest.joblib"}, data=data, verify=asked)
    assert ran.code == 6
    assert "not enough rows to decide at this limit" in ran.err
    asked["drift"]["undecided"] = "report"
    ran = build(place, source={"uri": "forest.joblib"}, data=data, verify=asked)
    assert ran.code == 0, ran.err
    found = verdicts(report(place))["champion.roc_auc"]
    assert found["ok"]
    assert "not enough rows" in found["note"]


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("registry://absent/1", "no absent in the registry"),
        ("model.joblib", "model.joblib is not the folder of a bundle"),
        ("registry", "is not a bundle: it has no manifest.json"),
        ("tampered", "is not what its manifest says: changed"),
        ("s3://bucket/key", "cannot be read in this version"),
    ],
)
def test_what_is_no_champion_is_named(place: Workspace, uri: str, words: str) -> None:
    if uri == "tampered":
        published = place.folder / "registry" / "linear" / "1" / "bundle"
        for file in published.rglob("*"):
            if file.is_file():
                copy = place.folder / uri / file.relative_to(published)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes() + (b" " if file.name == "model.onnx" else b""))
    refused(place, words, "verify.champion.uri", verify=champion(uri))


def test_a_champion_that_needs_other_columns_is_named(place: Workspace) -> None:
    rows = labelled_rows(300, 6).rename(columns={"f5": "other"})
    rows.to_parquet(place.folder / "wide.parquet")
    joblib.dump(LogisticRegression().fit(rows.drop(columns="target"), rows["target"]), place.folder / "wide.joblib")
    wide = {"source": {"uri": "wide.joblib"}, "data": {"verification": "wide.parquet", "label": "target"}}
    ran = build(place, name="wide", publish=[{"to": "registry://wide"}], **wide)
    assert ran.code == 0, ran.err
    asked = champion("registry://wide/1")
    refused(place, "the champion registry://wide/1 cannot be scored", "no column 'other'", verify=asked)
    # The other way round the champion's columns are among those of the file.
    build(place, verify=champion(), **wide)
    assert report(place)["champion"][0]["rows"] == 300


def refused(here: Workspace, *words: str, **changes: Any) -> None:
    """Check a build that ends with 6, one message with these words, a report, and no bundle."""
    ran = build(here, name="refused", **changes)
    assert ran.code == 6, ran.err
    for word in words:
        assert word in ran.err
    assert "Traceback" not in ran.err
    assert report(here, "refused")["bundle"] is None
    assert not (here.folder / "dist" / "refused-1" / "bundle").exists()


def test_drift_per_segment_and_flips_are_told(place: Workspace) -> None:
    asked = {
        "drift": {"metric": "log_loss", "max_drop": 0.01},
        "segment": "country",
        "thresholds": [0.5, 0.9],
    }
    ran = build(place, verify=asked, optimize={"precisions": ["fp16"]})
    assert ran.code == 0, ran.err
    document = report(place)
    rows = table()[500:]
    model = joblib.load(place.folder / "model.joblib")
    told = {one["segment"]: one for one in document["segments"] if one["variant"] == "fp64"}
    assert told.keys() == {"DE", "FR", "US", "(missing)"}
    for name, group in rows.assign(country=rows["country"].fillna("(missing)")).groupby("country"):
        assert told[name]["rows"] == len(group)
        assert told[name]["native"] == pytest.approx(log_loss(group["target"], model.predict_proba(group[FEATURES])))
        assert told[name]["decision"] == "within"
    assert {flips["threshold"] for flips in document["flips"]} == {0.5, 0.9}
    assert {flips["decisions"] for flips in document["flips"]} == {1_000}
    found = verdicts(document)
    assert found["drift.log_loss[country]"]["measured"] == "4 of 4 values within the limit, 0 undecided"
    assert found["flips[0.5]"]["limit"] is None
    page = (place.folder / "dist" / "sample-1" / "report" / "report.md").read_text()
    assert "Drift per segment" in page
    assert "Decision flips" in page


def test_a_booster_of_two_classes_is_gated_on_its_score(place: Workspace) -> None:
    rows = table()
    train = lightgbm.Dataset(rows[FEATURES][:500], rows["target"][:500])
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, train, 20)
    booster.save_model(str(place.folder / "booster.txt"))
    score = booster.predict(rows[FEATURES][500:])
    for metric, original in (("roc_auc", roc_auc_score), ("log_loss", log_loss)):
        asked = {"drift": {"metric": metric, "max_drop": 0.0001}}
        ran = build(place, source={"uri": "booster.txt"}, verify=asked)
        assert ran.code == 0, ran.err
        assert report(place)["drift"][0]["native"] == pytest.approx(original(rows["target"][500:], score))


def changed(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    return lambda path: change(table(300)).to_parquet(path)


def labels(values: Any) -> Callable[[Path], None]:
    return changed(lambda rows: rows.assign(target=values))


def many_countries(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows] * 40).assign(country=np.arange(12_000))


@pytest.mark.parametrize(
    ("write", "words", "more"),
    [
        (changed(lambda rows: rows.drop(columns="target")), ("bad.parquet: no label column 'target'",), {}),
        (labels([np.nan, 1.0, 0.0] * 100), ("bad.parquet", "missing labels", "100 of 300 rows"), {}),
        (labels(pd.array([None, 1, 0] * 100, dtype="Int64")), ("bad.parquet", "100 of 300 rows"), {}),
        (labels(1), ("bad.parquet", "roc_auc has no value on these 300 rows", "all of one class"), {}),
        (labels([0, 1, 7] * 100), ("bad.parquet", "labels that the model does not know, in 100 rows"), {}),
        (labels(["no", "yes"] * 150), ("bad.parquet", "holds text, the model's classes are numbers"), {}),
        (changed(lambda rows: rows[:0]), ("bad.parquet", "no rows to verify with"), {}),
        (changed(lambda rows: rows), ("bad.parquet: no segment column 'region'",), {"segment": "region"}),
        (changed(many_countries), ("the segment column has too many values",), {"segment": "country"}),
    ],
    ids=["no label", "nan", "null", "one class", "unknown", "text", "no rows", "no segment", "identifiers"],
)
def test_bad_labels_are_refused_by_file(
    place: Workspace, write: Callable[[Path], None], words: tuple[str, ...], more: dict[str, Any]
) -> None:
    write(place.folder / "bad.parquet")
    data = {"verification": "bad.parquet", "label": "target"}
    refused(place, *words, data=data, verify={"drift": {"metric": "roc_auc"}, **more})


def test_a_metric_needs_a_model_that_answers_what_it_reads(place: Workspace) -> None:
    rows = table()
    joblib.dump(RidgeClassifier().fit(rows[FEATURES], rows["target"]), place.folder / "ridge.joblib")
    asked = {"drift": {"metric": "log_loss"}}
    refused(place, "the metric log_loss reads one score a row", source={"uri": "ridge.joblib"}, verify=asked)
    words = np.where(rows["target"] == 1, "yes", "no")
    joblib.dump(LogisticRegression().fit(rows[FEATURES], words), place.folder / "words.joblib")
    refused(place, "holds numbers, the model's classes are text", source={"uri": "words.joblib"}, verify=asked)
