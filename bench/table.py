"""pytest-benchmark's JSON in, the README's table out: medians of one run as ratios to the original.

usage: python -m bench.table RESULTS.json
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from bench.peers import PEERS

FORMS = ("native", "own", "stock", *PEERS)
HEADER = (
    "| model | rows | original | exact ONNX | against the original | against the stock conversion | "
    + " | ".join(f"against {peer}" for peer in PEERS)
    + " |",
    "|---|--:|--:|--:|--:|--:|" + "--:|" * len(PEERS),
)
_NOT_MEASURED = "–"


def main() -> None:
    """Print the table of `bench/test_latency.py`'s results: microseconds per row, and how many times faster ours is."""
    medians: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for result in json.loads(Path(sys.argv[1]).read_text())["benchmarks"]:
        if result["name"].startswith("test_latency["):
            info = result["extra_info"]
            medians[info["model"], info["rows"]][info["form"]] = result["stats"]["median"]
    print("\n".join(HEADER))
    for (model, rows), found in medians.items():
        native, own = (f"{found[form] / rows * 1e6:,.1f} µs" for form in FORMS[:2])
        ratios = [_ratio(found, form) for form in ("native", *FORMS[2:])]
        print(f"| {model} | {rows:,} | {native} | {own} | {' | '.join(ratios)} |")


def _ratio(found: dict[str, float], form: str) -> str:
    return f"{found[form] / found['own']:.2f}x" if form in found else _NOT_MEASURED


if __name__ == "__main__":
    main()
