"""`package verify`: what it says of a true bundle, and how it names each way in which a bundle is broken."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from packager import cli
from packager.artifact import Variant
from packager.runtime.machine import cpu_features
from tests.bundle import binned, models
from tests.bundle.test_replay import edited, sealed

# What the building side has and a serving machine has not.
_TRAINING = ("sklearn", "lightgbm", "joblib", "skl2onnx", "onnxmltools", "onnx", "pandas", "scipy")
_BLOCKED = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {_TRAINING}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
sys.argv = ["package", "verify", *sys.argv[1:]]
from packager.cli import main
main()
"""


@dataclass(frozen=True)
class Verified:
    """What one call of the command came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Verified]:
    def run(bundle: Path, *options: str) -> Verified:
        monkeypatch.setattr(sys, "argv", ["package", "verify", str(bundle), *options])
        with pytest.raises(SystemExit) as left:
            cli.main()
        told = capsys.readouterr()
        return Verified(int(left.value.code or 0), told.out, told.err)

    return run


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    return models.bundled(models.classifier(folder), folder / "bundle")


@pytest.fixture
def bundle(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "bundle")


def _add(path: str, text: str) -> Callable[[Path], object]:
    return lambda bundle: (bundle / path).write_text(text)


def _append(path: str, data: bytes) -> Callable[[Path], object]:
    def change(bundle: Path) -> None:
        with (bundle / path).open("ab") as stream:
            stream.write(data)

    return change


def _flip_byte(bundle: Path) -> None:
    model = bytearray((bundle / "model" / "model.onnx").read_bytes())
    model[len(model) // 2] ^= 1
    (bundle / "model" / "model.onnx").write_bytes(model)


def _with_golden(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def edit(text: str) -> str:
        document = json.loads(text)
        change(document)
        return json.dumps(document)

    return lambda bundle: edited(bundle, "samples/golden.json", edit)


def _without(path: str) -> Callable[[Path], object]:
    def change(bundle: Path) -> None:
        (bundle / path).unlink()
        sealed(bundle)

    return change


def _shift(document: dict[str, Any]) -> None:
    document["outputs"]["probabilities"][2][0] += 0.5


BROKEN: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "a changed byte of the model": (_flip_byte, 8, "changed 'model/model.onnx'"),
    "golden rows that are gone": (lambda b: (b / "samples/golden.json").unlink(), 8, "missing 'samples/golden.json'"),
    "golden rows that were edited": (_append("samples/golden.json", b" "), 8, "changed 'samples/golden.json'"),
    "a file too many": (_add("code/helper.py", "x = 1"), 8, "extra 'code/helper.py'"),
    "a cache of compiled code": (lambda b: (b / "code/__pycache__").mkdir(), 8, "extra 'code/__pycache__'"),
    "another script": (_append("code/score.py", b"\nimport os\n"), 8, "changed 'code/score.py'"),
    "no manifest": (lambda b: (b / "manifest.json").unlink(), 8, "it has no manifest.json"),
    "a manifest that is none": (_add("manifest.json", "[]"), 8, "is not a manifest"),
    "sealed: other native answers": (_with_golden(_shift), 6, "probabilities: 1 of 8 values are off, by up to 0.5"),
    "sealed: no rows": (_with_golden(lambda d: d.update(requests=[])), 8, "is not a golden set"),
    "sealed: cells too few": (_with_golden(lambda d: d["requests"][0]["features"][0].pop()), 8, "is not a golden set"),
    "sealed: answers too few": (_with_golden(lambda d: d["outputs"]["label"].pop()), 8, "is not a golden set"),
    "sealed: no answers": (_with_golden(lambda d: d["outputs"].pop("label")), 8, "is not a golden set"),
    "sealed: limits of NaN": (_with_golden(lambda d: d["tolerance"].update(atol=float("nan"))), 8, "not a golden set"),
    "sealed: no limits": (_with_golden(lambda d: d.pop("tolerance")), 8, "is not a golden set"),
    "sealed: golden rows that are no JSON": (
        lambda b: edited(b, "samples/golden.json", lambda _: "{"), 8, "is not a golden set",
    ),
    "sealed: no golden rows": (_without("samples/golden.json"), 8, "is not a golden set"),
    "sealed: no facts": (_without("code/model_info.json"), 8, "model_info.json does not describe a model"),
    "sealed: other facts": (
        lambda b: edited(b, "code/model_info.json", lambda _: "{}"), 8, "does not describe a model",
    ),
    "sealed: no script": (_without("code/score.py"), 8, "score.py does not run"),
    "sealed: another model": (
        lambda b: (_flip_byte(b), sealed(b)), 8, "score.py does not run: RuntimeError: The model file was changed",
    ),
    "sealed: a script that ends": (
        lambda b: edited(b, "code/score.py", lambda s: s + "\nraise SystemExit(0)\n"), 8, "score.py does not run",
    ),
    "sealed: a script that answers something": (
        lambda b: edited(b, "code/score.py", lambda s: s.replace("Response(answer, 200", "Response('[1]', 200")),
        8, "not with what its bundle promises",
    ),
    "sealed: a script that rounds": (
        lambda b: edited(
            b, "code/score.py", lambda s: s.replace("values if is_alone", "values.round(9) if is_alone")
        ),
        6, "not bit for bit those of the session",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_bundle_is_named(name: str, bundle: Path, verify: Callable[..., Verified]) -> None:
    change, code, words = BROKEN[name]
    change(bundle)
    done = verify(bundle)
    assert done.code == code
    assert words in done.err
    assert "Traceback" not in done.err
    assert len(done.err.encode()) < 4_000
    assert "hint: " in done.err


def test_a_true_bundle_is_told_in_figures_and_not_touched(bundle: Path, verify: Callable[..., Verified]) -> None:
    before = {path: path.stat().st_mtime_ns for path in bundle.rglob("*")}
    done = verify(bundle)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("4 golden rows answered in ")
    assert "0 labels differ, largest error " in done.out
    assert f"  this processor: {', '.join(cpu_features())}" in done.out
    assert "int8 answers" not in done.out
    assert {path: path.stat().st_mtime_ns for path in bundle.rglob("*")} == before


def test_what_golden_rows_reach_is_told(tmp_path: Path, verify: Callable[..., Verified]) -> None:
    plan = models.classifier(tmp_path)
    coverage = {"classes": (2, 2), "splits on both sides": (812, 15_000), "thirds of columns": (9, 9)}
    known = replace(plan, golden=replace(plan.golden, coverage=coverage))
    bundle = models.bundled(known, tmp_path / "bundle")
    assert "they reach 2 of 2 classes, 812 of 15,000 splits on both sides\n" in verify(bundle).out
    assert json.loads(verify(bundle, "--json").out)["coverage"] == {key: list(of) for key, of in coverage.items()}


def test_nothing_of_the_training_side_is_needed(bundle: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    command = [sys.executable, "-B", "-c", _BLOCKED, str(bundle), "--json"]
    done = subprocess.run(command, env=kept, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True


@binned.needs_library
def test_both_forms_of_a_binned_bundle_are_told(tmp_path: Path, verify: Callable[..., Verified]) -> None:
    bundle = models.bundled(binned.plan(tmp_path), tmp_path / "bundle")
    done = verify(bundle)
    assert (done.code, done.err) == (0, "")
    assert re.search(
        r"\n  answered by binned (avx512|avx2|plain)\n  model.onnx, which stands by: 0 labels differ, ", done.out
    )
    document = json.loads(verify(bundle, "--json").out)
    assert (document["form"][:7], document["onnx_label_mismatches"]) == ("binned ", 0)
    (bundle / "code" / "_binned.abi3.so").write_bytes(b"none")
    done = verify(binned.resealed(bundle))
    assert (done.code, done.err) == (0, "")
    assert "  answered by onnx; library: the binned form can't serve here\n" in done.out


@binned.needs_library
@pytest.mark.parametrize("command", ["verify", "benchmark"])
def test_instructions_that_the_processor_lacks_are_a_setting(
    command: str, bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", "nonsense")
    monkeypatch.setattr(sys, "argv", ["package", command, str(bundle)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "BINNED_INSTRUCTION_SET names instructions that this processor does not have" in told.err
    assert re.search(r"\n  measured nonsense, limit .*plain\n  hint: unset BINNED_INSTRUCTION_SET", told.err)


def _int8(folder: Path, features: tuple[str, ...]) -> Path:
    plan = models.classifier(folder)
    model: Variant = replace(plan.model, name="int8", precision="int8")
    return models.bundled(replace(plan, model=model, cpu_features=features), folder / "int8")


def test_int8_of_the_same_processor_is_said_to_be(tmp_path: Path, verify: Callable[..., Verified]) -> None:
    bundle = _int8(tmp_path, cpu_features())
    assert "this one is of the kind that built the bundle" in verify(bundle).out
    assert json.loads(verify(bundle, "--json").out)["on_other_cpu"] is False


def test_int8_of_another_processor_is_measured_again_here(tmp_path: Path, verify: Callable[..., Verified]) -> None:
    bundle = _int8(tmp_path, ("avx2", "imaginary_vnni"))
    done = verify(bundle)
    assert done.code == 0
    assert "built on another kind: avx2, imaginary_vnni" in done.out
    assert "the figures above were measured here, not taken from the build" in done.out
    document = json.loads(verify(bundle, "--json").out)
    assert (document["on_other_cpu"], document["built_on"]) == (True, ["avx2", "imaginary_vnni"])
    _with_golden(_shift)(bundle)
    failed = verify(bundle)
    assert failed.code == 6
    assert "hint: int8 answers depend on the processor: build on this kind, which lacks" in failed.err
    assert "imaginary_vnni" in failed.err


def test_cells_are_shown_only_when_asked_for(bundle: Path, verify: Callable[..., Verified]) -> None:
    _with_golden(_shift)(bundle)
    quiet, open_ = verify(bundle), verify(bundle, "--show-values")
    assert "golden row 2\n" in quiet.err
    assert "2.5" not in quiet.out + quiet.err
    assert "golden row 2: [0.0, -0.0, 2.5]" in open_.err
    document = json.loads(verify(bundle, "--json").out)
    assert document["differing_rows"] == [2]
    assert "differing_cells" not in document
    shown = json.loads(verify(bundle, "--json", "--show-values").out)
    assert shown["differing_cells"] == {"2": [0.0, -0.0, 2.5]}
