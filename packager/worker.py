"""The source worker: the one process that loads the artifact. Files pass in and out, nothing else.

It reads requests as JSON lines, each a command and its arguments, confines itself before it loads anything, and
answers with one JSON line each: {"answer": …}, {"error": {stage, message, hint}} or, of a fault that is ours,
{"bug": {kind, trace}}.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from packager.errors import PackagerError

if TYPE_CHECKING:
    from packager.artifact import Signature
    from packager.training.native import NativeModel

JsonValue = Any


class Worker:
    """The loaded model and what was found out about it. One method per command."""

    def __init__(self) -> None:
        self._native: NativeModel | None = None
        self._signature: Signature | None = None
        self._custom: frozenset[str] = frozenset()

    @property
    def native(self) -> NativeModel:
        if self._native is None:
            raise PackagerError("the source worker was asked before it loaded the artifact")
        return self._native

    @property
    def signature(self) -> Signature:
        if self._signature is None:
            raise PackagerError("the source worker was asked to convert before it described the model")
        return self._signature

    def confine(
        self, scratch: str, memory_bytes: int, cpu_s: int, modules: dict[str, dict[str, Any]] | None = None
    ) -> JsonValue:
        """Give up every right that loading a model does not need; say what the kernel could enforce.

        `modules`: where the user's own top-level modules lie, which stay readable.
        """
        from packager.source.confine import Limits, confine
        from packager.source.modules import Finder, Place

        places = {name: Place(place["file"], tuple(place["folders"])) for name, place in (modules or {}).items()}
        readable = tuple(path for place in places.values() for path in place.readable)
        limits = Limits(memory_bytes=memory_bytes, cpu_s=cpu_s, writable=(Path(scratch),), readable=readable)
        told = asdict(confine(limits))
        sys.meta_path.insert(0, Finder(places))
        return told

    def load(self, path: str, file_format: str) -> JsonValue:
        """Load the audited artifact; its author's code runs here."""
        from packager.training.load import load_model
        from packager.training.native import NativeModel

        self._native = NativeModel(load_model(Path(path), file_format))
        return None

    def describe(self, structure: str) -> JsonValue:
        """Describe the model; write its structure to the file `structure`."""
        from packager.convert.trace import structure_of
        from packager.structure import save
        from packager.training.describe import describe

        description = describe(self.native)
        self._signature = description.signature
        save(structure_of(self.native.model, description.signature), Path(structure))
        return asdict(description)

    def register(self, name: str, module: str) -> JsonValue:
        """Have the converter in a module of the user's own convert the class `name`; its author's code runs here."""
        from packager.convert.custom import register
        from packager.convert.emitter import full_name

        self._custom |= {full_name(register(name, module))}
        return None

    def lint(self, folder: str, opset: int | None, engine: str) -> JsonValue:
        """Return how each step of the model converts; write what is not ours into `folder`."""
        from packager.convert.assemble import Choices
        from packager.convert.lint import lint

        return lint(self.native.model, self.signature, Choices(opset, engine, self._custom), Path(folder))  # type: ignore[arg-type]

    def convert(self, path: str, dtype: str, opset: int | None, engine: str) -> JsonValue:
        """Write the ONNX form that computes in `dtype`."""
        import numpy as np

        from packager.convert.assemble import Choices
        from packager.convert.convert import convert

        choices = Choices(opset, engine, self._custom)  # type: ignore[arg-type]
        convert(self.native.model, self.signature, Path(path), dtype=np.dtype(dtype), choices=choices)
        return None

    def answers(self, rows: str, outputs: str) -> JsonValue:
        """Write the native outputs of the rows that the model takes, and which those are."""
        from packager.dataset.arrays import write_arrays
        from packager.dataset.rows import Rows

        found, taken = self.native.tolerant_answers(Rows.load(Path(rows)))
        arrays = {f"output_{name}": _plain(values) for name, values in (found or {}).items()}
        write_arrays(Path(outputs), {"taken": taken, **arrays})
        return {"taken": int(taken.sum())}

    def time(self, rows: str, batch_size: int, seconds: float, threads: int) -> JsonValue:
        """Time the native scoring call on distinct batches once it has settled; return nanoseconds per call."""
        from threadpoolctl import threadpool_limits

        from packager.benchmark.timing import time_settled
        from packager.dataset.rows import Rows

        every = self.native.native_input(Rows.load(Path(rows)))  # a data frame is costly to make, and cheap to slice
        batches = [every[start : start + batch_size] for start in range(0, len(every) - batch_size + 1, batch_size)]
        score = self.native.scorer(threads)
        with threadpool_limits(threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return asdict(time_settled(lambda index: score(batches[index % len(batches)]), seconds=seconds))


def _plain(values: Any) -> Any:
    """Return object arrays of labels as plain text arrays, which need no pickling."""
    import numpy as np

    return values.astype(np.str_) if values.dtype == object else values


def _trace(error: Exception) -> str:
    """Return where an exception was raised, without what it says: a library's words may hold cells of the user's."""
    frames = traceback.format_tb(error.__traceback__)
    return "".join([f"raised in the source worker: {type(error).__qualname__}\n", *frames])


def serve(requests: TextIO, replies: TextIO) -> None:
    """Answer requests until their end."""
    worker = Worker()
    for line in requests:
        request = json.loads(line)
        started = time.perf_counter()
        try:
            reply = {"answer": getattr(worker, request["command"])(**request["arguments"])}
        except PackagerError as error:
            told = {key: getattr(error, key) for key in ("stage", "message", "measured", "limit", "hint")}
            reply = {"error": {key: None if fact is None else str(fact) for key, fact in told.items()}}
        except MemoryError:
            reply = {"error": {"stage": "source", "message": "the model does not fit into the memory it was given"}}
        except Exception as error:  # noqa: BLE001 - what a model raises was caught where it was asked: this is ours
            reply = {"bug": {"kind": type(error).__name__, "trace": _trace(error)}}
        reply["seconds"] = time.perf_counter() - started
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def main() -> None:
    """Answer on what was standard output; whatever a library prints goes to the log on standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, replies)


if __name__ == "__main__":
    main()
