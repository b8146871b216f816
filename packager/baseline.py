"""A recipe's benchmark.baseline: a bundle, or a build's report, in; what this build may not be slower than, out.

A bundle's model can be timed again beside this build's. A report has figures alone, and they hold for its machine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packager.artifact import Measurement, SessionSettings, Signature, signature_from
from packager.bundle.manifest import MANIFEST, check_digests
from packager.bundle.model_info import read_info
from packager.errors import BenchmarkError, BundleError, RecipeError, SourceError
from packager.recipe.model import Recipe
from packager.registry.fetch import find_bundle
from packager.registry.locate import parse_uri

REPORT = "report.json"
# The largest report that was seen has a thousandth of this.
_MAX_REPORT_BYTES = 64 << 20
# What has to be equal before two machines count as one; what else a report tells changes from day to day.
_SAME_MACHINE = ("processor", "architecture", "cores", "cores_usable", "cpu_limit")


@dataclass(frozen=True)
class Model:
    """The baseline's model, whose bytes are those of its manifest, and how its session runs."""

    path: Path
    settings: SessionSettings
    digest: str


@dataclass(frozen=True)
class Baseline:
    """What is at the recipe's key: `model` where it can be timed again, else the `measurements` on `machine`."""

    shown: str
    signature: Signature
    model: Model | None = None
    measurements: tuple[Measurement, ...] = ()
    machine: Mapping[str, Any] | None = None

    def check(self, signature: Signature, machine: Mapping[str, Any], key: str) -> None:
        """Raise BenchmarkError where nothing on this machine could tell which of the two is the slower."""
        self._check_alike(signature, key)
        if self.model is None:
            self._check_machine(machine, key)

    def _check_alike(self, signature: Signature, key: str) -> None:
        """Raise BenchmarkError where it takes other columns or gives other outputs than the new model."""
        theirs, ours = _shape(self.signature), _shape(signature)
        differing = next((name for name in ours if theirs[name] != ours[name]), None)
        if differing is not None:
            raise BenchmarkError(
                f"the baseline {self.shown} is another kind of model: its {differing} are not this model's",
                measured=_told(theirs[differing]),
                limit=_told(ours[differing]),
                key=key,
                hint="name a build of the same model, or leave benchmark.baseline out",
            )

    def _check_machine(self, machine: Mapping[str, Any], key: str) -> None:
        """Raise BenchmarkError where its figures, which is all there is, were taken on another machine."""
        earlier = self.machine or {}
        for name in _SAME_MACHINE:
            if earlier.get(name) != machine.get(name):
                raise BenchmarkError(
                    f"the baseline {self.shown} was measured on another machine, and its model is not there to be "
                    f"timed here: the {name.replace('_', ' ')} differs",
                    measured=earlier.get(name),
                    limit=machine.get(name),
                    key=key,
                    hint="name the bundle instead of its report: its model is then timed here, beside the new one",
                )


def find_baseline(recipe: Recipe, *, environ: Mapping[str, str]) -> Baseline | None:
    """Return the recipe's baseline, None where it names none.

    RecipeError where there is nothing of the kind, BenchmarkError where a bundle is not what its manifest says, or a
    report has no figures.
    """
    asked = recipe.benchmark.baseline
    if asked is None:
        return None
    key = recipe.where("benchmark.baseline")
    try:
        path = parse_uri(asked, base=recipe.path.parent).path
        report = None if path is None else _report_file(path)
        if path is None or report is None:
            folder, digest = find_bundle(asked, base=recipe.path.parent, environ=environ)
            folder = _within(folder)
            if not (folder / MANIFEST).exists():
                raise SourceError(f"{asked} holds neither a bundle's {MANIFEST} nor a {REPORT}")
            return _of_bundle(asked, folder, digest)
        return _of_report(asked, report)
    except (RecipeError, SourceError) as error:
        raise RecipeError(f"no baseline: {error.message}", key=key, hint=error.hint) from None
    except BundleError as error:
        message = f"no baseline: {error.message}"
        raise BenchmarkError(message, measured=error.measured, limit=error.limit, key=key, hint=error.hint) from None
    except BenchmarkError as error:
        error.key = key
        raise


