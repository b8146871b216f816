"""A binned form is timed like every other one: in a worker, in contests, on more threads; on the CPU alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from packager.artifact import VERIFIED_SETTINGS, Measurement, SessionSettings, Variant
from packager.benchmark import benchmark as module
from packager.benchmark import contest, same_bits, tuning
from packager.benchmark.benchmark import measure
from packager.benchmark.contest import Contestant, hold
from packager.benchmark.same_bits import differing_settings
from packager.benchmark.subjects import Bench
from packager.benchmark.tuning import Tuned, tune
from packager.binned import scorer
from packager.binned.library import library
from packager.dataset.rows import Rows
from packager.recipe.model import Target
from packager.runtime.session import CPU_PROVIDER, ExecutionProvider
from tests.runtime.binned_files import needs_library, write_binned
from tests.runtime.graphs import regressor, row_sums

ROOT = Path(__file__).parents[2]
MADE = Rows(np.random.default_rng(0).normal(size=(2 * scorer.ROWS_PER_THREAD + 500, 2)))
pytestmark = needs_library


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(module, "_SECONDS_PER_ROUND", 0.005)
    MADE.save(tmp_path / "rows.npz")
    return Bench(tmp_path / "rows.npz", regressor(), (1, 100))


def rows_of(target: Target, path: Path, bench: Bench) -> list[Measurement]:
    variants = [Variant("fp64", "fp64", "ok", None, row_sums(path.with_suffix(".onnx")))]
    variants.append(Variant("binned", "binned", "ok", None, path))
    found = measure([target], variants, bench).measurements
    assert [(row.variant, row.batch_size) for row in found] == [
        (name, size) for name in ("fp64", "binned") for size in (1, 100)
    ]
    return [row for row in found if row.variant == "binned"]


@pytest.mark.parametrize("threads", [1, 2])
def test_its_rows_are_complete(threads: int, bench: Bench, tmp_path: Path) -> None:
    target = Target(name="here", provider="cpu", threads=threads)
    for row in rows_of(target, write_binned(tmp_path / "a.binned"), bench):
        assert (row.target, row.provider, row.threads, row.reason) == ("here", "cpu", threads, None)
        assert (row.provider_active, row.placement) == (CPU_PROVIDER, {CPU_PROVIDER: 1})
        assert row.operators == {CPU_PROVIDER: {"BinnedTrees": 1}}
        assert None not in (row.p50_us, row.p95_us, row.p99_us, row.rows_per_s, row.ci95, row.spread)
        assert row.runs >= 12


def test_what_scored_the_trees_is_told(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever forces instructions, to know how fast a lesser processor is, gets figures of these and is told so."""
    targets = [Target(name=name, provider="cpu", threads=1) for name in ("here", "too")]
    variants = [Variant("binned", "binned", "ok", None, write_binned(tmp_path / "a.binned"))]
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", "plain")
    notes = measure(targets, variants, bench).notes
    (told,) = [note for note in notes if "scored with" in note]
    assert told.startswith("binned: trees were scored with plain instructions; ")
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", "none of these")
    found = measure(targets, variants, bench)
    assert found.notes == ()
    assert all(row.p50_us is None and row.reason for row in found.measurements)


def test_on_another_provider_it_has_a_reason_and_no_figure(bench: Bench, tmp_path: Path) -> None:
    target = Target(name="there", provider="dnnl", threads=1)
    for row in rows_of(target, write_binned(tmp_path / "a.binned"), bench):
        assert (row.p50_us, row.ci95, row.runs, row.provider_active, row.operators) == (None, None, 0, None, {})
        said = "binned trees are scored by the processor itself: DnnlExecutionProvider has no part in it"
        assert row.reason == said


def test_a_file_that_does_not_open_has_the_reason(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "a.binned").write_bytes(b"nothing of the kind")
    for row in rows_of(Target(name="here", provider="cpu", threads=1), tmp_path / "a.binned", bench):
        assert row.p50_us is None
        assert str(row.reason).startswith("a.binned does not open: ")


