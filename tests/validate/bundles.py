"""A bundle to validate, and copies of it with faults planted; the one environment that all of them are served in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from packager.bundle.finding import Finding
from packager.validate.result import Check, Validation
from packager.validate.validate import validate
from tests.bundle import models
from tests.bundle.test_replay import edited


def written(folder: Path) -> Path:
    """Write a bundle of a model that takes any number, in a few files."""
    return models.bundled(models.with_settings(models.classifier(folder), max_batch=8), folder / "bundle")


def copied(bundle: Path, folder: Path) -> Path:
    """Copy a bundle, to be changed."""
    return shutil.copytree(bundle, folder / "bundle")


def deployed(bundle: Path, **changes: object) -> Path:
    """Change keys of the deployment, `section__key` for those of a section, and seal the bundle."""

    def change(text: str) -> str:
        document = yaml.safe_load(text)
        for key, value in changes.items():
            section, _, inner = key.partition("__")
            if inner:
                document[section] = {**document.get(section, {}), inner: value}
            else:
                document[key] = value
        return yaml.safe_dump(document, sort_keys=False)

    return edited(bundle, "deploy/deployment.yml", change)


def scripted(bundle: Path, *changes: tuple[str, str]) -> Path:
    """Replace texts of score.py, and seal the bundle."""

    def change(text: str) -> str:
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        return text

    return edited(bundle, "code/score.py", change)


def pinned(bundle: Path, change: Callable[[str], str]) -> Path:
    """Change the text of conda.yml, and seal the bundle."""
    return edited(bundle, "environment/conda.yml", change)


def validated(bundle: Path) -> Validation:
    """Validate without a load gate, and without a word."""
    return validate(bundle, gate=None, say=lambda _: None)


def check(found: Validation, name: str) -> Check:
    """Return one check by name."""
    return next(one for one in found.checks if one.name == name)


def only(found: Validation) -> Finding:
    """Return the one finding that there is."""
    assert len(found.findings) == 1, found.findings
    return found.findings[0]
