"""A fitted model and its ONNX form side by side, and where their answers part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature
from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.convert.trace import structure_of
from packager.dataset.rows import Rows
from packager.runtime.session import Session, open_session
from packager.structure import Structure
from packager.training.native import NativeModel, signature_of
from packager.verify.parity import same_labels
from packager.verify.probes import Probes, make_probes


@dataclass(frozen=True)
class Pair:
    """`native` is the oracle, `session` runs its ONNX form."""

    native: NativeModel
    signature: Signature
    structure: Structure
    path: Path
    session: Session

    def probes(self) -> Probes:
        return make_probes(self.structure, self.signature)

    def differences(self, rows: Rows, tolerance: float = 0.0) -> list[str]:
        """Return in words where labels differ, or values by more than `tolerance`, absolute and relative."""
        native, taken = self.native.tolerant_answers(rows)
        assert native is not None, "the model answers none of the rows"
        assert taken.mean() > 0.5, "the model refuses most of the rows"
        judged = rows.take(taken)
        found = self.session.answers(judged)
        told = []
        for output in self.signature.outputs:
            expected, answered = native[output.name], found[output.name]
            assert expected.shape == answered.shape, output.name
            if bad := int((~_same(output.role, expected, answered, tolerance)).sum()):
                first = int(np.flatnonzero(~_same(output.role, expected, answered, tolerance))[0])
                told.append(
                    f"{output.name}: {bad} rows, {expected[first]} became {answered[first]}: {judged.numbers[first]}"
                )
        return told


def pair(model: Any, folder: Path, *, dtype: type[np.floating] = np.float64, engine: Any = "own") -> Pair:
    """Convert a fitted model into `folder`."""
    native = NativeModel(model)
    signature = signature_of(native)
    path = folder / f"{np.dtype(dtype).name}.onnx"
    convert(model, signature, path, dtype=np.dtype(dtype), choices=Choices(engine=engine))
    return Pair(native, signature, structure_of(model, signature), path, open_session(path, signature))


def random_rows(pair: Pair, count: int, *, seed: int = 1) -> Rows:
    """Return rows over the columns' ranges and beyond, with missing cells where the model takes them."""
    random = np.random.default_rng(seed)
    low, high = pair.structure.low, pair.structure.high
    numbers = random.normal((low + high) / 2, (high - low) / 2, (count, len(low)))
    numbers = np.where(random.random(numbers.shape) < 0.2, np.round(numbers), numbers)
    numbers = np.where(random.random(numbers.shape) < 0.05, 0.0, numbers)
    for index, codes in pair.structure.codes.items():
        numbers[:, index] = random.choice(codes, count)
    takes_missing = np.array([column.accepts_missing for column in pair.signature.columns])
    numbers[takes_missing & (random.random(numbers.shape) < 0.1)] = np.nan
    strings = {
        index: random.choice(np.array(known, dtype=object), count) for index, known in pair.structure.texts.items()
    }
    return Rows(numbers, strings)


def as_float32(rows: Rows) -> Rows:
    """Return the rows with every number rounded to float32."""
    with np.errstate(over="ignore"):
        return Rows(rows.numbers.astype(np.float32).astype(np.float64), rows.strings)


def _same(role: str, expected: npt.NDArray[Any], found: npt.NDArray[Any], tolerance: float) -> npt.NDArray[np.bool_]:
    if role == "label" or expected.dtype.kind in "OU":
        return same_labels(expected, found).reshape(len(expected), -1).all(axis=1)
    close = np.isclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    return np.asarray(close.reshape(len(close), -1).all(axis=1))
