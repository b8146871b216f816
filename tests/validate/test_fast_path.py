"""Which form of the model a validated bundle serves: told where it is the binned one, found where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager.validate.clean import CleanEnvironment
from packager.validate.validate import BEFORE, SERVED
from tests.bundle import binned, models
from tests.bundle.binned import needs_library, resealed

from . import bundles
from .bundles import check, only, validated

pytestmark = needs_library


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("fast")
    return {
        mode: models.bundled(binned.plan(folder, fast_path=mode, max_batch=8), folder / mode)
        for mode in ("prefer", "require")
    }


def test_the_binned_form_serves_in_its_own_environment(made: dict[str, Path], environment: CleanEnvironment) -> None:
    found = validated(made["require"])
    assert found.ok, found.findings
    assert [one.name for one in found.checks] == [name for name in (*BEFORE, *SERVED) if name != "load"]
    assert check(found, "fast path").told.startswith("answers are from: binned ")


def test_another_form_than_the_binned_one_is_found(
    made: dict[str, Path], environment: CleanEnvironment, tmp_path: Path
) -> None:
    bundle = bundles.copied(made["prefer"], tmp_path)
    (bundle / "code" / "_binned.abi3.so").write_bytes(b"\x7fELF of another machine")
    finding = only(validated(resealed(bundle)))
    assert (finding.code, finding.check, finding.measured) == ("200", "fast path", "onnx; library")
    assert finding.file == "code/_binned.abi3.so"
    assert finding.message.startswith("model.onnx serves in place of the binned form (library)")
    assert "bundle.fast_path: require" in finding.hint


def test_the_form_that_stands_by_is_held_against_limits_of_its_own(
    environment: CleanEnvironment, tmp_path: Path
) -> None:
    plan = models.with_settings(binned.exact(tmp_path, atol=1e-6, rtol=0), max_batch=8)
    found = validated(models.bundled(plan, tmp_path / "bundle"))
    assert found.ok, found.findings
    (tmp_path / "bundle" / "code" / "_binned.abi3.so").write_bytes(b"\x7fELF of another machine")
    assert only(validated(resealed(tmp_path / "bundle"))).check == "fast path"


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_instructions_that_the_deployment_asks_for_and_nobody_has_are_told(
    mode: str, made: dict[str, Path], environment: CleanEnvironment, tmp_path: Path
) -> None:
    bundle = bundles.copied(made[mode], tmp_path)
    finding = only(validated(bundles.deployed(bundle, environment_variables__BINNED_INSTRUCTION_SET="nonsense")))
    assert "instructions" in finding.message
    assert "take BINNED_INSTRUCTION_SET out of the environment_variables" in finding.hint
    if mode == "prefer":
        assert (finding.file, finding.measured) == ("deploy/deployment.yml", "onnx; instructions")


def test_a_form_for_another_machine_is_only_told(
    made: dict[str, Path], environment: CleanEnvironment, tmp_path: Path
) -> None:
    bundle = bundles.copied(made["prefer"], tmp_path)
    found = validated(resealed(bundle, lambda facts: facts["fast_path"].update(machine="aarch64x")))
    assert found.ok, found.findings
    told = check(found, "fast path")
    assert (told.status, told.told) == ("partly", "answers are from: onnx; platform")
    assert "for Linux aarch64x, which this machine is not" in str(told.gap)


def test_a_required_form_that_can_not_serve_does_not_start(
    made: dict[str, Path], environment: CleanEnvironment, tmp_path: Path
) -> None:
    bundle = bundles.copied(made["require"], tmp_path)
    (bundle / "code" / "self_test.bin").write_bytes((bundle / "code" / "self_test.bin").read_bytes()[::-1])
    found = validated(resealed(bundle))
    finding = only(found)
    assert (finding.code, finding.check) == ("ResourceNotReady", "start-up")
    assert "RuntimeError: bundle.fast_path is require" in finding.message
    assert "take bundle.fast_path: prefer" in finding.hint
    assert check(found, "fast path").status == "not made"
