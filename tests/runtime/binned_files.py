"""Small binned files, written by hand: stumps over two numbers, alone or with ONNX graphs around them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from packager.binned.library import LibraryUnavailable, library

Doubles = npt.NDArray[np.float64]

# Per stump: feature, threshold, value of the left leaf, of the right one.
STUMPS = ((0, -0.5, 0.1, 0.2), (1, 0.25, -1.0, 1.5), (0, 0.75, 0.3, 1e-3), (1, 0.25, 0.7, 0.07))
START = 0.5


def _is_there() -> bool:
    try:
        library()
    except LibraryUnavailable:
        return False
    return True


needs_library = pytest.mark.skipif(
    not _is_there(), reason="the extension is not compiled: apt-get install gcc libc6-dev python3-dev, then make setup"
)


def sums(rows: Doubles) -> Doubles:
    """Return what the stumps say of rows [rows, 2], added in their order."""
    found = np.full(len(rows), START)
    for feature, threshold, left, right in STUMPS:
        found = found + np.where(rows[:, feature] <= threshold, left, right)
    return found


def ensemble() -> bytes:
    """Return the stumps in the format of the extension."""
    edges = [sorted({stump[1] for stump in STUMPS if stump[0] == feature}) for feature in (0, 1)]
    count = len(STUMPS)
    head = struct.pack("<8s12I", b"BINNED\0\1", 2, 2, count, 1, 1, count, 2 * count, sum(map(len, edges)), 0, 0, 0, 8)
    head += struct.pack("<3d16x", 1.0, 1.0, 0.0)
    columns = b"".join(struct.pack("<I4BII", feature, 0, 0, 0, 0, len(edges[feature]), 0) for feature in (0, 1))
    splits = [
        edges[feature].index(threshold) | feature << 16 | 1 << 30 | 1 << 31 for feature, threshold, _, _ in STUMPS
    ]
    sections = [
        columns,
        struct.pack(f"<{sum(map(len, edges))}d", *edges[0], *edges[1]),
        struct.pack("<d", START),
        struct.pack(f"<{count}I", *[0] * count),
        struct.pack(f"<{count}I", *[2] * count),
        struct.pack(f"<{count}I", *splits),
        struct.pack(f"<{2 * count}d", *[value for stump in STUMPS for value in stump[2:]]),
    ]
    return head + b"".join(_padded(section) for section in sections)


def write_binned(path: Path, *, before: bytes | None = None, after: bytes | None = None) -> Path:
    """Write a file that reads `features` and gives `variable`.

    `before` makes `cells` [rows, 2] of `features`; `after` makes `variable` [rows, 1] of `sums` [rows, 1].
    """
    blobs, places, end = [], {}, 4096
    for name, blob in (("before", before), ("ensemble", ensemble()), ("after", after)):
        if blob is not None:
            places[name] = {"offset": end, "size": len(blob)}
            blobs.append(_padded(blob))
            end += len(blobs[-1])
    output = {"name": "variable", "from": "values", "shape": [], "classes": None, "dtype": "float64"}
    header = {
        "format": 1,
        "inputs": ["features"],
        "before": None if before is None else {**places["before"], "gives": ["cells"]},
        "ensembles": [
            {**places["ensemble"], "reads": "features" if before is None else "cells", "gives": "sums"},
        ],
        "after": None if after is None else {**places["after"], "reads": ["sums"]},
        "outputs": [] if after is not None else [output],
    }
    text = json.dumps(header).encode().ljust(4096 - 16)
    path.write_bytes(b"PKGBIN\0\1" + struct.pack("<II", len(text), 0) + text + b"".join(blobs))
    return path


def _padded(section: bytes) -> bytes:
    return section + bytes(-len(section) % 8)
