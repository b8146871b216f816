"""Scores a binned model: the bytes of its file and the compiled extension in, answers like `InferenceSession.run` out.

Stands alone, with numpy and the standard library; ONNX Runtime is asked where graphs stand before or behind the trees.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MAGIC = b"PKGBIN\0\1"
# Handing rows to another thread takes some tens of microseconds: what these rows take is far more.
ROWS_PER_THREAD = 2_048


class BinnedModel:
    """An open model. `run` takes names of outputs and inputs by name; it keeps no state, and threads may share it."""

    def __init__(self, data: bytes, library: Any, *, threads: int = 1) -> None:
        """Read a model file's bytes; ValueError where they are none. `library` is the extension's module."""
        header = read_header(data)
        self._ensembles = [
            (entry["reads"], entry["gives"], library.Model(_blob(data, entry))) for entry in header["ensembles"]
        ]
        self._before = header["before"] and _session(_blob(data, header["before"]), threads)
        self._gives = header["before"] and header["before"]["gives"]
        self._after = header["after"] and _session(_blob(data, header["after"]), threads)
        self._reads = header["after"] and header["after"]["reads"]
        self._outputs = {output["name"]: _Output(output) for output in header["outputs"]}
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._pool_of = os.getpid()

    @property
    def instruction_set(self) -> str:
        """Return the instruction set that the trees run with."""
        name: str = self._ensembles[0][2].instruction_set
        return name

    @property
    def sessions(self) -> list[Any]:
        """Return the sessions of ONNX Runtime before and behind the trees, where there are any."""
        return [session for session in (self._before, self._after) if session]

    @property
    def n_ensembles(self) -> int:
        """Return how many ensembles the model has."""
        return len(self._ensembles)

    def run(self, names: Sequence[str], feeds: Mapping[str, Array]) -> list[Array]:
        """Return the outputs named, as `InferenceSession.run` does."""
        tensors = dict(feeds)
        if self._before:
            tensors |= zip(self._gives, self._before.run(self._gives, feeds), strict=True)
        if not self._after:
            reads, _, model = self._ensembles[0]
            values, labels = self._score(model, tensors[reads])
            return [self._outputs[name].of(values, labels) for name in names]
        for reads, gives, model in self._ensembles:
            tensors[gives] = self._raw(model, tensors[reads])
        found: list[Array] = self._after.run(names, {name: tensors[name] for name in self._reads})
        return found

    def raw(self, features: Array) -> Array:
        """Return the first ensemble's sums [rows, targets] for the rows that it reads, [rows, features]."""
        return self._raw(self._ensembles[0][2], features)

    def _raw(self, model: Any, features: Array) -> Array:
        features, raw = np.ascontiguousarray(features), np.empty((len(features), model.shape[1]))
        self._in_parts(lambda part: model.raw(features[part], raw[part]), len(features))
        return raw

    def _score(self, model: Any, features: Array) -> tuple[Array, Array | None]:
        _, _, width, has_label = model.shape
        features, values = np.ascontiguousarray(features), np.empty((len(features), width))
        labels = np.empty(len(features), np.int64) if has_label else None
        if self._pool is None or len(features) < 2 * ROWS_PER_THREAD:
            if len(features):
                model.score(features, values, labels)
            return values, labels

        def score(part: slice) -> None:
            model.score(features[part], values[part], None if labels is None else labels[part])

        self._in_parts(score, len(features))
        return values, labels

    def _in_parts(self, score: Callable[[slice], None], rows: int) -> None:
        """Share the rows among the threads, where there are enough for it."""
        parts = min(self._threads, rows // ROWS_PER_THREAD)
        if self._pool is None or parts < 2:
            if rows:
                score(slice(0, rows))
            return
        if self._pool_of != os.getpid():  # threads stay behind where a process forks
            self._pool, self._pool_of = ThreadPoolExecutor(self._threads), os.getpid()
        edges = [rows * part // parts for part in range(parts + 1)]
        list(self._pool.map(score, map(slice, edges, edges[1:])))


class _Output:
    """How one output is made of an ensemble's values or of its label's index."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self._is_label, self._shape = entry["from"] == "label", entry["shape"]
        dtype = object if entry["dtype"] == "string" else np.dtype(entry["dtype"])
        self._classes = None if entry["classes"] is None else np.array(entry["classes"], dtype)

    def of(self, values: Array, labels: Array | None) -> Array:
        if not self._is_label or labels is None:
            return values if self._shape else values[:, 0]
        chosen = labels if self._classes is None else self._classes[labels]
        return chosen.reshape(-1, 1) if self._shape else chosen


def read_header(data: bytes) -> dict[str, Any]:
    """Return the header of a model file's bytes; ValueError where they are none."""
    if len(data) < 16 or data[:8] != MAGIC:
        raise ValueError("these bytes are no binned model of format 1")
    (size,) = struct.unpack_from("<I", data, 8)
    try:
        header: dict[str, Any] = json.loads(bytes(data[16 : 16 + size]))
        blobs = [*header["ensembles"], *filter(None, (header["before"], header["after"]))]
        is_fine = header["format"] == 1 and all(0 <= blob["offset"] <= len(data) - blob["size"] for blob in blobs)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("the binned model's header is damaged") from error
    if not is_fine or not header["ensembles"]:
        raise ValueError("the binned model's header does not fit the file")
    return header


def _blob(data: bytes, entry: dict[str, Any]) -> memoryview:
    return memoryview(data)[entry["offset"] : entry["offset"] + entry["size"]]


def _session(graph: memoryview, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # its own lines may carry values of a row
    return onnxruntime.InferenceSession(bytes(graph), options, providers=["CPUExecutionProvider"])
