"""From verdicts and measurements to a bundle that answers: select, plan, write, replay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from packager import __version__
from packager.artifact import SourceModel, Variant, Verdict
from packager.bundle.manifest import Json
from packager.bundle.plan import BundlePlan, Golden, ModelCard
from packager.bundle.replay import replay
from packager.bundle.write import write_bundle
from packager.errors import BundleError, RecipeError
from packager.lock import Lock, check_lock, find_lock
from packager.recipe.model import Recipe
from packager.report.model import BuildReport
from packager.select import select
from packager.stages import Proof, Source
from packager.verify import gate
from packager.verify.golden import golden_rows


def plan_bundle(
    recipe: Recipe, source: Source, proof: Proof, *, report: BuildReport, locked: Path | None
) -> BundlePlan:
    """Select the variant, or take the locked one, and gather what the bundle holds."""
    model = source.model
    fresh = Lock(recipe.name, model.version, recipe.digest, model.sha256, selected="")
    variant = _chosen(recipe, report, fresh, locked)
    return BundlePlan(
        name=recipe.name,
        version=model.version,
        model=variant,
        signature=model.signature,
        tolerance=recipe.verify.parity.tolerance(variant.precision),
        settings=recipe.bundle,
        deploy=recipe.bundle.deploy,
        golden=proof.data_rows or _made_golden(proof, variant, is_baseline=variant is report.variants[0]),
        lineage=_lineage(model, recipe),
        lock=replace(fresh, selected=variant.name).text(),
        card=ModelCard(
            framework=model.framework,
            estimators=model.estimators,
            checks=tuple(verdict for verdict in report.verdicts if verdict.subject == variant.name),
        ),
    )


def write_and_replay(plan: BundlePlan, folder: Path, report: BuildReport) -> str:
    """Write the bundle, then score its golden rows through its own score.py as the platform would."""
    digest = write_bundle(plan, folder)
    result = replay(folder)
    measured = "; ".join(result.failures)[:300] if result.failures else result.max_abs_error
    report.verdicts.append(
        Verdict("served", plan.model.name, measured, plan.tolerance.atol, result.ok, "verify.parity.atol")
    )
    if not result.ok:
        message = f"the bundle's own score.py does not answer as the model does: {result.failures[0]}"
        raise BundleError(
            message, hint="this is a defect of the generated script: please report it with the report.json"
        )
    return digest


def _chosen(recipe: Recipe, report: BuildReport, fresh: Lock, locked: Path | None) -> Variant:
    """Return the selected variant, which must have passed every verdict."""
    if locked is None:
        report.selected = select(report.variants, report.measurements, recipe)
    else:
        lock = find_lock(recipe, locked)
        check_lock(lock, fresh)
        report.selected = lock.selected
    gate.gate(report.verdicts, report.selected, recipe)
    variant = next((one for one in report.variants if one.name == report.selected and one.status == "ok"), None)
    if variant is None:
        raise RecipeError(f"--locked: the variant {report.selected!r} did not come out of this build as ok")
    return variant


def _lineage(model: SourceModel, recipe: Recipe) -> dict[str, Json]:
    source: dict[str, Json] = {
        "uri": model.uri,
        "sha256": model.sha256,
        "framework": model.framework,
        "versions": dict(model.versions),
    }
    return {
        "source": source,
        "recipe": {"sha256": recipe.digest},
        "tool": f"packager {__version__}",
        "gate": "passed",
    }


def _made_golden(proof: Proof, variant: Variant, *, is_baseline: bool) -> Golden:
    chosen = golden_rows(
        proof.probes, proof.native, signature=proof.signature, precision=variant.precision, is_baseline=is_baseline
    )
    return Golden(proof.probes.rows.take(chosen), {name: values[chosen] for name, values in proof.native.items()})
