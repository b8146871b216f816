"""The lint finds, each by its place, what Azure ML refuses or lets fail; beside it, what azure-ai-ml's loaders take."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from packager.azure import rules
from packager.bundle.deploy_lint import DEPLOYMENT_FILE, ENDPOINT_FILE, lint
from packager.bundle.finding import Finding
from packager.recipe.deploy import Deploy

from . import models

Document = dict[str, Any]
IDENTITY = "/subscriptions/0/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lint")
    plan = replace(models.classifier(folder), deploy=Deploy(endpoint="fraud-endpoint"))
    return models.bundled(plan, folder / "bundle")


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "bundle"))


def changed(bundle: Path, file: str, change: Callable[[Document], object]) -> list[Finding]:
    """Return what the lint finds after a change to a file's document."""
    document = yaml.safe_load((bundle / file).read_text(encoding="utf-8"))
    change(document)
    (bundle / file).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return lint(bundle)


def put(*keys: str, value: object) -> Callable[[Document], object]:
    """Return a change that sets the value under `keys`."""

    def change(document: Document) -> None:
        for key in keys[:-1]:
            document = document.setdefault(key, {})
        document[keys[-1]] = value

    return change


def cut(*keys: str) -> Callable[[Document], object]:
    """Return a change that takes the value under `keys` out."""

    def change(document: Document) -> None:
        for key in keys[:-1]:
            document = document[key]
        del document[keys[-1]]

    return change


def test_what_is_built_is_clean(whole: Path) -> None:
    assert lint(whole) == []


