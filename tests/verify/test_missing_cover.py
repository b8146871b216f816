"""Every split that a missing cell comes to has a row that shows which way it goes."""

from __future__ import annotations

import numpy as np
import pytest
from lightgbm import LGBMRegressor
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier

from packager.artifact import Signature
from packager.convert.trace import structure_of
from packager.structure import Flags, Structure
from packager.training.native import NativeModel, signature_of
from packager.verify.probes import ordinary_source
from packager.verify.splits import SplitRows

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(1_500, 6))
HOLES = np.where(RANDOM.random(ROWS.shape) < 0.1, np.nan, ROWS)
TARGET = ROWS[:, 0] * ROWS[:, 1] + ROWS[:, 2]
MODELS = {
    "deep forest": lambda: RandomForestClassifier(20, random_state=0).fit(ROWS, TARGET > 0),
    "extra trees, missing": lambda: ExtraTreesRegressor(20, max_depth=8, random_state=0).fit(HOLES, TARGET),
    "lightgbm, missing": lambda: LGBMRegressor(n_estimators=40, verbose=-1).fit(HOLES, TARGET),
}


def _made(model: object) -> tuple[SplitRows, Structure, Signature]:
    signature = signature_of(NativeModel(model))
    structure = structure_of(model, signature)
    random = np.random.default_rng(1)
    assert structure.trees is not None
    ordinary = ordinary_source(structure, signature, random)
    return SplitRows(structure, structure.trees, signature.columns, ordinary, random), structure, signature


def _reachable(at: SplitRows) -> Flags:
    """Return at which splits a missing cell arrives: it may have gone another way further up."""
    nodes = np.arange(len(at.trees.feature))
    return at.atlas.paths_to(nodes).missing[nodes, at.trees.feature]


def _shown(at: SplitRows) -> Flags:
    cells = at.missing().numbers
    shown = np.zeros(len(at.trees.feature), dtype=bool)
    for root in at.trees.roots:
        met = at.atlas.walk(cells, np.full(len(cells), root))
        row, depth = np.nonzero(met >= 0)
        node = met[row, depth]
        shown[node[np.isnan(cells[row, at.trees.feature[node]])]] = True
    return shown


@pytest.mark.parametrize("name", MODELS)
def test_missing_cells_come_to_nearly_all_splits_that_they_can_come_to(name: str) -> None:
    at, _, _ = _made(MODELS[name]())
    reachable, shown = _reachable(at), _shown(at)
    assert not (shown & ~reachable).any()
    assert np.count_nonzero(shown) >= 0.99 * np.count_nonzero(reachable)


def test_rows_show_several_splits_each() -> None:
    at, _, _ = _made(MODELS["deep forest"]())
    assert np.count_nonzero(_reachable(at)) > 1.5 * len(at.missing())


def test_columns_that_take_no_missing_cell_get_none() -> None:
    at, structure, signature = _made(LGBMRegressor(n_estimators=5, verbose=-1).fit(ROWS, TARGET))
    refusing = tuple(
        type(column)(column.name, column.dtype, index != 0, column.max_abs)
        for index, column in enumerate(signature.columns)
    )
    at = SplitRows(structure, at.trees, refusing, at.ordinary, at.random)
    assert not np.isnan(at.missing().numbers[:, 0]).any()
