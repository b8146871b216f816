"""Small ONNX models with their plans: each kind of signature that a bundle serves, its native answers from numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from packager.artifact import MISSING_TEXT, Column, Output, Scalar, Signature, Variant, Verdict
from packager.bundle.plan import BundlePlan, Golden, ModelCard
from packager.bundle.write import write_bundle
from packager.dataset.rows import Rows
from packager.recipe.deploy import Deploy
from packager.recipe.model import BundleSettings
from packager.recipe.parity import Tolerance

INF = float("inf")
FLOAT32_MAX = float(np.finfo(np.float32).max)
WEIGHTS = np.array([0.75, -1.5, 0.3])
CITIES = ("Bern", "Zürich", "東京")
LIMITS = (
    Verdict("parity.atol", "fp64", 1e-16, 1e-6, True, "verify.parity.atol"),
    Verdict("max_abs_error", "fp64", 1e-16, None, True, "verify.parity"),
    Verdict("parity.label_mismatch", "fp64", 0, 0, True, "verify.parity.label_mismatch"),
)


def number(name: str, *, missing: bool = False, max_abs: float = INF) -> Column:
    return Column(name, "float64", missing, max_abs)


def text(name: str, *, missing: bool = False, known: tuple[str, ...] | None = None) -> Column:
    return Column(name, "string", missing, INF, known)


def classifier(
    folder: Path, *, classes: Sequence[Scalar] = (0, 1), names: Sequence[str] = ("amount", "hour", "age")
) -> BundlePlan:
    """Return a logistic regression over three numbers in one double tensor."""
    kinds: dict[type, tuple[int, type]] = {
        int: (TensorProto.INT64, np.int64),
        bool: (TensorProto.BOOL, np.bool_),
        float: (TensorProto.DOUBLE, np.float64),
        str: (TensorProto.STRING, np.str_),
    }
    onnx_type, dtype = kinds[type(classes[0])]
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["one"]),
        helper.make_node("Sub", ["unit", "one"], ["zero"]),
        helper.make_node("Concat", ["zero", "one"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["index"], axis=1, keepdims=0),
        helper.make_node("Gather", ["classes", "index"], ["label"]),
    ]
    if onnx_type == TensorProto.STRING:
        encoded: Any = [str(label).encode() for label in classes]
        labels = helper.make_tensor("classes", onnx_type, [len(classes)], encoded)
    else:
        labels = numpy_helper.from_array(np.array(classes, dtype), "classes")
    graph = _graph(
        nodes,
        {"features": (TensorProto.DOUBLE, 3)},
        {"label": (onnx_type, None), "probabilities": (TensorProto.DOUBLE, 2)},
        [numpy_helper.from_array(WEIGHTS[:, None], "weights"), numpy_helper.from_array(np.array(1.0), "unit"), labels],
    )
    rows = Rows(np.array([[1.0, 2.0, 3.0], [-4.5, 0.1, 7e-3], [0.0, -0.0, 2.5], [5.0, 1.0, 1.0]]))
    one = 1 / (1 + np.exp(-(rows.numbers @ WEIGHTS)))
    label: np.ndarray[Any, Any] = np.array(
        [classes[int(share >= 0.5)] for share in one], dtype=object if dtype is np.str_ else dtype
    )
    signature = Signature(
        "classifier",
        "tensor",
        tuple(number(name) for name in names),
        (Output("label", "label", 0), Output("probabilities", "probability", 2)),
        tuple(classes),
    )
    return _plan(folder, graph, signature, Golden(rows, {"label": label, "probabilities": np.stack([1 - one, one], 1)}))


def regressor(folder: Path, *, width: int = 0, max_abs: float = FLOAT32_MAX) -> BundlePlan:
    """Return a linear model in float32 that gives `variable` as [rows, 1], or as [rows, width] for a transformer."""
    weights = np.stack([WEIGHTS * (1 + index) for index in range(width or 1)], axis=1)
    graph = _graph(
        [helper.make_node("MatMul", ["features", "weights"], ["variable"])],
        {"features": (TensorProto.FLOAT, 3)},
        {"variable": (TensorProto.FLOAT, width or 1)},
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )
    rows = Rows(np.array([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]]))
    native = rows.numbers @ weights
    signature = Signature(
        "transformer" if width else "regressor",
        "tensor",
        tuple(number(name, max_abs=max_abs) for name in ("x", "y", "z")),
        (Output("variable", "value", width),),
    )
    return _plan(folder, graph, signature, Golden(rows, {"variable": native if width else native[:, 0]}))


def missing_taker(folder: Path) -> BundlePlan:
    """Return a regressor in double whose second column may be missing and then counts as -1."""
    graph = _graph(
        [
            helper.make_node("IsNaN", ["features"], ["gone"]),
            helper.make_node("Where", ["gone", "filler", "features"], ["filled"]),
            helper.make_node("MatMul", ["filled", "weights"], ["variable"]),
        ],
        {"features": (TensorProto.DOUBLE, 3)},
        {"variable": (TensorProto.DOUBLE, 1)},
        [
            numpy_helper.from_array(WEIGHTS[:, None], "weights"),
            numpy_helper.from_array(np.array(-1.0), "filler"),
        ],
    )
    rows = Rows(np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]]))
    native = np.where(np.isnan(rows.numbers), -1.0, rows.numbers) @ WEIGHTS
    columns = (number("x"), number("y", missing=True), number("z"))
    signature = Signature("regressor", "tensor", columns, (Output("variable", "value", 0),))
    return _plan(folder, graph, signature, Golden(rows, {"variable": native}))


def text_taker(folder: Path) -> BundlePlan:
    """Return a regressor over columns of their own: a city's number (unknown: 0.5) plus two numbers, one missable."""
    keys: Any = {"keys_strings": list(CITIES), "values_floats": [1.0, 2.0, 3.0], "default_float": 0.5}
    graph = _graph(
        [
            helper.make_node("LabelEncoder", ["column_1"], ["place"], domain="ai.onnx.ml", **keys),
            helper.make_node("Cast", ["place"], ["city"], to=TensorProto.DOUBLE),
            helper.make_node("IsNaN", ["column_2"], ["gone"]),
            helper.make_node("Where", ["gone", "filler", "column_2"], ["filled"]),
            helper.make_node("Sum", ["column_0", "city", "filled"], ["variable"]),
        ],
        {
            "column_0": (TensorProto.DOUBLE, 1),
            "column_1": (TensorProto.STRING, 1),
            "column_2": (TensorProto.DOUBLE, 1),
        },
        {"variable": (TensorProto.DOUBLE, 1)},
        [numpy_helper.from_array(np.array(-1.0), "filler")],
    )
    cities = np.array(["Bern", "東京", "elsewhere"], dtype=object)
    rows = Rows(np.array([[1.0, np.nan, 2.0], [0.25, np.nan, np.nan], [3.0, np.nan, 4.0]]), {1: cities})
    native = np.array([1.0 + 1.0 + 2.0, 0.25 + 3.0 - 1.0, 3.0 + 0.5 + 4.0])
    columns = (number("amount", max_abs=1e6), text("city"), number("age", missing=True))
    signature = Signature("regressor", "columns", columns, (Output("variable", "value", 0),))
    return _plan(folder, graph, signature, Golden(rows, {"variable": native}))


