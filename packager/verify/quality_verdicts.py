"""From drops, gains and flips to verdicts: the whole interval has to lie within the limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packager.artifact import Verdict
from packager.recipe.model import Champion, Recipe
from packager.recipe.model import Drift as AskedDrift
from packager.report.model import Drift, Flips, Gain
from packager.verify.decision import Measured
from packager.verify.verify import Findings

_NOT_MEASURED = "not measured: no labelled rows"
_DROP_KEY = "verify.drift.max_drop"


def judge(variant: str, findings: Findings, recipe: Recipe) -> list[Verdict]:
    """Return every verdict about the quality of one variant that the recipe asks for; fails closed."""
    asked = recipe.verify
    accepts = asked.drift is not None and asked.drift.undecided == "report"
    verdicts = []
    if asked.drift is not None:
        verdicts.append(_drift_verdict(variant, findings.drifts, asked.drift))
        verdicts += _segment_verdicts(variant, findings.segments, asked.drift, asked.segment)
    if asked.champion is not None:
        verdicts.append(_champion_verdict(variant, findings.gains, asked.champion, accepts=accepts))
    return [*verdicts, *_flip_verdicts(variant, findings.flips)]


def blame(verdict: Verdict) -> tuple[str, str] | None:
    """Say what a failed verdict about quality means and what helps, None of another verdict."""
    champion = verdict.check.startswith("champion.")
    if not champion and not verdict.check.startswith("drift."):
        return None
    what = "does not do against the champion what is asked for" if champion else "loses too much quality"
    if "not enough rows" not in (verdict.note or ""):
        return what, "the report lists every verdict; set the limit that your service can bear"
    what = "is not known to do well enough" if champion else "is not known to keep its quality"
    return what, "verify on more labelled rows, allow more, or accept it by `undecided: report` in verify.drift"


def _drift_verdict(variant: str, drifts: Sequence[Drift], asked: AskedDrift) -> Verdict:
    check, limit = f"drift.{asked.metric}", asked.max_drop
    drift = next((drift for drift in drifts if drift.variant == variant), None)
    if drift is None:
        return Verdict(check, variant, _NOT_MEASURED, limit, False, _DROP_KEY)
    return Verdict(check, variant, drift.drop, limit, _passes(drift, asked), _DROP_KEY, _words(drift, limit))


def _passes(drift: Drift, asked: AskedDrift) -> bool:
    accepted = ("within", "undecided") if asked.undecided == "report" else ("within",)
    return drift.decision in accepted and drift.drop == drift.drop  # no number is never ok


def _segment_verdicts(
    variant: str, segments: Sequence[Drift], asked: AskedDrift, column: str | None
) -> Iterator[Verdict]:
    """Yield one verdict per segment that is beyond the limit, and one that counts them all."""
    own = [drift for drift in segments if drift.variant == variant]
    if column is None:
        return
    check, limit = f"drift.{asked.metric}[{column}", asked.max_drop
    if not own:
        yield Verdict(f"{check}]", variant, _NOT_MEASURED, limit, False, _DROP_KEY)
        return
    beyond = [drift for drift in own if drift.decision == "beyond"]
    for drift in beyond:
        yield Verdict(f"{check}={drift.segment}]", variant, drift.drop, limit, False, _DROP_KEY, _words(drift, limit))
    within = sum(drift.decision == "within" for drift in own)
    told = f"{within} of {len(own)} values within the limit, {len(own) - within - len(beyond)} undecided"
    yield Verdict(f"{check}]", variant, told, limit, not beyond, _DROP_KEY)


def _champion_verdict(variant: str, gains: Sequence[Gain], asked: Champion, *, accepts: bool) -> Verdict:
    gain = next((gain for gain in gains if gain.variant == variant), None)
    limit = asked.max_drop if asked.max_drop is not None else asked.min_gain or 0.0
    if gain is None:
        return Verdict("champion", variant, _NOT_MEASURED, limit, False, asked.key)
    is_gain = asked.max_drop is None
    interval = None if gain.interval is None else (-gain.interval[1], -gain.interval[0])
    measured = Measured(0.0 - gain.gain, interval, gain.rows, gain.champion)
    ok = gain.decision == "within" or (accepts and gain.decision == "undecided" and gain.gain == gain.gain)
    shown = gain.gain if is_gain else measured.drop
    note = measured.words(asked.most_drop, gain=is_gain)
    return Verdict(f"champion.{gain.metric}", variant, shown, limit, ok, asked.key, note)


def _flip_verdicts(variant: str, flips: Sequence[Flips]) -> Iterator[Verdict]:
    """Yield the decisions that flip at each threshold: told, not judged."""
    for one in flips:
        if one.variant == variant:
            flipped = one.yes_to_no + one.no_to_yes
            note = f"{one.yes_to_no:,} from yes to no, {one.no_to_yes:,} from no to yes, of {one.decisions:,} decisions"
            yield Verdict(f"flips[{one.threshold:g}]", variant, flipped, None, True, "verify.thresholds", note)


def _words(drift: Drift, limit: float) -> str:
    measured = Measured(drift.drop, drift.interval, drift.rows, drift.native)
    return measured.words(limit, confidence=drift.confidence)
