"""conda.yml: the serving environment, pinned to exactly what answered here. No training library enters it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import metadata

from packager.errors import BundleError

# The distributions of what score.py imports.
SERVED = ("azureml-inference-server-http", "flask", "msgspec", "numpy", "onnxruntime", "orjson")
PYTHON_KEY = "bundle.python"
_HINT = "leave bundle.python out to take the Python that builds"


def render_conda(name: str, python: str | None) -> str:
    """Return conda.yml's text; `python` defaults to the version that runs now.

    BundleError where something is not installed here, is a build that no index holds, or does not run on that Python.
    """
    import yaml

    python = python or own_python()
    environment = {
        "name": name,
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": pins(python)}],
    }
    return yaml.safe_dump(environment, sort_keys=False)


def pins(python: str | None) -> list[str]:
    """Return the exact requirements of the serving environment; BundleError as `render_conda` says, in a moment."""
    python = python or own_python()
    return [f"{name}=={_version(name, python)}" for name in SERVED]


def own_python() -> str:
    """Return the minor version of Python that runs now."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _version(name: str, python: str) -> str:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        message = f"{name} is not installed, so the serving environment can't be pinned to it"
        raise BundleError(message, hint=f"install it: pip install {name}") from None
    _require_resolvable(name, found)
    _require_python(name, found, python)
    return found.version


def _require_resolvable(name: str, found: metadata.Distribution) -> None:
    """Refuse what a package index can't give out: the platform, which builds the environment, has nothing else."""
    from packaging.version import Version

    version = Version(found.version)
    kind = _origin(found)
    if kind is None and (version.local or version.is_devrelease):
        kind = "a local build" if version.local else "a development build"
    if kind is not None:
        message = f"{name} {found.version} is {kind}, which no package index holds"
        hint = f"install a released version: pip install --force-reinstall '{name}<={version.base_version}'"
        raise BundleError(message, measured=f"{name}=={found.version}", limit="a released version", hint=hint)


def _origin(found: metadata.Distribution) -> str | None:
    """Return what installers wrote down of a package that is no release: a folder or a repository, whatever it says."""
    try:
        told = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return None
    if "vcs_info" in told:
        return "a build from a repository"
    if "dir_info" in told:
        return "an editable installation" if told["dir_info"].get("editable") else "a build from a folder"
    return None


def _require_python(name: str, found: metadata.Distribution, python: str) -> None:
    from packaging.specifiers import SpecifierSet

    takes = found.metadata["Requires-Python"] or ""
    # "3.12" stands for all of 3.12.*, so its last release decides.
    full = python if python.count(".") == 2 else f"{python}.99"
    if full not in SpecifierSet(takes):
        message = f"{name} {found.version} does not run on Python {python}"
        raise BundleError(message, measured=python, limit=takes, key=PYTHON_KEY, hint=_HINT)
    minor = int(python.split(".")[1])
    named = sorted(_named_pythons(found))
    # What runs here was installed here, whatever its author has written down.
    if named and minor > named[-1] and minor != sys.version_info.minor and _is_compiled(found):
        message = f"{name} {found.version} is compiled for each Python, and names none as new as {python}"
        raise BundleError(message, measured=python, limit=f"3.{named[-1]} at most", key=PYTHON_KEY, hint=_HINT)


def _named_pythons(found: metadata.Distribution) -> Iterator[int]:
    """Yield the minor versions of Python 3 that a package's own metadata names."""
    for classifier in found.metadata.get_all("Classifier") or ():
        minor = str(classifier).removeprefix("Programming Language :: Python :: 3.")
        if minor.isdigit():
            yield int(minor)


def _is_compiled(found: metadata.Distribution) -> bool:
    """Tell whether each Python needs a wheel of its own."""
    tags = [line for line in (found.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:")]
    return bool(tags) and not any("-none-" in tag or "-abi3-" in tag for tag in tags)
