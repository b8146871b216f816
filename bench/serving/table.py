"""Visits in, figures and Markdown out: medians over the rounds, and ratios to our bundle within each round.

The interval of a ratio is its lowest and highest round: n rounds hold the median between them with probability
1 - 2 ** (1 - n), whatever the distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from bench.serving.contenders import CONTENDERS
from bench.serving.measure import Visit

SIZES = (1, 100, 1_000)
_COLUMNS = ("1 row, requests/s", "100 rows", "1,000 rows", "cold s", "memory MB")
# What is to be reached beside the joblib script: requests/s, and the share of its cold start.
LEAST_SPEED, MOST_COLD = 1.8, 0.5


@dataclass(frozen=True)
class Ratio:
    """Ours by theirs: the median of the rounds, and the lowest and highest."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def figures(visit: Visit) -> list[float]:
    """Return a visit's figures in the table's order."""
    return [*(visit.requests_per_s[size] for size in SIZES), visit.cold_s, visit.memory_mb]


def ratios(ours: list[Visit], theirs: list[Visit]) -> list[Ratio]:
    """Return how many times theirs each of our figures is, column by column, round by round."""
    rounds = [
        [mine / other for mine, other in zip(figures(a), figures(b), strict=True)]
        for a, b in zip(ours, theirs, strict=True)
    ]
    return [Ratio(median(column), min(column), max(column)) for column in zip(*rounds, strict=True)]


def markdown(visits: dict[str, list[Visit]]) -> str:
    """Return two tables: what was measured, and ours by theirs."""
    rounds = len(next(iter(visits.values())))
    head = "|---|" + "--:|" * len(_COLUMNS)
    lines = ["| server | " + " | ".join(_COLUMNS) + " |", head]
    for contender in CONTENDERS:
        if found := visits.get(contender.name):
            columns = [median(column) for column in zip(*map(figures, found), strict=True)]
            cells = [f"{value:,.2f}" if name == "cold s" else f"{value:,.0f}" for name, value in _named(columns)]
            lines.append(f"| {contender.label} | {' | '.join(cells)} |")
    odds = 1 - 2 ** (1 - rounds)
    lines += ["", f"Ours by theirs, median of {rounds} rounds with lowest and highest ({odds:.0%} for the median):", ""]
    lines += ["| server | " + " | ".join(_COLUMNS) + " |", head]
    for contender in CONTENDERS[1:]:
        if found := visits.get(contender.name):
            cells = [str(ratio) for ratio in ratios(visits["bundle"], found)]
            lines.append(f"| {contender.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _named(columns: list[float]) -> list[tuple[str, float]]:
    return list(zip(_COLUMNS, columns, strict=True))


def goals(visits: dict[str, list[Visit]]) -> list[str]:
    """Say which goals are reached; a cell misses its own when the median of its ratio is on the wrong side."""
    said = []
    for contender in CONTENDERS[1:]:
        if not (found := visits.get(contender.name)):
            continue
        *speeds, cold, memory = ratios(visits["bundle"], found)
        least, most = (LEAST_SPEED, MOST_COLD) if contender.name == "joblib" else (1.0, 1.0)
        for size, ratio in zip(SIZES, speeds, strict=True):
            said.append(
                _goal(
                    ratio.value >= least,
                    f"{size:,} rows: {ratio}x the requests/s of {contender.name}, at least {least}",
                )
            )
        said.append(_goal(cold.value <= most, f"cold start: {cold} of {contender.name}'s, at most {most}"))
        if contender.name != "joblib":
            said.append(_goal(memory.value <= 1, f"memory: {memory} of {contender.name}'s, at most 1.0"))
    return said


def _goal(is_reached: bool, text: str) -> str:
    return f"{'reached' if is_reached else 'MISSED '}  {text}"
