"""Settings win only by the clock, on fresh timings, and never where they change a bit of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from packager.artifact import VERIFIED_SETTINGS, SessionSettings
from packager.benchmark import contest, same_bits
from packager.benchmark import tuning as module
from packager.benchmark.contest import Contestant, Outcome, Rows
from packager.benchmark.same_bits import differing_settings
from packager.benchmark.tuning import Tuned, candidates, tune, ways
from packager.dataset.rows import Rows as MadeRows
from tests.runtime.graphs import regressor, row_sums

ARENA = replace(VERIFIED_SETTINGS, arena=False)
PARTS = replace(VERIFIED_SETTINGS, rows_per_run=32)
LEVEL = replace(VERIFIED_SETTINGS, optimization="basic")
Factor = Callable[[SessionSettings, int], float]


@pytest.fixture
def made() -> MadeRows:
    return MadeRows(np.random.default_rng(0).normal(size=(300, 2)))


@pytest.fixture
def rows(made: MadeRows, tmp_path: Path) -> Rows:
    made.save(tmp_path / "rows.npz")
    return Rows(tmp_path / "rows.npz", (1, 100))


def tuned(path: Path, *, threads: int = 1, decides: int = 100) -> Tuned:
    return Tuned(path, regressor(), "cpu-1", threads, decides)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[SessionSettings]]]:
    """Have the clock tell what a test says: in each heat, by settings and batch size, against the default's time."""

    def told(*heats: Factor) -> list[list[SessionSettings]]:
        held: list[list[SessionSettings]] = []

        def hold(contestants: Sequence[Contestant], rows: Rows, *, seconds: float) -> Mapping[str, Outcome]:
            held.append([one.settings for one in contestants])
            factor, drift = heats[len(held) - 1], np.random.default_rng(0).lognormal(3, 1, 21)
            return {
                one.name: Outcome({size: tuple(drift * factor(one.settings, size)) for size in rows.batch_sizes})
                for one in contestants
            }

        monkeypatch.setattr(module, "hold", hold)
        return held

    return told


def test_without_a_winner_the_default_stays_and_there_is_no_second_heat(
    rows: Rows, made: MadeRows, tmp_path: Path, timed: Callable[..., list[list[SessionSettings]]]
) -> None:
    held = timed(lambda settings, size: 1.0)
    chosen, trials = tune(tuned(row_sums(tmp_path / "a.onnx")), rows, made)
    assert chosen == VERIFIED_SETTINGS
    assert len(held) == 1
    assert {one.outcome for one in trials} == {"default", "alike"}
    assert [one.settings for one in trials if one.chosen] == [VERIFIED_SETTINGS] * 2


def test_a_winner_has_to_win_again_on_fresh_timings(
    rows: Rows, made: MadeRows, tmp_path: Path, timed: Callable[..., list[list[SessionSettings]]]
) -> None:
    held = timed(lambda settings, size: 0.8 if settings == ARENA else 1.0, lambda settings, size: 1.0)
    chosen, trials = tune(tuned(row_sums(tmp_path / "a.onnx")), rows, made)
    assert held[1] == [VERIFIED_SETTINGS, ARENA]
    assert chosen == VERIFIED_SETTINGS
    assert {(one.heat, one.outcome) for one in trials if one.settings == ARENA} == {(1, "faster"), (2, "alike")}


def test_winners_are_tried_together_and_the_fastest_is_chosen(
    rows: Rows, made: MadeRows, tmp_path: Path, timed: Callable[..., list[list[SessionSettings]]]
) -> None:
    def factor(settings: SessionSettings, size: int) -> float:
        return (0.8 if not settings.arena else 1.0) * (0.7 if settings.rows_per_run == 32 and size == 100 else 1.0)

    held = timed(factor, factor)
    chosen, trials = tune(tuned(row_sums(tmp_path / "a.onnx")), rows, made)
    both = replace(ARENA, rows_per_run=32)
    assert held[1] == [VERIFIED_SETTINGS, PARTS, both]
    assert chosen == both
    evidence = [one for one in trials if one.chosen]
    assert [(one.heat, one.batch_size, one.outcome) for one in evidence] == [(2, 1, "faster"), (2, 100, "faster")]
    assert evidence[1].ratio is not None
    assert evidence[1].ratio[0] == pytest.approx(0.56)


