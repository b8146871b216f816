"""conda.yml: the serving environment, pinned to exactly what answered here. No training library enters it."""

from __future__ import annotations

import sys
from importlib import metadata

from packager.errors import BundleError

# The distributions of what score.py imports.
SERVED = ("azureml-inference-server-http", "msgspec", "numpy", "onnxruntime", "orjson")
PYTHON_KEY = "bundle.python"


def render_conda(name: str, python: str | None) -> str:
    """Return conda.yml's text; `python` defaults to the version that runs now.

    BundleError where something is not installed here, is a build of one's own, or does not run on that Python.
    """
    import yaml

    python = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    pins = [f"{distribution}=={_version(distribution, python)}" for distribution in SERVED]
    environment = {
        "name": name,
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": pins}],
    }
    return yaml.safe_dump(environment, sort_keys=False)


def _version(distribution: str, python: str) -> str:
    from packaging.specifiers import SpecifierSet

    try:
        found = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        message = f"{distribution} is not installed, so the serving environment can't be pinned to it"
        raise BundleError(message, hint=f"install it: pip install {distribution}") from None
    if "+" in found.version:
        message = f"{distribution} {found.version} is a local build that no package index holds"
        raise BundleError(message, hint=f"install a released version of {distribution}")
    takes = found.metadata["Requires-Python"] or ""
    # "3.12" stands for all of 3.12.*, so its last release decides.
    full = python if python.count(".") == 2 else f"{python}.99"
    if full not in SpecifierSet(takes):
        message = f"{distribution} {found.version} does not run on Python {python}"
        hint = "leave bundle.python out to take the Python that builds"
        raise BundleError(message, measured=python, limit=takes, key=PYTHON_KEY, hint=hint)
    return found.version
