"""The face: plain lines where nobody watches, live ones on a terminal, and never a control character of others."""

from __future__ import annotations

import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import textwrap
from collections.abc import Callable
from fcntl import ioctl

import pytest

from packager.console import Console, Step, progress_text
from packager.errors import PackagerError, VerifyError

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def plain_console(encoding: str = "utf-8") -> tuple[Console, Callable[[], str], Clock]:
    raw, clock = io.BytesIO(), Clock()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    return Console(stream, environ={}, clock=clock), lambda: raw.getvalue().decode(encoding), clock


def on_terminal(script: str, *, columns: int = 80, **environ: str) -> tuple[str, str]:
    """Run a script with stderr on a terminal; return what came on stderr and on stdout."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environ},
    )
    os.close(slave)
    shown = bytearray()
    while True:
        try:
            block = os.read(master, 65536)
        except OSError:  # the terminal's other end is closed
            break
        if not block:
            break
        shown += block
    os.close(master)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0, shown.decode()
    return shown.decode(), out.decode()


def test_a_step_that_ends_says_its_detail_and_time() -> None:
    console, shown, clock = plain_console()
    with console.step("source") as step:
        step.detail("registry://fraud/3, lightgbm 4.7.0")
        clock.now += 0.42
    assert shown() == f"✓ source     {'registry://fraud/3, lightgbm 4.7.0':<58}    0.42s\n"


def test_a_step_that_raises_says_so_and_lets_the_error_pass() -> None:
    console, shown, _ = plain_console()
    with pytest.raises(VerifyError), console.step("verify"):
        raise VerifyError("no")
    assert shown().startswith("✗ verify ")


def test_an_interrupted_step_is_not_told_as_done() -> None:
    console, shown, _ = plain_console()
    with pytest.raises(KeyboardInterrupt), console.step("verify"):
        raise KeyboardInterrupt
    assert shown().startswith("✗ verify ")


def test_plain_steps_align_and_cut_nothing() -> None:
    console, shown, _ = plain_console()
    for title, detail in (("source", "a"), ("benchmark", "日本"), ("verify", "long " * 30)):
        with console.step(title) as step:
            step.detail(detail)
    first, _second, third = shown().splitlines()
    assert "long " * 29 + "long" in third
    assert len(first) == 80


def test_plain_progress_is_a_line_every_ten_seconds_and_no_bar() -> None:
    console, shown, clock = plain_console()
    with console.step("verify") as step:
        for done in range(0, 1_000_001, 20_000):
            step.progress(done, 1_000_000)
            clock.now += 0.5
    lines = shown().splitlines()
    assert [line.split()[0] for line in lines] == ["verify", "verify", "✓"]
    assert lines[0] == "  verify     400,000 of 1,000,000 rows, 40.0 k/s, 15s left"
    assert "\r" not in shown()
    assert "\x1b" not in shown()


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [
        (0, 10, "0 of 10 rows"),
        (5, 10, "5 of 10 rows, 2.50/s, 2s left"),
        (10, 10, "10 of 10 rows, 5.00/s"),
        (4000, None, "4,000 rows, 2.00 k/s"),
    ],
)
def test_progress_tells_rate_and_time_left_only_where_they_are_known(done: int, total: int | None, said: str) -> None:
    step = Step("verify", 0.0, lambda _: None)
    step.progress(done, total)
    assert progress_text(step, 2.0) == said


def test_a_total_that_is_a_guess_is_told_as_one() -> None:
    step = Step("verify", 0.0, lambda _: None)
    step.progress(5_000, 1_234_567, about=True)
    assert progress_text(step, 2.0) == "5,000 of about 1.23 M rows, 2.50 k/s, 8m 12s left"


def test_rate_and_time_left_are_of_the_rows_and_not_of_what_was_before_them() -> None:
    console, shown, clock = plain_console()
    with console.step("verify") as step:
        clock.now += 60
        step.progress(0, 1_000)
        clock.now += 20
        step.progress(500, 1_000)
    assert shown().splitlines()[1] == "  verify     500 of 1,000 rows, 25.0/s, 20s left"


def test_an_error_shows_measured_limit_key_and_hint() -> None:
    console, shown, _ = plain_console()
    console.error(
        VerifyError(
            "variant fp64 is not like the registered model",
            measured=1.0402e-6,
            limit=1e-6,
            key="verify.parity.atol (recipes/fraud.yml:14)",
            hint="look at report.html",
        )
    )
    assert shown() == (
        "✗ verify: variant fp64 is not like the registered model\n"
        "  measured 1.0402e-06, limit 1e-06\n"
        "  at verify.parity.atol (recipes/fraud.yml:14)\n"
        "  hint: look at report.html\n"
    )


def test_an_error_keeps_the_lines_of_its_message() -> None:
    console, shown, _ = plain_console()
    console.error(PackagerError("two problems\n- one\n- two"))
    assert shown() == "✗ two problems\n  - one\n  - two\n"


@pytest.mark.parametrize("filler", ["x", "日", "\x1b", "line\n"])
def test_an_error_stays_under_four_kilobytes_and_steers_no_terminal(filler: str) -> None:
    console, shown, _ = plain_console()
    huge = filler * 50_000
    console.error(VerifyError(huge, measured=huge, limit=huge, key=huge, hint=huge))
    assert len(shown().encode()) < 4096
    assert "\x1b" not in shown()


def test_notes_and_warnings_escape_what_others_wrote() -> None:
    console, shown, _ = plain_console()
    console.note("a\x1b[2Jb\u202ec")
    console.warn("[red]not markup[/red]\nsecond line")
    assert shown() == "· a\\x1b[2Jb\\u202ec\n! [red]not markup[/red] second line\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_signs_have_an_ascii_form_where_the_encoding_lacks_them(encoding: str) -> None:
    console, shown, _ = plain_console(encoding)
    with console.step("source") as step:
        step.detail("日本 24.1 µs")
    assert shown().startswith("+ source     \\u65e5\\u672c 24.1 us")


def test_tables_have_straight_edges() -> None:
    console, shown, _ = plain_console()
    rows: list[tuple[str, str]] = [("fp64", "1"), ("日本", "22"), ("a longer name", "333")]
    console.table(("variant", "size"), [("", row) for row in rows], left=1)
    assert shown().splitlines() == [
        "variant        size",
        "fp64              1",
        "日本             22",
        "a longer name   333",
    ]


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        (48, ["step      why", "scaler", "nmf       a row's answer depends on the others", "          beside it"]),
        (39, ["step", "scaler", "nmf", "    a row's answer depends on the", "    others beside it"]),
    ],
)
def test_words_in_a_table_hang_beside_their_row_or_below_it(columns: int, wanted: list[str]) -> None:
    script = """
        from packager.console import Console
        reason = "a row's answer depends on the others beside it"
        Console().table(("step", "why"), [("", ("scaler", "")), ("bad", ("nmf     ", reason))], left=2, words=True)
    """
    shown, _ = on_terminal(script, columns=columns)
    assert [line.rstrip() for line in ESCAPES.sub("", shown).splitlines()] == wanted


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_is_treated_as_plain_where_asked(environ: dict[str, str]) -> None:
    shown, _ = on_terminal(_SCRIPT, **environ)
    assert "\x1b" not in shown
    assert "✓ verify" in shown


_SCRIPT = """
    import sys, time
    from packager.console import Console
    console = Console()
    with console.step("verify") as step:
        step.detail("starting")
        time.sleep(0.25)
        for done in range(0, 101, 20):
            step.progress(done, 100)
            time.sleep(0.12)
        print("a result")
        step.detail("x" * 300)
    console.note("word " * 60)
    console.warn("[red]no markup[/red] \\x1b[31m")