def test_its_worker_needs_numpy_and_onnxruntime_alone(tmp_path: Path) -> None:
    """Under a Python that has no other package, it opens the file, loads the extension from its place, and times."""
    import onnxruntime

    only = tmp_path / "only"
    only.mkdir()
    for package in (np, onnxruntime):
        here = Path(package.__file__).parent
        for part in (here, here.with_name(f"{here.name}.libs")):
            if part.exists():
                (only / part.name).symlink_to(part)
    MADE.save(tmp_path / "rows.npz")
    request = {
        "model": str(write_binned(tmp_path / "a.binned")),
        "signature": asdict(regressor()),
        "rows": str(tmp_path / "rows.npz"),
        "provider": asdict(ExecutionProvider()),
        "settings": asdict(VERIFIED_SETTINGS),
    }
    script = (
        f"import sys; sys.path[:0] = [{str(only)!r}, {str(ROOT)!r}]\n"
        "import runpy; runpy.run_module('packager.benchmark.worker', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", script],
        input="".join(json.dumps(one) + "\n" for one in (request, {"batch_size": 100, "seconds": 0.01})),
        env={"PATH": os.environ.get("PATH", "")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    opened, timed = (json.loads(line) for line in done.stdout.splitlines())
    assert opened["operators"] == {CPU_PROVIDER: {"BinnedTrees": 1}}
    assert opened["instruction_set"] in library().instruction_sets()
    assert len(timed["samples_ns"]) >= 3


def test_it_is_held_against_an_onnx_form_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "_PROCESSES", 2)
    MADE.save(tmp_path / "rows.npz")
    binned = write_binned(tmp_path / "a.binned")
    contestants = [
        Contestant("onnx", row_sums(tmp_path / "a.onnx"), regressor()),
        Contestant("binned", binned, regressor()),
        Contestant("on two", binned, regressor(), SessionSettings(threads=2)),
        Contestant("in parts", binned, regressor(), SessionSettings(rows_per_run=100)),
    ]
    found = hold(contestants, contest.Rows(tmp_path / "rows.npz", (1, 1000)), seconds=0.4)
    assert {name: one.reason for name, one in found.items()} == dict.fromkeys(found)
    assert all(set(one.rounds_us) == {1, 1000} for one in found.values())


def test_more_threads_are_its_only_settings_and_change_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "_PROCESSES", 1)
    monkeypatch.setattr(tuning, "_SECONDS_PER_HEAT", 0.2)
    MADE.save(tmp_path / "rows.npz")
    tuned = Tuned(write_binned(tmp_path / "a.binned"), regressor(), "cpu-2", 2, 1, max_batch=len(MADE))
    chosen, trials = tune(tuned, contest.Rows(tmp_path / "rows.npz", (1, 1000)), MADE)
    on_two = replace(VERIFIED_SETTINGS, threads=2)
    assert {one.settings for one in trials} == {VERIFIED_SETTINGS, on_two}
    assert all(one.p50_us is not None for one in trials)
    assert chosen in (VERIFIED_SETTINGS, on_two)


def test_threads_that_change_a_bit_are_found_where_they_share_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(scorer.BinnedModel):  # type: ignore[misc]
        def __init__(self, data: bytes, library: object, *, threads: int = 1) -> None:
            super().__init__(data, library, threads=threads)
            self.several = threads > 1

        def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
            found: list[np.ndarray] = super().run(names, feeds)
            if self.several and len(found[0]) >= 2 * scorer.ROWS_PER_THREAD:
                found[0][-1] = np.nextafter(found[0][-1], 9e9)
            return found

    monkeypatch.setattr("packager.runtime.binned.BinnedModel", Wrong)
    path, on_two = write_binned(tmp_path / "a.binned"), replace(VERIFIED_SETTINGS, threads=2)
    monkeypatch.setattr(same_bits, "_ROWS", len(MADE))
    out = differing_settings(path, regressor(), MADE, [on_two], (1, 1000))
    assert list(out) == [on_two]
    assert "on 2 threads" in out[on_two]
