"""The two files that Azure ML deploys from: an endpoint, and a deployment that names the bundle's own folders.

What the recipe says goes in, YAML comes out; the lint that reads finished bundles says what Azure would refuse of it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from packager.azure import rules
from packager.bundle import fast_path
from packager.bundle.deploy_lint import DEPLOYMENT_FILE, ENDPOINT_FILE, lint_settings
from packager.bundle.finding import Finding
from packager.errors import BundleError
from packager.recipe.deploy import Deploy, Liveness

if TYPE_CHECKING:
    from packager.bundle.manifest import Json
    from packager.recipe.model import Recipe

# Azure builds conda.yml on top of this image; its own file format wants the full address.
BASE_IMAGE = "mcr.microsoft.com/azureml/minimal-py312-inference:latest"
# A worker that a request holds for longer than the platform waits, and so much more, is replaced.
WORKER_TIMEOUT_EXTRA_S = 10
_KEY = "bundle.deploy"
_TAGS = ("bundle", "bundle_version")
# Where a place in the files has another name in the recipe.
_RECIPE_KEYS = {
    "endpoint.name": "endpoint",
    "deployment.name": "deployment",
    "deployment.endpoint_name": "endpoint",
    "deployment.request_settings.request_timeout_ms": "request_timeout_ms",
    "deployment.request_settings.max_concurrent_requests_per_instance": "workers",
    "deployment.environment_variables.WORKER_COUNT": "workers",
    "deployment.environment_variables.WORKER_TIMEOUT": "request_timeout_ms",
    f"deployment.environment_variables.{rules.ORIGINS}": "cors_origins",
}


class Deployed(Protocol):
    """What the files are made from: a BundlePlan, or what a recipe alone tells."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def deploy(self) -> Deploy: ...


@dataclass(frozen=True)
class _Asked:
    name: str
    version: str
    deploy: Deploy


def check_deploy(recipe: Recipe) -> None:
    """Raise BundleError where Azure would refuse what the recipe alone says of the deployment."""
    asked = _Asked(recipe.name, recipe.version or "1", recipe.bundle.deploy)
    with keys_told(recipe), tempfile.TemporaryDirectory(prefix="deploy-") as folder:
        _refuse_written(recipe)
        bundle = Path(folder)
        (bundle / "deploy").mkdir()
        (bundle / ENDPOINT_FILE).write_text(render_endpoint(asked), encoding="utf-8")
        (bundle / DEPLOYMENT_FILE).write_text(render_deployment(asked), encoding="utf-8")
        refuse(lint_settings(bundle))


@contextmanager
def keys_told(recipe: Recipe) -> Iterator[None]:
    """Add file and line to the recipe key of an error about the bundle."""
    try:
        yield
    except BundleError as error:
        if error.key is not None and error.key.startswith("bundle."):
            error.key = recipe.where(error.key)
        raise


def refuse(findings: list[Finding]) -> None:
    """Raise BundleError for the first finding, where there are any; its key is the recipe's."""
    if not findings:
        return
    first = findings[0]
    others = sorted({recipe_key(one) for one in findings} - {recipe_key(first)})
    more = f"; wrong too: {', '.join(others[:3])}{' and more' * (len(others) > 3)}" if others else ""
    raise BundleError(
        f"Azure ML would not deploy this: {first.message}{more}",
        measured=first.measured,
        limit=first.limit,
        key=recipe_key(first),
        hint=first.hint,
    )


def recipe_key(finding: Finding) -> str:
    """Return the recipe key that sets what was found."""
    if finding.check == "deployment.fast_path":
        return fast_path.KEY
    known = _RECIPE_KEYS.get(finding.check)
    return f"{_KEY}.{known or finding.check.partition('.')[2]}"


def render_endpoint(plan: Deployed) -> str:
    """Return endpoint.yml's text."""
    deploy = plan.deploy
    return _dump(
        {
            "name": endpoint_name(plan),
            "auth_mode": deploy.auth_mode,
            "identity": _identity(deploy.identity),
            "public_network_access": deploy.public_network_access,
            "tags": {**deploy.tags, "bundle": plan.name},
        }
    )


