"""One true bundle, one environment made from its conda.yml, and what a validation of it came to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from packager.bundle.finding import Finding
from packager.validate.clean import CleanEnvironment, clean_environment
from packager.validate.conda import Conda, read_conda
from packager.validate.result import Validation

from . import bundles


@pytest.fixture(scope="session")
def true_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.written(tmp_path_factory.mktemp("validate"))


@pytest.fixture(scope="session")
def environment(true_bundle: Path) -> CleanEnvironment:
    """The environment of every bundle here, from the user's own cache where it is there already."""
    conda = read_conda(true_bundle)
    assert isinstance(conda, Conda)
    made = clean_environment(conda)
    if isinstance(made, Finding):
        pytest.skip(f"needs a package index, as pip install has it: {made.message}")
    return made


@pytest.fixture(scope="session")
def true_validation(true_bundle: Path, environment: CleanEnvironment) -> Validation:
    """Validate the true bundle, all dates in it set to 0: what is written shows."""
    for path in true_bundle.rglob("*"):
        os.utime(path, (0, 0))
    return bundles.validated(true_bundle)


@pytest.fixture
def bundle(true_bundle: Path, tmp_path: Path) -> Path:
    return bundles.copied(true_bundle, tmp_path)
