"""Write a bundle into an empty folder: the same plan gives the same bytes, and the manifest comes last.

No time of day, no path of this machine and no measured figure enters it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path

from packager.bundle import scoring
from packager.bundle.clients import render_clients
from packager.bundle.container import container_files
from packager.bundle.deploy import refuse, render_deployment, render_endpoint
from packager.bundle.deploy_lint import DEPLOYMENT_FILE, ENDPOINT_FILE, lint
from packager.bundle.environment import own_python, render_conda
from packager.bundle.fast_path import BINNED_FILE, write_fast_path
from packager.bundle.golden import GOLDEN_FILE, golden_document
from packager.bundle.graph import open_served, read_graph
from packager.bundle.manifest import Json, write_manifest
from packager.bundle.model_info import MODEL_FILE, ModelInfo, describe
from packager.bundle.openapi import describe_api
from packager.bundle.operations import Examples, bad_bodies
from packager.bundle.plan import BundlePlan
from packager.bundle.reach import within_reach
from packager.bundle.render import render_readme, render_score
from packager.bundle.samples import sample_request
from packager.errors import BundleError
from packager.files import canonical_json, copy_hashed, pretty_json

# The server looks for its API description under these names, one for each version that a client may ask for.
_SWAGGER_FILES = ("swagger.json", "swagger3.json", "swagger3.1.json")


def write_bundle(plan: BundlePlan, folder: Path) -> str:
    """Fill an empty folder with the bundle and return its digest.

    BundleError where the plan does not hold together, or where score.py does not answer the sample request.
    """
    if any(folder.iterdir()):
        raise BundleError(f"{folder} is not empty", hint="a bundle is written into a new folder")
    info = _write_model(plan, folder)
    code, request = _write_code(folder, info), sample_request(plan, info)
    _put(folder / "environment" / "conda.yml", render_conda(plan.name, plan.settings.python))
    _put(folder / ENDPOINT_FILE, render_endpoint(plan))
    _put(folder / DEPLOYMENT_FILE, render_deployment(plan))
    refuse(lint(folder))
    for name, text in container_files(plan, plan.settings.python or own_python()).items():
        _put(folder / name, text)
    _put(folder / GOLDEN_FILE, _lines(golden_document(plan, info)))
    _put(folder / "samples" / "request.json", _lines(request))
    answer, refusals = _ask(folder, request, info)
    _put(folder / "samples" / "response.json", answer)
    examples = Examples(request, json.loads(answer), refusals)
    api = pretty_json(describe_api(info, title=f"{plan.name} {plan.version}", version=plan.version, examples=examples))
    for path in (folder / "openapi.json", *(code / name for name in _SWAGGER_FILES)):
        _put(path, api)
    timeout_ms = plan.deploy.request_timeout_ms
    clients = render_clients(info, name=plan.name, version=plan.version, request_timeout_ms=timeout_ms)
    for name, text in clients.items():
        _put(folder / name, text)
    _put(folder / "README.md", render_readme(plan, info))
    _put(folder / "recipe.lock.yml", plan.lock)
    manifest = write_manifest(folder, plan.name, plan.version, lineage=plan.lineage)
    _fix_modes(folder)
    return manifest.digest


def _write_model(plan: BundlePlan, folder: Path) -> ModelInfo:
    if plan.model.path is None:
        raise BundleError(f"The variant {plan.model.name!r} has no file to serve")
    target = folder / "model" / MODEL_FILE
    target.parent.mkdir()
    sha256 = copy_hashed(plan.model.path, target)
    if plan.model.sha256 not in (None, sha256):
        raise BundleError(f"{plan.model.path.name} was changed on its way", measured=sha256, limit=plan.model.sha256)
    session = open_served(target, plan.signature)
    info = describe(plan, read_graph(session), size=target.stat().st_size, sha256=sha256)
    info = replace(info, fast_path=write_fast_path(plan, folder))
    info = replace(info, signature=within_reach(info.signature, session, plan.golden.rows))
    if info.fast_path is not None:
        fast = open_served(folder / "model" / BINNED_FILE, plan.signature)
        info = replace(info, signature=within_reach(info.signature, fast, plan.golden.rows))
    return info


def _write_code(folder: Path, info: ModelInfo) -> Path:
    code = folder / "code"
    facts = _lines(info.document())
    _put(code / "model_info.json", facts)
    _put(code / "score.py", render_score(info, info_sha256=hashlib.sha256(facts.encode("utf-8")).hexdigest()))
    return code


def _ask(folder: Path, request: Json, info: ModelInfo) -> tuple[str, dict[str, dict[str, Json]]]:
    """Return what the bundle's own score.py answers, byte for byte what its server will send, and how it refuses."""
    bodies = [json.dumps(request), *bad_bodies(info.request_key, info.max_batch)]
    with tempfile.TemporaryDirectory(prefix="sample-") as scratch:
        (status, body), *refused = scoring.score(folder, bodies, Path(scratch)).answers
    if status != 200:
        message = json.loads(body)["error"]["message"]
        raise BundleError(f"score.py refuses the sample request: {message}", measured=status, limit=200)
    refusals: dict[str, dict[str, Json]] = {}
    for number, said in refused:
        error = json.loads(said)
        shown = refusals.setdefault(str(number), {})
        code = error["error"]["code"]
        shown[f"{code}_{len(shown)}" if code in shown else code] = error
    return body, refusals


def _lines(document: dict[str, Json]) -> str:
    """Return JSON with one entry to a line on the first level, so that big arrays stay short and differences local."""
    entries = (
        f" {json.dumps(key, ensure_ascii=False)}: {canonical_json(value).decode('utf-8')}"
        for key, value in sorted(document.items())
    )
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


def _fix_modes(folder: Path) -> None:
    """Give files and folders the same modes whatever the umask of the one who builds."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
