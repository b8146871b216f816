"""`package benchmark`: a bundle's figures on this machine, each measured or with a reason, and the bundle untouched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from packager import cli
from packager.benchmark import benchmark as measuring
from packager.benchmark_result import BenchmarkResult
from packager.bundle.manifest import check_digests
from packager.commands import benchmark as command
from packager.commands.benchmark import Asked, targets_of
from packager.errors import BenchmarkError, RecipeError
from packager.recipe.model import Target
from packager.serving_process import measure_process
from tests.bundle import binned, models
from tests.sku.samples import load, result


@dataclass(frozen=True)
class Told:
    """What one call of the command came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    monkeypatch.setattr(measuring, "_SECONDS_PER_ROUND", 0.005)
    monkeypatch.setattr(command, "measure_process", partial(measure_process, runs=2))

    def run(bundle: Path, *options: str) -> Told:
        monkeypatch.setattr(sys, "argv", ["package", "benchmark", str(bundle), *options])
        with pytest.raises(SystemExit) as left:
            cli.main()
        told = capsys.readouterr()
        return Told(int(left.value.code or 0), told.out, told.err)

    return run


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    return models.bundled(models.classifier(folder), folder / "bundle")


def test_the_result_is_written_printed_and_of_this_bundle(
    bundle: Path, tmp_path: Path, measured: Callable[..., Told]
) -> None:
    out = tmp_path / "here.json"
    told = measured(
        bundle, "--batch-size", "1", "--batch-size", "5", "--instance-type", "D4", "--json", "--out", str(out)
    )
    assert told.code == 0
    result = BenchmarkResult.model_validate_json(out.read_bytes())
    assert result == BenchmarkResult.model_validate_json(told.out)
    manifest = check_digests(bundle)  # which also shows that nothing was written into it
    assert (result.bundle.name, result.bundle.digest) == (manifest.name, manifest.digest)
    assert result.machine.instance_type == "D4"
    assert [(one.target, one.batch_size) for one in result.measurements] == [("cpu-1", 1), ("cpu-1", 5)]
    assert all(one.p50_us is not None and one.reason is None for one in result.measurements)
    assert "distinct" in result.notes[0]


def test_a_table_is_printed_for_people(bundle: Path, measured: Callable[..., Told]) -> None:
    told = measured(bundle, "--batch-size", "1", "--target", "cpu-1", "--target", "cpu-2")
    assert [line.split()[0] for line in told.out.splitlines()[3:5]] == ["cpu-1", "cpu-2"]


@pytest.mark.parametrize("kind", ["text", "missing", "truths"])
def test_every_kind_of_bundle_is_measured(kind: str, tmp_path: Path, measured: Callable[..., Told]) -> None:
    written = models.bundled(models.KINDS[kind](tmp_path), tmp_path / "bundle")
    told = measured(written, "--batch-size", "3", "--json")
    (row,) = json.loads(told.out)["measurements"]
    assert row["p50_us"] is not None


@binned.needs_library
def test_the_form_that_serves_is_measured(tmp_path: Path, measured: Callable[..., Told]) -> None:
    bundle = models.bundled(binned.plan(tmp_path), tmp_path / "bundle")
    told = measured(bundle, "--batch-size", "3", "--json")
    (row,) = json.loads(told.out)["measurements"]
    assert row["p50_us"] is not None
    assert row["operators"] == {"CPUExecutionProvider": {"BinnedTrees": 1}}
    result = json.loads(told.out)
    assert result["bundle"]["form"] == result["process"]["form"]
    assert result["bundle"]["form"].startswith("binned ")


@binned.needs_library
def test_where_the_onnx_form_answers_no_figure_is_told_as_the_binned_one_s(
    tmp_path: Path, measured: Callable[..., Told]
) -> None:
    """What `package verify` calls `onnx; platform` is not measured as binned by the library of this installation."""
    bundle = models.bundled(binned.plan(tmp_path), tmp_path / "bundle")
    binned.resealed(bundle, lambda facts: facts["fast_path"].update(machine="another"))
    told = measured(bundle, "--batch-size", "3", "--json")
    result = BenchmarkResult.model_validate_json(told.out)
    assert (result.bundle.variant, result.bundle.form) == ("fp64", "onnx; platform")
    assert result.bundle.instruction_set is None
    assert result.process is not None
    assert result.process.form == "onnx; platform"
    (row,) = result.measurements
    assert (row.variant, row.p50_us is not None) == ("fp64", True)
    assert "BinnedTrees" not in row.operators["CPUExecutionProvider"]
    assert any("model.onnx answers, not the binned form (platform)" in note for note in result.notes)
    assert not any("scored with" in note for note in result.notes)


