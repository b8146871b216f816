"""From an interval and a limit to a decision, and to the words that say why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from packager import wording

Decision = Literal["within", "beyond", "undecided"]
Interval = tuple[float, float] | None

# Sums of doubles over many rows differ by this much, relative to the metric, with the order of the rows alone.
_ROUNDING = 1e-12
# More rows than this many times those at hand: the measured drop is so near the limit that an estimate tells nothing.
_MAX_GROWTH = 10_000


@dataclass(frozen=True)
class Measured:
    """A drop over so many rows, and the interval that holds it; `scale` is the size of the metric itself."""

    drop: float
    interval: Interval
    rows: int
    scale: float

    def against(self, limit: float) -> Decision:
        """Decide by the whole interval: within where its upper end is, beyond where its lower end is."""
        if self.interval is None:
            return "undecided"
        low, high = self.interval
        reach = limit + _ROUNDING * abs(self.scale)
        return "within" if high <= reach else "beyond" if low > reach else "undecided"

    def words(self, limit: float, *, gain: bool = False, confidence: float = 0.95) -> str:
        """Say interval and rows, and what is missing where they decide nothing; `gain`: with the sign turned."""
        told = f"over {self.rows:,} rows"
        if self.interval is not None:
            shown = self.interval if not gain else (0.0 - self.interval[1], 0.0 - self.interval[0])
            told = f"{100 * confidence:.4g}% interval {wording.interval(shown)} {told}"
        if math.isnan(self.drop):
            return f"{told}: the answers are not all finite numbers"
        if self.against(limit) != "undecided":
            return told
        needed = self.rows_to_decide(limit)
        about = f"; about {needed:,} would do" if needed is not None else ""
        return f"{told}: not enough rows to decide at this limit{about}"

    def rows_to_decide(self, limit: float) -> int | None:
        """Estimate how many rows would decide: the interval narrows with the root of the rows, the drop stays.

        None where the drop lies so near the limit that no number of rows is known to do.
        """
        if self.interval is None or not math.isfinite(self.drop):
            return None
        reach = self.interval[1] - self.drop if self.drop <= limit else self.drop - self.interval[0]
        distance = abs(limit - self.drop)
        growth = (reach / distance) ** 2 if distance > 0 else math.inf
        if not 1.0 < growth <= _MAX_GROWTH:
            return None
        needed = self.rows * growth
        digits = 10.0 ** (math.floor(math.log10(needed)) - 1)  # two digits: more would not be honest
        return int(math.ceil(needed / digits) * digits)
