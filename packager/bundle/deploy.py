"""The two files that Azure ML deploys from: an endpoint, and a deployment that names the bundle's own folders.

Names and sizes that Azure would refuse after minutes are refused here at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packager.errors import BundleError

if TYPE_CHECKING:
    from packager.bundle.manifest import Json
    from packager.bundle.plan import BundlePlan

# Azure builds conda.yml on top of this image; its own file format wants the full address.
BASE_IMAGE = "mcr.microsoft.com/azureml/minimal-py312-inference:latest"
DEFAULT_DEPLOYMENT = "blue"
# Azure's usual size for a first deployment: 4 cores, 14 GB.
DEFAULT_INSTANCE_TYPE = "Standard_DS3_v2"
# A worker takes one request at a time: with a second one, a slow client does not hold up the health probe.
WORKERS = 2
# A worker that one request holds for longer is replaced.
WORKER_TIMEOUT_S = 30
# Room for the largest batch of a slow model; the platform's own default is 5 s, its most 180 s.
REQUEST_TIMEOUT_MS = 20_000
# Loading takes seconds; 30 probes of 10 s give a cold node time before it is given up.
PROBE = {"initial_delay": 10, "period": 10, "timeout": 2, "success_threshold": 1, "failure_threshold": 30}

_NAME = r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]"
_NAME_RULE = "3 to 32 letters, digits and -, beginning with a letter, not ending with -"
_ASSET_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}"
_ASSET_VERSION = r"[A-Za-z0-9][A-Za-z0-9._-]{0,29}"
_INSTANCE_TYPE = r"[A-Za-z][A-Za-z0-9_]{0,63}"


def render_endpoint(plan: BundlePlan) -> str:
    """Return endpoint.yml's text; BundleError where Azure would refuse the name."""
    return _dump({"name": endpoint_name(plan), "auth_mode": "key", "tags": {"bundle": plan.name}})


def render_deployment(plan: BundlePlan) -> str:
    """Return deployment.yml's text, with paths from the deploy folder; BundleError where Azure would refuse it."""
    deploy = plan.deploy
    deployment = deploy.deployment if deploy is not None else DEFAULT_DEPLOYMENT
    instance_type = deploy.instance_type if deploy is not None else DEFAULT_INSTANCE_TYPE
    instance_count = deploy.instance_count if deploy is not None else 1
    _lint(deployment, _NAME, key="bundle.deploy.deployment", rule=_NAME_RULE)
    _lint(instance_type, _INSTANCE_TYPE, key="bundle.deploy.instance_type", rule="a size such as Standard_DS3_v2")
    if instance_count < 1:
        message = "A deployment needs a machine"
        raise BundleError(message, measured=instance_count, limit="at least 1", key="bundle.deploy.instance_count")
    return _dump(
        {
            "name": deployment,
            "endpoint_name": endpoint_name(plan),
            "model": _model(plan),
            "code_configuration": {"code": "../code", "scoring_script": "score.py"},
            "environment": {"image": BASE_IMAGE, "conda_file": "../environment/conda.yml"},
            "instance_type": instance_type,
            "instance_count": instance_count,
            "request_settings": {
                "request_timeout_ms": REQUEST_TIMEOUT_MS,
                "max_concurrent_requests_per_instance": WORKERS,
            },
            "liveness_probe": dict(PROBE),
            "readiness_probe": dict(PROBE),
            "environment_variables": {
                "WORKER_COUNT": str(WORKERS),
                "WORKER_TIMEOUT": str(WORKER_TIMEOUT_S),
                # Even where somebody turns Application Insights on, answers stay out of it.
                "APP_INSIGHTS_LOG_RESPONSE_ENABLED": "false",
            },
            "app_insights_enabled": False,
            "tags": {"bundle": plan.name, "bundle_version": plan.version},
        }
    )


def endpoint_name(plan: BundlePlan) -> str:
    """Return the endpoint that the recipe names, else one made from the bundle's name."""
    if plan.deploy is not None and plan.deploy.endpoint is not None:
        _lint(plan.deploy.endpoint, _NAME, key="bundle.deploy.endpoint", rule=_NAME_RULE)
        return plan.deploy.endpoint
    stem = re.sub("[^A-Za-z0-9-]", "-", plan.name).strip("-")
    name = stem if stem[:1].isalpha() else f"model-{stem}"
    return f"{name[:23].rstrip('-')}-endpoint"


def _model(plan: BundlePlan) -> dict[str, Json]:
    """Return the model entry; a name or version that Azure does not take as one leaves the asset anonymous."""
    model: dict[str, Json] = {"path": "../model", "type": "custom_model"}
    if re.fullmatch(_ASSET_NAME, plan.name) and re.fullmatch(_ASSET_VERSION, plan.version):
        return {"name": plan.name, "version": plan.version, **model}
    return model


def _lint(value: str, pattern: str, *, key: str, rule: str) -> None:
    if not re.fullmatch(pattern, value):
        raise BundleError(f"Azure ML would refuse the name {value!r}", limit=rule, measured=repr(value), key=key)


def _dump(document: dict[str, Json]) -> str:
    import yaml

    # Plain ASCII: unescaped, some line breaks of Unicode would not be read back as they were.
    return str(yaml.safe_dump(document, sort_keys=False))
