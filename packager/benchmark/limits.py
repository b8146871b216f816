"""Targets within what the container leaves: no session runs on more threads than the process may keep busy."""

from __future__ import annotations

from collections.abc import Sequence

from packager.recipe.model import Target
from packager.runtime.cgroup import threads_within


def within_limits(targets: Sequence[Target]) -> tuple[list[Target], list[str]]:
    """Return the targets, on fewer threads where there are no processors for so many, and a note on each such one."""
    kept, notes = [], []
    for target in targets:
        threads = threads_within(target.threads)
        kept.append(target if threads == target.threads else target.model_copy(update={"threads": threads}))
        if threads < target.threads:
            notes.append(
                f"{target.name} was measured on {threads} of the {target.threads} threads asked for: this process may "
                "not keep more processors busy, by its container's quota or its affinity."
            )
    return kept, notes
