"""Convert a forest that is made large by repetition, in a process of its own; print what that took.

usage: python -m bench.forest_memory TREES
"""

from __future__ import annotations

import copy
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.training.native import NativeModel, signature_of

# Fully grown on noise: some 25,000 nodes a tree.
_ROWS, _COLUMNS, _FITTED = 20_000, 20, 4


def main() -> None:
    """Print nodes, bytes of the node arrays, extra memory at the most, seconds and bytes of the file as JSON."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(_ROWS, _COLUMNS))
    model = RandomForestRegressor(_FITTED, random_state=0).fit(rows, random.normal(size=_ROWS))
    signature = signature_of(NativeModel(model))
    fitted = [member.tree_ for member in model.estimators_]
    convert_into_nothing(model, signature)  # what libraries take is not counted
    model.estimators_ = [_copy_of(model.estimators_[index % _FITTED]) for index in range(int(sys.argv[1]))]
    model.n_estimators = len(model.estimators_)
    array_bytes = sum(tree.__getstate__()["nodes"].nbytes + tree.value.nbytes for tree in fitted)
    before = _peak_bytes()
    started = time.perf_counter()
    file_bytes = convert_into_nothing(model, signature)
    figures = {
        "nodes": sum(member.tree_.node_count for member in model.estimators_),
        "array_bytes": array_bytes * len(model.estimators_) // _FITTED,
        "extra_bytes": _peak_bytes() - before,
        "seconds": time.perf_counter() - started,
        "file_bytes": file_bytes,
    }
    print(json.dumps(figures))


def convert_into_nothing(model: RandomForestRegressor, signature: object) -> int:
    """Convert into a folder that is gone afterwards; return the size of the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        convert(model, signature, path, dtype=np.dtype(np.float64), choices=Choices())  # type: ignore[arg-type]
        return path.stat().st_size


def _copy_of(member: object) -> object:
    """Return a member with arrays of its own."""
    copied = copy.copy(member)
    copied.tree_ = copy.deepcopy(member.tree_)  # type: ignore[attr-defined]
    return copied


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
