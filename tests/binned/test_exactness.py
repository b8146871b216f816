"""The binned form scores as the model that it is made of: sums equal bit for bit, labels equal, on every path.

And rows at which a wrong form would be caught: each fault planted shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from packager.binned.ensembles import find_ensembles
from packager.binned.library import library
from packager.binned.pack import Ensemble, pack
from packager.binned.scorer import ROWS_PER_THREAD, BinnedModel
from tests.binned.models import ALONE, AROUND, INSTRUCTION_SETS, model_of, native_raw, needs_library
from tests.binned.reference import Reference
from tests.convert.cases import Case

# Around the sizes at which the extension goes over to another kernel or another block.
COUNTS = (1, 2, 7, 8, 15, 16, 17, 23, 24, 25, 63, 64, 65, 255, 256, 257, 511, 513, 1000)
by_name = pytest.mark.parametrize("case", ALONE, ids=str)


@by_name
def test_sums_equal_the_models_own(case: Case) -> None:
    model = model_of(case.name)
    reference = Reference(model.ensemble())
    rows = model.rows(1000).numbers
    told, of_sums = native_raw(model.native, rows)
    np.testing.assert_array_equal(of_sums(reference.raw(rows), reference.divisor), told)


@cache
def _sums(name: str) -> list[tuple[Any, Any]]:
    """Return rows in double and in float32, each with the sums that the bytes say."""
    rows = model_of(name).rows(1000).numbers
    reference = Reference(model_of(name).ensemble())
    with np.errstate(over="ignore"):
        floats = rows.astype(np.float32)
    return [(given, reference.raw(given)) for given in (rows, floats)]


@by_name
@pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
def test_every_instruction_set_adds_up_alike(case: Case, instruction_set: str) -> None:
    extension = library().Model(model_of(case.name).ensemble(), instruction_set)
    for given, expected in _sums(case.name):
        for count in COUNTS:
            raw = np.full((count, expected.shape[1]), np.nan)
            extension.raw(np.ascontiguousarray(given[-count:]), raw)
            np.testing.assert_array_equal(raw, expected[-count:])


@needs_library
@pytest.mark.parametrize("case", [*ALONE, *AROUND], ids=str)
def test_whole_answers_are_the_models(case: Case) -> None:
    model = model_of(case.name)
    assert model.scored_by_it().differences(model.rows(), case.tolerance) == []


@needs_library
@pytest.mark.parametrize("case", [*ALONE, *AROUND], ids=str)
def test_whole_answers_are_the_graphs(case: Case) -> None:
    model = model_of(case.name)
    rows = model.rows(300, seed=2)
    binned, onnx = model.scored_by_it().session, model.both.session
    for count in (1, 17, 300):
        asked = rows.take(slice(0, count))
        answered, expected = binned.answers(asked), onnx.answers(asked)
        for name, told in expected.items():
            assert answered[name].dtype == told.dtype
            _assert_alike(answered[name], told)


@pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
@pytest.mark.parametrize("name", ["forest, text labels", "lightgbm 4 classes, missing", "voting"])
def test_an_instruction_set_that_is_asked_for_answers(
    name: str, instruction_set: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", instruction_set)
    model = model_of(name)
    scored = model.scored_by_it()
    assert scored.session.inference.instruction_set == instruction_set
    assert scored.differences(model.rows(), 1e-12) == []


@needs_library
@pytest.mark.parametrize("name", ["forest, ten classes", "hist, two classes", "voting", "one-hot, forest"])
def test_threads_share_rows_without_a_trace(name: str) -> None:
    model = model_of(name)
    rows = model.rows(400)
    many = rows.take(np.resize(np.arange(400), 3 * ROWS_PER_THREAD + 5))
    feeds = many.feeds(model.both.signature, np.dtype(np.float64))
    names = [output.name for output in model.both.signature.outputs]
    alone, shared = (BinnedModel(model.data, library(), threads=threads).run(names, feeds) for threads in (1, 2))
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one[:400], one[400:800])


def _assert_alike(answered: Any, expected: Any) -> None:
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(answered, expected, rtol=1e-13, atol=1e-15)
    else:
        np.testing.assert_array_equal(answered, expected)


def _every_rank_one_up(ensemble: Ensemble) -> Ensemble:
    return replace(ensemble, threshold=np.nextafter(ensemble.threshold, np.inf))


def _one_threshold_of(ensemble: Ensemble) -> Ensemble:
    threshold = ensemble.threshold.copy()
    above = np.unique(threshold[ensemble.feature == ensemble.feature[0]])
    threshold[0] = above[np.minimum(np.searchsorted(above, threshold[0]) + 1, len(above) - 1)]
    return replace(ensemble, threshold=threshold)


def _missing_elsewhere(ensemble: Ensemble) -> Ensemble:
    missing_left = ensemble.missing_left.copy()
    missing_left[0] ^= True
    return replace(ensemble, missing_left=missing_left)


def _reversed_trees(ensemble: Ensemble) -> Ensemble:
    """Put the last tree before all others."""
    last = int(ensemble.sizes[-1])
    rolled = {
        name: np.roll(getattr(ensemble, name), last - 1, axis=0)
        for name in ("feature", "threshold", "missing_left", "category_set", "left_is_leaf", "right_is_leaf")
    }
    return replace(
        ensemble,
        **rolled,
        sizes=np.roll(ensemble.sizes, 1),
        targets=np.roll(ensemble.targets, 1),
        values=np.roll(ensemble.values, last, axis=0),
    )


def _sides_exchanged(ensemble: Ensemble) -> Ensemble:
    """Exchange the leaves of the last split, which has two."""
    values = ensemble.values.copy()
    values[-2:] = values[:-3:-1]
    return replace(ensemble, values=values)


def _a_member_less(ensemble: Ensemble) -> Ensemble:
    """Take a member from each set; some members are asked for by few rows."""
    return replace(ensemble, categories=tuple(members[:-1] for members in ensemble.categories))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("lightgbm regression, category, missing", _one_threshold_of),
        ("lightgbm regression, category, missing", _missing_elsewhere),
        ("lightgbm regression, category, missing", _a_member_less),
        ("lightgbm regression, category, missing", lambda found: replace(found, truncated=None)),
        ("lightgbm regression, missing, zero_as_missing=True", lambda found: replace(found, zero_is_missing=None)),
        ("lightgbm regression", _every_rank_one_up),
        ("lightgbm regression", _reversed_trees),
        ("lightgbm 4 classes, missing", _missing_elsewhere),
        ("lightgbm 4 classes, missing", _sides_exchanged),
        ("forest, value", _one_threshold_of),
        ("forest, value", _reversed_trees),
        ("forest, ten classes", _one_threshold_of),
        ("forest, ten classes", lambda found: replace(found, is_float32=False)),
        ("hist, categories", _a_member_less),
        ("hist, categories", _missing_elsewhere),
        ("boosting, huber", _sides_exchanged),
        ("isolation forest", _one_threshold_of),
    ],
)
def test_faults_show(name: str, fault: Callable[[Ensemble], Ensemble]) -> None:
    model = model_of(name)
    ((found,), _) = find_ensembles(model.view)
    rows = model.rows(1000).numbers
    told, of_sums = native_raw(model.native, rows)
    sound, faulty = Reference(model.ensemble()), Reference(pack(fault(found.ensemble)))
    np.testing.assert_array_equal(of_sums(sound.raw(rows), sound.divisor), told)
    assert (of_sums(faulty.raw(rows), sound.divisor) != told).any()
