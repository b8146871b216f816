"""The fast path of a bundle: it serves where all is as it was built; else ONNX does and says why, or nothing serves."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from packager.artifact import Verdict
from packager.bundle import fast_path
from packager.bundle.deploy_lint import lint
from packager.bundle.differences import differences, open_side
from packager.bundle.manifest import read_manifest
from packager.bundle.model_info import read_info
from packager.bundle.rehearse import rehearse
from packager.bundle.replay import replay
from packager.bundle.self_test import SelfTest
from packager.errors import BundleError
from packager.recipe.parity import Tolerance

from . import models
from .binned import exact, grown, needs_library, plan, resealed
from .scripts import ask, load
from .test_replay import edited, sealed

pytestmark = needs_library
FILES = ("code/_binned.abi3.so", "code/binned.py", "code/self_test.bin", "model/model.binned")
HEADER = "x-model-form"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a bundle that prefers its fast path and one that requires it."""
    folder = tmp_path_factory.mktemp("fast")
    return {mode: models.bundled(plan(folder, fast_path=mode), folder / mode) for mode in ("prefer", "require")}


@pytest.fixture
def prefers(made: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(made["prefer"], tmp_path / "prefers")


@pytest.fixture
def requires(made: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(made["require"], tmp_path / "requires")


def labels(bundle: Path) -> list[int]:
    document = json.loads((bundle / "samples" / "golden.json").read_bytes())
    found: list[int] = document["outputs"]["label"]
    return found


def golden(bundle: Path) -> dict[str, Any]:
    (request,) = json.loads((bundle / "samples" / "golden.json").read_bytes())["requests"]
    found: dict[str, Any] = request
    return found


def test_every_answer_says_which_form_gave_it(prefers: Path) -> None:
    script = load(prefers)
    best = fast_path.compiled_library().instruction_sets()[0]
    for body, status in (
        (json.dumps(golden(prefers)), 200),
        ("{", 400),
        (json.dumps({"features": [[1, 2, 3]] * 1001}), 413),
        ('{"features": []}', 200),
    ):
        answer = script.run(body)
        assert (answer.status_code, answer.headers[HEADER]) == (status, f"binned {best}")
    assert type(script.SESSION).__name__ == "BinnedModel"
    assert ask(script, golden(prefers))[1]["prediction"] == labels(prefers)


def test_a_fault_of_our_own_says_it_too(prefers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load(prefers)
    monkeypatch.setattr(script, "_infer", None)
    answer = script.run(json.dumps(golden(prefers)))
    assert (answer.status_code, answer.headers[HEADER].partition(" ")[0]) == (500, "binned")


@pytest.mark.parametrize("name", ["avx512", "avx2", "plain"])
def test_every_instruction_set_serves(name: str, prefers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name not in fast_path.compiled_library().instruction_sets():
        pytest.skip(f"needs a processor with {name}")
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", name)
    script = load(prefers)
    assert script.run(json.dumps(golden(prefers))).headers[HEADER] == f"binned {name}"
    assert ask(script, golden(prefers))[1]["prediction"] == labels(prefers)


def _flip(name: str) -> Callable[[Path], object]:
    """Return what changes one byte in the middle of a file."""

    def change(bundle: Path) -> None:
        data = bytearray((bundle / name).read_bytes())
        data[len(data) // 2] ^= 1
        (bundle / name).write_bytes(data)

    return change


def _replaced(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda bundle: (bundle / name).write_bytes(data) and resealed(bundle)


def _other_score(bundle: Path) -> None:
    """Change the last bit of the last stored score."""
    path = bundle / "code" / "self_test.bin"
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(data)
    resealed(bundle)


def _cut_self_test(bundle: Path) -> None:
    path = bundle / "code" / "self_test.bin"
    path.write_bytes(path.read_bytes()[:-800])
    resealed(bundle)


def _other_header(change: Callable[[dict[str, Any], bytes], bytes]) -> Callable[[Path], object]:
    """Return what changes the header of a binned model, whose trees stay what they are; bytes may be added."""

    def plant(bundle: Path) -> None:
        path = bundle / "model" / "model.binned"
        data = path.read_bytes()
        header = json.loads(data[16 : 16 + int.from_bytes(data[8:12], "little")])
        data = change(header, data)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes((data[:8] + struct.pack("<II", len(text), 0) + text).ljust(4096, b"\0") + data[4096:])
        resealed(bundle)

    return plant


def _no_label(header: dict[str, Any], data: bytes) -> bytes:
    """Give the label another name, which no answer has."""
    header["outputs"][0]["name"] = "none"
    return data


def _narrow_graph(header: dict[str, Any], data: bytes) -> bytes:
    """Put a graph before the trees that loads, and takes rows of no width that requests have."""
    rows = helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, 7])
    features = helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, 7])
    graph = helper.make_graph([helper.make_node("Identity", ["rows"], ["features"])], "before", [rows], [features])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()
    header["before"] = {"offset": len(data), "size": len(model), "gives": ["features"]}
    return data + model


_other_label, _failing_graph = _other_header(_no_label), _other_header(_narrow_graph)
FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    **{f"changed {name}": (_flip(name), "changed") for name in FILES},
    **{f"missing {name}": (lambda bundle, name=name: (bundle / name).unlink(), "missing") for name in FILES},
    "a library that does not load": (_replaced("code/_binned.abi3.so", b"\x7fELF garbage"), "library"),
    "a scorer that does not run": (_replaced("code/binned.py", b"import no_such_package"), "library"),
    "a scorer without a model": (_replaced("code/binned.py", b"x = 1"), "model"),
    "a model that is none": (_replaced("model/model.binned", b"PKGBIN"), "model"),
    "a label that is none": (_other_label, "model"),
    "a graph that fails on a row": (_failing_graph, "model"),
    "another score": (_other_score, "self-test"),
    "a self-test that was cut": (_cut_self_test, "model"),
    "for another system": (lambda b: resealed(b, lambda f: f["fast_path"].update(system="Plan 9")), "platform"),
    "for another processor": (lambda b: resealed(b, lambda f: f["fast_path"].update(machine="riscv64")), "platform"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_leaves_the_answers_to_onnx(
    fault: str, prefers: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plant, word = FAULTS[fault]
    plant(prefers)
    with caplog.at_level("INFO", logger="azmlinfsrv.score"):
        script = load(prefers)
    assert type(script.SESSION).__name__ == "InferenceSession"
    for body, status in ((json.dumps(golden(prefers)), 200), ("{", 400)):
        answer = script.run(body)
        assert (answer.status_code, answer.headers[HEADER]) == (status, f"onnx; {word}")
    assert ask(script, golden(prefers))[1]["prediction"] == labels(prefers)
    warned, ready = (record.getMessage() for record in caplog.records if record.name == "azmlinfsrv.score")
    assert f"model.onnx does: reason={word} " in warned
    assert f'model_form="onnx; {word}"' in ready


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_serves_nothing_where_it_is_required(fault: str, requires: Path) -> None:
    plant, word = FAULTS[fault]
    plant(requires)
    with pytest.raises(RuntimeError, match=rf"bundle\.fast_path is require.*\({word}\): "):
        load(requires)


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_a_changed_onnx_model_is_refused_although_another_form_would_serve(mode: str, made: dict[str, Path]) -> None:
    bundle = shutil.copytree(made[mode], made[mode].with_name(f"{mode}-changed"))
    _flip("model/model.onnx")(bundle)
    with pytest.raises(RuntimeError, match=r"file was changed|model\.onnx is not the file of the build"):
        load(bundle)


def test_nothing_is_loaded_before_every_file_is_known(prefers: Path) -> None:
    marker = prefers.parent / "ran"
    (prefers / "code" / "binned.py").write_text(f"open({str(marker)!r}, 'w')")
    assert load(prefers).FORM == {HEADER: "onnx; changed"}
    assert not marker.exists()


def test_what_loads_is_what_was_checked(prefers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, library = Path.read_bytes, prefers / "code" / "_binned.abi3.so"

    def swapped(path: Path) -> bytes:
        data = read(path)
        if path.name == library.name:
            library.write_bytes(b"\x7fELF of someone else")
        return data

    monkeypatch.setattr(Path, "read_bytes", swapped)
    assert load(prefers).FORM[HEADER].startswith("binned ")
    assert read(library) == b"\x7fELF of someone else"


def test_the_copy_that_loads_can_not_be_written(prefers: Path) -> None:
    copy = Path(load(prefers)._sealed(b"some bytes"))
    assert copy.read_bytes() == b"some bytes"
    with pytest.raises(PermissionError), copy.open("r+b", buffering=0) as stream:
        stream.write(b"others")
    with pytest.raises(PermissionError):
        os.truncate(copy, 0)


@pytest.mark.parametrize("without", ["missing", "refused"])
def test_a_system_without_sealed_memory_loads_the_file(
    without: str, prefers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    if without == "missing":
        monkeypatch.delattr(os, "memfd_create")
    else:
        monkeypatch.setattr(os, "memfd_create", refuse)
    script = load(prefers)
    assert script.FORM[HEADER].startswith("binned ")
    assert script._sealed(b"") == str(prefers / "code" / "_binned.abi3.so")


@pytest.mark.parametrize("name", ["nonsense", "avx512 "])
def test_instructions_that_are_not_to_be_had_have_a_word_of_their_own(
    name: str, prefers: Path, requires: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", name)
    with caplog.at_level("INFO", logger="azmlinfsrv.score"):
        answer = load(prefers).run(json.dumps(golden(prefers)))
    assert (answer.status_code, answer.headers[HEADER]) == (200, "onnx; instructions")
    assert re.match(read_info(prefers / "code").fast_path.forms, "onnx; instructions")  # type: ignore[union-attr]
    assert "BINNED_INSTRUCTION_SET names none that this processor has" in caplog.text
    assert name not in caplog.text
    with pytest.raises(RuntimeError, match=r"bundle\.fast_path is require.*\(instructions\): BINNED_INSTRUCTION_SET"):
        load(requires)
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", "")
    assert load(requires).FORM[HEADER].startswith("binned ")


def test_the_log_names_the_file_that_serves(prefers: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="azmlinfsrv.score"):
        load(prefers)
        _other_score(prefers)
        load(prefers)
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("ready ")]
    files = [prefers / "model" / name for name in ("model.binned", "model.onnx")]
    wanted = [f"model_sha256={hashlib.sha256(path.read_bytes()).hexdigest()} " for path in files]
    assert [one in line for one, line in zip(wanted, said, strict=True)] == [True, True]


def test_a_cache_of_compiled_code_is_not_taken(prefers: Path) -> None:
    cache = prefers / "code" / "__pycache__"
    cache.mkdir()
    for tag in ("311", "312", "313", "314"):
        (cache / f"binned.cpython-{tag}.pyc").write_bytes(b"\x00" * 64)
    assert load(prefers).FORM[HEADER].startswith("binned ")


def test_the_platform_is_the_one_that_runs(prefers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64x")
    assert load(prefers).FORM == {HEADER: "onnx; platform"}


def test_the_same_plan_gives_the_same_bytes(made: dict[str, Path], tmp_path: Path) -> None:
    again = models.bundled(plan(tmp_path, fast_path="prefer"), tmp_path / "again")
    assert read_manifest(again).digest == read_manifest(made["prefer"]).digest
    assert (again / "code" / "_binned.abi3.so").stat().st_mode & 0o777 == 0o644


def test_a_bundle_without_a_binned_form_holds_nothing_of_it(tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    assert "fast_path" not in json.loads((bundle / "code" / "model_info.json").read_bytes())
    contents = [path.read_bytes() for path in bundle.rglob("*") if path.is_file()]
    assert not [data for data in contents if b"binned" in data or HEADER.encode() in data]


def test_threads_are_those_of_the_settings_and_onnx_stands_by_with_one(tmp_path: Path) -> None:
    base = plan(tmp_path)
    bundle = models.bundled(replace(base, session=replace(base.session, threads=2)), tmp_path / "bundle")
    script = load(bundle)
    assert script.SESSION._ensembles[0]._share._threads == script.threads_within(2)
    (bundle / "model" / "model.binned").unlink()
    assert load(bundle).SESSION.get_session_options().intra_op_num_threads == 1


def test_the_readme_tells_of_the_forms_that_may_serve(tmp_path: Path) -> None:
    checks = (Verdict("parity", "binned", 0, 0, True, "parity.binned"), Verdict("drift", "fp64", 0, 0, True, "drift"))
    base = plan(tmp_path, fast_path="require")
    base = replace(base, tolerance=Tolerance(atol=0.5), baseline_tolerance=Tolerance(atol=0.25))
    required = replace(base, card=replace(base.card, checks=checks[:1]))
    told = (models.bundled(required, tmp_path / "require") / "README.md").read_text(encoding="utf-8")
    assert "served in the fast binned form alone, without" in told
    assert not re.search("where it can|stands? by|`onnx|0\\.25 \\+", told)
    assert "The binned form's numbers lie within 0.5 + " in told
    preferred = models.with_settings(replace(base, card=replace(base.card, checks=checks)), fast_path="prefer")
    told = (models.bundled(preferred, tmp_path / "prefer") / "README.md").read_text(encoding="utf-8")
    assert "served as ONNX in fp64, and where it can in the faster binned form, without" in told
    assert "`model.onnx`, which stands by" in told
    assert "The binned form's numbers lie within 0.5 + " in told
    assert "The numbers of `model.onnx` lie within 0.25 + " in told
    assert "\n| `binned` | `parity` | `0` | `parity.binned` |\n| `fp64` | `drift` |" in told


def test_replay_judges_both_forms(made: dict[str, Path]) -> None:
    for bundle in made.values():
        result = replay(bundle)
        assert result.ok, result.failures
        assert str(result.form).startswith("binned ")
        assert (result.label_mismatches, result.onnx_label_mismatches, result.gap) == (0, 0, None)
        assert 0 <= (result.onnx_max_abs_error or 0) < 1e-12


def test_an_onnx_model_that_stands_by_beyond_the_limits_is_told(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    base, other = plan(tmp_path), plan(tmp_path / "other", trees=grown(seed=5))
    result = replay(models.bundled(replace(base, model=other.model), tmp_path / "bundle"))
    assert not result.ok
    assert all(failure.startswith("model.onnx: ") for failure in result.failures)
    assert result.label_mismatches == 0 < (result.onnx_label_mismatches or 0)


def test_the_onnx_model_that_stands_by_is_held_against_limits_of_its_own(tmp_path: Path) -> None:
    bundle = models.bundled(exact(tmp_path, atol=1e-6, rtol=0), tmp_path / "bundle")
    result = replay(bundle)
    assert (result.ok, result.failures, result.max_abs_error) == (True, (), 0)
    assert 1e-10 < (result.onnx_max_abs_error or 0) < 1e-8
    (bundle / "code" / "_binned.abi3.so").write_bytes(b"")
    answered = replay(resealed(bundle))
    assert (answered.ok, answered.form, answered.failures) == (True, "onnx; library", ())


def test_looser_limits_of_the_binned_form_loosen_nothing_for_the_one_that_stands_by(tmp_path: Path) -> None:
    made = replace(exact(tmp_path, atol=1e-12, rtol=0), tolerance=Tolerance(atol=1, rtol=1))
    result = replay(models.bundled(made, tmp_path / "bundle"))
    assert not result.ok
    assert result.failures == result.onnx_failures
    assert result.failures[0].startswith("model.onnx: probabilities: ")
    assert result.failures[0].endswith("beyond atol 1e-12, rtol 0")


def test_golden_rows_without_limits_of_the_form_that_stands_by_are_read(tmp_path: Path) -> None:
    bundle = models.bundled(exact(tmp_path), tmp_path / "bundle")
    assert "baseline_tolerance" not in json.loads((bundle / "samples" / "golden.json").read_bytes())
    assert [one.endswith("beyond atol 0, rtol 0") for one in replay(bundle).failures] == [True]


def test_replay_says_what_serves_in_place_of_the_binned_form(prefers: Path) -> None:
    _other_score(prefers)
    result = replay(prefers)
    assert (result.ok, result.form) == (True, "onnx; self-test")


def test_replay_of_a_required_form_that_can_not_serve_is_an_error(requires: Path) -> None:
    _other_score(requires)
    with pytest.raises(BundleError, match=r"RuntimeError: bundle\.fast_path is require"):
        replay(requires)


def test_replay_without_a_library_of_its_own_holds_answers_against_the_limits(
    prefers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from packager.bundle import graph

    def none() -> None:
        raise BundleError("nothing was compiled")

    monkeypatch.setattr(graph, "compiled_library", none)
    result = replay(prefers)
    assert (result.ok, str(result.form).partition(" ")[0]) == (True, "binned")
    assert str(result.gap).startswith("answers not held bit for bit against a session")


def test_a_true_bundle_passes_its_rehearsal(made: dict[str, Path], tmp_path: Path) -> None:
    made_rows = plan(tmp_path).golden
    for bundle in made.values():
        found = rehearse(bundle, made_rows, made_rows.rows.take(slice(0, 0)))
        assert (found.faults, found.beyond, found.label_mismatches) == ([], 0, 0)


@pytest.mark.parametrize(
    ("mode", "old", "new", "told"),
    [
        (
            "prefer", "        found = _open_binned(path)\n", '        raise Unfit("model", "planted")\n',
            "it serves another form of the model than the binned one: onnx; model",
        ),
        (
            "prefer", "        found = _open_session(path.read_bytes())\n", "        raise RuntimeError\n",
            "without its library it does not start: ",
        ),
        (
            "prefer", 'FORM["x-model-form"] = f"onnx; {word}"', 'FORM["x-model-form"] = f"binned {word}"',
            "without its library it does not answer as model.onnx does (binned missing)",
        ),
        ("require", '== "require"', '== "never"', "without its library it starts, and bundle.fast_path is require"),
    ],
)  # fmt: skip
def test_a_script_that_chooses_wrongly_is_told(
    mode: str, old: str, new: str, told: str, made: dict[str, Path], tmp_path: Path
) -> None:
    bundle = shutil.copytree(made[mode], tmp_path / "bundle")
    edited(bundle, "code/score.py", lambda text: text.replace(old, new))
    made_rows = plan(tmp_path).golden
    found = rehearse(bundle, made_rows, made_rows.rows.take(slice(0, 0)))
    assert any(told in fault for fault in found.faults), found.faults


def test_a_library_that_does_not_repeat_the_self_test_leaves_no_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = fast_path.self_test

    def wrong(ensemble: bytes, *, one_of: int) -> SelfTest:
        test = right(ensemble, one_of=one_of)
        return replace(test, scores=np.nextafter(test.scores, np.inf))

    monkeypatch.setattr(fast_path, "self_test", wrong)
    with pytest.raises(BundleError, match="does not repeat the self-test's raw scores with ") as raised:
        models.bundled(plan(tmp_path), tmp_path / "bundle")
    assert raised.value.key == "bundle.fast_path"


def test_a_variant_that_is_no_binned_model_leaves_no_bundle(tmp_path: Path) -> None:
    base = plan(tmp_path)
    assert base.binned is not None
    assert base.binned.path is not None
    base.binned.path.write_bytes(b"PKGBIN\0\1 and no more of it")
    with pytest.raises(BundleError, match="The variant binned is no binned model"):
        models.bundled(base, tmp_path / "bundle")


def test_a_required_form_that_azure_can_not_run_is_found_before_it_is_deployed(requires: Path, prefers: Path) -> None:
    for bundle in (requires, prefers):
        resealed(bundle, lambda facts: facts["fast_path"].update(machine="aarch64"))
    (finding,) = lint(requires)
    assert (finding.code, finding.check, finding.measured) == (
        "ResourceNotReady",
        "deployment.fast_path",
        "Linux aarch64",
    )
    assert "init() will fail: bundle.fast_path is require" in finding.message
    assert lint(prefers) == []


def test_what_changed_between_two_bundles_is_told(made: dict[str, Path], tmp_path: Path) -> None:
    without = models.bundled(replace(plan(tmp_path), binned=None), tmp_path / "without")
    before, after = open_side(without), open_side(made["require"])
    changes = {change.what: (change.before, change.after) for change in differences(before, after)}
    assert changes["fast_path.mode"] == (None, "require")
    assert changes["fast_path.sha256"] == (None, read_info(made["require"] / "code").fast_path.model.sha256)  # type: ignore[union-attr]
    assert not any(change.breaks for change in differences(before, after))


@pytest.mark.parametrize("change", [{"mode": "maybe"}, {"code": {"binned.py": {}}}, {"self_test": [[1, 2]]}])
def test_facts_that_are_none_are_refused(change: dict[str, Any], prefers: Path) -> None:
    resealed(prefers, lambda facts: facts["fast_path"].update(change))
    with pytest.raises(BundleError, match="does not describe a model"):
        read_info(sealed(prefers) / "code")