@pytest.mark.parametrize(
    "factor",
    [
        lambda settings, size: 0.98 if settings == LEVEL else 1.0,
        lambda settings, size: (0.5 if size == 100 else 1.2) if settings == LEVEL else 1.0,
        lambda settings, size: 0.5 if settings == LEVEL and size == 1 else 1.0,
    ],
    ids=["too little", "slower elsewhere", "faster elsewhere alone"],
)
def test_what_is_no_gain_where_it_counts_is_not_chosen(
    factor: Factor,
    rows: Rows,
    made: MadeRows,
    tmp_path: Path,
    timed: Callable[..., list[list[SessionSettings]]],
) -> None:
    timed(factor)
    assert tune(tuned(row_sums(tmp_path / "a.onnx")), rows, made)[0] == VERIFIED_SETTINGS


def test_settings_that_change_a_bit_are_never_timed(
    rows: Rows,
    made: MadeRows,
    tmp_path: Path,
    timed: Callable[..., list[list[SessionSettings]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fault is planted: without an arena the last answer is off by one step of float64."""
    planted(monkeypatch, lambda settings: not settings.arena)
    held = timed(lambda settings, size: 0.1 if settings == ARENA else 1.0)
    chosen, trials = tune(tuned(row_sums(tmp_path / "a.onnx")), rows, made)
    assert chosen == VERIFIED_SETTINGS
    assert ARENA not in held[0]
    (out,) = [one for one in trials if one.settings == ARENA]
    assert (out.p50_us, out.ci95) == (None, None)
    assert "changes" in out.outcome


def planted(monkeypatch: pytest.MonkeyPatch, wrong: Callable[[SessionSettings], bool]) -> None:
    """Have sessions with some settings answer wrongly in one bit."""
    right = same_bits.open_session

    def open_wrong(path: Path, signature: object, *, settings: SessionSettings) -> object:
        session = right(path, signature, settings=settings)  # type: ignore[arg-type]
        if not wrong(settings):
            return session

        class Wrong:
            def answers(self, rows: MadeRows) -> dict[str, np.ndarray]:
                found = session.answers(rows)["variable"].copy()
                found[-1] = np.nextafter(found[-1], np.inf)
                return {"variable": found}

        return Wrong()

    monkeypatch.setattr(same_bits, "open_session", open_wrong)


def test_every_lesser_number_of_threads_has_to_answer_alike(
    made: MadeRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch, lambda settings: settings.threads == 3)
    path, several = row_sums(tmp_path / "a.onnx"), [replace(VERIFIED_SETTINGS, threads=count) for count in (2, 3, 4)]
    out = differing_settings(path, regressor(), made, several, (1, 100))
    assert list(out) == several[1:]
    assert all("on 3 threads" in reason for reason in out.values())


def test_zero_and_negative_zero_are_not_the_same_bits() -> None:
    zero = {"variable": np.array([0.0, np.nan])}
    assert same_bits._differing(zero, {"variable": np.array([-0.0, np.nan])}) == 1
    assert same_bits._differing(zero, {"variable": np.array([0.0, np.nan])}) == 0
    assert same_bits._differing(zero, {"variable": np.array([0.0])}) == 2


def test_candidates_stay_within_the_threads_and_change_one_thing() -> None:
    alone = list(candidates(1, 1000))
    assert {one.threads for one in alone} == {1}
    assert {one.execution for one in alone} == {"sequential"}
    assert {one.threads for one in candidates(6, 1)} == {1, 2, 4, 6}
    assert all(one.rows_per_run is None for one in candidates(6, 32))
    for one in candidates(6, 1000):
        changed = [name for name, value in vars(one).items() if value != getattr(VERIFIED_SETTINGS, name)]
        assert len(changed) == (2 if one.execution == "parallel" else 1)


def test_of_a_binned_form_threads_alone_are_tried() -> None:
    found = [one for count in (1, 2, 6) for one in ways(tuned(Path("a.binned"), threads=count), 1000)]
    assert found == [replace(VERIFIED_SETTINGS, threads=count) for count in (2, 2, 4, 6)]
    assert list(ways(tuned(Path("a.onnx"), threads=2), 1000)) == list(candidates(2, 1000))


def test_a_real_heat_has_figures_of_every_candidate(
    rows: Rows, made: MadeRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contest, "_PROCESSES", 1)
    monkeypatch.setattr(module, "_SECONDS_PER_HEAT", 0.2)
    chosen, trials = tune(tuned(row_sums(tmp_path / "a.onnx"), threads=2), rows, made)
    assert {one.settings for one in trials if one.heat == 1} == {VERIFIED_SETTINGS, *candidates(2, 100)}
    assert all(one.p50_us is not None and one.ratio is not None for one in trials)
    assert chosen in {one.settings for one in trials if one.chosen}
