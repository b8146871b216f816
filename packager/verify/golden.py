"""Choose the golden rows: few, of every kind, such that any JSON client can send them and the model answers them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Precision, Signature
from packager.dataset.rows import Rows
from packager.errors import VerifyError
from packager.verify.probes import Probes, judged_kinds

Outputs = dict[str, npt.NDArray[Any]]

# Rows of each kind; the rest of a kind's share goes unused. Extreme rows are few: they tell little about a model.
_SHARES = {"ordinary": 24, "threshold": 24, "missing": 8, "zero": 6, "category": 12, "extreme": 4}
_FLOAT32_LIMIT = float(np.finfo(np.float32).max)


def golden_rows(
    probes: Probes, native: Outputs, *, signature: Signature, precision: Precision, is_baseline: bool
) -> npt.NDArray[np.intp]:
    """Return the positions of the golden rows among made rows with their native outputs.

    They are of the kinds that the variant was judged on.
    """
    fit = servable(probes.rows, native, signature=signature, precision=precision)
    chosen = []
    for kind in judged_kinds(precision, is_baseline=is_baseline):
        share = _SHARES[kind]
        found = np.flatnonzero(fit & probes.of((kind,)))
        picked = np.linspace(0, len(found) - 1, min(share, len(found))).astype(np.intp)
        chosen.append(found[np.unique(picked)])
    if not any(map(len, chosen)):
        raise VerifyError("none of the rows made from the model's structure fits into a request: no golden rows")
    return np.concatenate(chosen)


def servable(rows: Rows, native: Outputs, *, signature: Signature, precision: Precision) -> npt.NDArray[np.bool_]:
    """Return which rows fit into a request and have an answer that JSON can carry; shape [rows]."""
    numeric = [index for index, column in enumerate(signature.columns) if column.dtype != "string"]
    limits = np.array([signature.columns[index].max_abs for index in numeric])
    if precision != "fp64":
        limits = np.minimum(limits, _FLOAT32_LIMIT)
    accepting = np.array([signature.columns[index].accepts_missing for index in numeric], dtype=bool)
    cells = rows.numbers[:, numeric]
    missing = np.isnan(cells)
    least = np.array([signature.columns[index].least for index in numeric])
    within = (np.abs(np.where(missing, 0, cells)) <= limits) & (cells >= least)
    fit = np.where(missing, accepting, within).all(axis=1)
    for index, texts in rows.strings.items():
        if not signature.columns[index].accepts_missing:
            fit &= np.array([text is not None for text in texts], dtype=bool)
    for index, column in enumerate(signature.columns):
        if column.known is not None:
            values = rows.strings.get(index, rows.numbers[:, index]).tolist()
            known = {*column.known, None}  # what is missing was judged above; NaN is unlike itself
            fit &= np.array([value in known or value != value for value in values], dtype=bool)
    for output in signature.outputs:
        values = native[output.name]
        if values.dtype.kind == "f":
            fit &= np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return np.asarray(fit)
