"""The door to ONNX Runtime: a session on exactly the provider that was asked for, or an error.

A file of the binned form opens here too, through `runtime.binned`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import BINNED_SUFFIX, Optimization, SessionSettings, Signature
from packager.dataset.rows import Rows

CPU_PROVIDER = "CPUExecutionProvider"
# What an ensemble of a binned form counts as among operators.
BINNED_TREES = "BinnedTrees"
Outputs = dict[str, npt.NDArray[Any]]

_ERRORS_ONLY = 3
# What ONNX Runtime says where `session.disable_cpu_ep_fallback` is set and nodes are left over.
_REFUSED_FALLBACK = "fallback to CPU EP has been explicitly disabled"
# A run holds what it computes for all of its rows at once, a leaf of every tree of a forest among it: 4,096 rows of a
# forest of 1,000 trees and 10 classes are some 330 MB.
ROWS_PER_RUN = 4_096
LEVELS: dict[Optimization, str] = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "disabled": "ORT_DISABLE_ALL",
}
_NUMPY_OF_ONNX: dict[str, type[np.floating]] = {
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


class ProviderUnavailable(RuntimeError):
    """The provider that was asked for is not to be had here; the message says why."""


class NoKernel(RuntimeError):
    """This runtime has no kernel for some operator of the graph in its dtype."""


class RunFailed(RuntimeError):
    """The model was opened, and fails on these rows."""


@dataclass(frozen=True)
class ExecutionProvider:
    """One provider as a session asks for it: ONNX Runtime's name, its options, and whether the CPU may help out."""

    name: str = CPU_PROVIDER
    options: Mapping[str, str] = field(default_factory=dict)
    fallback: bool = True

    @property
    def is_cpu(self) -> bool:
        return self.name == CPU_PROVIDER


@dataclass(frozen=True)
class Session:
    """An open model: rows in, outputs by name out.

    `placement` maps each provider to its count of nodes, `operators` to how often it runs which operator.
    `instruction_set`: what binned trees are scored with, None where there are none.
    """

    inference: Any
    signature: Signature
    input_dtype: np.dtype[np.floating]
    operators: dict[str, dict[str, int]]
    rows_per_run: int = ROWS_PER_RUN
    instruction_set: str | None = None

    @property
    def placement(self) -> dict[str, int]:
        return {provider: sum(counts.values()) for provider, counts in self.operators.items()}

    def answers(self, rows: Rows) -> Outputs:
        """Return the outputs by name, in bounded memory; RunFailed where ONNX Runtime fails on some row.

        Value outputs of width 0 are flattened to [rows], as the native model answers.
        """
        parts = [
            self._run(rows.take(slice(start, start + self.rows_per_run)).feeds(self.signature, self.input_dtype))
            for start in range(0, max(len(rows), 1), self.rows_per_run)
        ]
        if len(parts) == 1:
            return parts[0]
        try:
            return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        except ValueError as error:
            raise RunFailed("the answers to several batches do not lie below each other: not one per row") from error

    def _run(self, feeds: dict[str, npt.NDArray[Any]]) -> Outputs:
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        names = [output.name for output in self.signature.outputs]
        try:
            found = dict(zip(names, self.inference.run(names, feeds), strict=True))
        except (state.Fail, state.RuntimeException, state.InvalidArgument, state.EPFail, state.NotImplemented) as error:
            raise RunFailed(_first_line(error)) from error
        for output in self.signature.outputs:
            if output.width == 0 and found[output.name].ndim == 2 and found[output.name].shape[1] == 1:
                found[output.name] = found[output.name][:, 0]
        return found