def _within(folder: Path) -> Path:
    """Return the bundle's folder: of what `--out` holds for a build, the one within."""
    within = folder / "bundle"
    return within if not (folder / MANIFEST).exists() and within.is_dir() else folder


def _report_file(path: Path) -> Path | None:
    """Return the report that a path names, None where it names a bundle or nothing that is there."""
    if path.is_file():
        return path
    if (_within(path) / MANIFEST).exists():
        return None
    return next((place / REPORT for place in (path, path / "report") if (place / REPORT).is_file()), None)


def _of_bundle(shown: str, folder: Path, digest: str | None) -> Baseline:
    manifest = check_digests(folder)
    if digest not in (None, manifest.digest):
        raise BundleError(f"{folder} is not the bundle that was published", measured=manifest.digest, limit=digest)
    info = read_info(folder / "code")
    return Baseline(shown, info.signature, Model(folder / "model" / info.served_file, info.session, manifest.digest))


def _of_report(shown: str, path: Path) -> Baseline:
    """Read a report; where the very bundle that it tells of lies beside it, that one is the baseline."""
    document = _read(path)
    try:
        selected, digest = document["selected"], (document["bundle"] or {}).get("digest")
        signature = signature_from(document["source"]["signature"])
        rows = [_measurement(row) for row in document["measurements"] if row["variant"] == selected]
    except (LookupError, TypeError, AttributeError, ValueError):
        raise RecipeError(f"{path} is not a report.json of a build that came to its figures") from None
    beside = path.parent.with_name("bundle")
    if digest and (beside / MANIFEST).exists():
        try:
            found = _of_bundle(shown, beside, digest)
        except BundleError:
            found = None  # another build's bundle, or a changed one: the report stands for itself
        if found is not None:
            return found
    measured = tuple(row for row in rows if row.p50_us is not None)
    if not measured:
        raise BenchmarkError(f"the baseline {shown} has no figures of the variant {selected!r}")
    return Baseline(shown, signature, None, measured, document.get("machine"))


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_REPORT_BYTES:
            raise ValueError
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"{path} cannot be read as a report: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise RecipeError(f"{path} is not a report.json of a build")
    return document


def _measurement(row: dict[str, Any]) -> Measurement:
    """Return one row of a report, of which only what is compared has to be there."""
    figures = [row["p50_us"], *(row["ci95"] or ())]
    if any(figure is not None and not 0 < float(figure) < math.inf for figure in figures):
        raise ValueError("a time that no call can take")
    interval = row["ci95"]
    if interval is not None and not interval[0] <= row["p50_us"] <= interval[1]:
        raise ValueError("a median outside its interval")
    return Measurement(
        target=str(row["target"]),
        provider=str(row["provider"]),
        provider_active=row["provider_active"],
        placement={},
        variant=str(row["variant"]),
        batch_size=int(row["batch_size"]),
        threads=int(row["threads"]),
        p50_us=None if row["p50_us"] is None else float(row["p50_us"]),
        ci95=None if interval is None else (float(interval[0]), float(interval[1])),
        runs=int(row["runs"]),
    )


def _shape(signature: Signature) -> dict[str, list[tuple[object, ...]]]:
    """Return what two models must have in common before one can be called the slower."""
    return {
        "columns": [(column.name, column.dtype) for column in signature.columns],
        "outputs": [(output.role, output.width) for output in signature.outputs],
    }


def _told(values: list[tuple[object, ...]]) -> str:
    text = ", ".join(" ".join(map(str, one)) for one in values)
    return text if len(text) <= 200 else f"{len(values)} of them: {text[:160]}…"
