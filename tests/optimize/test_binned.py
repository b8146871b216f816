"""The binned form: made of every tree model's double form, with its answers; else a reason that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from packager.artifact import Signature, Variant
from packager.binned import model_file
from packager.binned.library import LibraryUnavailable
from packager.files import sha256_file
from packager.optimize import binned as module
from packager.optimize.binned import bin_trees
from packager.optimize.optimize import optimize
from packager.optimize.passes import finished_variant
from packager.runtime.session import open_session
from tests.convert.pairs import Pair, pair
from tests.runtime.binned_files import needs_library

from .test_optimize import fitted, forms, recipe


def double_form(name: str, folder: Path) -> tuple[Pair, Variant]:
    found = pair(fitted(name), folder)
    return found, finished_variant("fp64", found.path)


@needs_library
@pytest.mark.parametrize("name", ["forest", "lightgbm"])
def test_trees_are_binned_and_answer_as_the_registered_model_does(name: str, tmp_path: Path) -> None:
    found, fp64 = double_form(name, tmp_path)
    variant = bin_trees(fp64, found.signature, tmp_path)
    assert (variant.name, variant.precision, variant.status, variant.reason) == ("binned", "binned", "ok", None)
    assert variant.path is not None
    assert fp64.size_bytes is not None
    assert variant.sha256 == sha256_file(variant.path)
    assert variant.size_bytes == variant.path.stat().st_size < fp64.size_bytes
    assert variant.ops == {"BinnedTrees": 1}
    probes = found.probes()
    native, taken = found.native.tolerant_answers(probes.rows)
    assert native is not None
    answers = open_session(variant.path, found.signature).answers(probes.rows.take(taken))
    assert np.array_equal(answers["label"], native["label"])
    np.testing.assert_allclose(answers["probabilities"], native["probabilities"], rtol=1e-15, atol=0)


def test_a_model_without_trees_has_no_binned_form(tmp_path: Path) -> None:
    found, fp64 = double_form("logistic", tmp_path)
    variant = bin_trees(fp64, found.signature, tmp_path)
    assert (variant.status, variant.path, variant.ops) == ("not_applicable", None, {})
    assert "no trees" in str(variant.reason)
    assert not [*tmp_path.glob("*.binned")]


def test_without_the_extension_the_reason_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise LibraryUnavailable("nothing was compiled; run python -m packager.binned.compile")

    monkeypatch.setattr(module, "library", none)
    found, fp64 = double_form("forest", tmp_path)
    variant = bin_trees(fp64, found.signature, tmp_path)
    assert (variant.status, variant.path) == ("not_applicable", None)
    assert variant.reason == "nothing was compiled; run python -m packager.binned.compile"
    assert not [*tmp_path.glob("*.binned")]


def test_what_cannot_be_packed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise model_file.NotApplicable("a column has 70,000 thresholds, limit 65,535")

    monkeypatch.setattr(model_file, "pack_model", refuse)
    found, fp64 = double_form("forest", tmp_path)
    variant = bin_trees(fp64, found.signature, tmp_path)
    assert (variant.status, variant.reason) == ("not_applicable", "a column has 70,000 thresholds, limit 65,535")


@needs_library
@pytest.mark.parametrize(
    ("written", "reason"),
    [(None, "ZeroDivisionError: packing fell over"), (b"no model", "what was packed does not open: ")],
    ids=["packing raises", "packing writes nonsense"],
)
def test_packing_that_goes_wrong_is_a_failed_variant_and_no_failed_build(
    written: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pack(source: Path, target: Path) -> None:
        if written is None:
            raise ZeroDivisionError("packing\nfell over")
        target.write_bytes(written)

    monkeypatch.setattr(model_file, "pack_model", pack)
    found, fp64 = double_form("forest", tmp_path)
    variant = bin_trees(fp64, found.signature, tmp_path)
    assert (variant.status, variant.path) == ("failed", None)
    assert str(variant.reason).startswith(reason)


def test_it_starts_from_the_double_form_alone(tmp_path: Path) -> None:
    signature: Signature = pair(fitted("forest"), tmp_path).signature
    missing = Variant("fp64", "fp64", "not_applicable", "no double kernel")
    variant = bin_trees(missing, signature, tmp_path)
    assert (variant.status, variant.reason) == (
        "not_applicable",
        "it starts from the fp64 form, which is missing: no double kernel",
    )


@needs_library
def test_a_recipe_gets_it_where_it_asked_and_by_default(tmp_path: Path) -> None:
    double, single, signature = forms("forest", tmp_path)
    by_default = optimize(double, single, signature=signature, recipe=recipe(tmp_path), folder=tmp_path)
    assert [(one.name, one.status) for one in by_default][-1] == ("binned", "ok")
    first = recipe(tmp_path, "{precisions: [binned, fp32]}")
    found = optimize(double, single, signature=signature, recipe=first, folder=tmp_path)
    assert [one.name for one in found] == ["fp64", "binned", "fp32"]
    without = recipe(tmp_path, "{precisions: [fp64, fp32]}")
    found = optimize(double, single, signature=signature, recipe=without, folder=tmp_path)
    assert [one.name for one in found] == ["fp64", "fp32"]


def test_what_is_not_applicable_fails_no_strict_recipe(tmp_path: Path) -> None:
    """A no-op is a variant that does nothing; of a model without trees there is none to do nothing."""
    double, single, signature = forms("logistic", tmp_path)
    strict = recipe(tmp_path, "{on_no_op: fail, precisions: [binned]}")
    found = optimize(double, single, signature=signature, recipe=strict, folder=tmp_path)
    assert [one.status for one in found] == ["ok", "not_applicable"]
