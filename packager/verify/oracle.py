"""The native model, asked through files: rows go to the source worker, its answers come back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.dataset.rows import Rows

Outputs = dict[str, npt.NDArray[Any]]
Ask = Callable[..., Any]


class Oracle:
    """`ask` sends one command to the source worker."""

    def __init__(self, ask: Ask, scratch: Path) -> None:
        self._ask = ask
        self.scratch = scratch

    def answers(self, rows: Rows) -> tuple[Outputs, npt.NDArray[np.bool_]]:
        """Return the native outputs of the rows that the model takes, and which those are, of shape [rows]."""
        asked, answered = self.scratch / "asked.npz", self.scratch / "answered.npz"
        rows.save(asked)
        self._ask("answers", rows=str(asked), outputs=str(answered))
        with np.load(answered, allow_pickle=False) as arrays:
            outputs = {key.removeprefix("output_"): arrays[key] for key in arrays.files if key.startswith("output_")}
            taken = arrays["taken"]
        asked.unlink()
        answered.unlink()
        return outputs, taken

    def metric(self, name: str, **answers: npt.NDArray[Any] | None) -> float:
        """Return one quality metric; `answers` are truth, label, probability, value, classes as their indices."""
        path = self.scratch / "metric.npz"
        np.savez(path, allow_pickle=False, **{key: array for key, array in answers.items() if array is not None})
        try:
            return float(self._ask("metric", name=name, answers=str(path)))
        finally:
            path.unlink()
