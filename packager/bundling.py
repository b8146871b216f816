"""From a decision to a bundle that answers: plan, write, replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from packager import __version__
from packager.artifact import VERIFIED_SETTINGS, Signature, SourceModel, Variant, Verdict
from packager.binned.library import require_instruction_set
from packager.bundle.deploy import keys_told
from packager.bundle.environment import pins
from packager.bundle.fast_path import compiled_library
from packager.bundle.golden import whole_labels
from packager.bundle.manifest import Json
from packager.bundle.plan import BundlePlan, Golden, ModelCard, Outputs
from packager.bundle.rehearse import Rehearsal, rehearse
from packager.bundle.replay import ReplayResult, replay
from packager.bundle.write import write_bundle
from packager.dataset.rows import Rows
from packager.deciding import Decision
from packager.errors import BundleError, VerifyError
from packager.recipe.model import Recipe
from packager.recipe.parity import Tolerance
from packager.report.model import BuildReport
from packager.runtime.machine import cpu_features
from packager.runtime.session import open_session
from packager.sizing import sized
from packager.stages import Proof, Source
from packager.verify import gate
from packager.verify.golden import choose_golden, fit_rows, servable, spread
from packager.verify.parity import same_labels
from packager.verify.probes import Probes

# A second or so of scoring: all made rows of most models, of the others some of every kind.
_SERVED_ROWS, _SERVED_CELLS = 5_000, 250_000
_SERVED_OTHERWISE = "answers of reduced precisions change with the rows of a request: choose fp64 or fp32 in `select`"
_STANDBY_OTHERWISE = "it has limits of its own: set those that your service can bear where model.onnx serves"
# Made rows that no request can carry; each is sent alone, and one of a kind would do.
_OTHERS = 16


def require_environment(recipe: Recipe) -> None:
    """Refuse at once, and not after all the work, a serving environment that can't be: BundleError at `bundle.python`.

    What no package index holds is refused too, a required fast path where nothing is compiled for it, and forced
    instructions that this processor does not have.
    """
    require_instruction_set()
    with keys_told(recipe):
        pins(recipe.bundle.python)
        if recipe.bundle.fast_path == "require":
            compiled_library()


def require_fast_path(recipe: Recipe, variants: Sequence[Variant]) -> None:
    """Refuse a required fast path as soon as it is known that there will be none: BundleError."""
    binned = next((one for one in variants if one.precision == "binned"), None)
    if recipe.bundle.fast_path == "require" and binned is not None and binned.status != "ok":
        status = binned.status.replace("_", " ")
        raise _no_fast_path(f"binned is {status}: {binned.reason}", recipe, measured=status, limit="ok")


def plan_bundle(recipe: Recipe, source: Source, proof: Proof, *, report: BuildReport, decision: Decision) -> BundlePlan:
    """Gather what the bundle of the selected variant holds; BundleError where a required fast path was not selected."""
    model, variant = source.model, decision.variant
    is_binned, baseline = variant.precision == "binned", report.variants[0]
    if recipe.bundle.fast_path == "require" and not is_binned:
        raise _not_fast(variant, recipe, report)
    served = {variant.name, *([baseline.name] if is_binned and recipe.bundle.fast_path == "prefer" else [])}
    return BundlePlan(
        name=recipe.name,
        version=model.version,
        model=baseline if is_binned else variant,
        binned=variant if is_binned else None,
        baseline_tolerance=recipe.verify.parity.tolerance(baseline.precision) if is_binned else None,
        signature=model.signature,
        tolerance=recipe.verify.parity.tolerance(variant.precision),
        settings=recipe.bundle,
        deploy=sized(recipe.bundle.deploy, decision.lock.size),
        golden=_golden(proof, variant, recipe, report=report),
        lineage=_lineage(model, recipe),
        lock=decision.lock.text(),
        card=ModelCard(
            framework=model.framework,
            estimators=model.estimators,
            checks=tuple(verdict for verdict in report.verdicts if verdict.subject in served),
        ),
        # Without the instructions that add products of bytes exactly, int8 sums saturate: other answers.
        cpu_features=cpu_features() if variant.precision == "int8" else None,
        session=decision.settings,
    )


def _not_fast(variant: Variant, recipe: Recipe, report: BuildReport) -> BundleError:
    """Say why another variant than binned was selected: nothing was gained by it, or nothing is known of its speed."""
    target = recipe.select.target or recipe.benchmark.targets[0].name
    rows = [row for row in report.measurements if (row.variant, row.target) == ("binned", target)]
    missing = next((f": {row.reason}" for row in rows if row.reason), "")
    is_measured = any(row.p50_us is not None for row in rows)
    why = "it was not the fastest" if is_measured else f"it has no figure on {target}{missing}"
    why = f"{variant.name} is selected, not binned: {why}"
    return _no_fast_path(why, recipe, measured=variant.name, limit="binned")


def _no_fast_path(why: str, recipe: Recipe, *, measured: str, limit: str) -> BundleError:
    return BundleError(
        f"the bundle would hold no fast path: {why}",
        measured=measured,
        limit=limit,
        key=recipe.where("bundle.fast_path"),
        hint="leave bundle.fast_path out: the bundle then serves the variant that is selected",
    )


def write_and_replay(plan: BundlePlan, folder: Path, *, proof: Proof, recipe: Recipe, report: BuildReport) -> str:
    """Write the bundle; score its golden rows, then made rows, through its own score.py as the platform would.

    BundleError where the script is at fault, VerifyError where its answers are the model's and lie beyond the limits.
    """
    with keys_told(recipe):
        digest = write_bundle(plan, folder)
    served = _rows_to_serve(plan, proof, is_baseline=plan.selected.name == report.variants[0].name)
    result, rehearsal = replay(folder), rehearse(folder, served.made, served.others)
    report.verification |= {
        "rows_served": rehearsal.rows,
        "requests_that_must_be_refused": rehearsal.refusals,
        "golden_rows": result.rows,
        "golden_coverage": {name: f"{covered:,} of {count:,}" for name, (covered, count) in result.coverage.items()},
    }
    verdicts = _served_verdicts(plan, recipe, result, rehearsal, stands_for=served.stands_for)
    report.verdicts += verdicts
    faults = [] if result.ok or result.differing_rows else list(result.failures)
    if faults := [*rehearsal.faults, *faults]:
        raise BundleError(
            f"the bundle's own score.py does not answer as the model does: {faults[0]}",
            hint="this is a defect of the generated script: please report it with the report.json"
            if plan.session == VERIFIED_SETTINGS
            else "its session runs with tuned settings: build without --locked, or with benchmark.tuning: off",
        )
    if not result.ok:
        raise _otherwise(next(one for one in verdicts if not one.ok), plan, recipe)
    gate.gate(verdicts, plan.selected.name, recipe)
    return digest


def _otherwise(verdict: Verdict, plan: BundlePlan, recipe: Recipe) -> VerifyError:
    """Say which form of the model answers the golden rows beyond its own limits."""
    is_standby = verdict.subject != plan.selected.name
    who = f"{verdict.subject}, which stands by for {plan.selected.name}," if is_standby else verdict.subject
    return VerifyError(
        f"variant {who} does not score like the registered model when served: {verdict.measured}",
        key=recipe.where(verdict.recipe_key),
        hint=_STANDBY_OTHERWISE if is_standby else _SERVED_OTHERWISE,
    )


@dataclass(frozen=True)
class _Served:
    """Made rows for score.py: a sample of `stands_for` rows, and some that it must refuse."""

    made: Golden
    others: Rows
    stands_for: int


def _rows_to_serve(plan: BundlePlan, proof: Proof, *, is_baseline: bool) -> _Served:
    """Choose made rows that the variant was judged on; where no request can carry one, the golden rows stand in."""
    signature, precision = plan.signature, plan.selected.precision
    probes, native = proof.probes, proof.native
    fit = fit_rows(probes, native, signature=signature, precision=precision, is_baseline=is_baseline)
    room = min(_SERVED_ROWS, max(1, _SERVED_CELLS // len(signature.columns)))
    # In no order: int8 scales by the largest number of a request, so that rows of one kind alone would be special.
    chosen = np.random.default_rng(0).permutation(spread(probes.kinds, fit, room))
    left_out = np.flatnonzero(~servable(probes.rows, native, signature=signature, precision=precision))
    others = left_out[np.linspace(0, len(left_out) - 1, min(_OTHERS, len(left_out))).astype(np.intp)]
    made = _taken(Golden(probes.rows, native), chosen) if len(chosen) else plan.golden
    return _Served(made, probes.rows.take(others), max(int(fit.sum()), len(made.rows)))


def _served_verdicts(
    plan: BundlePlan, recipe: Recipe, result: ReplayResult, rehearsal: Rehearsal, *, stands_for: int
) -> list[Verdict]:
    variant, limits, parity = plan.selected, plan.tolerance, recipe.verify.parity
    name, precision = variant.name, variant.precision
    atol = parity.tolerance_key(precision, "atol")
    own = [failure for failure in result.failures if failure not in result.onnx_failures]
    verdicts = [
        _golden_verdict(name, own, result.max_abs_error, limits, atol),
        Verdict("served_bitwise", name, rehearsal.unlike_session, 0, rehearsal.unlike_session == 0, "bundle"),
        Verdict("served_refusals", name, len(rehearsal.taken), 0, not rehearsal.taken, "bundle"),
        Verdict("served_parity", name, rehearsal.beyond, 0, rehearsal.beyond == 0, atol),
    ]
    if any(output.role == "label" for output in plan.signature.outputs):
        # A sample holds a little more of the differing labels than all the rows, or a little less: all may be in it.
        ok = rehearsal.label_mismatches <= whole_labels(limits.label_mismatch, stands_for)
        share = rehearsal.label_mismatches / rehearsal.rows
        key = parity.tolerance_key(precision, "label_mismatch")
        verdicts.append(Verdict("served_label_mismatch", name, share, limits.label_mismatch, ok, key))
    return [*verdicts, *_standby_verdicts(plan, recipe, result)]


def _standby_verdicts(plan: BundlePlan, recipe: Recipe, result: ReplayResult) -> Iterator[Verdict]:
    """Yield how the baseline fared that stands by for a binned form, by limits and a key of its own."""
    if (limits := plan.baseline_tolerance) is not None:
        name, error = plan.model.name, result.onnx_max_abs_error or 0.0
        key = recipe.verify.parity.tolerance_key(plan.model.precision, "atol")
        yield _golden_verdict(name, result.onnx_failures, error, limits, key)


def _golden_verdict(name: str, failures: Sequence[str], error: float, limits: Tolerance, key: str) -> Verdict:
    measured, limit = (failures[0], "as the native ones") if failures else (error, limits.atol)
    return Verdict("served_golden", name, measured, limit, not failures, key)


def _lineage(model: SourceModel, recipe: Recipe) -> dict[str, Json]:
    source: dict[str, Json] = {
        "uri": model.uri,
        "sha256": model.sha256,
        "framework": model.framework,
        "versions": dict(model.versions),
    }
    return {
        "source": source,
        # What a benchmark of the bundle needs to know of the recipe, on machines that have the bundle alone.
        "recipe": {"sha256": recipe.digest, "benchmark": _benchmark_settings(recipe)},
        "tool": f"packager {__version__}",
        "gate": "passed",
    }


def _benchmark_settings(recipe: Recipe) -> dict[str, Json]:
    settings: dict[str, Json] = recipe.benchmark.model_dump(mode="json", include={"targets", "batch_sizes", "slo"})
    return settings


def _golden(proof: Proof, variant: Variant, recipe: Recipe, *, report: BuildReport) -> Golden:
    """Choose the golden rows: of the made rows that the variant was judged on, or of the verification rows."""
    is_baseline, precision = variant is report.variants[0], variant.precision
    probes, native, signature = proof.probes, proof.native, proof.signature
    if proof.data_rows is not None:
        probes = Probes(proof.data_rows.rows, np.zeros(len(proof.data_rows.rows), dtype=np.int8))
        native, is_baseline = proof.data_rows.outputs, False
    fit = fit_rows(probes, native, signature=signature, precision=precision, is_baseline=is_baseline)
    tolerance = recipe.verify.parity.tolerance(precision)
    if tolerance.label_mismatch and variant.path is not None:
        judged = _taken(Golden(probes.rows, native), np.flatnonzero(fit))
        steady = _steady(judged, open_session(variant.path, signature).answers(judged.rows), signature, tolerance)
        if unsteady := int(np.count_nonzero(~steady)):
            reason = f"their label may turn while {variant.name} keeps within its limits"
            report.notes.append(f"No golden rows are {unsteady:,} of {len(steady):,} rows: {reason}.")
        fit[fit] = steady
    choice = choose_golden(probes, native, structure=proof.structure, signature=signature, fit=fit)
    return replace(_taken(Golden(probes.rows, native), choice.rows), coverage=choice.coverage)


def _steady(judged: Golden, answers: Outputs, signature: Signature, limits: Tolerance) -> npt.NDArray[np.bool_]:
    """Return of which rows every label is the native one, and stays so while all numbers are within the limits.

    Other labels are allowed to such a variant in few rows of many; among golden rows, even one would be too many.
    """
    steady = np.ones(len(judged.rows), dtype=bool)
    for output in signature.outputs:
        native = judged.outputs[output.name]
        if output.role == "label":
            steady &= same_labels(native, answers[output.name]).reshape(len(steady), -1).all(axis=1)
        elif output.role == "probability" and native.ndim == 2 and native.shape[1] > 1:
            second, first = np.sort(native.astype(np.float64), axis=1)[:, -2:].T
            steady &= first - second > 2 * limits.atol + limits.rtol * (first + second)
    return steady


def _taken(golden: Golden, chosen: npt.NDArray[np.intp]) -> Golden:
    return Golden(golden.rows.take(chosen), {name: values[chosen] for name, values in golden.outputs.items()})
