"""pytest-benchmark's JSON in, the README's table out: medians of one run as ratios to the original.

usage: python -m bench.table RESULTS.json
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

HEADER = (
    "| model | rows | original | exact ONNX | against the original | against the stock conversion |",
    "|---|--:|--:|--:|--:|--:|",
)


def main() -> None:
    """Print the table of `bench/test_latency.py`'s results."""
    medians: dict[str, dict[str, float]] = defaultdict(dict)
    for result in json.loads(Path(sys.argv[1]).read_text())["benchmarks"]:
        if result["name"].startswith("test_latency["):
            medians[result["group"]][result["params"]["form"]] = result["stats"]["median"]
    print("\n".join(HEADER))
    for group, forms in medians.items():
        name, _, batch = group.rpartition(", ")
        rows = int(batch.split()[0])
        native, own, stock = (forms[form] / rows * 1e6 for form in ("native", "own", "stock"))
        figures = f"{native:,.1f} µs | {own:,.1f} µs | {native / own:.1f}x | {stock / own:.2f}x"
        print(f"| {name} | {rows:,} | {figures} |")


if __name__ == "__main__":
    main()
