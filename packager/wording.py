"""Figures and foreign text as people read them: one place for units, digits and control characters.

Numbers go in, short strings come out. Three significant digits carry a measurement; counts and zeros are exact.
A value that is not finite is named, never dressed as a figure.
"""

from __future__ import annotations

import math

NONE = "\N{EN DASH}"
_SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_TIME_UNITS = ("ns", "µs", "ms", "s")
_RATE_UNITS = ("", "k", "M", "G", "T")
# Past this many of the largest unit, or below this part of the smallest, digits say less than an exponent.
_LARGEST, _SMALLEST = 1e6, 1e-2


def count(value: float) -> str:
    """Return a whole number with thousands separators: 4,812."""
    return f"{value:,.0f}" if math.isfinite(value) else _not_finite(value)


def size(size_bytes: float) -> str:
    """Return a size in binary units with three significant digits: 324 KiB."""
    if 0 <= size_bytes < 1024:
        return f"{size_bytes:.0f} B"
    return _scaled(size_bytes, _SIZE_UNITS, 1024)


def latency(latency_us: float) -> str:
    """Return a latency given in microseconds with three significant digits: 24.1 µs, 1.20 ms."""
    return "0 µs" if latency_us == 0 else _scaled(latency_us * 1000, _TIME_UNITS, 1000)


def seconds(value_s: float) -> str:
    """Return the length of a stage: <0.01s, 0.42s, 12.3s, 2m 05s, 1h 02m."""
    if not math.isfinite(value_s):
        return _not_finite(value_s)
    if value_s >= _LARGEST:
        return f"{value_s:.1e}s"
    if 0 < value_s < 0.005:
        return "<0.01s"
    if value_s < 9.995:
        return f"{value_s:.2f}s"
    if value_s < 59.95:
        return f"{value_s:.1f}s"
    minutes, rest = divmod(round(value_s), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60:,}h {minutes % 60:02d}m"


def remaining(value_s: float) -> str:
    """Return a time that is left, no finer than it is known: 3s, 2m 05s."""
    return f"{value_s:.0f}s" if value_s < 59.5 else seconds(value_s)


def rate(per_second: float) -> str:
    """Return a rate with three significant digits and a decimal prefix: 131 k."""
    return _scaled(per_second, _RATE_UNITS, 1000).rstrip()


def error(value: float) -> str:
    """Return a difference as 2.2e-16, an exact zero as 0."""
    if not math.isfinite(value):
        return _not_finite(value)
    return "0" if value == 0 else f"{value:.1e}"


def share(fraction: float) -> str:
    """Return a fraction of one as per cent with three significant digits; 0 and 1 are said only when exact."""
    if not math.isfinite(fraction):
        return _not_finite(fraction)
    if fraction in (0, 1):
        return f"{100 * fraction:.0f}%"
    if 0.9995 <= fraction < 1:
        return ">99.9%"
    if abs(fraction) < 1e-6:
        return f"{100 * fraction:.1e}%"
    return f"{float(f'{100 * fraction:.3g}'):g}%"


def limit(value: float) -> str:
    """Return a limit as the recipe's author would write it: 1e-06, 0.001, 0."""
    return f"{value:.12g}" if math.isfinite(value) else _not_finite(value)


def edge(value: float) -> str:
    """Return the edge of a bin on a logarithmic axis: 1e-04, 1, 0.5."""
    if not math.isfinite(value):
        return _not_finite(value)
    is_power = value > 0 and value != 1 and math.log10(value).is_integer()
    return f"{value:.0e}" if is_power else f"{value:.2g}"


def metric(value: float) -> str:
    """Return a quality metric with five significant digits."""
    return f"{value:.5g}" if math.isfinite(value) else _not_finite(value)


def drop(value: float) -> str:
    """Return a loss of quality with its sign and two significant digits; an exact zero as 0."""
    if not math.isfinite(value):
        return _not_finite(value)
    return "0" if value == 0 else f"{value:+.2g}"


def interval(ends: tuple[float, float] | None) -> str:
    """Return an interval of a loss or gain: [-0.0002, +0.0031]."""
    return NONE if ends is None else f"[{drop(ends[0])}, {drop(ends[1])}]"


def digest(value: str) -> str:
    """Return the first twelve digits of a digest, without its algorithm."""
    return printable(value).rpartition(":")[2][:12]


def usd(amount: float) -> str:
    """Return a price in US dollars: $1,240, $61.76, $0.0846; three significant digits below a dollar."""
    if not math.isfinite(amount):
        return _not_finite(amount)
    if abs(amount) >= 999.5:
        return f"${amount:,.0f}"
    return f"${amount:.2f}" if amount >= 0.995 or amount == 0 else f"${amount:.3g}"


def qps(per_second: float) -> str:
    """Return a rate of requests with three significant digits and no prefix: 0.5, 41.2, 1,310."""
    return f"{float(f'{per_second:.3g}'):,.12g}" if math.isfinite(per_second) else _not_finite(per_second)


def several(number: int, noun: str) -> str:
    """Return a number of things in words: 1 worker, 1,024 workers."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def rows(number: int) -> str:
    """Return a number of rows in words: 1 row, 4,812 rows."""
    return f"{count(number)} {'row' if number == 1 else 'rows'}"


def clip(text: str, limit: int) -> str:
    """Return `text`, or its beginning and an ellipsis, in at most `limit` characters."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def printable(text: object, *, lines: bool = False) -> str:
    """Return foreign text on one line (on its own lines, if `lines`) with nothing in it that steers a reader.

    Terminal escapes, bidirectional overrides, NULs and lone surrogates come out as visible escapes, so the
    result is encodable as UTF-8 and well-formed in XML.
    """
    kept = str(text).replace("\r\n", "\n").replace("\t", " ")
    if not lines:
        kept = " ".join(kept.split("\n"))
    return "".join(char if char.isprintable() or (lines and char == "\n") else _escape(char) for char in kept)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "infinite" if value > 0 else "-infinite"


def _scaled(value: float, units: tuple[str, ...], base: int) -> str:
    """Return `value` in the largest unit that leaves at least one whole digit, rounded before the unit is chosen."""
    if not math.isfinite(value):
        return _not_finite(value)
    for unit in units:
        rounded = float(f"{value:.3g}")
        if max(abs(value), abs(rounded)) < base or unit == units[-1]:
            break
        value /= base
    if rounded != 0 and not _SMALLEST <= abs(rounded) < _LARGEST:
        return f"{rounded:.1e} {unit}"
    return f"{_three_digits(rounded)} {unit}"


def _three_digits(rounded: float) -> str:
    if rounded == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}"
