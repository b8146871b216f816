"""Requests to load a served bundle with: rows drawn anew from its golden rows, as bodies that are ready to send."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from packager.benchmark.rows import distinct, draw_rows
from packager.bundle.golden import in_requests, read_golden
from packager.bundle.model_info import ModelInfo
from packager.bundle.samples import json_rows, rows_of

# A row that comes again finds the processor's caches and branch predictors prepared for it. So many come in between
# that they are not; more would only take memory.
_MOST_ROWS, _MOST_CELLS = 20_000, 2_000_000
_FEWEST_REQUESTS = 8


@dataclass(frozen=True)
class Offered:
    """Bodies, how many rows they hold together, and how many of these are distinct."""

    bodies: list[bytes]
    rows: int
    distinct: int


def offered(bundle: Path, info: ModelInfo, rows: int) -> Offered:
    """Return requests of so many rows each; BundleError where the bundle has no golden rows."""
    room = min(_MOST_ROWS, _MOST_CELLS // len(info.signature.columns))
    requests = max(room // rows, _FEWEST_REQUESTS)
    golden = rows_of(read_golden(bundle, info).cells, info.signature)
    drawn = draw_rows(golden, info.signature, requests * rows)
    cells = json_rows(drawn, info.signature)
    bodies = [json.dumps({info.request_key: list(part)}).encode() for part in in_requests(cells, rows)]
    return Offered(bodies, len(drawn), distinct(drawn))
