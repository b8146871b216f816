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
        share = _Shared(threads) if threads > 1 else None
        self._ensembles = [_Ensemble(library.Model(_blob(data, entry)), entry, share) for entry in header["ensembles"]]
        self._before = header["before"] and _session(_blob(data, header["before"]), threads)
        self._gives = header["before"] and header["before"]["gives"]
        self._after = header["after"] and _session(_blob(data, header["after"]), threads)
        self._reads = header["after"] and header["after"]["reads"]
        self._outputs = {output["name"]: _Output(output) for output in header["outputs"]}

    @property
    def instruction_set(self) -> str:
        """Return the instruction set that the trees run with."""
        name: str = self._ensembles[0].model.instruction_set
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
        tensors = feeds
        if self._before:
            tensors = {**feeds, **dict(zip(self._gives, self._before.run(self._gives, feeds), strict=True))}
        if not self._after:
            values, labels = self._ensembles[0].score(tensors)
            return [self._outputs[name].of(values, labels) for name in names]
        tensors = {**tensors, **{ensemble.gives: ensemble.raw(tensors) for ensemble in self._ensembles}}
        found: list[Array] = self._after.run(names, {name: tensors[name] for name in self._reads})
        return found

    def raw(self, features: Array, ensemble: int = 0) -> Array:
        """Return an ensemble's sums [rows, targets] for the rows that it reads, [rows, features]."""
        asked = self._ensembles[ensemble]
        return asked.raw({asked.reads: features})


class _Ensemble:
    """One ensemble, the tensor that it reads and the one that its sums are."""

    def __init__(self, model: Any, entry: dict[str, Any], share: _Shared | None) -> None:
        self.model, self.reads, self.gives = model, entry["reads"], entry["gives"]
        _, self._targets, self._width, self._has_label = model.shape
        self._share = share

    def score(self, tensors: Mapping[str, Array]) -> tuple[Array, Array | None]:
        """Return the values [rows, width], and each row's label as the index of its class."""
        features = np.ascontiguousarray(tensors[self.reads])
        rows = len(features)
        values, labels = np.empty((rows, self._width)), np.empty(rows, np.int64) if self._has_label else None
        if self._share is not None and rows >= 2 * ROWS_PER_THREAD:
            self._share.run(rows, self.model.score, features, values, labels)
        elif rows:
            self.model.score(features, values, labels)
        return values, labels

    def raw(self, tensors: Mapping[str, Array]) -> Array:
        """Return the sums of the leaves, [rows, targets]."""
        features = np.ascontiguousarray(tensors[self.reads])
        rows, sums = len(features), np.empty((len(features), self._targets))
        if self._share is not None and rows >= 2 * ROWS_PER_THREAD:
            self._share.run(rows, self.model.raw, features, sums)
        elif rows:
            self.model.raw(features, sums)
        return sums


class _Shared:
    """Threads that share the rows of one call."""

    def __init__(self, threads: int) -> None:
        self._threads, self._of = threads, 0
        self._open()

    def _open(self) -> None:
        self._pool, self._of = ThreadPoolExecutor(self._threads), os.getpid()

    def run(self, rows: int, score: Callable[..., None], *arrays: Array | None) -> None:
        """Call `score` on parts of the arrays, each of some of the rows."""
        if self._of != os.getpid():  # threads stay behind where a process forks
            self._open()
        parts = min(4 * self._threads, rows // ROWS_PER_THREAD)  # more than threads: one may be held up
        edges = [rows * part // parts for part in range(parts + 1)]

        def of_part(start: int, end: int) -> None:
            score(*(None if array is None else array[start:end] for array in arrays))

        list(self._pool.map(of_part, edges, edges[1:]))


class _Output:
    """How one output is made of an ensemble's values or of its label's index."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self._is_label, self._shape = entry["from"] == "label", entry["shape"]
        dtype = object if entry["dtype"] == "string" else np.dtype(entry["dtype"])
        classes = None if entry["classes"] is None else np.array(entry["classes"], dtype)
        is_index = classes is not None and classes.dtype == np.int64 and (classes == np.arange(len(classes))).all()
        self._classes = None if is_index else classes

    def of(self, values: Array, labels: Array | None) -> Array:
        if not self._is_label or labels is None:
            # Of [1 - p, p] a model of one number a row answers the last.
            return values[:, -self._shape[0] :] if self._shape else values[:, -1]
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
    except (ValueError, KeyError, TypeError, RecursionError) as error:
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
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")  # who asks counts its operators
    return onnxruntime.InferenceSession(bytes(graph), options, providers=["CPUExecutionProvider"])
