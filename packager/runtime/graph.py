"""Look into a model file: which operators it is made of."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def operator_counts(path: Path) -> dict[str, int]:
    """Return how often each operator occurs, by name."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items()))