# name: file, change, the finding's code, words of its message, whether azure-ai-ml's loader takes the file.
E, D = ENDPOINT_FILE, DEPLOYMENT_FILE
VARIABLES = "environment_variables"
CASES: dict[str, tuple[str, Callable[[Document], object], str, str, bool]] = {
    "endpoint-short": (E, put("name", value="ab"), "BadArgument", "refuses this name", True),
    "endpoint-long": (E, put("name", value="a" * 33), "BadArgument", "refuses this name", True),
    "endpoint-absent": (E, cut("name"), "BadArgument", "required", False),
    "auth-unknown": (E, put("auth_mode", value="password"), "BadArgument", "key or aad_token", False),
    "access-unknown": (E, put("public_network_access", value="maybe"), "BadArgument", "enabled or disabled", False),
    "identity-unknown": (E, put("identity", "type", value="none"), "BadArgument", "system_assigned", True),
    "identity-nobody": (E, put("identity", value={"type": "user_assigned"}), "BadArgument", "one identity", True),
    "identity-no-id": (
        E,
        put("identity", value={"type": "user_assigned", "user_assigned_identities": [{"resource_id": "me"}]}),
        "BadArgument", "resource id", True,
    ),
    "traffic-too-early": (E, put("traffic", value={"blue": 100}), "ResourceNotFound", "not there yet", True),
    "key-unknown": (E, put("auth_mod", value="key"), "BadArgument", "did you mean auth_mode", False),
    "tags-many": (E, put("tags", value={f"t{n}": "x" for n in range(51)}), "BadArgument", "too many tags", True),
    "tag-long": (E, put("tags", "x", value="y" * 257), "BadArgument", "a tag has", True),
    "name-spaces": (D, put("name", value="my blue one"), "BadArgument", "refuses this name", True),
    "name-digit": (D, put("name", value="1blue"), "BadArgument", "refuses this name", True),
    "name-number": (D, put("name", value=123), "BadArgument", "another kind", False),
    "endpoint-other": (D, put("endpoint_name", value="other"), "ResourceNotFound", "another endpoint", True),
    "kubernetes": (D, put("type", value="kubernetes"), "BadArgument", "managed", True),
    "egress": (D, put("egress_public_network_access", value="off"), "BadArgument", "enabled", False),
    "type-unknown": (D, put("instance_type", value="Standard_DS33_v2"), "BadArgument", "Standard_DS3_v2", True),
    "type-absent": (D, cut("instance_type"), "BadArgument", "required", False),
    "count-zero": (D, put("instance_count", value=0), "OutOfQuota", "at least one", True),
    "count-many": (D, put("instance_count", value=51), "OutOfQuota", "instance", True),
    "count-text": (D, put("instance_count", value="2"), "BadArgument", "another kind", True),
    "workers-many": (D, put(VARIABLES, "WORKER_COUNT", value="900"), "OutOfQuota", "too small: 900 workers", True),
    "code-absent": (D, put("code_configuration", "code", value="../cod"), "ResourceNotFound", "nothing lies", True),
    "code-file": (D, put("code_configuration", "code", value="../README.md"), "ResourceNotFound", "folder", True),
    "script-absent": (
        D, put("code_configuration", "scoring_script", value="main.py"), "ResourceNotFound", "no such script", True,
    ),
    "script-outside": (
        D, put("code_configuration", "scoring_script", value="../../x.py"), "ResourceNotFound", "no such script", True,
    ),
    "code-none": (D, cut("code_configuration"), "BadArgument", "scoring script", True),
    "code-outside": (D, put("code_configuration", "code", value="../.."), "ResourceNotFound", "out of", True),
    "model-absent": (D, put("model", "path", value="../models"), "ResourceNotFound", "nothing lies", True),
    "model-absolute": (D, put("model", "path", value="/etc"), "ResourceNotFound", "out of", True),
    "model-empty": (D, put("model", "path", value="../samples"), "ResourceNotFound", "no model in it", True),
    "model-mlflow": (D, put("model", "type", value="mlflow_model"), "BadArgument", "score.py", True),
    "model-reference": (D, put("model", value="azureml:fr aud:1"), "ResourceNotFound", "registered", True),
    "image-absent": (D, cut("environment", "image"), "ImageBuildFailure", "image", True),
    "image-none": (D, put("environment", "image", value="My Image"), "ImageBuildFailure", "name of an image", True),
    "image-and-build": (D, put("environment", "build", value={"path": "../code"}), "BadArgument", "not both", True),
    "conda-absent": (D, put("environment", "conda_file", value="../conda.yml"), "ResourceNotFound", "nothing", False),
    "conda-other": (D, put("environment", "conda_file", value="endpoint.yml"), "ImageBuildFailure", "lists no", True),
    "timeout-long": (
        D, put("request_settings", "request_timeout_ms", value=600_000), "BadArgument", "no time-out", True,
    ),
    "timeout-none": (D, put("request_settings", "request_timeout_ms", value=0), "BadArgument", "no time-out", True),
    "queue": (D, put("request_settings", "max_queue_wait_ms", value=500), "BadArgument", "deprecated", True),
    "concurrency-more": (
        D, put("request_settings", "max_concurrent_requests_per_instance", value=8), "408", "wait for a worker", True,
    ),
    "concurrency-less": (D, put(VARIABLES, "WORKER_COUNT", value="4"), "429", "idle", True),
    "concurrency-default": (D, cut("request_settings"), "429", "idle", True),
    "workers-text": (D, put(VARIABLES, "WORKER_COUNT", value="two"), "BadArgument", "whole number", True),
    "worker-timeout": (D, put(VARIABLES, "WORKER_TIMEOUT", value="2"), "424", "a worker is ended", True),
    "probe-zero": (D, put("liveness_probe", "initial_delay", value=0), "BadArgument", "at least 1", True),
    "probe-twice": (D, put("liveness_probe", "success_threshold", value=2), "BadArgument", "at once", True),
    "probe-endless": (D, put("readiness_probe", "period", value=9999), "ResourceNotReady", "too long", True),
    "probe-unknown": (D, put("readiness_probe", "delay", value=9), "BadArgument", "no such key", False),
    "probe-text": (D, put("readiness_probe", "period", value="10"), "BadArgument", "another kind", True),
    "scaling": (D, put("scale_settings", value={"type": "target_utilization"}), "BadArgument", "Azure Monitor", True),
    "scaling-keys": (
        D, put("scale_settings", value={"type": "default", "min_instances": 1}), "BadArgument", "no other keys", False,
    ),
    "collector-boolean": (
        D, put("data_collector", "collections", "request", "enabled", value=True), "BadArgument", "'true'", False,
    ),
    "collector-own": (
        D, put("data_collector", "collections", "model_inputs", "enabled", value="true"), "BadArgument", "fills", True,
    ),
    "collector-rate": (
        D, put("data_collector", value={"collections": {}, "sampling_rate": 2}), "BadArgument", "share", False,
    ),
    "collector-rolling": (
        D, put("data_collector", value={"collections": {}, "rolling_rate": "year"}), "BadArgument", "hour", False,
    ),
    "secret-name": (D, put(VARIABLES, "DB_PASSWORD", value="x"), "BadArgument", "secret", True),
    "secret-value": (D, put(VARIABLES, "STORE", value="AccountKey=abc"), "BadArgument", "secret", True),
    "reserved": (D, put(VARIABLES, "AZUREML_MODEL_DIR", value="/x"), "BadArgument", "sets this variable", True),
    "variable-number": (D, put(VARIABLES, "LEVEL", value=3), "BadArgument", "is text", True),
    "variable-name": (D, put(VARIABLES, "a-b", value="3"), "BadArgument", "name of an environment", True),
    "origin": (D, put(VARIABLES, rules.ORIGINS, value="example"), "BadArgument", "not an origin", True),
    "answers-logged": (
        D,
        lambda document: (
            put("app_insights_enabled", value=True)(document),
            cut(VARIABLES, "APP_INSIGHTS_LOG_RESPONSE_ENABLED")(document),
        ),
        "BadArgument", "would be logged", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_found(case: str, bundle: Path) -> None:
    file, change, code, words, _ = CASES[case]
    found = [one for one in changed(bundle, file, change) if one.file is not None and one.file.startswith(file)]
    assert [one for one in found if words in one.message and one.code == code], found
    for one in found:
        assert one.hint
        assert one.check.startswith(("endpoint.", "deployment."))
        assert len(one.message) < 300


@pytest.mark.filterwarnings("ignore")  # of azure-ai-ml's own making
@pytest.mark.parametrize("case", CASES)
def test_what_the_loader_takes_is_known(case: str, bundle: Path) -> None:
    """The lint is there because the loader takes most of this: where a version refuses more, the table changes."""
    from azure.ai.ml import load_online_deployment, load_online_endpoint
    from azure.ai.ml.exceptions import ValidationException
    from marshmallow import ValidationError

    file, change, _, _, taken = CASES[case]
    changed(bundle, file, change)
    load = load_online_endpoint if file == E else load_online_deployment
    with nullcontext() if taken else pytest.raises((ValidationException, ValidationError)):
        load(bundle / file)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        (E, put("identity", value={"type": "system_assigned"})),
        (E, put("identity", value={"type": "user_assigned", "user_assigned_identities": [{"resource_id": IDENTITY}]})),
        (E, put("public_network_access", value="disabled")),
        (E, put("auth_mode", value="aad_token")),
        (D, put("model", value="azureml:fraud:3")),
        (D, put("model", value="azureml:fraud@latest")),
        (D, put("environment", value="azureml:serving:7")),
        (D, put("environment", value="azureml://registries/azureml/environments/serving/versions/7")),
        (D, put("instance_type", value="STANDARD_F4S_V2")),
        (D, put("instance_type", value="Standard_NC6s_v3")),
        (D, put("data_collector", "collections", "request", "enabled", value="true")),
        (D, put("scale_settings", value={"type": "default"})),
        (D, put("egress_public_network_access", value="disabled")),
        (D, put(VARIABLES, rules.ORIGINS, value="https://a.example, http://localhost:3000")),
        (D, put(VARIABLES, "DB_PASSWORD", value="${{keyvault:https://v.vault.azure.net/secrets/db/1}}")),
        (D, put(VARIABLES, "TOKENIZER", value="fast")),
        (D, put(VARIABLES, "MONKEY", value="yes")),
        (D, put(VARIABLES, "LOG_KEY_ID", value="amount")),
    ],
)
def test_what_is_right_is_not_found(file: str, change: Callable[[Document], object], bundle: Path) -> None:
    assert changed(bundle, file, change) == []


