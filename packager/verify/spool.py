"""Truth, segments and answers of every labelled row, in files: memory stays bounded however many rows there are.

Only what the metric reads is kept.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature
from packager.dataset.read import Batch, Segments
from packager.errors import VerifyError
from packager.quality.sample import Sample
from packager.verify.reading import Outputs, Reading

Array = npt.NDArray[Any]

# More values than this are no segments but measurements or identifiers.
MAX_SEGMENT_VALUES = 10_000
_MISSING = "(missing)"


class Spool:
    """The labelled rows so far, in files of `folder`, as `reading` reads them."""

    def __init__(self, folder: Path, reading: Reading) -> None:
        self._folder = folder
        self.reading = reading
        self.rows = 0
        self.segment_values: dict[str, int] = {}
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def add_batch(self, batch: Batch) -> None:
        """Append true labels and segments of some rows."""
        if batch.label is not None:
            self.add_truth(batch.label)
        if batch.segments is not None:
            self.add_segments(batch.segments)

    def add_truth(self, labels: Array) -> None:
        """Append true labels."""
        truth = self.reading.truth(labels)
        self._append("truth", truth)
        self.rows += len(truth)

    def add_segments(self, segments: Segments) -> None:
        """Append the segments of the rows whose labels were added last."""
        names = [_MISSING if value is None else value for value in segments.values]
        codes = [self.segment_values.setdefault(name, len(self.segment_values)) for name in names]
        if len(self.segment_values) > MAX_SEGMENT_VALUES:
            raise VerifyError(
                "the segment column has too many values to measure drift by",
                measured=f"more than {MAX_SEGMENT_VALUES:,} values",
                limit=f"{MAX_SEGMENT_VALUES:,}",
                hint="name a column of categories, such as a country",
            )
        self._append("segment", np.array(codes, dtype=np.uint16)[segments.rows])

    def add_answers(self, variant: str, signature: Signature, outputs: Outputs) -> None:
        """Append one model's answers to the rows last added."""
        answers = self.reading.answers(signature, outputs)
        if signature.task == "regressor" and self.reading.classes is not None:
            self.reading.check_scores(answers)
        self._append(variant, answers)

    def sample(self, native: str, variant: str) -> Sample:
        """Return all rows, answered by two models."""
        return Sample(self.read("truth"), self.read(native), self.read(variant), self.reading.class_count)

    def read(self, name: str) -> Array:
        """Return a whole column: `truth`, `segment`, or the answers of a model."""
        (path,) = self._folder.glob(f"{name}.*")
        values = np.fromfile(path, dtype=np.dtype(path.suffix[1:]))
        return values if values.size == self.rows else values.reshape(self.rows, -1)

    def _append(self, name: str, values: Array) -> None:
        with (self._folder / f"{name}.{values.dtype.name}").open("ab") as stream:
            np.ascontiguousarray(values).tofile(stream)