@binned.needs_library
def test_a_bundle_that_requires_the_form_that_cannot_serve_has_no_figures(
    tmp_path: Path, measured: Callable[..., Told]
) -> None:
    bundle = models.bundled(binned.plan(tmp_path, fast_path="require"), tmp_path / "bundle")
    binned.resealed(bundle, lambda facts: facts["fast_path"].update(machine="another"))
    told = measured(bundle, "--batch-size", "3", "--out", str(tmp_path / "none.json"))
    assert told.code == 7
    assert "score.py does not run" in told.err
    assert not (tmp_path / "none.json").exists()


@binned.needs_library
def test_forced_instructions_reach_every_process_that_is_measured(
    tmp_path: Path, measured: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", "plain")
    bundle = models.bundled(binned.plan(tmp_path), tmp_path / "bundle")
    told = measured(bundle, "--batch-size", "3", "--json")
    result = BenchmarkResult.model_validate_json(told.out)
    assert (result.bundle.form, result.bundle.instruction_set) == ("binned plain", "plain")
    assert result.process is not None
    assert result.process.form == "binned plain"
    assert any("scored with plain instructions" in note for note in result.notes)


@binned.needs_library
def test_a_load_that_another_form_answered_is_refused(
    tmp_path: Path, measured: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = load(1, 620.0).model_copy(update={"form": "onnx; changed"})
    monkeypatch.setattr(command, "served_load", lambda bundle, asked, *, console, keep: keep(one, result().noise))
    bundle = models.bundled(binned.plan(tmp_path), tmp_path / "bundle")
    told = measured(bundle, "--batch-size", "3", "--served", "--out", str(tmp_path / "none.json"))
    assert told.code == 7
    assert "the server answered with another form of the model" in told.err
    assert not (tmp_path / "none.json").exists()


@binned.needs_library
def test_a_library_that_is_not_the_bundle_s_is_told(
    tmp_path: Path, measured: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = models.bundled(binned.plan(tmp_path), tmp_path / "bundle")
    for here, said in (
        ("0" * 64, "is another compilation than the bundle's"),
        (None, "for single calls there is none"),
    ):
        monkeypatch.setattr("packager.commands.answering.library_sha256", lambda here=here: here)
        notes = json.loads(measured(bundle, "--batch-size", "3", "--json").out)["notes"]
        assert any(said in note for note in notes)


def _append_to_model(bundle: Path) -> None:
    with (bundle / "model" / "model.onnx").open("ab") as stream:
        stream.write(b"x")


def test_a_bundle_that_fails_its_digests_is_not_measured(tmp_path: Path, measured: Callable[..., Told]) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    _append_to_model(bundle)
    told = measured(bundle, "--out", str(tmp_path / "none.json"))
    assert told.code == 7
    assert "changed 'model/model.onnx'" in told.err
    assert not (tmp_path / "none.json").exists()


def test_what_is_no_bundle_is_named(tmp_path: Path, measured: Callable[..., Told]) -> None:
    told = measured(tmp_path)
    assert (told.code, told.out) == (7, "")
    assert "is not a bundle" in told.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("opnvino", "did you mean openvino"),
        ("cpu-0", "threads"),
        ("cpu-x", "threads"),
        ("cpu-" + "9" * 4400, "threads"),
    ],
)
def test_an_unknown_target_is_named(name: str, said: str, bundle: Path, measured: Callable[..., Told]) -> None:
    told = measured(bundle, "--target", name)
    assert told.code == 2
    assert said in told.err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("--seconds", "inf"), ("--seconds", "nan"), ("--qps", "inf"), ("--qps", "nan"), ("--slo-p95-ms", "inf")],
        *[("--batch-size", "100000000"), ("--workers", "100000"), ("--threads", "100000")],
    ],
)
def test_every_number_has_bounds(option: str, value: str, bundle: Path, measured: Callable[..., Told]) -> None:
    told = measured(bundle, option, value)
    assert told.code == 2
    assert option in told.err
    assert "Traceback" not in told.err


