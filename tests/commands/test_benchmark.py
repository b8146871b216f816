"""`package benchmark`: a bundle's figures on this machine, each measured or with a reason, and the bundle untouched."""

from __future__ import annotations

import json
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
from packager.errors import RecipeError
from packager.recipe.model import Target
from packager.serving_process import measure_process
from tests.bundle import models


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
    ("name", "said"), [("opnvino", "did you mean openvino"), ("cpu-0", "threads"), ("cpu-x", "threads")]
)
def test_an_unknown_target_is_named(name: str, said: str, bundle: Path, measured: Callable[..., Told]) -> None:
    told = measured(bundle, "--target", name)
    assert told.code == 2
    assert said in told.err


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
