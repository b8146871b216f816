"""Where the nodes of a model run, in plain words: how many the provider took, and which operators stay on the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from packager import wording
from packager.artifact import Measurement
from packager.report.tables import Columns, Table, plain_row

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
    return f"{provider} runs {wording.count(taken)} of {wording.count(total)} nodes: {_left(left)} on CPU"


def placed(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return one measurement of each variant and target whose nodes are placed: the graph is the same for all rows."""
    first = {(one.target, one.variant): one for one in reversed(measurements) if one.placement}
    return [one for one in measurements if first.get((one.target, one.variant)) is one]


def placement_findings(measurements: Sequence[Measurement]) -> Iterator[str]:
    """Yield a sentence for each variant on each target that asked for another provider than the CPU."""
    for one in placed(measurements):
        if one.provider != "cpu" and one.operators:
            name = one.provider_active or "none of these"
            said = placement_said(one.provider, name, one.operators)
            yield f"{wording.printable(one.variant)} on {wording.printable(one.target)}: {said}."


def placement_table(measurements: Sequence[Measurement]) -> Table:
    """Which provider runs which operators of each variant, on the targets where that is the same."""
    columns: Columns = (
        ("Targets", "code"),
        ("Variant", "code"),
        ("Provider", "code"),
        ("Nodes", "number"),
        ("Operators", "text"),
    )
    alike: dict[tuple[str, str, int, str], list[str]] = {}
    for one in placed(measurements):
        for provider, nodes in one.placement.items():
            said = operators_said(one.operators.get(provider, {})) or wording.NONE
            alike.setdefault((one.variant, provider, nodes, said), []).append(wording.printable(one.target))
    rows = tuple(
        plain_row(
            ", ".join(targets),
            wording.printable(variant),
            wording.printable(provider),
            wording.count(nodes),
            wording.printable(said),
        )
        for (variant, provider, nodes, said), targets in alike.items()
    )
    return Table("Nodes of each graph by the provider that runs them", columns, rows, stacks=True)


def operators_said(counts: Mapping[str, int]) -> str:
    """Return operators by name, those that occur often with their count: Add (5), MatMul."""
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} ({wording.count(count)})" if count > 1 else name for name, count in by_count)


def _left(names: Sequence[str]) -> str:
    """Return what is left in a few words: operators over trees under one name, then the first others."""
    trees = ["tree operators"] if any(name in _TREES for name in names) else []
    found = [*trees, *sorted(set(names) - _TREES)]
    if len(found) > _NAMED:
        return f"{', '.join(found[:_NAMED])} and {len(found) - _NAMED} other operators stay"
    verb = "stays" if len(found) == 1 and not trees else "stay"
    return f"{' and '.join(filter(None, (', '.join(found[:-1]), found[-1])))} {verb}"
