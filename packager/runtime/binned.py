"""A session of the binned form: trees that our own extension scores, and ONNX graphs around them where there are any.

In: a `.binned` file. Out: a Session like those of ONNX Runtime, on the CPU provider, or the same errors.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from packager.artifact import SessionSettings, Signature
from packager.binned.library import LibraryUnavailable, library
from packager.binned.scorer import BinnedModel
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


def open_binned(path: Path, signature: Signature, *, provider: ExecutionProvider, settings: SessionSettings) -> Session:
    """Open a binned form; ProviderUnavailable on another provider than the CPU's, NoKernel where it can't be opened."""
    if not provider.is_cpu:
        raise ProviderUnavailable(f"binned trees are scored by the processor itself: {provider.name} has no part in it")
    try:
        model = BinnedModel(path.read_bytes(), library(), threads=settings.threads)
    except LibraryUnavailable as error:
        raise NoKernel(str(error)) from error
    except _BROKEN + load_failures() as error:
        raise NoKernel(f"{path.name} does not open: {' '.join(str(error).split())[:240]}") from error
    most = ROWS_PER_RUN if model.sessions else _ROWS_PER_RUN
    rows_per_run = min(most, settings.rows_per_run or most)
    return Session(model, signature, np.dtype(np.float64), _operators(model), rows_per_run, model.instruction_set)


def _operators(model: BinnedModel) -> dict[str, dict[str, int]]:
    """Return how often each operator runs, an ensemble counting as one."""
    counts = Counter({BINNED_TREES: model.n_ensembles})
    for session in model.sessions:
        counts.update(operators_of(session).get(CPU_PROVIDER, {}))
    return {CPU_PROVIDER: dict(sorted(counts.items()))}
