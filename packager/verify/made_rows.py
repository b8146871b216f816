"""All rows that are made of a model: from its structure alone, and where it has to be asked."""

from __future__ import annotations

from packager.artifact import Signature
from packager.structure import Structure
from packager.verify.asking import Ask
from packager.verify.jumps import jump_rows
from packager.verify.label_splits import label_rows
from packager.verify.probes import Probes, make_probes


def made_rows(structure: Structure, signature: Signature, ask: Ask) -> Probes:
    """Return made rows of every kind; `ask` is the native model."""
    probes = make_probes(structure, signature)
    for rows_beside in (jump_rows, label_rows):
        probes = probes.plus("threshold", rows_beside(structure, signature, ask))
    return probes
