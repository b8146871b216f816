"""Lint a bundle's deployment files for what Azure ML refuses, or lets fail, after minutes.

In: a bundle's folder, of which nothing is trusted. Out: findings, none for files that deploy as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packager import wording
from packager.azure import rules
from packager.azure.instance_types import GIB, PLATFORM_BYTES, find_type, limits, type_names
from packager.bundle.deploy_file import DEPLOYMENT, ENDPOINT, DeployFile, read_deploy_file, shape
from packager.bundle.deploy_paths import path_findings, reference_findings
from packager.bundle.deploy_settings import settings_findings, tag_findings, worker_count
from packager.bundle.fast_path import KEY
from packager.bundle.finding import Finding
from packager.bundle.model_info import read_info
from packager.errors import BundleError
from packager.recipe.deploy import Deploy
from packager.recipe.problems import did_you_mean

ENDPOINT_FILE, DEPLOYMENT_FILE = "deploy/endpoint.yml", "deploy/deployment.yml"
_AUTH_MODES = ("key", "aad_token", "aml_token")
_ACCESS = ("enabled", "disabled")
# What a worker takes at the very least: the server with its libraries, and while it loads the model its bytes, their
# parsed form and the session's own.
_WORKER_BYTES, _MODEL_COPIES = 75 << 20, 3
# What instances of managed endpoints are.
_PLATFORM = ("Linux", "x86_64")
_SMALLER = "choose an instance type with more memory, or fewer workers"


def lint(bundle: Path) -> list[Finding]:
    """Return what Azure ML would refuse in the bundle's deployment files, or what would fail there."""
    findings = lint_settings(bundle)
    deployment = read_deploy_file(bundle, DEPLOYMENT_FILE)
    if isinstance(deployment, Finding):
        return findings
    return [*findings, *path_findings(deployment), *_fast_path(deployment)]


def lint_settings(bundle: Path) -> list[Finding]:
    """Return what is wrong with the two files alone, whatever else lies in the bundle."""
    endpoint, deployment = (read_deploy_file(bundle, name) for name in (ENDPOINT_FILE, DEPLOYMENT_FILE))
    findings = [one for one in (endpoint, deployment) if isinstance(one, Finding)]
    if isinstance(endpoint, DeployFile):
        findings += shape(endpoint, ENDPOINT)
        findings += _endpoint(endpoint)
    if isinstance(deployment, DeployFile):
        findings += shape(deployment, DEPLOYMENT)
        findings += _deployment(deployment)
        if isinstance(endpoint, DeployFile):
            findings += _same_endpoint(endpoint, deployment)
    return findings


def require_memory(deploy: Deploy, worker_bytes: int) -> None:
    """Raise BundleError where the instance cannot hold the workers, each as large as one was measured."""
    found, needed = find_type(deploy.instance_type), deploy.workers * worker_bytes + PLATFORM_BYTES
    if found is not None and needed > found.memory_gib * GIB:
        each = f"{wording.several(deploy.workers, 'worker')} of {wording.size(worker_bytes)}, as measured"
        raise BundleError(
            f"{found.name} is too small: {each}, and {wording.size(PLATFORM_BYTES)} for the platform",
            measured=wording.size(needed),
            limit=wording.size(int(found.memory_gib * GIB)),
            key="bundle.deploy.instance_type",
            hint=_SMALLER,
        )


def _endpoint(file: DeployFile) -> Iterator[Finding]:
    yield from _name(file, "name")
    yield from _one_of(file, "auth_mode", _AUTH_MODES)
    yield from _one_of(file, "public_network_access", _ACCESS)
    yield from _identity(file)
    yield from tag_findings(file)
    for key in ("traffic", "mirror_traffic"):
        if file.at(key):
            message = "an endpoint that is not there yet has no deployment to send requests to"
            hint = "take it out; give traffic once the deployment answers: az ml online-endpoint update --traffic"
            yield file.finding((key,), message, hint, code="ResourceNotFound")


def _deployment(file: DeployFile) -> Iterator[Finding]:
    yield from _name(file, "name")
    yield from _name(file, "endpoint_name")
    yield from _one_of(file, "type", ("managed",))
    yield from _one_of(file, "egress_public_network_access", _ACCESS)
    yield from _instances(file)
    yield from _memory(file)
    yield from reference_findings(file)
    yield from settings_findings(file)
    yield from tag_findings(file)


def _name(file: DeployFile, key: str) -> Iterator[Finding]:
    name = file.text(key)
    if name is None and key not in file.values:
        yield file.finding((key,), "required, but not there", f"write a name: {rules.NAME_RULE}")
    elif name is not None and not rules.is_name(name):
        message = "Azure ML refuses this name"
        yield file.finding((key,), message, "choose another name", measured=repr(name), limit=rules.NAME_RULE)


