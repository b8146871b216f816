"""Every precision ends in a stated outcome: ok with a changed graph, or a reason why not; never a silent copy."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from lightgbm import LGBMClassifier
from onnx import TensorProto
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from packager.artifact import Variant
from packager.errors import OptimizeError
from packager.files import sha256_file
from packager.optimize import fp16, int8
from packager.optimize.optimize import optimize
from packager.optimize.passes import finished_variant, run_pass
from packager.recipe.load import load_recipe
from packager.recipe.model import Recipe
from packager.runtime.session import open_session
from tests.convert.pairs import Pair, as_float32, pair, random_rows

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(200, 30))
TARGET = (ROWS @ RANDOM.normal(size=30) > 0).astype(int)
MODELS = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "network": lambda: make_pipeline(
        StandardScaler(), MLPClassifier((64, 64), solver="lbfgs", max_iter=400, alpha=1.0, random_state=0)
    ),
    "forest": lambda: RandomForestClassifier(5, random_state=0),
    "lightgbm": lambda: LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1),
}


@cache
def fitted(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MODELS[name]().fit(ROWS, TARGET)


def float_form(name: str, folder: Path) -> Pair:
    return pair(fitted(name), folder, dtype=np.float32)


def recipe(folder: Path, optimize_section: str = "{}") -> Recipe:
    path = folder / "recipe.yml"
    path.write_text(f"recipe_version: 1\nname: reduced\nsource: {{uri: model.joblib}}\noptimize: {optimize_section}\n")
    return load_recipe(path)


@pytest.mark.parametrize(
    ("name", "step", "status", "reason"),
    [
        ("logistic", fp16, "ok", None),
        ("network", fp16, "ok", None),
        ("forest", fp16, "not_applicable", "TreeEnsemble has no half-precision kernel"),
        ("lightgbm", fp16, "not_applicable", "TreeEnsemble has no half-precision kernel"),
        ("logistic", int8, "ok", None),
        ("network", int8, "ok", None),
        ("forest", int8, "no_op", "TreeEnsemble"),
        ("lightgbm", int8, "no_op", "TreeEnsemble"),
    ],
    ids=lambda item: item.PRECISION if hasattr(item, "PRECISION") else None,
)
def test_every_model_and_precision_has_its_outcome(
    name: str, step: Any, status: str, reason: str | None, tmp_path: Path
) -> None:
    source = float_form(name, tmp_path)
    variant = run_pass(step, source.path, source.signature, tmp_path)
    assert (variant.name, variant.precision, variant.status) == (step.PRECISION, step.PRECISION, status)
    if status == "ok":
        assert variant.reason is None
        assert variant.path is not None
        assert variant.sha256 == sha256_file(variant.path) != sha256_file(source.path)
        assert variant.size_bytes == variant.path.stat().st_size
    else:
        assert reason is not None
        assert reason in str(variant.reason)
        assert variant.path is None
        assert not (tmp_path / f"{step.PRECISION}.onnx").exists()


def test_half_precision_holds_half_weights_behind_float_inputs_and_outputs(tmp_path: Path) -> None:
    source = float_form("network", tmp_path)
    variant = run_pass(fp16, source.path, source.signature, tmp_path)
    model = onnx.load(str(variant.path))
    kinds = [tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) == 2]
    assert TensorProto.FLOAT16 in kinds
    assert [value.type.tensor_type.elem_type for value in model.graph.input] == [TensorProto.FLOAT]
    assert model.graph.output[1].type.tensor_type.elem_type == TensorProto.FLOAT
    assert variant.size_bytes is not None
    assert variant.size_bytes < 0.7 * source.path.stat().st_size


def test_int8_multiplies_integers(tmp_path: Path) -> None:
    source = float_form("network", tmp_path)
    variant = run_pass(int8, source.path, source.signature, tmp_path)
    assert variant.ops["MatMulInteger"] == 3
    assert "MatMul" not in variant.ops
    assert variant.size_bytes is not None
    assert variant.size_bytes < 0.5 * source.path.stat().st_size


@pytest.mark.parametrize(("step", "within"), [(fp16, 1e-2), (int8, 0.2)])
@pytest.mark.parametrize("name", ["logistic", "network"])
def test_a_reduced_form_still_answers_about_the_same(name: str, step: Any, within: float, tmp_path: Path) -> None:
    source = float_form(name, tmp_path)
    variant = run_pass(step, source.path, source.signature, tmp_path)
    rows = as_float32(random_rows(source, 200))
    assert variant.path is not None
    found = open_session(variant.path, source.signature).answers(rows)["probabilities"]
    expected = source.session.answers(rows)["probabilities"]
    error = np.abs(found - expected).max()
    assert 0 < error < within


def _pass(**functions: Any) -> Any:
    """Return a pass that works, but for `functions`."""
    return SimpleNamespace(PRECISION="int8", requires=int8.requires, touches=int8.touches, **functions)


@pytest.mark.parametrize("error", [ValueError, AssertionError, IndexError, ImportError], ids=lambda kind: kind.__name__)
def test_a_pass_that_raises_has_failed_and_says_with_what(error: type[Exception], tmp_path: Path) -> None:
    def apply(source: Path, target: Path) -> None:
        raise error("the quantizer\nfell over " + "x" * 5_000)

    source = float_form("logistic", tmp_path)
    variant = run_pass(_pass(apply=apply), source.path, source.signature, tmp_path)
    assert variant.status == "failed"
    assert variant.path is None
    assert str(variant.reason).startswith(f"{error.__name__}: the quantizer fell over")
    assert len(str(variant.reason)) < 300


def test_a_pass_that_breaks_the_graph_has_failed(tmp_path: Path) -> None:
    def apply(source: Path, target: Path) -> None:
        model = onnx.load(str(source))
        model.graph.node[0].input[0] = "nowhere"
        onnx.save(model, str(target))

    source = float_form("logistic", tmp_path)
    variant = run_pass(_pass(apply=apply), source.path, source.signature, tmp_path)
    assert variant.status == "failed"
    assert "nowhere" in str(variant.reason)


@pytest.mark.parametrize("what", ["name", "type", "order"])
def test_a_pass_that_changes_the_interface_has_failed(what: str, tmp_path: Path) -> None:
    def apply(source: Path, target: Path) -> None:
        int8.apply(source, target)
        model = onnx.load(str(target))
        if what == "order":
            outputs = [*model.graph.output][::-1]
            del model.graph.output[:]
            model.graph.output.extend(outputs)
        elif what == "name":
            node = next(node for node in model.graph.node if "probabilities" in node.output)
            node.output[0] = model.graph.output[1].name = "scores"
        else:
            node = next(node for node in model.graph.node if "probabilities" in node.output)
            node.attribute[0].i = TensorProto.DOUBLE
            model.graph.output[1].type.tensor_type.elem_type = TensorProto.DOUBLE
        onnx.save(model, str(target))

    source = float_form("logistic", tmp_path)
    variant = run_pass(_pass(apply=apply), source.path, source.signature, tmp_path)
    assert (variant.status, variant.path) == ("failed", None)
    assert "inputs or outputs" in str(variant.reason)


def test_a_pass_that_copies_is_a_no_op_even_with_casts_around_it(tmp_path: Path) -> None:
    def apply(source: Path, target: Path) -> None:
        model = onnx.load(str(source))
        model.producer_name = "busy"
        onnx.save(model, str(target))

    source = float_form("logistic", tmp_path)
    variant = run_pass(_pass(apply=apply), source.path, source.signature, tmp_path)
    assert variant.status == "no_op"
    assert "nothing changed" in str(variant.reason)
    assert not (tmp_path / "int8.onnx").exists()


def test_a_pass_that_onnxruntime_does_not_run_has_failed(tmp_path: Path) -> None:
    def apply(source: Path, target: Path) -> None:
        model = onnx.load(str(source))
        product = next(node for node in model.graph.node if node.op_type == "MatMul")
        # Weights become 8-bit numbers that nobody multiplies with floats.
        weights = next(tensor for tensor in model.graph.initializer if tensor.name == product.input[1])
        shape = list(weights.dims)
        weights.CopyFrom(onnx.numpy_helper.from_array(np.zeros(shape, dtype=np.int8), weights.name))
        onnx.save(model, str(target))

    source = float_form("logistic", tmp_path)
    variant = run_pass(_pass(apply=apply), source.path, source.signature, tmp_path)
    assert variant.status == "failed"
    assert "ONNX Runtime does not run it" in str(variant.reason)


def forms(name: str, folder: Path) -> tuple[Variant, Variant, Any]:
    double, single = pair(fitted(name), folder), float_form(name, folder)
    return finished_variant("fp64", double.path), finished_variant("fp32", single.path), single.signature


def test_the_baseline_comes_first_and_the_others_as_the_recipe_has_them(tmp_path: Path) -> None:
    double, single, signature = forms("logistic", tmp_path)
    chosen = recipe(tmp_path, "{precisions: [int8, fp32, fp64]}")
    found = optimize(double, single, signature=signature, recipe=chosen, folder=tmp_path)
    assert [variant.name for variant in found] == ["fp64", "int8", "fp32"]


def test_the_baseline_is_made_though_nobody_asked(tmp_path: Path) -> None:
    double, single, signature = forms("logistic", tmp_path)
    found = optimize(
        double, single, signature=signature, recipe=recipe(tmp_path, "{precisions: [fp16]}"), folder=tmp_path
    )
    assert [(variant.name, variant.status) for variant in found] == [("fp64", "ok"), ("fp16", "ok")]


def test_without_a_double_form_the_float_form_is_the_baseline(tmp_path: Path) -> None:
    _, single, signature = forms("forest", tmp_path)
    missing = Variant("fp64", "fp64", "not_applicable", "no double kernel")
    found = optimize(missing, single, signature=signature, recipe=recipe(tmp_path), folder=tmp_path)
    assert [(variant.name, variant.status) for variant in found] == [
        ("fp32", "ok"),
        ("fp64", "not_applicable"),
        ("fp16", "not_applicable"),
        ("int8", "no_op"),
        ("binned", "not_applicable"),
    ]
    assert found[1].reason == "no double kernel"
    assert found[4].reason == "it starts from the fp64 form, which is missing: no double kernel"


def test_without_a_float_form_nothing_is_reduced(tmp_path: Path) -> None:
    double, _, signature = forms("logistic", tmp_path)
    missing = Variant("fp32", "fp32", "not_applicable", "too many numbers")
    found = optimize(double, missing, signature=signature, recipe=recipe(tmp_path), folder=tmp_path)
    assert [variant.status for variant in found] == ["ok", *["not_applicable"] * 4]
    assert "too many numbers" in str(found[2].reason)


def test_a_no_op_fails_the_build_where_the_recipe_wants_it(tmp_path: Path) -> None:
    double, single, signature = forms("forest", tmp_path)
    optimize(double, single, signature=signature, recipe=recipe(tmp_path), folder=tmp_path)
    strict = recipe(tmp_path, "{on_no_op: fail}")
    with pytest.raises(OptimizeError) as caught:
        optimize(double, single, signature=signature, recipe=strict, folder=tmp_path)
    assert caught.value.exit_code == 5
    assert "int8 does nothing for this model" in str(caught.value)
    assert "recipe.yml:4 optimize.on_no_op" in str(caught.value)
    allowed = recipe(tmp_path, "{on_no_op: fail, precisions: [fp32]}")
    assert len(optimize(double, single, signature=signature, recipe=allowed, folder=tmp_path)) == 2