def strict_taker(folder: Path) -> BundlePlan:
    """Return a regressor over a city, which may be missing, and a code; of both it takes known values only."""
    keys: Any = {"keys_strings": [*CITIES, MISSING_TEXT], "values_floats": [1.0, 2.0, 3.0, 9.0], "default_float": 0.5}
    graph = _graph(
        [
            helper.make_node("LabelEncoder", ["column_0"], ["place"], domain="ai.onnx.ml", **keys),
            helper.make_node("Cast", ["place"], ["city"], to=TensorProto.DOUBLE),
            helper.make_node("Sum", ["city", "column_1"], ["variable"]),
        ],
        {"column_0": (TensorProto.STRING, 1), "column_1": (TensorProto.DOUBLE, 1)},
        {"variable": (TensorProto.DOUBLE, 1)},
        [],
    )
    cities = np.array(["Bern", None, "東京"], dtype=object)
    rows = Rows(np.array([[np.nan, 10.0], [np.nan, 20.0], [np.nan, 10.0]]), {0: cities})
    columns = (text("city", missing=True, known=CITIES), Column("code", "float64", False, INF, (10.0, 20.0)))
    signature = Signature("regressor", "columns", columns, (Output("variable", "value", 0),))
    return _plan(folder, graph, signature, Golden(rows, {"variable": np.array([11.0, 29.0, 13.0])}))


