"""`package verify`: a bundle's digests, then its golden rows through its own scoring script. No training library."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from packager import wording
from packager.bundle.replay import replay
from packager.console import Console
from packager.errors import VerifyError
from packager.files import pretty_json


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
    del show_values
    return failure.exit_code
