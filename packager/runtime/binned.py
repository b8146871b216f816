"""A session of the binned form: trees that our own extension scores, and ONNX graphs around them where there are any.

In: a `.binned` file. Out: a Session like those of ONNX Runtime, on the CPU provider, or the same errors.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from packager.artifact import SessionSettings, Signature
from packager.binned.library import LibraryUnavailable, library
from packager.binned.scorer import BinnedModel, read_header
from packager.runtime.session import (
    BINNED_TREES,
    CPU_PROVIDER,
    ROWS_PER_RUN,
    ExecutionProvider,
    NoKernel,
    ProviderUnavailable,
    Session,
    load_failures,
    operators_of,
)

# Trees alone hold little but the rows: some 50,000 that a chunk of verification rows has are one run.
_ROWS_PER_RUN = 65_536
# What a file that is none raises, besides what the graphs in it do.
_BROKEN: tuple[type[Exception], ...] = (ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Parts:
    """What a file holds: how many ensembles, and the ONNX graphs before and after them, as bytes."""

    ensembles: int
    graphs: tuple[bytes, ...]


def open_binned(path: Path, signature: Signature, *, provider: ExecutionProvider, settings: SessionSettings) -> Session:
    """Open a binned form; ProviderUnavailable on another provider than the CPU's, NoKernel where it can't be opened."""
    if not provider.is_cpu:
        raise ProviderUnavailable(f"binned trees are scored by the processor itself: {provider.name} has no part in it")
    data = path.read_bytes()
    try:
        model = BinnedModel(data, library(), threads=settings.threads)
    except LibraryUnavailable as error:
        raise NoKernel(str(error)) from error
    except _BROKEN + load_failures() as error:
        raise NoKernel(f"{path.name} does not open: {' '.join(str(error).split())[:240]}") from error
    parts = parts_of(data)
    most = ROWS_PER_RUN if parts.graphs else _ROWS_PER_RUN
    rows_per_run = min(most, settings.rows_per_run or most)
    return Session(model, signature, np.dtype(np.float64), _operators(parts), rows_per_run, model.instruction_set)


def parts_of(data: bytes) -> Parts:
    """Return what a file holds that a BinnedModel has opened: it looked at every offset."""
    header = read_header(data)
    around = [header[place] for place in ("before", "after") if header[place] is not None]
    graphs = tuple(data[one["offset"] : one["offset"] + one["size"]] for one in around)
    return Parts(len(header["ensembles"]), graphs)


def _operators(parts: Parts) -> dict[str, dict[str, int]]:
    """Return how often each operator runs, an ensemble counting as one."""
    counts = Counter({BINNED_TREES: parts.ensembles})
    for graph in parts.graphs:
        counts.update(operators_of(graph).get(CPU_PROVIDER, {}))
    return {CPU_PROVIDER: dict(sorted(counts.items()))}
