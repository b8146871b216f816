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
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from packager.bundle.model_info import read_info
from packager.champion import open_champion
from packager.dataset.read import open_dataset
from packager.errors import VerifyError
from packager.recipe.load import load_recipe
from packager.registry.directory import DirectoryRegistry
from packager.verify.champion import Champion
from packager.verify.reading import Reading
from packager.verify.spool import Spool
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
        ("registry://forest/1", "registry://forest/1 is an artifact, not a bundle"),
        ("model.joblib", "model.joblib is not the folder of a bundle"),
        ("absent", "absent is not the folder of a bundle"),
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
    DirectoryRegistry(place.folder / "registry").register(place.folder / "forest.joblib", "forest", version="1")
    with pytest.raises(VerifyError) as caught:
        opened(place, uri)
    assert words in str(caught.value)
    assert "verify.champion.uri" in str(caught.value)


def opened(place: Workspace, uri: str = "registry://linear/1") -> Champion:
    recipe = load_recipe(place.recipe(verify=champion(uri)))
    found = open_champion(
        recipe, read_info(place.folder / "dist" / "linear-1" / "bundle" / "code").signature, environ={}
    )
    assert found is not None
    return found


def test_a_champion_is_matched_by_column_names(place: Workspace) -> None:
    rows = table(300)
    shuffled, without = place.folder / "shuffled.parquet", place.folder / "without.parquet"
    rows[["f3", "target", "country", "f4", "f0", "f1", "f2"]].to_parquet(shuffled)
    rows.drop(columns="f4").to_parquet(without)
    reading = Reading("roc_auc", (0, 1), "rows", "key")
    spool = Spool(place.folder / "spool", reading)
    spool.add_truth(rows["target"].to_numpy())
    opened(place).score(open_dataset(shuffled), spool, batch_rows=64)
    model = joblib.load(place.folder / "model.joblib")
    np.testing.assert_allclose(spool.read("champion"), model.predict_proba(rows[FEATURES])[:, 1])
    with pytest.raises(VerifyError, match=r"registry://linear/1 cannot be scored: .*without.parquet: no column 'f4'"):
        opened(place).score(open_dataset(without), spool, batch_rows=64)


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
    asked = {"drift": {"metric": "log_loss", "max_drop": 0.0001}}
    ran = build(place, source={"uri": "booster.txt"}, verify=asked)
    assert ran.code == 0, ran.err
    assert report(place)["drift"][0]["native"] == pytest.approx(log_loss(rows["target"][500:], score))


def changed(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    return lambda path: change(table(300)).to_parquet(path)


def labels(values: Any) -> Callable[[Path], None]:
    return changed(lambda rows: rows.assign(target=values))


@pytest.mark.parametrize(
    ("write", "words", "more"),
    [
        (labels(1), ("bad.parquet", "roc_auc has no value on these 300 rows", "all of one class", "data.label"), {}),
        (changed(lambda rows: rows), ("bad.parquet: no segment column 'region'",), {"segment": "region"}),
    ],
    ids=["one class", "no segment"],
)
def test_bad_rows_are_refused_by_file(
    place: Workspace, write: Callable[[Path], None], words: tuple[str, ...], more: dict[str, Any]
) -> None:
    write(place.folder / "bad.parquet")
    data = {"verification": "bad.parquet", "label": "target"}
    refused(place, *words, data=data, verify={"drift": {"metric": "roc_auc"}, **more})
