"""A sample of the cases, spread over all families; the judge itself; what a whole run leaves behind."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.utils import all_estimators

from packager.convert.convert import convert as true_convert

from . import measure as measuring
from . import pool
from .case import TREES, Case, Fitted
from .cases import BY_NAME, CASES
from .cells import cells_of
from .data import classes, fit, frame, records, text_cells, unlike, value
from .defects import DEFECTS
from .detection import Detection
from .markdown import page
from .measure import Finding, brief, measure
from .rows import judged_rows
from .splits import around, at_splits, bisected, splits_of

PAGE = Path(__file__).parents[2] / "docs" / "conversion.md"

# Exact today; a change that loses one of them is a step back.
EXACT = {
    "ExtraTreesRegressor",
    "forest, ties of 20",
    "forest, missing, value",
    "boosting, exponential",
    "hist, gamma, missing",
    "scaling before forest",
    "bagging, some columns",
    "one-hot and scaling before forest",
    "logistic, three text labels",
    "process, RBF",
    "network, tanh",
    "linear SVC, two classes",
    "grid search over a pipeline",
    "imputer, median",
    "one-hot, drop first",
    "PCA",
    "LightGBM binary, categories and missing",
    "LightGBM multiclassova, forest",
    "LightGBM regression, zero is missing, both",
    "LightGBM pandas categories, multiclass, missing",
    "LightGBM model text, dart",
    "LightGBM around zero",
}
# Cases that were hard to tell: never silently wrong, whatever else becomes of them.
HARD = (
    "KMeans",
    "neighbours, even votes",
    "isolation, missing",
    "tuned threshold over a forest",
    "one against rest, SVC",
    "neighbours, by distance",
    "text column beside numbers",
    "LightGBM linear trees, binary",
)


def test_every_estimator_of_scikit_learn_has_a_case() -> None:
    named = {case.name for case in CASES if case.table == "estimator"}
    # Experimental ones are listed once they were made importable; they have configurations.
    experimental = {"IterativeImputer", "HalvingGridSearchCV", "HalvingRandomSearchCV"}
    assert named == {name for name, _ in all_estimators()} - experimental


def test_names_are_unique_and_tables_are_large() -> None:
    assert len(BY_NAME) == len(CASES)
    counts = {table: sum(case.table == table for case in CASES) for table in ("estimator", "configuration", "lightgbm")}
    assert counts["estimator"] >= 188
    assert counts["configuration"] >= 255
    assert counts["lightgbm"] >= 130


@pytest.mark.parametrize("name", sorted(EXACT))
def test_what_is_exact_stays_exact(name: str) -> None:
    finding = measure(BY_NAME[name])
    assert finding.status == "exact", finding.reason


@pytest.mark.parametrize("name", HARD)
def test_nothing_is_silently_wrong(name: str) -> None:
    finding = measure(BY_NAME[name])
    assert finding.status not in ("WRONG", "failed"), finding.reason


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.case)
def test_the_stock_converters_still_have_the_defect(defect: Any) -> None:
    assert measure(BY_NAME[defect.case], engine="stock").status in ("WRONG", "refused", "failed")


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("LightGBM regression", "caught"),  # rows at splits
        ("bins, ordinal", "caught"),  # rows beside jumps
        ("k-means, columns far from 0", "caught"),  # rows where the fitted ones lay
        ("imputer, indicator", "caught"),  # another shape
        ("logistic, no intercept", "passes rightly"),
        ("ElasticNet", "passes rightly"),
        ("SVC", "passes rightly"),
        ("KNeighborsClassifier", "beyond float32"),
    ],
)
def test_the_gate_catches_what_stock_gets_wrong_without_data_and_passes_the_rest(name: str, cell: str) -> None:
    assert measure(BY_NAME[name], engine="stock", gated=True).cell(with_rows=False) == cell


@pytest.mark.parametrize(
    ("found", "differing", "cells"),
    [
        (Detection("", ""), {}, ("passes rightly", "passes rightly")),
        (Detection("", "rows differ"), {}, ("passes rightly", "false alarm")),
        (Detection("made rows differ", ""), {}, ("false alarm", "false alarm")),
        (Detection("", "rows differ"), {"held-out": 3}, ("missed", "caught")),
        (Detection("made rows differ", ""), {"large": 1, "zero": 1}, ("caught", "caught")),
        (Detection("", ""), {"large": 1}, ("beyond float32", "beyond float32")),
        (Detection("", ""), None, ("missed", "missed")),
    ],
)
def test_the_cells_of_the_gate(found: Detection, differing: dict[str, int] | None, cells: tuple[str, str]) -> None:
    assert (found.cell(differing, with_rows=False), found.cell(differing, with_rows=True)) == cells


def test_reported_defects_link_a_thread_of_their_library() -> None:
    thread = re.compile(
        r"https://github\.com/(onnx/(sklearn-onnx|onnxmltools)|microsoft/onnxruntime)/(issues|pull)/\d+"
    )
    reported = [defect.reported for defect in DEFECTS if defect.reported]
    assert reported
    assert [link for link in reported if not thread.fullmatch(link)] == []


def _one_step_down(model: Any) -> None:
    thresholds = model.tree_.threshold
    split = int(np.flatnonzero(model.tree_.children_left >= 0)[-1])
    for _ in range(2):  # the first step may only be the rounding
        thresholds[split] = np.nextafter(np.float32(thresholds[split]), np.float32(-np.inf))


def _one_leaf_moved(model: Any) -> None:
    leaf = int(np.flatnonzero(model.tree_.children_left < 0)[0])
    model.tree_.value[leaf] += 1e-4


def _converting(change: Callable[[Any], None]) -> Callable[..., None]:
    """Return a conversion that converts another model than the one it is given."""

    def convert(model: Any, *arguments: Any, **options: Any) -> None:
        changed = copy.deepcopy(model)
        change(changed)
        true_convert(changed, *arguments, **options)

    return convert


def _tree_case() -> Case:
    from sklearn.tree import DecisionTreeRegressor

    return Case(
        "a tree", "configuration", TREES, fit(DecisionTreeRegressor(max_depth=5, random_state=1), unlike(), value())
    )


@pytest.mark.parametrize("change", [_one_step_down, _one_leaf_moved])
def test_the_judge_finds_a_planted_fault(change: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "convert", _converting(change))
    caught = measure(_tree_case())
    assert caught.status == "caught"
    assert "no difference" not in caught.reason
    monkeypatch.setattr(measuring, "objection_to_made_rows", lambda *arguments: "")
    assert measure(_tree_case()).status == "WRONG"


def test_a_case_that_raises_is_a_row() -> None:
    def make() -> Fitted:
        raise ZeroDivisionError("out of order")

    finding = measure(Case("broken", "configuration", TREES, make))
    assert (finding.status, finding.reason) == ("failed", "ZeroDivisionError: out of order")


def test_a_hang_and_a_crash_are_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = Case("no such case", "configuration", TREES, BY_NAME["PCA"].make)
    crashed, after = pool.measure_all([unknown, BY_NAME["PCA"]], jobs=1)
    assert crashed.status == "failed"
    assert "ended with status 1" in crashed.reason
    assert after.status == "exact"
    monkeypatch.setattr(pool, "_SECONDS_PER_CASE", 0.0)
    (hung,) = pool.measure_all([BY_NAME["PCA"]], jobs=1)
    assert (hung.status, hung.reason) == ("failed", "took longer than 0 s")


def test_rows_lie_on_every_threshold_and_reach_it() -> None:
    from sklearn.tree import DecisionTreeRegressor

    fitted = fit(DecisionTreeRegressor(max_depth=4, random_state=1), unlike(), value())()
    held = cells_of(fitted.held_out)
    splits = splits_of(fitted.model)
    assert {split.threshold for split in splits} == set(fitted.model.tree_.threshold[fitted.model.tree_.feature >= 0])
    rows = at_splits(held, splits)
    assert rows is not None
    visited = np.asarray(fitted.model.decision_path(rows.native()).sum(axis=0)).ravel()
    assert (visited > 0).all()


def test_steps_around_a_threshold_hold_both_neighbours() -> None:
    steps = around(0.1)
    assert {np.nextafter(0.1, 1), 0.1, np.nextafter(0.1, 0), float(np.float32(0.1))} <= set(steps)


def test_bisection_ends_at_the_jump() -> None:
    from sklearn.preprocessing import Binarizer

    held = cells_of(unlike()(1))
    model = Binarizer(threshold=0.3)
    rows = bisected(held, lambda cells: model.transform(cells.native()), beside=0.0)
    assert rows is not None
    assert {0.3, np.nextafter(0.3, 1)} <= set(rows.columns[0])


@pytest.mark.parametrize(
    "held_out",
    [
        unlike(missing=0.1)(1),
        frame(missing=True)(1),
        frame(categories=True)(1),
        text_cells(missing=True)(1),
        records(1),
    ],
    ids=["array", "table", "categories", "texts", "records"],
)
def test_cells_come_back_in_their_form(held_out: Any) -> None:
    again = cells_of(held_out).native()
    assert type(again) is type(held_out)
    if isinstance(held_out, list):
        assert again == held_out
    elif hasattr(held_out, "columns"):
        assert again.dtypes.to_dict() == held_out.dtypes.to_dict()
        assert again.equals(held_out)
    else:
        assert ((again == held_out) | ((again != again) & (held_out != held_out))).all()


def test_rows_are_of_every_kind() -> None:
    from sklearn.tree import DecisionTreeClassifier

    fitted = fit(DecisionTreeClassifier(max_depth=3, random_state=1), unlike(), classes(2))()
    held = cells_of(fitted.held_out)
    made = judged_rows(fitted.model, held, lambda cells: fitted.model.predict_proba(cells.native()))
    everywhere = {
        "held-out",
        "swapped",
        "whole",
        "zero",
        "tiny",
        "large",
        "category",
        "large code",
        "missing",
        "infinite",
    }
    assert {kind for kind, _ in made} == everywhere | {"infinite", "threshold", "boundary"}


def test_reasons_are_short_and_the_same_in_every_run() -> None:
    told = brief("X does not convert in float32: RuntimeError: at 0x7f12ab in /tmp/tmpq1/fp32.onnx: " + "long " * 100)
    assert told.startswith("X: at 0x… in fp32.onnx: long")
    assert len(told) <= 200


def test_the_page_counts_marks_and_escapes() -> None:
    findings = [
        Finding("A | B", "estimator", TREES, "WRONG", "1 < 2"),
        *(Finding(defect.case, "configuration", TREES, "exact") for defect in DEFECTS[:1]),
    ]
    stock = {DEFECTS[0].case: Finding(DEFECTS[0].case, "configuration", TREES, "float32")}
    text = page(findings, DEFECTS[:1], stock)
    assert "| A \\| B | **WRONG** | 1 &lt; 2 |" in text
    assert "| scikit-learn's estimators | 0 | 0 | 0 | 0 | 1 | 0 | 0 | 1 |" in text
    assert "| mended | exact | not reported |" in text


def test_the_page_in_docs_tells_of_every_case() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    told = {line.split(" | ")[0].removeprefix("| ") for line in lines}
    assert [case.name for case in CASES if case.name not in told] == []
    assert not [line for line in lines if "**failed**" in line and "an error that is no refusal" not in line]
