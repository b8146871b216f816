"""Figures carry the digits and units that they should, and foreign text cannot steer a reader."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager import wording

_UNITS_US = {"ns": 1e-3, "µs": 1.0, "ms": 1e3, "s": 1e6}


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (4812, "4,812"), (1_000_000, "1,000,000"), (float("nan"), "NaN"), (float("-inf"), "-infinite")],
)
def test_count(value: float, said: str) -> None:
    assert wording.count(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 B"),
        (87, "87 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (331_776, "324 KiB"),
        (1024**2 - 1, "1,020 KiB"),
        (1_523_882, "1.45 MiB"),
        (10**18, "888 PiB"),
    ],
)
def test_size(value: int, said: str) -> None:
    assert wording.size(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 µs"),
        (0.5, "500 ns"),
        (7.116, "7.12 µs"),
        (999.4, "999 µs"),
        (999.6, "1.00 ms"),
        (12_040, "12.0 ms"),
        (2.5e6, "2.50 s"),
        (1e15, "1.0e+09 s"),
        (1e-7, "1.0e-04 ns"),
        (float("inf"), "infinite"),
    ],
)
def test_latency(value: float, said: str) -> None:
    assert wording.latency(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0.00s"),
        (0.001, "<0.01s"),
        (0.42, "0.42s"),
        (9.996, "10.0s"),
        (59.96, "1m 00s"),
        (125, "2m 05s"),
        (3720, "1h 02m"),
        (1e300, "1.0e+300s"),
        (float("nan"), "NaN"),
    ],
)
def test_seconds(value: float, said: str) -> None:
    assert wording.seconds(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.00083, "0.083%"),
        (0.9999, ">99.9%"),
        (1e-9, "1.0e-07%"),
        (0.5, "50%"),
        (float("nan"), "NaN"),
    ],
)
def test_share_says_none_and_all_only_when_exact(value: float, said: str) -> None:
    assert wording.share(value) == said


def test_errors_drops_limits_metrics_and_rates() -> None:
    assert [wording.error(value) for value in (0.0, 2.22e-16, float("inf"))] == ["0", "2.2e-16", "infinite"]
    assert [wording.drop(value) for value in (0.0, 2.46e-5, -0.01)] == ["0", "+2.5e-05", "-0.01"]
    assert [wording.limit(value) for value in (1e-6, 0.001, 0.0)] == ["1e-06", "0.001", "0"]
    assert [wording.edge(value) for value in (0.0, 1e-4, 1.0, 1e300, 0.5)] == ["0", "1e-04", "1", "1e+300", "0.5"]
    assert [wording.metric(value) for value in (0.98123456, 54.3)] == ["0.98123", "54.3"]
    assert [wording.rate(value) for value in (2.5, 131_000, 1e13)] == ["2.50", "131 k", "10.0 T"]
    assert [wording.rows(number) for number in (1, 4812)] == ["1 row", "4,812 rows"]
    assert [wording.remaining(value) for value in (2.6, 59.4, 59.6, 125)] == ["3s", "59s", "59.6s", "2m 05s"]


@given(st.floats(1e-4, 1e11))
def test_latency_reads_back_within_half_a_digit(value_us: float) -> None:
    number, unit = wording.latency(value_us).split()
    assert math.isclose(float(number.replace(",", "")) * _UNITS_US[unit], value_us, rel_tol=0.006)


@given(st.floats(1e-4, 1e11))
def test_latency_has_three_digits_of_the_largest_fitting_unit(value_us: float) -> None:
    number, unit = wording.latency(value_us).split()
    if unit != "s":
        assert float(number) < 1000
    assert len(number.replace(".", "").replace(",", "").lstrip("0")) >= 3 or "e" in number or unit == "ns"


def test_digest_is_short_and_without_its_algorithm() -> None:
    assert wording.digest("sha256:9f2c4be1a07d3358") == "9f2c4be1a07d"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本 🙂", "plain é 日本 🙂"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("a\ud800b", "a\\ud800b"),
        ("a\x00b\u2028c", "a\\x00b\\u2028c"),
        ("a\r\nb\tc", "a b c"),
    ],
)
def test_printable_shows_what_would_steer(text: str, shown: str) -> None:
    assert wording.printable(text) == shown


@given(st.text(st.characters()))
def test_printable_is_one_printable_line_in_any_encoding_of_unicode(text: str) -> None:
    shown = wording.printable(text)
    assert shown.isprintable()
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert wording.printable(shown) == shown


@given(st.text(st.characters()))
def test_printable_lines_keep_their_breaks_and_no_other_control(text: str) -> None:
    shown = wording.printable(text, lines=True)
    assert shown.replace("\n", "").isprintable()
    assert shown.count("\n") == text.count("\n")


@given(st.text(max_size=40), st.integers(1, 30))
def test_clip_keeps_to_its_limit(text: str, limit: int) -> None:
    cut = wording.clip(text, limit)
    assert len(cut) <= limit
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))
