"""Azure ML's files: its own loaders take them, and names that it would refuse never get into them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from packager.bundle.deploy import endpoint_name, render_deployment, render_endpoint
from packager.bundle.plan import BundlePlan
from packager.errors import BundleError
from packager.recipe.model import Deploy

from . import models


def deployed(plan: BundlePlan, **values: object) -> BundlePlan:
    """Return the plan with deploy settings that no recipe has checked."""
    return replace(plan, deploy=SimpleNamespace(**{**Deploy().model_dump(), **values}))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")  # of its own making
def test_azures_own_loaders_take_both_files(tmp_path: Path) -> None:
    from azure.ai.ml import load_online_deployment, load_online_endpoint
    from azure.ai.ml.entities import Environment, ManagedOnlineDeployment, Model

    plan = replace(models.classifier(tmp_path), deploy=Deploy(endpoint="fraud-endpoint", instance_count=2))
    bundle = models.bundled(plan, tmp_path / "bundle")
    endpoint = load_online_endpoint(bundle / "deploy" / "endpoint.yml")
    deployment = load_online_deployment(bundle / "deploy" / "deployment.yml")
    assert isinstance(deployment, ManagedOnlineDeployment)
    model, environment, code = deployment.model, deployment.environment, deployment.code_configuration
    assert isinstance(model, Model)
    assert isinstance(environment, Environment)
    assert code is not None
    assert (endpoint.name, endpoint.auth_mode) == ("fraud-endpoint", "key")
    assert (deployment.name, deployment.endpoint_name, deployment.instance_count) == ("blue", "fraud-endpoint", 2)
    assert (model.name, model.version) == ("fraud", "3")
    assert Path(str(model.path)).resolve() == bundle / "model"
    assert (bundle / "deploy" / str(code.code)).resolve() == bundle / "code"
    assert (bundle / "code" / str(code.scoring_script)).is_file()
    conda = yaml.safe_load((bundle / "environment" / "conda.yml").read_text())
    assert environment.conda_file == conda
    assert environment.image
    assert deployment.app_insights_enabled is False
    assert deployment.environment_variables["APP_INSIGHTS_LOG_RESPONSE_ENABLED"] == "false"


@pytest.mark.parametrize("name", ["ab", "1fraud", "fraud_1", "a b", "a" * 33, "fraud-", "fraud\n", "", "é-fraud"])
@pytest.mark.parametrize("field", ["endpoint", "deployment"])
def test_names_that_azure_refuses_are_refused(name: str, field: str, tmp_path: Path) -> None:
    plan = deployed(models.classifier(tmp_path), **{field: name})
    with pytest.raises(BundleError, match="Azure ML would refuse") as caught:
        render_deployment(plan)
    assert caught.value.key == f"bundle.deploy.{field}"
    assert caught.value.exit_code == 8


@pytest.mark.parametrize(("field", "value"), [("instance_type", "Standard DS3"), ("instance_count", 0)])
def test_sizes_that_azure_refuses_are_refused(field: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        render_deployment(deployed(models.classifier(tmp_path), **{field: value}))
    assert caught.value.key == f"bundle.deploy.{field}"


@pytest.mark.parametrize("name", ["fraud", "3d", "-", "a" * 64, "--x--", "1" * 64, "a-" * 32])
def test_every_bundle_name_makes_a_legal_endpoint(name: str, tmp_path: Path) -> None:
    plan = replace(models.classifier(tmp_path), name=name)
    made = endpoint_name(plan)
    assert endpoint_name(deployed(plan, endpoint=made)) == made  # a name of the recipe's is checked
    assert yaml.safe_load(render_endpoint(plan))["name"] == made


@pytest.mark.parametrize(("version", "named"), [("3", True), ("9f2c.1-b_2", True), ("1+cpu", False), ("x" * 31, False)])
def test_a_version_that_azure_does_not_take_leaves_the_model_anonymous(
    version: str, named: bool, tmp_path: Path
) -> None:
    document = yaml.safe_load(render_deployment(replace(models.classifier(tmp_path), version=version)))
    assert ("version" in document["model"]) == named
    assert document["tags"]["bundle_version"] == version
