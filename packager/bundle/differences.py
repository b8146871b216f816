"""What changed between two bundles: what they are, what they take and answer, and what they run in.

Two bundles go in, changes come out in a fixed order; `breaks` marks those that a client of the first would notice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from packager.artifact import Column
from packager.bundle.fast_path import LIBRARY_FILE
from packager.bundle.manifest import Json, Manifest, check_digests
from packager.bundle.model_info import ModelInfo, read_info
from packager.errors import BundleError
from packager.wording import count, several

Leaves = Mapping[str, Json]

# What a bundle is called and made of changes with every build; the rest is told under its own name.
_LOCK_TOLD_ELSEWHERE = {"name", "version", "source_sha256", "tool"}
_SHOWN = 6


@dataclass(frozen=True)
class Change:
    """One thing that is not the same; None stands for what is not there."""

    section: str
    what: str
    before: Json
    after: Json
    breaks: bool = False


@dataclass(frozen=True)
class Side:
    """One of the two bundles, whole by its digests."""

    folder: Path
    manifest: Manifest
    info: ModelInfo

    def leaves(self, *path: str) -> Leaves:
        """Return the values of a YAML file of the bundle by their dotted keys; none where there is no such file."""
        file = self.folder.joinpath(*path)
        try:
            return dict(_leaves(yaml.safe_load(file.read_text(encoding="utf-8"))))
        except FileNotFoundError:
            return {}
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
            raise BundleError(f"{file} is no YAML", hint="build or fetch the bundle anew") from None


def open_side(bundle: Path) -> Side:
    """Return a bundle after its digests were checked; BundleError where it is none."""
    return Side(bundle, check_digests(bundle), read_info(bundle / "code"))


def differences(before: Side, after: Side) -> list[Change]:
    """Return every change, section by section; none where the bundles are the same bytes."""
    if before.manifest.digest == after.manifest.digest:
        return []
    return [
        *_identity(before, after),
        *_model(before, after),
        *_columns(before.info.signature.columns, after.info.signature.columns),
        *_answers(before.info, after.info),
        *_requests(before.info, after.info),
        *_environment(before, after),
        *_settings(before, after),
        *_files(before.manifest, after.manifest),
    ]


def _identity(before: Side, after: Side) -> Iterator[Change]:
    for what in ("name", "version"):
        yield from _unequal("bundle", what, getattr(before.manifest, what), getattr(after.manifest, what))


def _model(before: Side, after: Side) -> Iterator[Change]:
    yield from _unequal("model", "sha256", before.info.sha256, after.info.sha256)
    yield from _unequal("model", "size_bytes", before.info.size, after.info.size)
    yield from _unequal("model", "dtype", before.info.graph_dtype, after.info.graph_dtype)
    fast = [dict(_leaves(_fast_path(side.info), "fast_path")) for side in (before, after)]
    yield from _unequal_leaves("model", fast[0], fast[1])
    lineage = [dict(_leaves(side.manifest.lineage)) for side in (before, after)]
    yield from _unequal_leaves("model", lineage[0], lineage[1], leave_out={"recipe.sha256"})


def _fast_path(info: ModelInfo) -> Json:
    """Return what is worth telling of a fast path: its self-test and script change with the model and the program."""
    if info.fast_path is None:
        return None
    fast = info.fast_path
    library = fast.code[LIBRARY_FILE].sha256 if LIBRARY_FILE in fast.code else None
    return {
        "mode": fast.mode,
        "machine": f"{fast.system} {fast.machine}",
        "library_sha256": library,
        "sha256": fast.model.sha256,
        "size_bytes": fast.model.size,
    }


def _columns(before: Sequence[Column], after: Sequence[Column]) -> Iterator[Change]:
    old, new = {column.name: column for column in before}, {column.name: column for column in after}
    for name in (name for name in old if name not in new):
        yield Change("columns", name, _told(old[name]), None, breaks=True)
    for name in (name for name in new if name not in old):
        yield Change("columns", name, None, _told(new[name]), breaks=new[name].dtype != "any")
    for name in (name for name in old if name in new):
        yield from _column(old[name], new[name])
    order = [[column.name for column in side if column.name in old and column.name in new] for side in (before, after)]
    if order[0] != order[1]:
        yield Change("columns", "order", _shown(order[0]), _shown(order[1]), breaks=True)


def _column(old: Column, new: Column) -> Iterator[Change]:
    if _told(old) != _told(new):
        yield Change("columns", new.name, _told(old), _told(new), breaks=_takes_less(old, new))
    elif old.known != new.known:
        lost, won = set(old.known or ()) - set(new.known or ()), set(new.known or ()) - set(old.known or ())
        told = f"{several(len(won), 'value')} more, {count(len(lost))} fewer"
        yield Change("columns", new.name, _told(old), told, breaks=bool(lost))


def _takes_less(old: Column, new: Column) -> bool:
    """Say whether a cell that the old column takes is refused by the new one."""
    if new.dtype == "any":
        return False
    fewer = new.known is not None and (old.known is None or not set(old.known) <= set(new.known))
    narrower = new.dtype == "float64" and (new.least > old.least or new.max_abs < old.max_abs)
    return (
        old.dtype != new.dtype
        or (old.accepts_missing and not new.accepts_missing)
        or (old.truth and not new.truth)
        or fewer
        or narrower
    )


def _told(column: Column) -> str:
    parts = [
        column.dtype,
        "" if column.known is None else f"one of {several(len(column.known), 'value')}",
        "" if column.minimum is None else f"at least {column.minimum:g}",
        f"up to {column.max_abs:g}" if column.dtype == "float64" and column.max_abs < 1e308 else "",
        "true or false" if column.truth else "",
        "may be missing" if column.accepts_missing else "",
    ]
    return ", ".join(filter(None, parts))


def _answers(before: ModelInfo, after: ModelInfo) -> Iterator[Change]:
    yield from _unequal("answers", "task", before.signature.task, after.signature.task, breaks=True)
    old, new = before.signature.classes or (), after.signature.classes or ()
    if old != new:
        yield Change("answers", "labels", _shown(old), _shown(new), breaks=True)
    shapes = [
        {output.field: f"{output.dtype}{list(output.shape) or ''}" for output in i.outputs} for i in (before, after)
    ]
    for field in dict.fromkeys([*shapes[0], *shapes[1]]):
        if field in shapes[0] and field in shapes[1] and old != new:
            continue  # more labels are more probabilities: said above
        yield from _unequal("answers", field, shapes[0].get(field), shapes[1].get(field), breaks=field in shapes[0])


def _requests(before: ModelInfo, after: ModelInfo) -> Iterator[Change]:
    yield from _unequal("requests", "key", before.request_key, after.request_key, breaks=True)
    fewer = after.max_batch < before.max_batch
    yield from _unequal("requests", "max_batch", before.max_batch, after.max_batch, breaks=fewer)
    session = [{key: _plain(value) for key, value in vars(info.session).items()} for info in (before, after)]
    yield from _unequal_leaves("session", session[0], session[1])


def _environment(before: Side, after: Side) -> Iterator[Change]:
    old, new = _pins(before), _pins(after)
    for package in sorted(old.keys() | new.keys()):
        yield from _unequal("environment", package, old.get(package), new.get(package))


def _pins(side: Side) -> dict[str, str]:
    """Return the versions that conda.yml pins, by package."""
    listed = [str(value) for key, value in side.leaves("environment", "conda.yml").items() if "dependencies" in key]
    parts = [pin.replace("==", "=").partition("=") for pin in listed]
    return {name: version for name, _, version in parts}


def _settings(before: Side, after: Side) -> Iterator[Change]:
    for part in ("deployment", "endpoint"):
        old, new = (side.leaves("deploy", f"{part}.yml") for side in (before, after))
        yield from _unequal_leaves(part, old, new, leave_out={"tags.bundle_version"})
    lock = [side.leaves("recipe.lock.yml") for side in (before, after)]
    yield from _unequal_leaves("recipe", lock[0], lock[1], leave_out=_LOCK_TOLD_ELSEWHERE)


def _files(before: Manifest, after: Manifest) -> Iterator[Change]:
    old, new = {entry.path for entry in before.files}, {entry.path for entry in after.files}
    for path in sorted(old ^ new):
        yield Change("files", path, "there" if path in old else None, "there" if path in new else None)


def _unequal_leaves(section: str, old: Leaves, new: Leaves, *, leave_out: set[str] | None = None) -> Iterator[Change]:
    for key in dict.fromkeys([*old, *new]):
        if key not in (leave_out or set()):
            yield from _unequal(section, key, old.get(key), new.get(key))


def _unequal(section: str, what: str, before: Json, after: Json, *, breaks: bool = False) -> Iterator[Change]:
    if before != after:
        yield Change(section, what, before, after, breaks=breaks)


def _leaves(document: Any, key: str = "") -> Iterator[tuple[str, Json]]:
    """Yield each value of a document with its dotted key."""
    if isinstance(document, dict | list) and document:
        pairs = document.items() if isinstance(document, dict) else enumerate(document)
        for inner, value in pairs:
            yield from _leaves(value, f"{key}.{inner}" if key else str(inner))
    else:
        yield key, _plain(document)


def _plain(value: Any) -> Json:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _shown(names: Sequence[object]) -> str:
    shown = ", ".join(map(str, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {count(len(names) - _SHOWN)} more"