def test_a_finding_names_the_line(bundle: Path) -> None:
    (found,) = changed(bundle, D, put("request_settings", "request_timeout_ms", value=600_000))[:1]
    lines = (bundle / D).read_text().splitlines()
    assert found.file is not None
    assert "request_timeout_ms: 600000" in lines[int(found.file.rpartition(":")[2]) - 1]
    assert (found.measured, found.limit) == (600_000, 180_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "name: [",
        "name: a\nname: b\n",
        "\x00",
        "a: &a [*a]\n",
        "x: !!python/object/apply:os.system [ls]\n",
    ],
    ids=["empty", "list", "broken", "twice", "NUL", "endless", "code"],
)
@pytest.mark.parametrize("file", [E, D])
def test_what_is_no_deployment_file_is_told(text: str, file: str, bundle: Path) -> None:
    (bundle / file).write_text(text)
    assert any(one.file and one.file.startswith(file) for one in lint(bundle))
    (bundle / file).unlink()
    assert any("missing" in one.message for one in lint(bundle))


def test_no_value_of_a_variable_is_echoed(bundle: Path) -> None:
    def change(document: Document) -> None:
        names = ("DB_PASSWORD", "a-b", "AZUREML_MODEL_DIR", "WORKER_COUNT", rules.ORIGINS)
        document[VARIABLES] = dict.fromkeys(names, "hunter2-AccountKey=x")

    found = changed(bundle, D, change)
    assert len(found) >= 5
    assert "hunter2" not in repr(found)
