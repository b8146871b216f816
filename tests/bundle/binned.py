"""A small classifier of trees in both forms, ONNX and binned, each written by hand from the same trees."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from packager.artifact import Output, Signature, Variant
from packager.binned.library import LIBRARY
from packager.bundle.fast_path import BINNED_FILE
from packager.bundle.plan import BundlePlan, Golden
from packager.dataset.rows import Rows
from packager.recipe.parity import Tolerance

from . import models
from .scripts import load
from .test_replay import sealed

FEATURES, TREES, DEPTH = 3, 40, 4
needs_library = pytest.mark.skipif(
    not LIBRARY.is_file(), reason="nothing is compiled: python -m packager.binned.compile"
)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Split:
    """A row goes left where its cell is at most the threshold, or missing."""

    feature: int
    threshold: float
    left: Split | float
    right: Split | float


def grown(seed: int = 0, trees: int = TREES, depth: int = DEPTH) -> list[Split | float]:
    """Return trees of fixed chance, some of them of one leaf."""
    chance = np.random.default_rng(seed)

    def grow(left: int) -> Split | float:
        if left == 0 or chance.random() < 0.15:
            return float(chance.normal())
        feature, threshold = int(chance.integers(FEATURES)), float(chance.integers(-8, 9)) / 4
        return Split(feature, threshold, grow(left - 1), grow(left - 1))

    return [grow(depth) for _ in range(trees)]


def raw_score(trees: list[Split | float], row: Floats) -> float:
    """Return the sum of the leaves that a row reaches, in order."""
    total = 0.0
    for tree in trees:
        node = tree
        while isinstance(node, Split):
            cell = row[node.feature]
            node = node.left if np.isnan(cell) or cell <= node.threshold else node.right
        total += node
    return total


def plan(folder: Path, *, trees: list[Split | float] | None = None, **settings: Any) -> BundlePlan:
    """Return the plan of a bundle whose selected variant is the binned form."""
    trees = grown() if trees is None else trees
    base = models.with_settings(models.classifier(folder), **settings)
    rows = np.random.default_rng(1).integers(-9, 10, size=(12, FEATURES)) / 4
    rows[:3, 1] = np.nan
    raw = np.array([raw_score(trees, row) for row in rows])
    one = 1 / (1 + np.exp(-raw))
    native = {"label": (raw > 0).astype(np.int64), "probabilities": np.stack([1 - one, one], axis=1)}
    (folder / "trees.onnx").write_bytes(_onnx(trees).SerializeToString(deterministic=True))
    (folder / "trees.binned").write_bytes(container(trees))
    return replace(
        base,
        model=Variant("fp64", "fp64", "ok", path=folder / "trees.onnx"),
        binned=Variant("binned", "binned", "ok", path=folder / "trees.binned"),
        signature=Signature(
            "classifier",
            "tensor",
            tuple(models.number(name, missing=True) for name in ("amount", "hour", "age")),
            (Output("label", "label", 0), Output("probabilities", "probability", 2)),
            (0, 1),
        ),
        golden=Golden(Rows(rows), native),
    )


def exact(folder: Path, **baseline: float) -> BundlePlan:
    """Return a plan whose golden answers are the binned form's own to the bit, and whose ONNX model is coarser."""
    base = plan(folder)
    script = load(models.bundled(base, folder / "first"))
    rows = base.golden.rows.numbers
    label, chances = script.SESSION.run(["label", "probabilities"], {script.INFO["inputs"][0]: rows})
    model = onnx.load(str(base.model.path))
    (unit,) = (one for one in model.graph.initializer if one.name == "unit")
    unit.CopyFrom(numpy_helper.from_array(np.array(1 + 1e-9), "unit"))
    onnx.save(model, str(base.model.path))
    golden = replace(base.golden, outputs={"label": label.astype(np.int64), "probabilities": chances})
    limits = Tolerance(**baseline) if baseline else None
    return replace(base, golden=golden, tolerance=Tolerance(atol=0, rtol=0), baseline_tolerance=limits)


def resealed(bundle: Path, change: Callable[[dict[str, Any]], object] = lambda facts: None) -> Path:
    """Make a bundle that was changed on purpose whole again: digests of the fast path, facts, script and manifest."""
    code = bundle / "code"
    facts = json.loads((code / "model_info.json").read_bytes())
    fast = facts["fast_path"]
    for path, told in (
        (bundle / "model" / BINNED_FILE, fast["model"]),
        *((code / k, v) for k, v in fast["code"].items()),
    ):
        if path.is_file():
            told |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
    change(facts)
    before = hashlib.sha256((code / "model_info.json").read_bytes()).hexdigest()
    (code / "model_info.json").write_text(json.dumps(facts))
    after = hashlib.sha256((code / "model_info.json").read_bytes()).hexdigest()
    script = (code / "score.py").read_text()
    assert before in script
    (code / "score.py").write_text(script.replace(before, after))
    return sealed(bundle)