"""


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_gets_live_lines_that_vanish_and_final_ones_that_fit(columns: int) -> None:
    shown, out = on_terminal(_SCRIPT, columns=columns)
    assert out == "a result\n", "results stay on stdout while a live line is drawn"
    assert "━" in shown, "no bar was drawn"
    assert "of 100 rows" in shown
    assert "[red]no markup[/red] \\x1b[31m" in ESCAPES.sub("", shown)
    last = ESCAPES.sub("", shown.rpartition("\x1b[2K")[2]).splitlines()
    assert all(len(line) <= columns for line in last)
    assert last[0].startswith("✓ verify     xxx")
    assert last[0].rstrip().endswith("s")
    assert "━" not in "".join(last)


def test_steps_inside_steps_are_drawn_too() -> None:
    script = """
        from packager.console import Console
        console = Console()
        with console.step("build"):
            with console.step("source") as step:
                step.detail("inner")
    """
    shown = ESCAPES.sub("", on_terminal(script)[0])
    assert shown.index("✓ source") < shown.index("✓ build")


def test_nothing_heavy_is_imported_before_a_terminal_needs_it() -> None:
    script = (
        "import sys; from packager.console import Console; import packager.report.summary; c = Console();"
        "c.note('x'); c.step('y').__enter__();"
        "print([name for name in ('rich', 'jinja2', 'numpy', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "[]\n"
