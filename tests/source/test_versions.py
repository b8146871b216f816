"""Which versions count as other ones, and what is said about them."""

from __future__ import annotations

import pytest

from packager.source.symbols import Global
from packager.source.versions import is_version, skew, training_versions


@pytest.mark.parametrize(
    ("written", "installed", "skewed"),
    [
        ({"scikit-learn": "1.5.2"}, {"scikit-learn": "1.5.9"}, False),
        ({"scikit-learn": "1.5.2"}, {"scikit-learn": "1.9.1"}, True),
        ({"scikit-learn": "1.1.3"}, {"scikit-learn": "1.10.3"}, True),
        ({"scikit-learn": "1.9.1"}, {"scikit-learn": "2.9.1"}, True),
        ({"scikit-learn": "1.9.1, 1.9.0"}, {"scikit-learn": "1.9.1"}, False),
        ({"scikit-learn": "1.9.1, 1.5.2"}, {"scikit-learn": "1.9.1"}, True),
        ({"scikit-learn": "1.9.1"}, {}, True),
        ({"numpy": "1"}, {"numpy": "2.4.6"}, True),
        ({"numpy": "2"}, {"numpy": "2.4.6"}, False),
        ({"numpy": "1, 2"}, {"numpy": "2.4.6"}, True),
        ({"lightgbm": "4"}, {"lightgbm": "4.7.0"}, False),
        ({"lightgbm": "3"}, {"lightgbm": "4.7.0"}, True),
        ({}, {"scikit-learn": "1.9.1"}, False),
        ({"pandas": "2"}, {"pandas": "3.1"}, False),
    ],
)
def test_skew(written: dict[str, str], installed: dict[str, str], skewed: bool) -> None:
    assert bool(skew(written, installed)) == skewed


def test_each_sentence_names_both_versions() -> None:
    sentences = skew({"scikit-learn": "1.5.2", "numpy": "1"}, {"scikit-learn": "1.9.1", "numpy": "2.4.6"})
    assert sentences == ["scikit-learn 1.5.2 wrote it, 1.9.1 is installed", "numpy 1 wrote it, 2.4.6 is installed"]
    assert skew({"lightgbm": "4"}, {}) == ["lightgbm 4 wrote it, none is installed"]


def test_training_versions_are_read_out_of_names_and_texts() -> None:
    names = {Global("numpy._core.multiarray", "scalar"), Global("numpy", "dtype")}
    found = training_versions(names, {"1.9.1", "1.5.2"}, {"v4"})
    assert found == {"scikit-learn": "1.5.2, 1.9.1", "numpy": "2", "lightgbm": "4"}
    both = names | {Global("numpy.core.multiarray", "scalar")}
    assert training_versions(both, (), ())["numpy"] == "1, 2"
    assert training_versions({Global("numpy", "dtype"), Global("numpy._corelike", "x")}, (), {"what"}) == {}


@pytest.mark.parametrize(
    ("value", "sound"),
    [
        ("1.9.1", True),
        ("1.6.dev0+git", True),
        ("", False),
        ("x", False),
        ("1\x1b[31m", False),
        ("1" * 99, False),
        (1, False),
    ],
)
def test_only_what_looks_like_a_version_is_shown(value: object, sound: bool) -> None:
    assert is_version(value) == sound
