"""Azure ML's files: its own loaders take them whatever the recipe asks for; what it would refuse is refused first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from packager.bundle.deploy import check_deploy, endpoint_name, render_deployment, render_endpoint
from packager.bundle.deploy_lint import lint
from packager.errors import BundleError
from packager.recipe.deploy import Deploy
from packager.recipe.load import load_recipe

from . import models

IDENTITY = "/subscriptions/0/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
EVERYTHING: dict[str, Any] = {
    "endpoint": "fraud-endpoint",
    "deployment": "green",
    "instance_type": "Standard_F4s_v2",
    "instance_count": 3,
    "workers": 4,
    "request_timeout_ms": 90_500,
    "auth_mode": "aad_token",
    "identity": IDENTITY,
    "public_network_access": "disabled",
    "egress_public_network_access": "disabled",
    "cors_origins": ["https://shop.example", "http://localhost:3000"],
    "liveness_probe": {"initial_delay": 30, "period": 5, "timeout": 3, "failure_threshold": 4},
    "readiness_probe": {"success_threshold": 2},
    "data_collector": {"collections": ["request", "response"], "sampling_rate": 0.1, "rolling_rate": "day"},
    "environment_variables": {"LEVEL": "on", "NUMBER": "0x10", "DB_PASSWORD": "${{keyvault:https://v.net/s/db/1}}"},
    "tags": {"team": "risk", "cost": "12"},
}


def settled(**values: Any) -> Deploy:
    return Deploy.model_validate(values, strict=False)


def loaded(bundle: Path) -> tuple[Any, Any]:
    from azure.ai.ml import load_online_deployment, load_online_endpoint

    return (
        load_online_endpoint(bundle / "deploy" / "endpoint.yml"),
        load_online_deployment(bundle / "deploy" / "deployment.yml"),
    )


@pytest.mark.filterwarnings("ignore")  # of its own making
def test_azures_own_loaders_take_both_files(tmp_path: Path) -> None:
    from azure.ai.ml.entities import Environment, ManagedOnlineDeployment, Model

    plan = replace(models.classifier(tmp_path), deploy=Deploy(endpoint="fraud-endpoint", instance_count=2))
    bundle = models.bundled(plan, tmp_path / "bundle")
    endpoint, deployment = loaded(bundle)
    assert isinstance(deployment, ManagedOnlineDeployment)
    model, environment, code = deployment.model, deployment.environment, deployment.code_configuration
    assert isinstance(model, Model)
    assert isinstance(environment, Environment)
    assert code is not None
    assert (endpoint.name, endpoint.auth_mode) == ("fraud-endpoint", "key")
    assert (endpoint.identity.type, endpoint.public_network_access) == ("system_assigned", "enabled")
    assert (deployment.name, deployment.endpoint_name, deployment.instance_count) == ("blue", "fraud-endpoint", 2)
    assert (model.name, model.version) == ("fraud", "3")
    assert Path(str(model.path)).resolve() == bundle / "model"
    assert (bundle / "deploy" / str(code.code)).resolve() == bundle / "code"
    assert (bundle / "code" / str(code.scoring_script)).is_file()
    conda = yaml.safe_load((bundle / "environment" / "conda.yml").read_text())
    assert environment.conda_file == conda
    assert environment.image
    assert deployment.data_collector is None
    assert deployment.app_insights_enabled is False
    assert deployment.environment_variables["APP_INSIGHTS_LOG_RESPONSE_ENABLED"] == "false"
    deployment._validate()  # what it checks before it sends anything


@pytest.mark.filterwarnings("ignore")  # of its own making
def test_everything_that_the_recipe_asks_for_reaches_the_platform(tmp_path: Path) -> None:
    plan = replace(models.classifier(tmp_path), deploy=settled(**EVERYTHING))
    bundle = models.bundled(plan, tmp_path / "bundle")
    endpoint, deployment = loaded(bundle)
    assert (endpoint.auth_mode, endpoint.public_network_access) == ("aad_token", "disabled")
    assert [one.resource_id for one in endpoint.identity.user_assigned_identities] == [IDENTITY]
    assert deployment.tags == {"team": "risk", "cost": "12", "bundle": "fraud", "bundle_version": "3"}
    assert deployment.environment_variables == {
        **EVERYTHING["environment_variables"],
        "WORKER_COUNT": "4",
        "WORKER_TIMEOUT": "101",  # whole seconds, and ten more than the platform waits
        "APP_INSIGHTS_LOG_RESPONSE_ENABLED": "false",
        "AML_CORS_ORIGINS": "https://shop.example,http://localhost:3000",
    }
    wire = deployment._to_rest_object("westeurope").properties
    assert wire.request_settings.request_timeout == timedelta(seconds=90.5)
    assert wire.request_settings.max_concurrent_requests_per_instance == 4
    assert (wire.liveness_probe.initial_delay, wire.liveness_probe.failure_threshold) == (timedelta(seconds=30), 4)
    assert wire.readiness_probe.success_threshold == 2
    assert wire.egress_public_network_access == "disabled"
    assert wire.data_collector.rolling_rate == "day"
    modes = {name: one.data_collection_mode for name, one in wire.data_collector.collections.items()}
    assert modes == {"request": "enabled", "response": "enabled"}
    assert {one.sampling_rate for one in wire.data_collector.collections.values()} == {0.1}


@pytest.mark.filterwarnings("ignore")  # of its own making
def test_registered_assets_stand_in_for_the_bundles_own(tmp_path: Path) -> None:
    deploy = Deploy(model="azureml:fraud:7", environment="azureml:serving@latest")
    bundle = models.bundled(replace(models.classifier(tmp_path), deploy=deploy), tmp_path / "bundle")
    _, deployment = loaded(bundle)
    assert (deployment.model, deployment.environment) == ("fraud:7", "serving@latest")  # as it keeps references


@pytest.mark.filterwarnings("ignore")  # of its own making
def test_az_ml_deploys_locally_what_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--local` resolves everything without a workspace; the engine alone, which is not here, stands in."""
    from azure.ai.ml._local_endpoints import LocalEndpointMode
    from azure.ai.ml.operations._local_deployment_helper import _LocalDeploymentHelper

    monkeypatch.setenv("HOME", str(tmp_path))  # where it keeps what it builds
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    _, deployment = loaded(bundle)
    asked: dict[str, Any] = {}

    class Engine:
        def create_deployment(self, **values: Any) -> None:
            asked.update(values)

    helper = _LocalDeploymentHelper(SimpleNamespace(all_operations={}))  # type: ignore[arg-type]
    helper._docker_client = Engine()  # type: ignore[assignment]
    helper._create_deployment("fraud-endpoint", deployment, LocalEndpointMode.DetachedContainer)
    assert asked["environment"]["AZUREML_ENTRY_SCRIPT"] == "score.py"
    assert asked["environment"]["WORKER_COUNT"] == "2"
    sources = {next(iter(one)): next(iter(one.values()))["bind"] for one in asked["volumes"].values()}
    assert sources[str(bundle / "code")] == "/var/azureml-app/code/"
    mounted = next(Path(source) for source, bind in sources.items() if "azureml-models" in bind)
    assert len([path for depth in ("", "*/", "*/*/") for path in mounted.glob(depth + "model.onnx")]) == 1
    assert "FROM " in Path(asked["dockerfile_path"]).read_text()


