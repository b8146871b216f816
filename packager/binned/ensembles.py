"""The tree ensembles of a converted graph: which tensors they read, and which sums they give.

In: a graph of ours. Out: each TreeEnsemble that adds up in the order of its trees, with what it absorbs of the graph
around it; reasons for the others. Three uses are known: a sum per target, a vector per leaf, one value per tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from packager.binned.graph_view import GraphView, attribute
from packager.binned.moved_splits import move_splits
from packager.binned.pack import Ensemble, NotApplicable, pack
from packager.binned.sources import Source, find_source
from packager.binned.tree_arrays import TreeArrays, in_preorder, read_nodes
from packager.structure import Doubles, Ints

if TYPE_CHECKING:
    from onnx import NodeProto


@dataclass(frozen=True)
class Found:
    """An ensemble in a graph, and its bytes without an ending: `reads` is what goes in, `gives` the raw sums."""

    ensemble: Ensemble
    packed: bytes
    reads: str
    gives: str


def find_ensembles(view: GraphView) -> tuple[list[Found], list[str]]:
    """Return the ensembles that can be taken out of the graph, and why others cannot."""
    found, reasons = [], []
    for node in view.trees():
        try:
            found.append(_found(view, node))
        except NotApplicable as error:
            reasons.append(str(error))
    given = {item.gives for item in found}
    return [item for item in found if not _depends(view, item.reads, given)], reasons


def _depends(view: GraphView, tensor: str, given: set[str]) -> bool:
    """Tell whether a tensor is made of what ensembles give: those behind others stay in the graph."""
    return any(given.intersection(node.output) for node in view.above([tensor]))


def _found(view: GraphView, node: NodeProto) -> Found:
    nodes = read_nodes(node)
    width = _width(view, node.input[0])
    if int(nodes.feature.max()) >= width:
        raise NotApplicable("its trees read a column that is not there")
    source = find_source(view, node.input[0], width)
    if source.tensor not in view.inputs and (moved := move_splits(view, node.input[0], nodes)):
        none = np.zeros(len(moved.columns), dtype=bool)
        nodes, source = moved.nodes, Source(moved.tensor, moved.columns, none, none)
    trees = in_preorder(nodes)
    gives, vectors = _leaf_vectors(view, node, trees) or (node.output[0], None)
    ensemble = _ensemble(trees, source, _width(view, source.tensor), vectors)
    return Found(ensemble, pack(ensemble), source.tensor, gives)


def _width(view: GraphView, tensor: str) -> int:
    width = view.width(tensor)
    if width is None:
        raise NotApplicable("how many columns its trees read cannot be told")
    return width


def _ensemble(trees: TreeArrays, source: Source, width: int, vectors: Doubles | None) -> Ensemble:
    """Return the ensemble over the `width` columns of its source; a split whose two sides are one leaf is that leaf."""
    values, targets = trees.weights[:, None] if vectors is None else vectors, trees.tree_targets
    first_leaf, first_split = np.cumsum(trees.sizes) - trees.sizes, np.cumsum(trees.sizes - 1) - (trees.sizes - 1)
    pairs = np.flatnonzero(trees.sizes == 2)
    bits = np.ascontiguousarray(values).view(np.int64)
    bare = pairs[(bits[first_leaf[pairs]] == bits[first_leaf[pairs] + 1]).all(axis=1)]
    splits, leaves = np.ones(len(trees.feature), dtype=bool), np.ones(len(values), dtype=bool)
    splits[first_split[bare]] = leaves[first_leaf[bare] + 1] = False
    sizes = trees.sizes.copy()
    sizes[bare] = 1
    zeros, truncated = np.zeros(width, dtype=bool), np.zeros(width, dtype=bool)
    zeros[source.columns], truncated[source.columns] = source.zero_is_missing, source.truncated
    return Ensemble(
        n_features=width,
        feature=source.columns[trees.feature][splits],
        threshold=trees.threshold[splits],
        missing_left=trees.missing_left[splits],
        category_set=trees.category_set[splits],
        categories=trees.categories,
        left_is_leaf=trees.left_is_leaf[splits],
        right_is_leaf=trees.right_is_leaf[splits],
        sizes=sizes,
        values=values[leaves],
        targets=targets if vectors is None else np.zeros(len(sizes), dtype=np.int64),
        n_targets=trees.n_targets if vectors is None else vectors.shape[1],
        is_float32=source.is_float32,
        zero_is_missing=zeros,
        truncated=truncated,
    )


def _leaf_vectors(view: GraphView, node: NodeProto, trees: TreeArrays) -> tuple[str, Doubles] | None:
    """Match leaf numbers by which vectors are gathered and added tree after tree; return the sums and the vectors."""
    n_trees = len(trees.sizes)
    if not np.array_equal(trees.tree_targets, np.arange(n_trees)):
        return None
    by_tree, first = _leaf_numbers(view, node.output[0])
    table, sums = _sums_of_parts(view, by_tree, n_trees)
    if first is None or first.shape != (n_trees,) or table is None:
        return None
    numbers = first[trees.leaf_tree] + trees.weights.astype(np.int64)
    if not 0 <= numbers.min() <= numbers.max() < len(table):
        raise NotApplicable("its trees point beyond the values of their leaves")
    return sums, table[numbers]


def _leaf_numbers(view: GraphView, tensor: str) -> tuple[str, Ints | None]:
    """Match Transpose(Add(Cast(numbers), first)); return what it gives, [trees, rows], and what each tree adds."""
    first: Ints | None = None
    for operator in ("Cast", "Add", "Transpose"):
        node = view.only_reader(tensor, operator)
        if node is None or (operator == "Transpose" and attribute(node, "perm", np.zeros(0)).tolist() != [1, 0]):
            return "", None
        tensor = node.output[0]
        if operator == "Add":
            first = view.constant(node.input[1])
    return tensor, first if first is not None and first.dtype == np.int64 else None


def _sums_of_parts(view: GraphView, by_tree: str, n_trees: int) -> tuple[Doubles | None, str]:
    """Return the table of leaf vectors and the sum over all trees, in one part or in several that follow each other."""
    table, total, at = None, "", 0
    for start, end, numbers in _parts(view, by_tree, n_trees):
        gather = view.only_reader(numbers, "Gather")
        if gather is None or attribute(gather, "axis", 0) != 0 or gather.input[1] != numbers or start != at:
            return None, ""
        if table is not None and gather.input[0] != table:
            return None, ""
        table, at = gather.input[0], end
        total = _added(view, gather.output[0], total)
        if not total:
            return None, ""
    found = None if table is None else view.constant(table)
    if at < n_trees or found is None or found.ndim != 2 or found.dtype != np.float64:
        return None, ""
    return found, total


def _parts(view: GraphView, by_tree: str, n_trees: int) -> list[tuple[int, int, str]]:
    """Return the parts of the trees that are gathered at once: first tree, the one behind the last, leaf numbers."""
    readers = view.readers.get(by_tree, [])
    if not all(node.op_type == "Slice" for node in readers):
        return [(0, n_trees, by_tree)]
    parts = []
    for node in readers:
        bounds = [view.constant(name) for name in node.input[1:]]
        if len(bounds) != 3 or any(bound is None or bound.shape != (1,) for bound in bounds):
            return []
        start, end, axis = (int(bound[0]) for bound in bounds if bound is not None)
        if axis != 0:
            return []
        parts.append((start, min(end, n_trees), node.output[0]))
    return sorted(parts)


def _added(view: GraphView, terms: str, total: str) -> str:
    """Return total + terms[0] + terms[1] + …, or no name where the graph does not go on like that."""
    if total:
        raised, joined = view.only_reader(total, "Unsqueeze"), view.only_reader(terms, "Concat")
        if raised is None or joined is None or view.only_reader(raised.output[0], "Concat") is not joined:
            return ""
        if list(joined.input) != [raised.output[0], terms] or attribute(joined, "axis") != 0:
            return ""
        terms = joined.output[0]
    add = view.only_reader(terms, "ReduceSum")
    axes = None if add is None else view.constant(add.input[1])
    if add is None or axes is None or axes.tolist() != [0] or attribute(add, "keepdims", 1) != 0:
        return ""
    return str(add.output[0])
