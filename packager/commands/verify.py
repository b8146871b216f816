"""`package verify`: a bundle's digests, then its golden rows through its own scoring script. No training library."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from packager import wording
from packager.bundle.replay import replay
from packager.console import Console
from packager.errors import VerifyError
from packager.files import pretty_json

_LISTED = 10


def verify_bundle(bundle: Path, *, show_values: bool, as_json: bool) -> int:
    """Replay the bundle and print what came of it; return 0, or 6 when an answer differs."""
    result = replay(bundle)
    document: dict[str, Any] = {"bundle": str(bundle), **asdict(result)}
    if as_json:
        print(pretty_json(document), end="")
    else:
        print(
            f"{result.rows} golden rows answered in {wording.seconds(result.seconds)}: "
            f"{result.label_mismatches} labels differ, largest error {wording.error(result.max_abs_error)}"
        )
    if result.ok:
        return 0
    failure = VerifyError(
        f"{bundle} does not answer as the registered model did: {result.failures[0]}",
        hint="build again for this machine, if it was built for another kind of processor",
    )
    Console().error(failure)
    for line in _differing(bundle, result.differing_rows, show_values=show_values):
        print(line, file=sys.stderr)
    return failure.exit_code


def _differing(bundle: Path, rows: Sequence[int], *, show_values: bool) -> list[str]:
    """Return a line per differing golden row, with its cells only where they were asked for."""
    golden = json.loads((bundle / "samples" / "golden.json").read_bytes())
    cells = [row for request in golden["requests"] for rows_of_request in request.values() for row in rows_of_request]
    told = [f"  golden row {row}: {cells[row]}" if show_values else f"  golden row {row}" for row in rows[:_LISTED]]
    more = len(rows) - len(told)
    return [*told, *([f"  and {more} more"] if more else [])]