def render_deployment(plan: Deployed) -> str:
    """Return deployment.yml's text, with paths from the deploy folder."""
    deploy = plan.deploy
    egress: dict[str, Json] = {"egress_public_network_access": deploy.egress_public_network_access}
    return _dump(
        {
            "name": deploy.deployment,
            "endpoint_name": endpoint_name(plan),
            "model": deploy.model or _model(plan),
            "code_configuration": {"code": "../code", "scoring_script": "score.py"},
            "environment": deploy.environment or {"image": BASE_IMAGE, "conda_file": "../environment/conda.yml"},
            "instance_type": deploy.instance_type,
            "instance_count": deploy.instance_count,
            **(egress if deploy.egress_public_network_access else {}),
            "request_settings": {
                "request_timeout_ms": deploy.request_timeout_ms,
                "max_concurrent_requests_per_instance": deploy.workers,
            },
            # The one that managed endpoints take: a rule of Azure Monitor scales, not the deployment.
            "scale_settings": {"type": "default"},
            "liveness_probe": _probe(deploy.liveness_probe),
            "readiness_probe": _probe(deploy.readiness_probe),
            **_collected(deploy),
            "environment_variables": {**server_variables(deploy)},
            "app_insights_enabled": False,
            "tags": {**deploy.tags, "bundle": plan.name, "bundle_version": plan.version},
        }
    )


def server_variables(deploy: Deploy) -> dict[str, str]:
    """Return the environment variables of the container: the recipe's and those that the server is set by."""
    return {
        **deploy.environment_variables,
        "WORKER_COUNT": str(deploy.workers),
        "WORKER_TIMEOUT": str(worker_timeout_s(deploy)),
        # Even where somebody turns Application Insights on, answers stay out of it.
        "APP_INSIGHTS_LOG_RESPONSE_ENABLED": "false",
        **({rules.ORIGINS: ",".join(deploy.cors_origins)} if deploy.cors_origins else {}),
    }


def worker_timeout_s(deploy: Deploy) -> int:
    """Return how long one request may hold a worker."""
    return -(-deploy.request_timeout_ms // 1000) + WORKER_TIMEOUT_EXTRA_S


def endpoint_name(plan: Deployed) -> str:
    """Return the endpoint that the recipe names, else one made from the bundle's name."""
    if plan.deploy.endpoint is not None:
        return plan.deploy.endpoint
    stem = re.sub("[^A-Za-z0-9-]", "-", plan.name).strip("-")
    name = stem if stem[:1].isalpha() else f"model-{stem}"
    return f"{name[:23].rstrip('-')}-endpoint"


def _identity(identity: str) -> dict[str, Json]:
    if identity == "system_assigned":
        return {"type": identity}
    return {"type": "user_assigned", "user_assigned_identities": [{"resource_id": identity}]}


def _model(plan: Deployed) -> dict[str, Json]:
    """Return the model entry; a name or version that Azure does not take as one leaves the asset anonymous."""
    model: dict[str, Json] = {"path": "../model", "type": "custom_model"}
    if rules.is_asset_name(plan.name) and rules.is_asset_version(plan.version):
        return {"name": plan.name, "version": plan.version, **model}
    return model


def _probe(probe: Liveness) -> dict[str, Json]:
    return {"success_threshold": 1, **probe.model_dump()}


def _collected(deploy: Deploy) -> dict[str, Json]:
    """Return the data collector; its switches are text, and nothing is collected unless the recipe asks for it."""
    asked = deploy.data_collector
    if not asked.collections:
        return {}
    collections: dict[str, Json] = {name: {"enabled": "true"} for name in asked.collections}
    rates: dict[str, Json] = {"sampling_rate": asked.sampling_rate, "rolling_rate": asked.rolling_rate}
    return {"data_collector": {"collections": collections, **rates}}


def _refuse_written(recipe: Recipe) -> None:
    """Refuse variables and tags that are set already, and values of the building environment: they may be secrets."""
    taken = {"environment_variables": rules.GENERATED, "tags": _TAGS}
    for section, names in taken.items():
        for name, value in _written(recipe, section).items():
            key = f"{_KEY}.{section}.{name}"
            if name in names:
                hint = "leave it out; WORKER_COUNT is bundle.deploy.workers, origins are bundle.deploy.cors_origins"
                raise BundleError(f"{name} is set by the bundle itself", key=key, hint=hint)
            if "${" in str(value).replace("$${", ""):
                message = f"{name} takes its value from the environment that builds, and a bundle holds no secrets"
                hint = f"write the value out; a secret is injected: ${rules.INJECTED_RULE}"
                raise BundleError(message, key=key, hint=hint)


def _written(recipe: Recipe, section: str) -> Mapping[str, object]:
    """Return a mapping of bundle.deploy as it is written, before variables are filled in."""
    written: object = recipe.document
    for key in ("bundle", "deploy", section):
        written = written.get(key) if isinstance(written, Mapping) else None
    return written if isinstance(written, Mapping) else {}


def _dump(document: dict[str, Json]) -> str:
    import yaml

    # Plain ASCII: unescaped, some line breaks of Unicode would not be read back as they were.
    return str(yaml.safe_dump(document, sort_keys=False))