def outlier_detector(folder: Path) -> BundlePlan:
    """Return a model with two outputs under `prediction`: a label of -1 or 1, and a score."""
    graph = _graph(
        [
            helper.make_node("MatMul", ["features", "weights"], ["scores"]),
            helper.make_node("Sign", ["scores"], ["sign"]),
            helper.make_node("Cast", ["sign"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Squeeze", ["whole", "axis"], ["label"]),
        ],
        {"features": (TensorProto.DOUBLE, 3)},
        {"label": (TensorProto.INT64, None), "scores": (TensorProto.DOUBLE, 1)},
        [
            numpy_helper.from_array(WEIGHTS[:, None], "weights"),
            numpy_helper.from_array(np.array([1]), "axis"),
        ],
    )
    rows = Rows(np.array([[1.0, 2.0, 3.0], [4.0, 0.0, 1.0]]))
    scores = rows.numbers @ WEIGHTS
    signature = Signature(
        "classifier",
        "tensor",
        (number("x"), number("y"), number("z")),
        (Output("label", "label", 0), Output("scores", "value", 0)),
        (-1, 1),
    )
    return _plan(folder, graph, signature, Golden(rows, {"label": np.sign(scores).astype(np.int64), "scores": scores}))


def truth_taker(folder: Path) -> BundlePlan:
    """Return a model of three columns of which two were fitted on true and false; one knows nothing else."""
    plan = regressor(folder)
    known = (replace(number("x"), truth=True, known=(0.0, 1.0)), replace(number("y"), truth=True), number("z"))
    signature = replace(plan.signature, columns=known)
    rows = Rows(np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 1.0]]))
    return replace(plan, signature=signature, golden=Golden(rows, {"variable": rows.numbers @ WEIGHTS}))


KINDS: dict[str, Callable[[Path], BundlePlan]] = {
    "classifier": classifier,
    "regressor": regressor,
    "transformer": lambda folder: regressor(folder, width=2),
    "missing": missing_taker,
    "text": text_taker,
    "strict": strict_taker,
    "outliers": outlier_detector,
    "truths": truth_taker,
}


def bundled(plan: BundlePlan, folder: Path) -> Path:
    """Write the plan's bundle into a new folder and return it."""
    folder.mkdir(parents=True)
    write_bundle(plan, folder)
    return folder


def with_settings(plan: BundlePlan, **settings: object) -> BundlePlan:
    """Return the plan with other bundle settings."""
    return replace(plan, settings=BundleSettings.model_validate(settings, strict=False))


def _graph(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, tuple[int, int]],
    outputs: dict[str, tuple[int, int | None]],
    constants: list[onnx.TensorProto],
) -> onnx.ModelProto:
    def value(name: str, kind: int, width: int | None) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, [None] if width is None else [None, width])

    graph = helper.make_graph(
        nodes,
        "model",
        [value(name, *shape) for name, shape in inputs.items()],
        [value(name, *shape) for name, shape in outputs.items()],
        constants,
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 4)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _plan(folder: Path, graph: onnx.ModelProto, signature: Signature, golden: Golden) -> BundlePlan:
    path = folder / "variant.onnx"
    path.write_bytes(graph.SerializeToString(deterministic=True))
    return BundlePlan(
        name="fraud",
        version="3",
        model=Variant("fp64", "fp64", "ok", path=path),
        signature=signature,
        tolerance=Tolerance(),
        settings=BundleSettings(),
        deploy=Deploy(),
        golden=golden,
        lineage={"source_uri": "registry://fraud/3", "source_sha256": "9f2c" * 16, "versions": {"numpy": "2.4.6"}},
        lock="recipe_version: 1\n",
        card=ModelCard("scikit-learn", ("StandardScaler", "LogisticRegression"), LIMITS),
    )
