"""Plant random faults in correct models and tell which ones verification's made rows miss.

python -m tests.power [--faults N] [--only REGEX] [--draw N]: N faults over all models in turn. A fault counts where it
changes an answer beyond the default limits, on rows that an independent script makes at the changed split or on
100,000 random rows. Ends with status 1 where less than 99 of 100 of those are caught.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from packager.dataset.rows import Rows
from packager.recipe.parity import Tolerance
from packager.runtime.session import RunFailed, Session, open_session
from packager.verify.made_rows import made_rows
from packager.verify.parity import Outputs, Tally
from tests.convert.pairs import Pair, pair
from tests.verify import faults

from .independent import ThroughSteps, as_they_come, random_rows, rows_at
from .models import MODELS
from .plant import Fault, draw

_RANDOM_ROWS = 100_000
_BLOCK = 5_000
_ENOUGH = 0.99


class Bench:
    """One correct model: the rows that verification makes, the native answers, and independent rows."""

    def __init__(self, model: Any, folder: Path) -> None:
        self.pair: Pair = pair(model, folder)
        self.correct = onnx.load(str(self.pair.path))
        self.float32 = any(node.op_type == "Cast" for node in self.correct.graph.node) and not _is_lightgbm(model)
        started = time.perf_counter()
        made = made_rows(self.pair.structure, self.pair.signature, self.pair.native.tolerant_answers)
        native, taken = self.pair.native.tolerant_answers(made.rows)
        self.made_s = time.perf_counter() - started
        assert native is not None
        self.rows, self.native = made.rows.take(taken), native
        self.random = random_rows(self.pair.signature, _RANDOM_ROWS)
        self.right = self.pair.session.answers(self.random)
        names = [column.name for column in self.pair.signature.columns]
        ahead = hasattr(model, "steps")
        self.features = ThroughSteps(model, self.random, names) if ahead else as_they_come
        self._faulty = folder / "faulty.onnx"

    def session(self, fault: Fault) -> Session:
        onnx.save(fault.model, str(self._faulty))
        return open_session(self._faulty, self.pair.signature)

    def is_caught(self, session: Session) -> bool:
        """Tell whether the made rows show the fault."""
        return self._differs(session, self.rows, self.native)

    def changes_answers(self, fault: Fault, session: Session) -> bool:
        """Tell whether independent rows show the fault."""
        if fault.node is not None and not fault.kind.startswith(("leaf", "category")):
            ensemble = next(node for node in self.correct.graph.node if node.op_type == "TreeEnsemble")
            missing = any(column.accepts_missing for column in self.pair.signature.columns)
            rows = rows_at(faults.read(ensemble), fault.node, self.features, self.random, missing=missing)
            _, taken = self.pair.native.tolerant_answers(rows)
            rows = rows.take(taken)
            if self._differs(session, rows, self.pair.session.answers(rows)):
                return True
        return self._differs(session, self.random, self.right)

    def _differs(self, session: Session, rows: Rows, expected: Outputs) -> bool:
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            tally = Tally(self.pair.signature, Tolerance())
            try:
                tally.add({name: values[part] for name, values in expected.items()}, session.answers(rows.take(part)))
            except RunFailed:
                return True
            if tally.beyond or tally.label_mismatches or tally.malformed:
                return True
        return False


def _is_lightgbm(model: Any) -> bool:
    final = model[-1] if hasattr(model, "steps") else model
    return type(final).__module__.startswith("lightgbm") or "Hist" in type(final).__name__


def run(names: list[str], *, count: int, seed: int) -> Iterator[tuple[str, Fault, bool]]:
    """Yield every fault that changes an answer, with its model and whether it is caught."""
    for number, name in enumerate(names):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bench = Bench(MODELS[name](), Path(folder))
            print(f"{name}: {len(bench.rows):,} made rows in {bench.made_s:.1f} s", file=sys.stderr, flush=True)
            assert not bench._differs(bench.pair.session, bench.rows, bench.native), f"false alarm: {name}"
            random = np.random.default_rng([seed, number])
            for _ in range(count // len(names) + (number < count % len(names))):
                fault = draw(bench.correct, random, float32=bench.float32)
                session = bench.session(fault)
                caught = bench.is_caught(session)
                if caught or bench.changes_answers(fault, session):
                    yield name, fault, caught


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.power", description=__doc__)
    parser.add_argument("--faults", type=int, default=1_000, metavar="N")
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--draw", type=int, default=0, metavar="N")
    asked = parser.parse_args()
    names = [name for name in MODELS if re.search(asked.only, name)]
    caught: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for name, fault, is_caught in run(names, count=asked.faults, seed=asked.draw):
        total[name, fault.kind] += 1
        caught[name, fault.kind] += is_caught
        if not is_caught:
            print(f"missed  {name}: {fault.kind}, {fault.told}", flush=True)
    for by, title in ((0, "model"), (1, "kind")):
        print(f"-- caught by {title}")
        for group in dict.fromkeys(key[by] for key in total):
            of = sum(total[key] for key in total if key[by] == group)
            print(f"{sum(caught[key] for key in total if key[by] == group):5} of {of:5}  {group}")
    share = sum(caught.values()) / max(1, sum(total.values()))
    print(f"{sum(caught.values())} of {sum(total.values())} faults that change an answer are caught: {share:.2%}")
    return 0 if share >= _ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
