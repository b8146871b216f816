"""What a deployment points at: model, code and environment are there, lie in the bundle, or are registered assets."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path

from packager.azure import rules
from packager.bundle.deploy_file import DeployFile
from packager.bundle.finding import Finding
from packager.errors import RecipeError
from packager.recipe.document import read_document

_REGISTERED = f"name an asset as {rules.REFERENCE_RULE}"
_ANEW = "build or fetch the bundle anew"
# Places that the platform fetches by itself.
_REMOTE = re.compile(r"(azureml|https?|wasbs?|abfss?|adl)://?", re.IGNORECASE)
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9._-]+)*(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?")


def reference_findings(file: DeployFile) -> Iterator[Finding]:
    """Yield what is written as a registered asset and is none."""
    for place in (("model",), ("environment",), ("code_configuration", "code")):
        text = file.text(*place)
        if text is not None and (len(place) == 1 or text.startswith("azureml:")) and not rules.is_reference(text):
            message = "neither a registered asset nor a path"
            yield file.finding(place, message, _REGISTERED, measured=text, code="ResourceNotFound")


def path_findings(file: DeployFile) -> Iterator[Finding]:
    """Yield what the platform would look for and not find."""
    yield from _model(file)
    yield from _code(file)
    yield from _environment(file)


def _model(file: DeployFile) -> Iterator[Finding]:
    model = file.at("model")
    if isinstance(model, dict):
        kind = model.get("type", "custom_model")
        if kind != "custom_model":
            hint = "write custom_model: score.py loads the file by itself"
            yield file.finding(("model", "type"), "the model is a file for score.py", hint, measured=str(kind))
        found = yield from _local(file, ("model", "path"))
        if found is not None and not any(found.rglob("*.onnx") if found.is_dir() else [found]):
            yield file.finding(("model", "path"), "there is no model in it", _ANEW, code="ResourceNotFound")
    elif not isinstance(model, str):
        hint = f"write path: ../model, or {_REGISTERED}"
        yield file.finding(("model",), "a deployment needs its model", hint, code="ResourceNotFound")


def _code(file: DeployFile) -> Iterator[Finding]:
    if not isinstance(file.at("code_configuration"), dict):
        hint = "write code: ../code and scoring_script: score.py under code_configuration"
        yield file.finding(("code_configuration",), "a deployment needs its scoring script", hint)
        return
    place = ("code_configuration", "code")
    reference = file.text(*place)
    if reference is not None and reference.startswith("azureml:"):
        return
    folder = yield from _local(file, place)
    script = file.text("code_configuration", "scoring_script")
    if folder is None:
        return
    if not folder.is_dir():
        yield file.finding(place, "not a folder", "name the folder that holds score.py", code="ResourceNotFound")
    elif script is None or not _is_within(folder, script):
        message = "the code folder holds no such script"
        place = ("code_configuration", "scoring_script")
        yield file.finding(place, message, "write score.py", measured=script, code="ResourceNotFound")


def _is_within(folder: Path, script: str) -> bool:
    try:
        found = (folder / script).resolve()
        return found.is_relative_to(folder.resolve()) and found.is_file() and found.suffix == ".py"
    except (OSError, ValueError):
        return False


def _environment(file: DeployFile) -> Iterator[Finding]:
    environment = file.at("environment")
    if isinstance(environment, str):
        return
    if not isinstance(environment, dict):
        hint = f"write image and conda_file, or {_REGISTERED}"
        yield file.finding(("environment",), "a deployment needs its environment", hint, code="ImageBuildFailure")
        return
    image = environment.get("image")
    if "build" in environment:
        if image is not None or "conda_file" in environment:
            yield file.finding(
                ("environment", "build"), "an environment has an image or a build, not both", "take one of them out"
            )
        return
    place = ("environment", "image")
    if not isinstance(image, str) or not image:
        hint = "name an image: Azure builds conda.yml on top of it"
        yield file.finding(place, "an environment needs an image to start from", hint, code="ImageBuildFailure")
    elif not _IMAGE.fullmatch(image):
        hint = "write HOST/NAME:TAG"
        yield file.finding(place, "not the name of an image", hint, measured=image, code="ImageBuildFailure")
    yield from _conda(file)


def _conda(file: DeployFile) -> Iterator[Finding]:
    place = ("environment", "conda_file")
    if isinstance(file.at(*place), dict):  # written in place
        return
    found = yield from _local(file, place)
    if found is None:
        return
    try:
        listed = read_document(found, "conda file", "name and dependencies").values.get("dependencies")
    except RecipeError:
        listed = None
    if not isinstance(listed, list) or not listed:
        message = "the conda file lists no dependencies"
        yield file.finding(place, message, _ANEW, code="ImageBuildFailure")


def _local(file: DeployFile, place: tuple[str, ...]) -> Generator[Finding, None, Path | None]:
    """Yield why a path leads nowhere; return where it leads, None where that is nowhere or far away."""
    text = file.text(*place)
    if text is None or not text:
        yield file.finding(place, "a path is expected", _ANEW, code="ResourceNotFound")
        return None
    if _REMOTE.match(text):
        return None
    found = file.path(text)
    if found is None or Path(text).is_absolute():
        message = "leads out of the bundle, which others have alone"
        yield file.finding(place, message, "write a path within the bundle", measured=text, code="ResourceNotFound")
        return None
    if not found.exists():
        yield file.finding(place, "nothing lies there", _ANEW, measured=text, code="ResourceNotFound")
        return None
    return found