def recipe(folder: Path, deploy: dict[str, Any]) -> Any:
    path = folder / "fraud.yml"
    document = {"recipe_version": 1, "name": "fraud", "source": {"uri": "model.joblib"}, "bundle": {"deploy": deploy}}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return load_recipe(path, environ={"SECRET": "hunter2"})


@pytest.mark.parametrize("name", ["ab", "1fraud", "fraud_1", "a b", "a" * 33, "fraud-", "é-fraud"])
@pytest.mark.parametrize("field", ["endpoint", "deployment"])
def test_names_that_azure_refuses_are_refused(name: str, field: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="refuses this name") as caught:
        check_deploy(recipe(tmp_path, {"auth_mode": "key", field: name}))
    assert caught.value.key == f"{tmp_path}/fraud.yml:8 bundle.deploy.{field}"
    assert caught.value.exit_code == 8
    assert caught.value.limit == "3 to 32 letters, digits and -, beginning with a letter, not ending with -"


@pytest.mark.parametrize(
    ("deploy", "key", "words"),
    [
        ({"instance_type": "Standard DS3"}, "instance_type", "no such instance type; did you mean"),
        ({"instance_type": "Standard_DS1_v2", "workers": 40}, "instance_type", "Standard_DS1_v2 is too small"),
        ({"instance_count": 51}, "instance_count", "at least one instance"),
        ({"identity": "me"}, "identity.user_assigned_identities[0]", "resource id"),
        ({"cors_origins": ["shop.example"]}, "cors_origins", "not an origin"),
        ({"model": "fraud:7"}, "model", "registered"),
        ({"environment": "azureml:"}, "environment", "registered"),
        ({"environment_variables": {"API_KEY": "x"}}, "environment_variables.API_KEY", "secret"),
        ({"environment_variables": {"X": "${SECRET}"}}, "environment_variables.X", "holds no secrets"),
        ({"environment_variables": {"WORKER_COUNT": "9"}}, "environment_variables.WORKER_COUNT", "by the bundle"),
        ({"environment_variables": {"AML_APP_ROOT": "/"}}, "environment_variables.AML_APP_ROOT", "sets this variable"),
        ({"environment_variables": {"a b": "/"}}, "environment_variables.a b", "no name of an environment"),
        ({"tags": {"bundle": "x"}}, "tags.bundle", "by the bundle"),
        ({"tags": {"x": "y" * 300}}, "tags.x", "a tag has a name"),
        ({"tags": {f"t{n}": "" for n in range(60)}}, "tags", "too many tags"),
        ({"liveness_probe": {"period": 9000}}, "liveness_probe", "too long"),
    ],
)
def test_what_azure_refuses_is_refused_at_its_key(deploy: dict[str, Any], key: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        check_deploy(recipe(tmp_path, deploy))
    assert words in str(caught.value)
    assert f" bundle.deploy.{key}" in str(caught.value.key)
    assert "hunter2" not in str(caught.value)
    assert caught.value.hint


def test_a_reference_to_a_vault_passes(tmp_path: Path) -> None:
    check_deploy(recipe(tmp_path, {"environment_variables": {"API_KEY": "$${{keyvault:https://v.net/secrets/k/1}}"}}))


@pytest.mark.parametrize("name", ["fraud", "3d", "-", "a" * 64, "--x--", "1" * 64, "a-" * 32])
def test_every_bundle_name_makes_a_legal_endpoint(name: str, tmp_path: Path) -> None:
    plan = replace(models.classifier(tmp_path), name=name)
    made = endpoint_name(plan)
    check_deploy(recipe(tmp_path, {"endpoint": made}))
    assert yaml.safe_load(render_endpoint(plan))["name"] == made


def test_a_model_that_the_instance_cannot_hold_is_refused(tmp_path: Path) -> None:
    plan = replace(models.classifier(tmp_path), deploy=Deploy(instance_type="Standard_DS1_v2"))
    bundle = models.bundled(plan, tmp_path / "bundle")
    assert lint(bundle) == []
    with (bundle / "model" / "more.bin").open("wb") as stream:
        stream.truncate(400 << 20)  # no byte of it is written
    (found,) = lint(bundle)
    assert (found.code, found.limit) == ("OutOfQuota", "3.50 GiB")


@pytest.mark.parametrize(("version", "named"), [("3", True), ("9f2c.1-b_2", True), ("1+cpu", False), ("x" * 31, False)])
def test_a_version_that_azure_does_not_take_leaves_the_model_anonymous(
    version: str, named: bool, tmp_path: Path
) -> None:
    document = yaml.safe_load(render_deployment(replace(models.classifier(tmp_path), version=version)))
    assert ("version" in document["model"]) == named
    assert document["tags"]["bundle_version"] == version
