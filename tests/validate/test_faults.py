"""Real faults, planted into copies of a true bundle: each is found, in the platform's own words, with what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packager.azure.instance_types import InstanceType, Series
from packager.validate import resources
from packager.validate.clean import CleanEnvironment
from packager.validate.result import Validation
from packager.validate.validate import BEFORE, SERVED
from tests.bundle.test_replay import edited, sealed

from .bundles import check, deployed, only, pinned, scripted, validated

INIT = "    global SESSION\n"
READ = "        body = _read_body(raw_data)\n"
ONE_LAYOUT = (
    '    if not (Path(os.environ["AZUREML_MODEL_DIR"]) / "model").is_dir():\n'
    '        raise FileNotFoundError("no model/ in AZUREML_MODEL_DIR")\n'
)
IN_A_HURRY = {"request_settings__request_timeout_ms": 10}
IMPATIENT = {
    f"{probe}__{key}": 1
    for probe in ("liveness_probe", "readiness_probe")
    for key in ("initial_delay", "period", "failure_threshold")
}


def test_a_true_bundle_is_ok(true_validation: Validation, true_bundle: Path) -> None:
    assert true_validation.ok, true_validation.findings
    assert [one.name for one in true_validation.checks] == [
        name for name in (*BEFORE, *SERVED) if name not in ("load", "fast path")
    ]
    assert {one.status for one in true_validation.checks} == {"ok"}
    assert "locked with hashes" in check(true_validation, "environment").told
    assert "with and without" in check(true_validation, "layout").told


def test_nothing_is_written_into_the_bundle_and_nothing_stays(true_validation: Validation, true_bundle: Path) -> None:
    """Files and folders are dated to 0 before the validation."""
    assert true_validation.ok
    assert {path.stat().st_mtime for path in true_bundle.rglob("*")} == {0}


def _changed_model(bundle: Path, *, seal: bool) -> None:
    model = bytearray((bundle / "model" / "model.onnx").read_bytes())
    model[len(model) // 2] ^= 1
    (bundle / "model" / "model.onnx").write_bytes(model)
    if seal:
        sealed(bundle)


def _golden(change: Callable[[dict[str, Any]], object], name: str = "samples/golden.json") -> Callable[[Path], object]:
    def edit(text: str) -> str:
        document = json.loads(text)
        change(document)
        return json.dumps(document)

    return lambda bundle: edited(bundle, name, edit)


def _shift(document: dict[str, Any]) -> None:
    document["outputs"]["probabilities"][2][0] += 0.5


def _shift_sample(document: dict[str, Any]) -> None:
    document["probability"][0][0] += 0.5


# What is planted; which check finds it, under which code, with which words in message or hint.
FAULTS: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "a hash of the container that no file has": (
        lambda b: edited(b, "container/requirements.txt", lambda text: re.sub("[0-9a-f]{64}", "0" * 64, text)),
        "environment", "ImageBuildFailure", "hashes do not match those of the index: ",
    ),
    "changed model": (
        lambda b: _changed_model(b, seal=False), "digests", "ResourceNotReady", "changed 'model/model.onnx'",
    ),
    "changed model, sealed": (
        lambda b: _changed_model(b, seal=True), "start-up", "ResourceNotReady", "model file was changed",
    ),
    "init raises": (
        lambda b: scripted(b, (INIT, INIT + '    raise RuntimeError("no warehouse")\n')),
        "start-up", "ResourceNotReady", "score.py's init() fails: RuntimeError: no warehouse",
    ),
    "a package too few": (
        lambda b: scripted(b, ("import msgspec\n", "import msgspec\nimport sklearn\n")),
        "start-up", "ResourceNotReady", "add it there, and build anew",
    ),
    "a slow init": (
        lambda b: scripted(b, (INIT, INIT + "    time.sleep(2.5)\n")) and deployed(b, **IMPATIENT),
        "start-up", "ResourceNotReady", "the liveness probe gives up before the server is up",
    ),
    "garbage is scored": (
        lambda b: scripted(b, (READ, READ + '        return Response("{}", 200)\n')),
        "contract", "200", "a request that must be refused is scored",
    ),
    "valid rows are refused": (
        lambda b: scripted(b, (READ, READ + '        return Response("{}", 503)\n')),
        "contract", "424", "a valid request is not answered: rows under the bundle's key",
    ),
    "other native answers": (_golden(_shift), "golden", "424", "1 of 8 values are off, by up to 0.5"),
    "another sample answer": (
        _golden(_shift_sample, "samples/response.json"), "sample", "424", "another answer than the recorded one",
    ),
    "another description": (
        _golden(lambda d: d["info"].update(title="other"), "code/swagger.json"), "api", "424", "describes another API",
    ),
    "a description that is none": (
        lambda b: [_golden(lambda d: d.pop("info"), name)(b) for name in _descriptions(b)], "api", "424", "not valid",
    ),
    "an example that is wrong": (
        lambda b: [_golden(_spoil_example, name)(b) for name in _descriptions(b)],
        "api", "424", "the example does not keep to its schema",
    ),
    "a value is logged": (
        lambda b: scripted(b, (READ, READ + '        LOG.info("asked %s", body[:200])\n')),
        "logs", "200", "the server's log holds a value of a request",
    ),
    "one worker": (
        lambda b: deployed(b, environment_variables={}),
        "slow client", "408", "one client that does not send its request to the end holds up the health probe",
    ),
    "a short time-out": (
        lambda b: scripted(b, (READ, READ + "        time.sleep(0.02)\n")) and deployed(b, **IN_A_HURRY),
        "time-out", "408", "longer than the platform waits",
    ),
    "it writes beside itself": (
        lambda b: scripted(b, (INIT, INIT + '    Path(__file__).with_name("cache").write_text("x")\n')),
        "layout", "ResourceNotReady", "writes a file beside its own",
    ),
    "one layout alone": (
        lambda b: scripted(b, (INIT, INIT + ONE_LAYOUT)), "layout", "ResourceNotReady", "FileNotFoundError: no model/",
    ),
    "a name that Azure refuses": (
        lambda b: deployed(b, name="1"), "deployment", "BadArgument", "Azure ML refuses this name",
    ),
    "a code folder that is not there": (
        lambda b: deployed(b, code_configuration__code="../src"), "deployment", "ResourceNotFound", "code",
    ),
}  # fmt: skip
# Faults that do not hide each other are planted together: starting servers takes time.
TOGETHER = [
    ["changed model"],
    ["changed model, sealed"],
    ["init raises"],
    ["a package too few"],
    ["a slow init", "garbage is scored", "a description that is none"],
    ["valid rows are refused", "an example that is wrong", "a code folder that is not there"]
    + ["a hash of the container that no file has"],
    ["other native answers", "another sample answer", "another description", "a value is logged", "one worker"]
    + ["a short time-out", "it writes beside itself", "one layout alone", "a name that Azure refuses"],
]


def _descriptions(bundle: Path) -> list[str]:
    names = ("openapi.json", *(f"code/{path.name}" for path in sorted((bundle / "code").glob("swagger*.json"))))
    return list(names)


def _spoil_example(document: dict[str, Any]) -> None:
    document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["example"] = {"features": "none"}


def test_every_fault_is_planted() -> None:
    assert sorted(name for names in TOGETHER for name in names) == sorted(FAULTS)


@pytest.mark.parametrize("names", TOGETHER, ids=lambda names: names[0])
def test_planted_faults_are_found(names: list[str], bundle: Path, environment: CleanEnvironment) -> None:
    for name in names:
        FAULTS[name][0](bundle)
    found = validated(bundle)
    assert not found.ok
    for name in names:
        _, where, code, words = FAULTS[name]
        assert check(found, where).status == "failed", (name, found.checks)
        told = [f"{one.message} {one.hint}" for one in check(found, where).findings if one.code == code]
        assert any(words in text for text in told), (name, check(found, where).findings)
    assert all(one.hint and one.message for one in found.findings)


def test_an_instance_that_is_too_small(
    bundle: Path, environment: CleanEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = InstanceType("Standard_DS1_v2", Series("tiny", "any"), 1, 2.05, 0.01, temp_disk_gib=0.05)
    monkeypatch.setattr(resources, "find_type", lambda name: tiny if name == "Standard_DS3_v2" else None)
    found = validated(bundle)
    assert [(one.code, one.check) for one in found.findings] == [("OutOfQuota", "memory"), ("OutOfQuota", "disk")]
    assert all("choose an instance type" in one.hint and one.measured and one.limit for one in found.findings)


def test_an_instance_of_unknown_size_and_one_worker_as_asked_for_are_said(
    bundle: Path, environment: CleanEnvironment
) -> None:
    one_worker = {
        "environment_variables__WORKER_COUNT": "1",
        "request_settings__max_concurrent_requests_per_instance": 1,
    }
    found = validated(deployed(bundle, instance_type="Standard_NC6s_v3", **one_worker))
    assert found.ok, found.findings
    slow = check(found, "slow client")
    assert (slow.status, slow.told) == ("partly", "one worker, as asked for")
    assert slow.gap == "a slow client holds up the health probe; two workers avoid it"
    for name in ("memory", "disk"):
        assert check(found, name).status == "partly"
        assert "of Standard_NC6s_v3 is not known here" in str(check(found, name).gap)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("msgspec==", "msgspec==9999."), "the pins can't be resolved"),
        (lambda text: text.replace("orjson==", "no-such-package-of-ours=="), "the pins can't be resolved"),
        (lambda text: text.replace("numpy==", "numpy>="), "not an exact pin"),
        (lambda text: text.replace("- msgspec", "- --index-url=https://example.org\n  - msgspec"), "not an exact pin"),
        (lambda text: text.replace("- pip:", "- scipy\n- pip:"), "a package of conda's own channels"),
        (lambda text: "\n".join(line for line in text.splitlines() if "python=" not in line), "is not pinned"),
        (lambda text: text[:-20] + "\n   : [", "not valid YAML"),
    ],
)
def test_an_environment_that_the_platform_can_not_build(
    change: Callable[[str], str], words: str, bundle: Path, environment: CleanEnvironment
) -> None:
    found = validated(pinned(bundle, change))
    (finding,) = check(found, "environment").findings
    assert (finding.code, finding.check) == ("ImageBuildFailure", "environment")
    assert words in finding.message
    assert str(finding.file).startswith("environment/conda.yml")
    assert {one.status for one in found.checks if one.name in SERVED} == {"not made"}


def test_a_hash_that_no_file_has(bundle: Path, environment: CleanEnvironment) -> None:
    name = next(
        line.strip(" -") for line in (bundle / "environment/conda.yml").read_text().splitlines() if "msgspec" in line
    )
    found = validated(pinned(bundle, lambda text: text.replace(name, f"{name} --hash=sha256:{'0' * 64}")))
    assert only(found).code == "ImageBuildFailure"
    assert "hashes do not match" in only(found).message


def test_a_wrong_python(bundle: Path, environment: CleanEnvironment) -> None:
    python = next(line for line in (bundle / "environment/conda.yml").read_text().splitlines() if "python=" in line)
    found = validated(pinned(bundle, lambda text: text.replace(python, "- python=3.9")))
    assert only(found).code == "ImageBuildFailure"
    assert "the pins do not run on Python 3.9" in only(found).message
    assert "bundle.python" in only(found).hint


def test_without_an_index_it_is_not_ok(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    found = validated(bundle)
    assert not found.ok
    assert "environment not made: no index could be reached" in only(found).message
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and not path.name.endswith(".lock")]
