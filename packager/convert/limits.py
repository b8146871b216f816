"""What fits a protobuf: refused before it is built where the model's own figures tell, else before it is written."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.wire import varints_size
from packager.errors import ConvertError

# protobuf cannot hold more.
PROTOBUF_LIMIT_BYTES = 2**31 - 1
# Of a split: its mode, its feature, where a missing value goes, and for either side whether it is a leaf.
_SPLIT_BYTES = 5


def check_trees_fit(model: Any, dtype: np.dtype[np.floating], *, n_splits: int, n_leaves: int, width: int = 0) -> None:
    """Raise ConvertError where a TreeEnsemble of so many nodes is certain not to fit.

    `width`: how many numbers a leaf has, where they lie beside the ensemble.
    """
    splits = n_splits * (_SPLIT_BYTES + dtype.itemsize)
    children = varints_size(n_splits) + varints_size(n_leaves)  # every node but the roots is a child once
    leaves = n_leaves * (1 + dtype.itemsize * (1 + width))
    if splits + children + leaves > PROTOBUF_LIMIT_BYTES:
        nodes = f"{type(model).__name__} of {n_splits + n_leaves:,} nodes"
        raise too_large(nodes, f"an estimated {splits + children + leaves:,} bytes in {dtype.name}")


def too_large(what: str, measured: str) -> ConvertError:
    """Return the error that tells how large something is, and the way out."""
    return ConvertError(
        f"{what} does not fit an ONNX file, which is a protobuf",
        measured=measured,
        limit=f"{PROTOBUF_LIMIT_BYTES:,} bytes",
        hint="train fewer or shallower trees: n_estimators, max_depth, max_leaf_nodes, min_samples_leaf",
    )
