"""From tallies to verdicts, and from verdicts to what they mean.

Every verdict of the baseline and of the selected variant must be ok; another variant that fails one is rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from packager.artifact import Variant, Verdict
from packager.errors import VerifyError
from packager.recipe.model import Recipe
from packager.verify import quality_verdicts
from packager.verify.invariance import EXACT_KEY, INVARIANCE
from packager.verify.parity import Tally
from packager.verify.verify import Findings, Subject


def judge(subject: Subject, findings: Findings, recipe: Recipe) -> list[Verdict]:
    """Return every verdict on one variant; fails closed where nothing could be compared."""
    verdicts = [*_parity_verdicts(subject, subject.made, recipe, prefix="probe_")]
    if subject.data.rows:
        verdicts += _parity_verdicts(subject, subject.data, recipe, prefix="")
    verdicts += quality_verdicts.judge(subject.variant.name, findings, recipe)
    if not subject.made.rows and not subject.data.rows:
        verdicts.append(Verdict("compared_rows", subject.variant.name, 0, 1, False, "data.verification"))
    return verdicts


def _parity_verdicts(subject: Subject, tally: Tally, recipe: Recipe, *, prefix: str) -> list[Verdict]:
    name, precision = subject.variant.name, subject.variant.precision
    parity = recipe.verify.parity
    key = parity.tolerance_key(precision, "atol")
    verdicts = []
    if tally.malformed is not None:
        verdicts.append(
            Verdict(f"{prefix}outputs", name, tally.malformed, "as the native ones", False, "convert.outputs")
        )
    if tally.values:
        verdicts.append(Verdict(f"{prefix}parity", name, tally.beyond, 0, tally.beyond == 0, key))
        verdicts.append(Verdict(f"{prefix}max_abs_error", name, tally.max_abs_error, None, True, key))
        verdicts.append(
            Verdict(
                f"{prefix}max_rel_error", name, tally.max_rel_error, None, True, parity.tolerance_key(precision, "rtol")
            )
        )
    if tally.labels:
        limit = tally.tolerance.label_mismatch
        label_key = parity.tolerance_key(precision, "label_mismatch")
        share = tally.mismatch_share
        verdicts.append(Verdict(f"{prefix}label_mismatch", name, share, limit, share <= limit, label_key))
    return verdicts


def rejected(variant: Variant, verdicts: Sequence[Verdict]) -> Variant:
    """Return the variant, `rejected` with its first failed verdict as the reason if it has one."""
    failed = [verdict for verdict in verdicts if verdict.subject == variant.name and not verdict.ok]
    if variant.status != "ok" or not failed:
        return variant
    return replace(variant, status="rejected", reason=told(failed[0]))


def told(verdict: Verdict) -> str:
    """Say a verdict in words."""
    if verdict.check.endswith("label_mismatch") and isinstance(verdict.measured, float):
        return f"{verdict.check} {verdict.measured:.4%} of rows, limit {verdict.limit:.4%}"
    if verdict.check.endswith("parity"):
        return f"{verdict.check}: {verdict.measured:,} values beyond tolerance, limit 0"
    if verdict.check in INVARIANCE and isinstance(verdict.measured, int):
        return f"{verdict.check}: {verdict.measured:,} answers differ from those to the same rows in one batch, limit 0"
    measured = f"{verdict.measured:.6g}" if isinstance(verdict.measured, float) else verdict.measured
    note = f" ({verdict.note})" if verdict.note else ""
    return f"{verdict.check} {measured}{note}, limit {verdict.limit}"


def gate(verdicts: Sequence[Verdict], name: str, recipe: Recipe) -> None:
    """Raise VerifyError when any verdict on the variant `name` failed."""
    failed = [verdict for verdict in verdicts if verdict.subject == name and not verdict.ok]
    if not failed:
        return
    first = failed[0]
    others = f" ({len(failed) - 1} more failed, see the report)" if len(failed) > 1 else ""
    what, hint = quality_verdicts.blame(first) or _blame(first)
    raise VerifyError(
        f"variant {name} {what}: {told(first)}{others}",
        measured=first.measured,
        limit=first.limit,
        key=recipe.where(first.recipe_key),
        hint=hint,
    )


def _blame(verdict: Verdict) -> tuple[str, str]:
    """Say what a failed verdict about answers means and what helps: where every bit has to stay, no limit does."""
    if verdict.check in INVARIANCE and verdict.recipe_key == EXACT_KEY:
        hint = "no limit of the recipe allows other bits: build without --locked, or keep the model as it is"
        return "answers the same rows with other bits", hint
    hint = "the report lists every verdict; set the limit that your service can bear, or keep the model as it is"
    return "does not score like the registered model", hint
