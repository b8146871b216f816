"""Golden rows: few, reaching much of the model, and each one that a JSON client can send and read the answer of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from packager.artifact import Column, Output, Precision, Signature
from packager.dataset.rows import Rows
from packager.errors import VerifyError
from packager.structure import Structure
from packager.verify.golden import Choice, choose_golden, fit_rows, servable, spread
from packager.verify.parity import Outputs
from packager.verify.probes import KINDS, Probes, judged_kinds, make_probes
from tests.convert import lightgbm_cases, sklearn_cases
from tests.convert.pairs import Pair, pair

from . import faults
from .test_faults import Bench, some

CASES = {case.name: case for case in (*sklearn_cases.CASES, *lightgbm_cases.CASES)}
FLOAT32_MAX = float(np.finfo(np.float32).max)
SIGNATURE = Signature(
    "regressor",
    "columns",
    (Column("a", "float64", True, 1e300), Column("b", "float64", False, 100.0), Column("c", "string", False, 1e300)),
    (Output("variable", "value", 0),),
)


def choose(probes: Probes, native: Outputs, structure: Structure, signature: Signature = SIGNATURE) -> Choice:
    fit = fit_rows(probes, native, signature=signature, precision="fp64", is_baseline=True)
    return choose_golden(probes, native, structure=structure, signature=signature, fit=fit)


def judged(both: Pair) -> tuple[Probes, Outputs]:
    """Return the made rows that the native model takes, and its answers."""
    made = both.probes()
    native, taken = both.native.tolerant_answers(made.rows)
    assert native is not None
    return Probes(made.rows.take(taken), made.kinds[taken]), native


def judge_rows(
    numbers: list[list[float]], texts: list[str | None], answers: list[float], precision: Precision
) -> list[bool]:
    rows = Rows(np.array(numbers, dtype=float), {2: np.array(texts, dtype=object)})
    return servable(rows, {"variable": np.array(answers)}, signature=SIGNATURE, precision=precision).tolist()


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("row", "text", "answer", "fits"),
    [
        ([1.0, 2.0, NAN], "x", 1.0, True),
        ([NAN, 2.0, NAN], "x", 1.0, True),
        ([1.0, NAN, NAN], "x", 1.0, False),
        ([1.0, 2.0, NAN], None, 1.0, False),
        ([1.0, 100.0, NAN], "x", 1.0, True),
        ([1.0, -100.1, NAN], "x", 1.0, False),
        ([INF, 2.0, NAN], "x", 1.0, False),
        ([1e39, 2.0, NAN], "x", 1.0, True),
        ([1.0, 2.0, NAN], "x", NAN, False),
        ([1.0, 2.0, NAN], "x", INF, False),
        ([1.0, 2.0, NAN], "x\ud800", 1.0, False),
        ([1.0, 2.0, NAN], "\ufdd0", 1.0, False),
        ([1.0, 2.0, NAN], "", 1.0, True),
    ],
)
def test_only_what_can_be_sent_and_answered_fits(row: list[float], text: str | None, answer: float, fits: bool) -> None:
    assert judge_rows([row], [text], [answer], "fp64") == [fits]


def test_a_value_that_the_model_refuses_does_not_fit() -> None:
    city, code = Column("city", "string", True, 1e300, ("a",)), Column("code", "float64", False, 1e300, (1.0, 2.0))
    cells = np.array(["a", None, "b", "a"], dtype=object)
    rows = Rows(np.array([[NAN, 1.0], [NAN, 2.0], [NAN, 1.0], [NAN, 1.5]]), {0: cells})
    signature = Signature("regressor", "columns", (city, code), (Output("variable", "value", 0),))
    fit = servable(rows, {"variable": np.ones(4)}, signature=signature, precision="fp64")
    assert fit.tolist() == [True, True, False, False]


def test_a_float_model_is_sent_no_more_than_float32_holds() -> None:
    assert judge_rows([[1e39, 1.0, NAN]], ["x"], [0.0], "fp32") == [False]
    assert judge_rows([[FLOAT32_MAX, 1.0, NAN]], ["x"], [0.0], "fp32") == [True]


@pytest.mark.parametrize(
    "name",
    [
        "forest, text labels",
        "hist, missing",
        "one-hot, strict, hist",
        "logistic, bool labels",
        "linear, two outputs",
        "lightgbm 2 classes, category, missing",
    ],
)
@pytest.mark.parametrize(("precision", "is_baseline"), [("fp64", True), ("fp32", False), ("int8", False)])
def test_golden_rows_of_real_models_are_few_and_all_servable(
    name: str, precision: Precision, is_baseline: bool, tmp_path: Path
) -> None:
    both = pair(CASES[name].fit(), tmp_path)
    probes, native = judged(both)
    fit = fit_rows(probes, native, signature=both.signature, precision=precision, is_baseline=is_baseline)
    chosen = choose_golden(probes, native, structure=both.structure, signature=both.signature, fit=fit).rows
    assert len(chosen) == 96
    assert len(set(chosen.tolist())) == len(chosen)
    kinds = {KINDS[kind] for kind in probes.kinds[chosen]}
    assert kinds <= set(judged_kinds(precision, is_baseline=is_baseline))
    assert kinds >= {"ordinary", "zero"}
    rows = probes.rows.take(chosen)
    assert servable(
        rows, {key: values[chosen] for key, values in native.items()}, signature=both.signature, precision=precision
    ).all()
    for column in (index for index, one in enumerate(both.signature.columns) if one.dtype != "string"):
        cells = rows.numbers[:, column]
        sent = json.loads(json.dumps([None if np.isnan(cell) else cell for cell in cells.tolist()], allow_nan=False))
        np.testing.assert_array_equal(np.array([np.nan if cell is None else cell for cell in sent]), cells)


def test_the_same_rows_are_chosen_every_time() -> None:
    structure = Structure(np.full(3, -1.0), np.full(3, 1.0), None, {2: ("x", "y")})
    probes = make_probes(structure, SIGNATURE)
    native = {"variable": np.zeros(len(probes.rows))}
    first, second = (choose(probes, native, structure) for _ in range(2))
    np.testing.assert_array_equal(first.rows, second.rows)


def test_no_row_at_all_stops_the_build() -> None:
    structure = Structure(np.full(3, -1.0), np.full(3, 1.0), None, {2: ("x",)})
    probes = make_probes(structure, SIGNATURE)
    native = {"variable": np.full(len(probes.rows), np.nan)}
    with pytest.raises(VerifyError, match="no golden rows"):
        choose(probes, native, structure)
    narrow = replace(SIGNATURE, columns=tuple(replace(column, max_abs=0.0) for column in SIGNATURE.columns))
    answered = {"variable": np.zeros(len(probes.rows))}
    chosen = choose(probes, answered, structure, narrow).rows
    assert (np.nan_to_num(probes.rows.numbers[chosen]) == 0).all()


def test_a_wide_model_gets_fewer_rows() -> None:
    columns = tuple(Column(f"c{index}", "float64", False, 1e300) for index in range(1_000))
    wide = Signature("regressor", "tensor", columns, (Output("variable", "value", 0),))
    structure = Structure(np.full(1_000, -1.0), np.full(1_000, 1.0), None, {})
    rows = Rows(np.random.default_rng(0).normal(size=(100, 1_000)))
    probes = Probes(rows, np.zeros(100, dtype=np.int8))
    chosen = choose(probes, {"variable": rows.numbers.sum(axis=1)}, structure, wide).rows
    assert 8 <= len(chosen) <= 256 * 1024 / (20 * 1_000)


def test_a_class_that_one_row_in_a_thousand_has_is_among_few_golden_rows() -> None:
    signature = replace(SIGNATURE, task="classifier", outputs=(Output("label", "label", 0),), classes=("no", "yes"))
    structure = Structure(np.full(3, -1.0), np.full(3, 1.0), None, {2: ("x",)})
    rows = make_probes(structure, signature).rows.take(np.arange(300))
    labels = np.full(300, "no", dtype=object)
    labels[217] = "yes"
    choice = choose(Probes(rows, np.zeros(300, dtype=np.int8)), {"label": labels}, structure, signature)
    assert 217 in choice.rows
    assert choice.coverage["classes"] == (2, 2)


def test_a_sample_is_of_every_kind_and_of_fit_rows_only() -> None:
    kinds = np.repeat([0, 1, 2], [1_000, 5, 100])
    fit = np.ones(len(kinds), dtype=bool)
    fit[:50] = False
    taken = spread(kinds, fit, 60)
    assert fit[taken].all()
    assert len(taken) == 60
    assert np.bincount(kinds[taken]).tolist() == [28, 5, 27]
    np.testing.assert_array_equal(spread(kinds, fit, 10_000), np.flatnonzero(fit))


@pytest.mark.parametrize("fault", ["leaves", "default", "category", "threshold"])
def test_golden_rows_alone_catch_faults(fault: str, tmp_path: Path) -> None:
    both = pair(CASES["lightgbm 2 classes, category, missing"].fit(), tmp_path)
    probes, native = judged(both)
    chosen = choose(probes, native, both.structure, both.signature).rows
    golden = Bench(both, probes.rows.take(chosen), {k: v[chosen] for k, v in native.items()}, False, tmp_path)
    every = Bench(both, probes.rows, native, False, tmp_path)
    arrays = golden.arrays()
    leaves = (arrays["nodes_trueleafs"] == 1) & (arrays["nodes_falseleafs"] == 1)
    numeric = faults.numeric_splits(arrays)
    plant = {
        "leaves": (np.intersect1d(np.flatnonzero(leaves), numeric), faults.swap_leaves),
        "default": (numeric, faults.turn_default),
        "category": (np.concatenate(faults.category_sets(arrays)), faults.forget_category),
        "threshold": (numeric, lambda arrays, node: faults.move_threshold(arrays, node, up=True, float32=True)),
    }
    candidates, change = plant[fault]
    told = [
        golden.catches(lambda arrays, one=one: change(arrays, one))  # type: ignore[misc]
        for one in some(candidates)
        if every.catches(lambda arrays, one=one: change(arrays, one))  # type: ignore[misc]
    ]
    assert len(told) >= 15
    # Of single steps and single members verification's thousands of rows show more than a hundred can.
    assert np.mean(told) >= {"threshold": 0.6, "category": 0.85}.get(fault, 0.95)
