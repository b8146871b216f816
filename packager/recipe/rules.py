"""The rules between sections. They read plain values, so that they speak even where another key is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from packager.recipe.document import Document, Place, Problem
from packager.recipe.model import Benchmark
from packager.recipe.problems import did_you_mean


def rule_problems(values: dict[str, JsonValue], document: Document) -> Iterator[Problem]:
    """Yield what is wrong between sections of `values`, with the lines of `document`."""
    for place, text in (
        *_quality_needs_label(values),
        *_target_names(values, document),
        *_selected_target(values, document),
        *_required_fast_path(values),
    ):
        yield Problem(place, document.line(place), text)


def _quality_needs_label(values: dict[str, JsonValue]) -> Iterator[tuple[Place, str]]:
    if _at(values, "data", "label") is not None:
        return
    for key, what in (("drift", "drift"), ("segment", "drift per segment"), ("champion", "a gain")):
        if _at(values, "verify", key) is not None:
            yield ("verify", key), f"{what} is measured against true labels: name their column in data.label"


def _target_names(values: dict[str, JsonValue], document: Document) -> Iterator[tuple[Place, str]]:
    targets = _at(values, "benchmark", "targets")
    first: dict[str, int] = {}
    for index, target in enumerate(targets if isinstance(targets, list) else []):
        name = _at(target, "name")
        if isinstance(name, str):
            place = ("benchmark", "targets", index, "name")
            if name in first:
                yield place, f"two targets have this name, the first on line {first[name]}"
            first.setdefault(name, document.line(place))


def _selected_target(values: dict[str, JsonValue], document: Document) -> Iterator[tuple[Place, str]]:
    wanted = _at(values, "select", "target")
    if isinstance(wanted, str) and wanted not in _names(values):
        # Suggested as written: a variable may have filled in a name.
        near = did_you_mean(wanted, _names(document.values))
        yield ("select", "target"), f"no target of benchmark.targets has this name{near}"


def _required_fast_path(values: dict[str, JsonValue]) -> Iterator[tuple[Place, str]]:
    if _at(values, "bundle", "fast_path") != "require":
        return
    place, needs = ("bundle", "fast_path"), "require needs the variant binned in the bundle"
    precisions = _at(values, "optimize", "precisions")
    if isinstance(precisions, list) and "binned" not in precisions:
        yield place, f"{needs}: name binned in optimize.precisions"
    if _at(values, "select", "objective") in (None, "fidelity", "size"):
        yield place, f"{needs}, which is chosen by its speed alone: set select.objective to latency or throughput"
    target = _deciding_target(values)
    provider = _at(target, "provider")
    if isinstance(provider, str) and provider != "cpu":
        why = f"which runs on the CPU alone, and has no figure on {_at(target, 'name')} ({provider})"
        yield place, f"{needs}, {why}: name a target of provider cpu in select.target"


def _deciding_target(values: dict[str, JsonValue]) -> JsonValue:
    """Return the target that select.target names, else the first; None where the recipe writes no such target."""
    targets, wanted = _at(values, "benchmark", "targets"), _at(values, "select", "target")
    found = targets if isinstance(targets, list) else []
    return next((one for one in found if wanted is None or _at(one, "name") == wanted), None)


def _names(values: dict[str, JsonValue]) -> list[str]:
    targets = _at(values, "benchmark", "targets")
    if isinstance(targets, list):
        return [name for target in targets if isinstance(name := _at(target, "name"), str)]
    return [target.name for target in Benchmark().targets]


def _at(value: JsonValue, *keys: str) -> JsonValue:
    """Return the value under `keys`, or None where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
