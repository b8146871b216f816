"""Which library versions wrote an artifact, as far as its own text tells, and whether other ones are installed.

What an artifact says of itself is a hint: it can be forged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from packager.source.symbols import Global

SEPARATOR: Final = ", "
# How many leading numbers of a version must agree for a model to mean the same: pickles of scikit-learn hold private
# attributes that any minor version may change.
SIGNIFICANT: Final = {"scikit-learn": 2, "numpy": 1, "lightgbm": 1}
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,39}")
# Each major version of LightGBM since 2 writes a text format of the same number.
_LIGHTGBM_FORMAT = re.compile(r"v([0-9]{1,3})")


def is_version(text: object) -> bool:
    """Say whether a value out of a file is fit to be shown as a version."""
    return isinstance(text, str) and _VERSION.fullmatch(text) is not None


def training_versions(
    names: Iterable[Global], sklearn_versions: Collection[str], lightgbm_formats: Collection[str]
) -> dict[str, str]:
    """Return library → version as written; several versions of one library are joined with commas.

    numpy is told by its major version ("1" or "2", by where its private modules lie), LightGBM by that of its text.
    """
    modules = {name.module for name in names}
    numpy = {
        major
        for major, package in (("1", "numpy.core"), ("2", "numpy._core"))
        if any(module == package or module.startswith(package + ".") for module in modules)
    }
    lightgbm = {match.group(1) for text in lightgbm_formats if (match := _LIGHTGBM_FORMAT.fullmatch(text))}
    found = {"scikit-learn": set(sklearn_versions), "numpy": numpy, "lightgbm": lightgbm}
    return {library: SEPARATOR.join(sorted(versions)) for library, versions in found.items() if versions}


def skew(written: dict[str, str], installed: dict[str, str]) -> list[str]:
    """Return one sentence per library whose installed version may read the artifact differently.

    The rule: another minor version of scikit-learn, or another major version of numpy or LightGBM.
    """
    sentences = []
    for library, numbers in SIGNIFICANT.items():
        versions = written.get(library, "")
        here = installed.get(library, "")
        kinds = {_leading(version, numbers) for version in versions.split(SEPARATOR) if version}
        if kinds - {_leading(here, numbers)}:
            sentences.append(f"{library} {versions} wrote it, {here or 'none'} is installed")
    return sentences


def _leading(version: str, numbers: int) -> tuple[str, ...]:
    return tuple(version.split(".")[:numbers])
