"""What verification says about a form, beside what the independent judge finds: does it catch, does it cry wolf?

In: a native model, an open form and held-out rows. Out: the objections of a build, with made rows alone and with
verification rows as well, and how many rows of each kind differ.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from packager.artifact import Variant
from packager.convert.trace import structure_of
from packager.dataset.rows import Rows
from packager.recipe.parity import Parity
from packager.runtime.session import RunFailed, Session
from packager.training.native import NativeModel
from packager.verify.gate import told
from packager.verify.invariance import ask_otherwise
from packager.verify.made_rows import made_rows
from packager.verify.parity import Tally
from packager.verify.probes import KINDS, Probes
from packager.verify.verify import Outputs, Subject, verify_made_rows

from .rows import BEYOND_FLOAT32

Cell = Literal["caught", "missed", "passes rightly", "false alarm", "beyond float32"]
"""What the gate's answer is worth. beyond float32: only rows that float32 does not carry differ, and either will do."""
CELLS: tuple[Cell, ...] = get_args(Cell)

# So many held-out rows are a user's verification rows.
VERIFICATION_ROWS = 60


@dataclass(frozen=True)
class Detection:
    """`made` and `held_out`: what the gate holds against the form, "" where it lets it pass.

    `kinds`: what differs on made rows of each kind, those that the form is not judged on too.
    """

    made: str
    held_out: str = ""
    kinds: dict[str, str] = field(default_factory=dict)

    def told(self, *, with_rows: bool) -> str:
        """Say what the gate holds against the form."""
        return "; ".join(filter(None, [self.made, self.held_out if with_rows else ""]))

    def cell(self, differing: Collection[str] | None, *, with_rows: bool) -> Cell:
        """Say what the gate's answer is worth, given the kinds of rows that differ; None where nothing compares."""
        refused = bool(self.told(with_rows=with_rows))
        if differing and BEYOND_FLOAT32.issuperset(differing):
            return "beyond float32"
        if differing is None or differing:
            return "caught" if refused else "missed"
        return "false alarm" if refused else "passes rightly"


@dataclass(frozen=True)
class _Made:
    probes: Probes
    answers: Outputs


def detect(native: NativeModel, session: Session, baseline: Variant, held_out: Rows | None) -> Detection:
    """Ask the gate about one form that is a build's baseline, on made rows and on held-out ones."""
    made = _made(native, session)
    by_rows = "" if held_out is None else _objection_to_rows(native, held_out, _subject(session, baseline))
    return Detection(_objection_to_made(made, _subject(session, baseline)), by_rows, _by_kind(made, session, baseline))


def objection_to_made_rows(native: NativeModel, session: Session, baseline: Variant) -> str:
    """Say what the gate holds against a baseline with no data at hand, "" where it lets it pass."""
    return _objection_to_made(_made(native, session), _subject(session, baseline))


def _made(native: NativeModel, session: Session) -> _Made | None:
    """Return the made rows that the native model takes, and its answers; None where it takes none."""
    structure = structure_of(native.model, session.signature)
    probes = made_rows(structure, session.signature, native.tolerant_answers)
    answers, taken = native.tolerant_answers(probes.rows)
    return None if answers is None else _Made(Probes(probes.rows.take(taken), probes.kinds[taken]), answers)


def _objection_to_made(made: _Made | None, subject: Subject) -> str:
    if made is None:
        return "the model answers none of the made rows"
    verify_made_rows([subject], made.probes, made.answers, np.ones(len(made.probes.rows), dtype=bool))
    failed = [told(verdict) for verdict in ask_otherwise(subject, made.probes, Parity()) if not verdict.ok]
    return "; ".join(filter(None, [_objection(subject.made), *failed]))


def _by_kind(made: _Made | None, session: Session, baseline: Variant) -> dict[str, str]:
    found: dict[str, str] = {}
    if made is None:
        return found
    for kind in KINDS:
        chosen = made.probes.of((kind,))
        answers = {name: values[chosen] for name, values in made.answers.items()}
        if against := _objection_to(made.probes.rows.take(chosen), answers, _subject(session, baseline)):
            found[kind] = against
    return found


def _objection_to_rows(native: NativeModel, rows: Rows, subject: Subject) -> str:
    """Say what verification rows show; rows that the model refuses would stop a build, and are left out here."""
    asked = rows.take(slice(0, VERIFICATION_ROWS))
    answers, taken = native.tolerant_answers(asked)
    return "" if answers is None else _objection_to(asked.take(taken), answers, subject)


def _objection_to(rows: Rows, answers: Outputs, subject: Subject) -> str:
    if not len(rows):
        return ""
    try:
        subject.made.add(answers, subject.session.answers(rows))
    except RunFailed as error:
        return str(error)
    return _objection(subject.made)


def _subject(session: Session, variant: Variant) -> Subject:
    tolerance = Parity().tolerance(variant.precision)
    tallies = (Tally(session.signature, tolerance), Tally(session.signature, tolerance))
    return Subject(variant, session, *tallies)


def _objection(tally: Tally) -> str:
    """Say what a gate with the default limits holds against the tally, "" where nothing."""
    if tally.malformed is not None:
        return tally.malformed
    faults = []
    if tally.label_mismatches:
        faults.append(f"{tally.label_mismatches:,} of {tally.labels:,} labels differ")
    if tally.beyond:
        faults.append(f"{tally.beyond:,} of {tally.values:,} values differ, by up to {tally.max_abs_error:.1g}")
    return "; ".join(faults) or ("" if tally.rows else "no row was compared")
