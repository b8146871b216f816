"""pytest-benchmark's JSON in, the README's table out: medians of one run as ratios to the original.

usage: python -m bench.table RESULTS.json
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from bench.peers import PEERS

FORMS = ("native", "own", "binned")
# What the best of our forms is compared with.
OTHERS = {"native": "the original", "stock": "stock ONNX", **{peer: peer for peer in PEERS}}
HEADER = (
    "| model | rows | original | exact ONNX | binned | "
    + " | ".join(f"against {other}" for other in OTHERS.values())
    + " |",
    "|---|--:|--:|--:|--:|" + "--:|" * len(OTHERS),
)
_NOT_MEASURED = "–"


def main() -> None:
    """Print the table of `bench/test_latency.py`: microseconds a row, and how many times as fast the faster form is."""
    medians: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for result in json.loads(Path(sys.argv[1]).read_text())["benchmarks"]:
        if result["name"].startswith("test_latency["):
            info = result["extra_info"]
            medians[info["model"], info["rows"]][info["form"]] = result["stats"]["median"]
    print("\n".join(HEADER))
    for (model, rows), found in medians.items():
        times = [f"{found[form] / rows * 1e6:,.2f} µs" if form in found else _NOT_MEASURED for form in FORMS]
        best = min(found[form] for form in FORMS[1:] if form in found)
        ratios = [f"{found[form] / best:.2f}x" if form in found else _NOT_MEASURED for form in OTHERS]
        print(f"| {model} | {rows:,} | {' | '.join([*times, *ratios])} |")


if __name__ == "__main__":
    main()
