"""No value of a request in what the server writes: marks and golden numbers are looked for in its log and refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packager import wording
from packager.bundle.finding import Finding
from packager.bundle.golden import GoldenSet
from packager.bundle.model_info import ModelInfo
from packager.validate.contract import MARK, Answered, marked_number

# Shorter numbers may stand in a log by chance; of longer ones so many characters are looked for, however it rounds.
_TELLING, _LOOKED_FOR = 10, 9
_NUMBER = re.compile(rb"\d+\.\d+")
_MOST = 2_000
_HINT = "take what logs or echoes rows out of score.py; logs may say how many rows, never what is in them"


def silence_findings(log: bytes, answered: list[Answered], info: ModelInfo, golden: GoldenSet) -> list[Finding]:
    """Return whether a value of a request stands in the log, or in an answer that refuses one; never which value."""
    numbers = frozenset(_numbers(info, golden))
    findings = []
    if lines := sum(_tells(line, numbers) for line in log.splitlines()):
        message = "the server's log holds a value of a request"
        findings.append(Finding("200", "logs", message, _HINT, "code/score.py", wording.several(lines, "line"), "none"))
    for one in answered:
        headers = "\n".join(f"{name}: {value}" for name, value in one.reply.headers).encode("utf-8", "replace")
        if one.reply.status != 200 and _tells(one.reply.body + headers, numbers):
            message = f"the answer repeats a value of the request: {one.case.what}"
            findings.append(Finding("200", "logs", message, _HINT, "code/score.py"))
    return findings


def _tells(text: bytes, numbers: frozenset[bytes]) -> bool:
    return MARK.encode() in text or any(number[:_LOOKED_FOR] in numbers for number in _NUMBER.findall(text))


def _numbers(info: ModelInfo, golden: GoldenSet) -> Iterator[bytes]:
    """Yield the beginnings of numbers that were sent and stand nowhere by chance."""
    if (found := marked_number(info)) is not None:
        yield repr(found[1])[:_LOOKED_FOR].encode()
    for row in golden.cells[:_MOST]:
        for cell in row:
            shown = repr(abs(cell)) if isinstance(cell, float) else ""
            if len(shown) > _TELLING and "e" not in shown and not shown.startswith("0.0"):
                yield shown[:_LOOKED_FOR].encode()
