"""A process that measures the cases it is told by name, one line each way; a crash of one case ends nothing else."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict


def main() -> None:
    """Answer on what was standard output; whatever a library prints is dropped."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    from .cases import BY_NAME
    from .measure import measure

    engine, gated = sys.argv[1], sys.argv[2:] == ["gated"]
    replies.write("ready\n")
    replies.flush()
    for line in sys.stdin:
        finding = measure(BY_NAME[json.loads(line)], engine=engine, gated=gated)  # type: ignore[arg-type]
        replies.write(json.dumps(asdict(finding)) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
