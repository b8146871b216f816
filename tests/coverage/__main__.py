"""Run the cases and tell what became of them: python -m tests.coverage [--only REGEX] [--markdown FILE] [--json FILE].

Ends with status 1 where a case is WRONG or failed. `--engine stock --gate` asks instead what verification makes of the
stock converters' forms, and ends with 1 where it lets a wrong one pass or refuses a right one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .cases import CASES
from .data import DRAW
from .defects import DEFECTS, stock_findings
from .detection import CELLS, VERIFICATION_ROWS, Cell
from .markdown import page, tool_versions
from .measure import STATUSES, Finding, Status
from .pool import measure_all

_GATE_FAULTS: tuple[Cell, ...] = ("missed", "false alarm")
_FAULTS: tuple[Status, ...] = ("WRONG", "failed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status."""
    asked = _parser().parse_args(arguments)
    os.environ[DRAW] = str(asked.draw)
    chosen = [case for case in CASES if asked.only is None or re.search(asked.only, case.name)]
    if asked.markdown and len(chosen) < len(CASES):
        print("--markdown describes a whole run: leave out --only", file=sys.stderr)
        return 2
    if not chosen:
        print(f"no case matches {asked.only!r}", file=sys.stderr)
        return 2
    findings = measure_all(chosen, jobs=asked.jobs, engine=asked.engine, gated=asked.gate, told=_tell)
    if asked.markdown:
        stock = stock_findings(jobs=asked.jobs)
        asked.markdown.write_text(page(findings, DEFECTS, stock), encoding="utf-8")
    if asked.json:
        asked.json.write_text(json.dumps(_document(findings), indent=1, ensure_ascii=False), encoding="utf-8")
    if asked.gate:
        return 1 if _tell_cells(findings) else 0
    counts = Counter(finding.status for finding in findings)
    print(", ".join(f"{counts[status]} {status}" for status in STATUSES))
    return 1 if any(counts[status] for status in _FAULTS) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    parser.add_argument("--only", metavar="REGEX", help="cases whose name matches")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--engine", choices=("own", "stock"), default="own", help="stock: the converters as they come")
    parser.add_argument(
        "--gate", action="store_true", help="stock: does verification catch what is wrong, and no more?"
    )
    parser.add_argument("--draw", type=int, default=0, metavar="N", help="fit and judge on other rows")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page of a whole run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every finding")
    return parser


def _tell(finding: Finding) -> None:
    if finding.detection is None:
        if finding.status not in ("exact", "no predict"):
            print(f"{finding.status:9} {finding.name}: {finding.reason}", file=sys.stderr, flush=True)
        return
    for with_rows in (False, True):
        if (cell := finding.cell(with_rows=with_rows)) in _GATE_FAULTS:
            asked = "with rows" if with_rows else "made rows"
            told = f"{finding.reason} | {finding.detection.told(with_rows=with_rows)}"
            print(f"{cell}, {asked}: {finding.name}: {told}", file=sys.stderr, flush=True)


def _tell_cells(findings: Sequence[Finding]) -> int:
    """Print how many forms the gate judges rightly; return how many it does not."""
    faults = 0
    for with_rows in (False, True):
        cells = Counter(finding.cell(with_rows=with_rows) for finding in findings)
        asked = f"made rows and {VERIFICATION_ROWS} held-out rows" if with_rows else "made rows alone"
        print(f"{asked}: " + ", ".join(f"{cells[cell]} {cell}" for cell in CELLS))
        faults += sum(cells[cell] for cell in _GATE_FAULTS)
    return faults


def _document(findings: Sequence[Finding]) -> dict[str, object]:
    counts = Counter((finding.table, finding.status) for finding in findings)
    tables = sorted({finding.table for finding in findings})
    return {
        "versions": tool_versions(),
        "counts": {table: {status: counts[table, status] for status in STATUSES} for table in tables},
        "findings": [asdict(finding) for finding in findings],
    }


if __name__ == "__main__":
    sys.exit(main())