def container(trees: list[Split | float]) -> bytes:
    """Return the file of the binned form."""
    blob = ensemble(trees)
    outputs = [
        {"name": "label", "from": "label", "shape": [], "classes": [0, 1], "dtype": "int64"},
        {"name": "probabilities", "from": "values", "shape": [2], "classes": None, "dtype": "float64"},
    ]
    header: dict[str, Any] = {"format": 1, "inputs": ["features"], "before": None, "after": None, "outputs": outputs}
    entry = {"offset": 4096, "size": len(blob), "reads": "features", "gives": "raw"}
    text = json.dumps({**header, "ensembles": [entry]}).encode()
    text += b" " * (-len(text) % 8)
    head = b"PKGBIN\0\1" + struct.pack("<II", len(text), 0) + text
    return head.ljust(4096, b"\0") + blob


def ensemble(trees: list[Split | float]) -> bytes:
    """Return the trees as one ensemble: a column for each feature, missing cells to the left, logistic."""
    splits: list[tuple[int, float, bool, bool]] = []
    leaves: list[float] = []
    sizes = []

    def walk(node: Split | float) -> None:
        if not isinstance(node, Split):
            leaves.append(node)
            return
        is_leaf = [not isinstance(side, Split) for side in (node.left, node.right)]
        splits.append((node.feature, node.threshold, is_leaf[0], is_leaf[1]))
        walk(node.left)
        walk(node.right)

    for tree in trees:
        before = len(leaves)
        walk(tree)
        sizes.append(len(leaves) - before)
    edges = [sorted({split[1] for split in splits if split[0] == feature}) for feature in range(FEATURES)]
    words = [
        edges[feature].index(threshold) | feature << 16 | left << 30 | right << 31
        for feature, threshold, left, right in splits
    ]
    counts = [FEATURES, FEATURES, len(trees), 1, 1, len(splits), len(leaves), sum(map(len, edges)), 0, 1, 2, 8]
    sections = [
        struct.pack("<8s12I3d4I", b"BINNED\0\1", *counts, 1.0, 1.0, 0.0, 0, 0, 0, 0),
        b"".join(struct.pack("<IBBBBII", feature, 0, 0, 0, 0, len(edges[feature]), 0) for feature in range(FEATURES)),
        np.array([edge for own in edges for edge in own], "<f8").tobytes(),
        np.zeros(1, "<f8").tobytes(),
        np.zeros(len(trees), "<u4").tobytes(),
        np.array(sizes, "<u4").tobytes(),
        np.array(words, "<u4").tobytes(),
        np.array(leaves, "<f8").tobytes(),
    ]
    return b"".join(section + b"\0" * (-len(section) % 8) for section in sections)


def _onnx(trees: list[Split | float]) -> onnx.ModelProto:
    """Return the same trees as one TreeEnsemble in double, with the logistic and the label behind it."""
    nodes: list[dict[str, Any]] = []
    leaves: list[float] = []
    roots = []

    def add(node: Split | float) -> tuple[int, bool]:
        if not isinstance(node, Split):
            leaves.append(node)
            return len(leaves) - 1, True
        own: dict[str, Any] = {"feature": node.feature, "split": node.threshold}
        nodes.append(own)
        place = len(nodes) - 1
        own["true"], own["true_leaf"] = add(node.left)
        own["false"], own["false_leaf"] = add(node.right)
        return place, False

    for tree in trees:
        # The operator has no tree of one leaf: a split with that leaf on both sides is one.
        roots.append(add(tree if isinstance(tree, Split) else Split(0, 0.0, tree, tree))[0])

    def ints(key: str) -> list[int]:
        return [int(node[key]) for node in nodes]

    ensemble = helper.make_node(
        "TreeEnsemble",
        ["features"],
        ["raw"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=roots,
        nodes_featureids=ints("feature"),
        nodes_splits=numpy_helper.from_array(np.array([node["split"] for node in nodes])),
        nodes_modes=numpy_helper.from_array(np.zeros(len(nodes), np.uint8)),
        nodes_truenodeids=ints("true"),
        nodes_trueleafs=ints("true_leaf"),
        nodes_falsenodeids=ints("false"),
        nodes_falseleafs=ints("false_leaf"),
        nodes_missing_value_tracks_true=[1] * len(nodes),
        leaf_targetids=[0] * len(leaves),
        leaf_weights=numpy_helper.from_array(np.array(leaves)),
    )
    behind = [
        helper.make_node("Sigmoid", ["raw"], ["one"]),
        helper.make_node("Sub", ["unit", "one"], ["zero"]),
        helper.make_node("Concat", ["zero", "one"], ["probabilities"], axis=1),
        helper.make_node("Greater", ["raw", "nought"], ["over"]),
        helper.make_node("Cast", ["over"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["whole", "axis"], ["label"]),
    ]
    constants = {"unit": np.array(1.0), "nought": np.array(0.0), "axis": np.array([1])}
    graph = helper.make_graph(
        [ensemble, *behind],
        "model",
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, FEATURES])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, 2]),
        ],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)