def _one_of(file: DeployFile, key: str, values: tuple[str, ...]) -> Iterator[Finding]:
    found = file.text(key)
    if found is not None and found.lower() not in values:
        message = f"Azure ML takes {' or '.join(values)}{did_you_mean(found, values)}"
        yield file.finding((key,), message, f"write {values[0]}", measured=found)


def _identity(file: DeployFile) -> Iterator[Finding]:
    kind, ids = file.text("identity", "type"), file.at("identity", "user_assigned_identities")
    if not isinstance(file.at("identity"), dict):
        return
    if kind not in ("system_assigned", "user_assigned"):
        message = "Azure ML takes system_assigned or user_assigned"
        yield file.finding(("identity", "type"), message, "write system_assigned", measured=kind)
    place = ("identity", "user_assigned_identities")
    listed = ids if isinstance(ids, list) else []
    if kind == "user_assigned" and len(listed) != 1:
        hint = "name the one identity's resource_id"
        yield file.finding(place, "user_assigned takes one identity", hint, measured=len(listed), limit=1)
    if kind == "system_assigned" and listed:
        yield file.finding(place, "system_assigned takes no identities", "take them out, or write user_assigned")
    for index, one in enumerate(listed):
        resource = one.get("resource_id") if isinstance(one, dict) else one
        if not (isinstance(resource, str) and rules.is_identity(resource)):
            message = "not the resource id of a user-assigned identity"
            yield file.finding((*place, index), message, f"write resource_id: {rules.IDENTITY_RULE}")


def _instances(file: DeployFile) -> Iterator[Finding]:
    name, count = file.text("instance_type"), file.number("instance_count")
    if "instance_type" not in file.values:
        yield file.finding(("instance_type",), "required, but not there", "write one such as Standard_DS3_v2")
    elif name is not None and name.lower() not in {one.lower() for one in type_names()}:
        message = f"managed endpoints take no such instance type{did_you_mean(name, type_names())}"
        hint = (
            "choose one of Azure's list of sizes for managed endpoints; on a newer one deploy with "
            "`az ml online-deployment create -f deploy/deployment.yml --set instance_type=NAME`"
        )
        yield file.finding(("instance_type",), message, hint, measured=repr(name))
    most = limits().instances
    if "instance_count" not in file.values or (count is not None and not 1 <= count <= most):
        message, hint = "a deployment has at least one instance", f"write a number from 1 to {most}"
        yield file.finding(
            ("instance_count",), message, hint, measured=count, limit=f"1 to {most} by default", code="OutOfQuota"
        )


def _memory(file: DeployFile) -> Iterator[Finding]:
    """Hold the least that workers take against the instance; what they do take is measured when the bundle runs."""
    name = file.text("instance_type")
    found = None if name is None else find_type(name)
    if found is None:
        return
    workers = worker_count(file)
    # Of two forms of the model, a worker loads one.
    model = max((path.stat().st_size for path in (file.bundle / "model").rglob("*") if path.is_file()), default=0)
    needed = workers * (_WORKER_BYTES + _MODEL_COPIES * model) + PLATFORM_BYTES
    if needed > found.memory_gib * GIB:
        each = wording.several(workers, "worker") + (f" with a model of {wording.size(model)}" if model else "")
        message = f"{found.name} is too small: {each}, and {wording.size(PLATFORM_BYTES)} for the platform"
        least, limit = f"{wording.size(needed)} at least", wording.size(int(found.memory_gib * GIB))
        yield file.finding(("instance_type",), message, _SMALLER, measured=least, limit=limit, code="OutOfQuota")


def _fast_path(file: DeployFile) -> Iterator[Finding]:
    """Find a fast path that is required, and that no instance of Azure ML can take."""
    try:
        fast = read_info(file.bundle / "code").fast_path
    except BundleError:  # another check's matter
        return
    if fast is not None and fast.mode == "require" and (fast.system, fast.machine) != _PLATFORM:
        message = f"init() will fail: {KEY} is require, and the binned form is for {fast.system} {fast.machine}"
        limit = " ".join(_PLATFORM)
        hint = f"build on {limit}, or take {KEY}: prefer, with which model.onnx serves there"
        file_of_it, measured = "code/model_info.json", f"{fast.system} {fast.machine}"
        yield Finding("ResourceNotReady", "deployment.fast_path", message, hint, file_of_it, measured, limit)


def _same_endpoint(endpoint: DeployFile, deployment: DeployFile) -> Iterator[Finding]:
    made, used = endpoint.text("name"), deployment.text("endpoint_name")
    if made is not None and used is not None and made != used:
        message = f"{ENDPOINT_FILE} makes another endpoint"
        yield deployment.finding(
            ("endpoint_name",), message, f"write {made!r} in both", measured=used, limit=made, code="ResourceNotFound"
        )
