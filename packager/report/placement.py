"""Where the nodes of a model run, in plain words: how many the provider took, and which operators stay on the CPU."""

from __future__ import annotations

from collections.abc import Mapping

from packager import wording

CPU = "CPUExecutionProvider"
Operators = Mapping[str, Mapping[str, int]]
_TREES = frozenset({"TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"})
# More names than this are for the table.
_NAMED = 4


def placement_said(provider: str, onnxruntime_name: str, operators: Operators) -> str:
    """Return, as of `openvino`: openvino runs 0 of 3 nodes: tree operators stay on CPU."""
    taken = sum(operators.get(onnxruntime_name, {}).values())
    total = sum(sum(counts.values()) for counts in operators.values())
    if taken == total:
        return f"{provider} runs all {wording.count(total)} nodes"
    left = [name for other, counts in operators.items() if other != onnxruntime_name for name in counts]
    return f"{provider} runs {wording.count(taken)} of {wording.count(total)} nodes: {_left(left)} stay on CPU"


def operators_said(counts: Mapping[str, int]) -> str:
    """Return operators by name, those that occur often with their count: MatMul, Add (5)."""
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} ({wording.count(count)})" if count > 1 else name for name, count in by_count)


def _left(names: list[str]) -> str:
    """Return what is left in a few words: operators over trees under one name, then the first others."""
    trees = ["tree operators"] if any(name in _TREES for name in names) else []
    found = [*trees, *sorted(set(names) - _TREES)]
    if len(found) > _NAMED:
        return f"{', '.join(found[:_NAMED])} and {len(found) - _NAMED} other operators"
    return " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))