def open_session(
    path: Path,
    signature: Signature,
    *,
    provider: ExecutionProvider = ExecutionProvider(),
    threads: int = 1,
    settings: SessionSettings | None = None,
) -> Session:
    """Open a model on one provider; nodes that it does not take run on the CPU, and `placement` says so.

    A binned form runs on the CPU provider alone, and of the settings heeds `threads` and `rows_per_run`.

    `settings`, where they are given, say how it runs, `threads` among them.

    Raises ProviderUnavailable where the provider is not installed here, refuses the model or leaves nodes to a CPU that
    may not help out; NoKernel where an operator has no implementation.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    if path.suffix == BINNED_SUFFIX:
        from packager.runtime.binned import open_binned

        return open_binned(path, signature, provider=provider, settings=settings or SessionSettings(threads=threads))
    name = provider.name
    if name not in onnxruntime.get_available_providers():
        raise ProviderUnavailable(f"{name} is not in the installed onnxruntime {onnxruntime.__version__}")
    options = _options(settings or SessionSettings(threads=threads))
    wanted: list[Any] = [name if provider.is_cpu else (name, dict(provider.options))]
    if not provider.is_cpu and provider.fallback:
        wanted.append(CPU_PROVIDER)
    elif not provider.is_cpu:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        inference = onnxruntime.InferenceSession(str(path), options, providers=wanted)
    except state.NotImplemented as error:
        raise NoKernel(_first_line(error)) from error
    except load_failures() as error:
        if provider.is_cpu:
            raise NoKernel(_first_line(error)) from error
        if _REFUSED_FALLBACK in str(error):
            raise ProviderUnavailable(f"{name} leaves nodes to the CPU, which the target refuses") from error
        raise ProviderUnavailable(f"{name} fails on this model: {_cause(error)}") from error
    if name not in inference.get_providers():
        raise ProviderUnavailable(f"{name} could not be loaded here, and the session would run on the CPU instead")
    number_types = [_NUMPY_OF_ONNX[value.type] for value in inference.get_inputs() if value.type in _NUMPY_OF_ONNX]
    dtype: np.dtype[np.floating] = np.dtype(number_types[0] if number_types else np.float64)
    rows_per_run = ROWS_PER_RUN if settings is None else settings.rows_per_run or ROWS_PER_RUN
    return Session(inference, signature, dtype, operators_of(inference), rows_per_run)


def missing_kernel(path: Path) -> str | None:
    """Say which operator of a graph this runtime's CPU provider has no kernel for; None where it opens."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    try:
        onnxruntime.InferenceSession(str(path), _options(SessionSettings()), providers=[CPU_PROVIDER])
    except (state.NotImplemented, *load_failures()) as error:
        named = re.search(r"implementation for (\w+)\(", str(error))
        return f"ONNX Runtime has no kernel of {named[1]} for it" if named else _first_line(error)
    return None


def load_failures() -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises for a model that it cannot open: each kind is an exception of its own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "RuntimeException", "InvalidGraph", "InvalidArgument", "InvalidProtobuf", "EPFail", "EngineError")
    return tuple(getattr(state, name) for name in names if hasattr(state, name))


def _options(settings: SessionSettings) -> Any:
    import onnxruntime

    options, parallel = onnxruntime.SessionOptions(), settings.execution == "parallel"
    options.intra_op_num_threads = 1 if parallel else settings.threads
    options.inter_op_num_threads = settings.threads if parallel else 1
    options.execution_mode = getattr(onnxruntime.ExecutionMode, f"ORT_{settings.execution.upper()}")
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[settings.optimization])
    options.enable_cpu_mem_arena = settings.arena
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


def operators_of(inference: Any) -> dict[str, dict[str, int]]:
    """Return how often each provider runs which operator, as the session's own graph has them."""
    counts: dict[str, Counter[str]] = {}
    for part in inference.get_provider_graph_assignment_info():
        counts.setdefault(part.ep_name, Counter()).update(node.op_type for node in part.get_nodes())
    return {provider: dict(sorted(found.items())) for provider, found in sorted(counts.items())}


def _cause(error: BaseException) -> str:
    """Return what a provider's library says in the end: it names the places in its source first, a line each."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    return lines[-1][:240] if len(lines) > 1 else _first_line(error)


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:240]