def test_rows_that_would_fill_the_memory_are_refused(
    bundle: Path, measured: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_MOST_CELLS", 1000)
    told = measured(bundle, "--batch-size", "1000")
    assert told.code == 2
    assert "calls of 1,000 rows need more cells" in told.err


@pytest.mark.parametrize("option", ["--out", "--pytest-benchmark"])
def test_where_nothing_can_be_written_nothing_is_measured(
    option: str, bundle: Path, tmp_path: Path, measured: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "measure_bundle", None)
    for place in (bundle / "result.json", bundle / "new" / "result.json", tmp_path, Path("/proc/x/result.json")):
        told = measured(bundle, option, str(place))
        assert told.code == 2, told.err
        assert f"{option} {place}" in told.err
    assert not (bundle / "new").exists()
    check_digests(bundle)


def test_two_files_in_one_place_are_refused(bundle: Path, tmp_path: Path, measured: Callable[..., Told]) -> None:
    here = str(tmp_path / "one.json")
    assert measured(bundle, "--out", here, "--pytest-benchmark", here).code == 2


def _raises(problem: BaseException) -> Callable[..., None]:
    def fail(*ignored: object, **too: object) -> None:
        raise problem

    return fail


def _with_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that took hours comes first."""
    quiet = result().noise
    monkeypatch.setattr(command, "served_load", lambda bundle, asked, *, console, keep: keep(load(1, 620.0), quiet))


def test_calls_that_fail_do_not_take_the_load_with_them(
    bundle: Path, tmp_path: Path, measured: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_load(monkeypatch)
    monkeypatch.setattr(command, "_measured", _raises(MemoryError()))
    out = tmp_path / "here.json"
    told = measured(bundle, "--served", "--json", "--out", str(out))
    assert told.code == 7
    assert "not enough memory" in told.err
    kept = BenchmarkResult.model_validate_json(out.read_bytes())
    assert kept == BenchmarkResult.model_validate_json(told.out)
    assert kept.served == (load(1, 620.0),)
    assert kept.measurements == ()
    assert kept.process is not None
    assert "Single calls not measured: there is not enough memory" in kept.notes


def test_a_process_that_does_not_start_leaves_calls_and_load(
    bundle: Path, tmp_path: Path, measured: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_load(monkeypatch)
    monkeypatch.setattr(command, "measure_process", _raises(BenchmarkError("score.py does not start")))
    out = tmp_path / "here.json"
    told = measured(bundle, "--batch-size", "1", "--served", "--out", str(out))
    assert told.code == 7
    assert "cpu-1" in told.out
    assert "served: " in told.out
    kept = BenchmarkResult.model_validate_json(out.read_bytes())
    assert kept.served
    assert kept.measurements[0].p50_us is not None
    assert kept.process is None
    assert "The serving process not measured: score.py does not start" in kept.notes


@pytest.mark.parametrize(("problem", "code"), [(KeyboardInterrupt(), 130), (ValueError("a bug"), 1)])
def test_what_was_measured_lies_in_the_file_whatever_ends_the_run(
    problem: BaseException,
    code: int,
    bundle: Path,
    tmp_path: Path,
    measured: Callable[..., Told],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _with_load(monkeypatch)
    monkeypatch.setattr(command, "_measured", _raises(problem))
    out = tmp_path / "here.json"
    told = measured(bundle, "--served", "--out", str(out))
    assert told.code == code
    assert f"the result lies in {out}" in told.err
    assert "nothing was left behind" not in told.err
    kept = BenchmarkResult.model_validate_json(out.read_bytes())
    assert kept.served
    assert "Single calls not measured: the run ended before" in kept.notes


def test_where_nothing_at_all_is_measured_there_is_no_file(
    bundle: Path, tmp_path: Path, measured: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_measured", _raises(BenchmarkError("no calls")))
    monkeypatch.setattr(command, "measure_process", _raises(BenchmarkError("no process")))
    told = measured(bundle, "--out", str(tmp_path / "none.json"))
    assert told.code == 7
    assert "no calls" in told.err
    assert not (tmp_path / "none.json").exists()


def test_pytest_benchmark_reads_the_calls(bundle: Path, tmp_path: Path, measured: Callable[..., Told]) -> None:
    told = measured(
        bundle, "--batch-size", "1", "--batch-size", "5", "--pytest-benchmark", str(tmp_path / "calls.json")
    )
    assert told.code == 0, told.err
    done = subprocess.run(
        [Path(sys.executable).with_name("pytest-benchmark"), "compare", "calls.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "-cpu-1-1]" in done.stdout
    assert "-cpu-1-5]" in done.stdout


def test_targets_are_named_by_provider_and_threads() -> None:
    def named(*targets: str, threads: tuple[int, ...] = ()) -> list[tuple[str, str, int]]:
        return [(one.name, one.provider, one.threads) for one in targets_of(Asked(targets, threads=threads))]

    assert named() == [("cpu-1", "cpu", 1)]
    assert named("cpu", "openvino-4", threads=(2,)) == [("cpu-2", "cpu", 2), ("openvino-4", "openvino", 4)]
    assert named("cpu-1", "cpu") == [("cpu-1", "cpu", 1)]
    assert named(threads=(1, 2)) == [("cpu-1", "cpu", 1), ("cpu-2", "cpu", 2)]
    with pytest.raises(RecipeError):
        targets_of(Asked(("gpu",)))


def test_what_the_bundle_was_built_for_is_measured_where_nothing_is_asked_for() -> None:
    known = [
        Target(name="small", provider="cpu", threads=1),
        Target.model_validate({"name": "fast", "provider": "openvino", "threads": 3, "fallback": "refuse"}),
    ]
    assert targets_of(Asked(), known) == known
    assert targets_of(Asked(("fast",)), known) == known[1:]
    assert [one.name for one in targets_of(Asked(("cpu", "fast"), threads=(2,)), known)] == ["cpu-2", "fast"]
    assert [one.name for one in targets_of(Asked(threads=(2,)), known)] == ["cpu-2"]
    with pytest.raises(RecipeError) as caught:
        targets_of(Asked(("smal",)), known)
    assert "did you mean small?" in str(caught.value)
