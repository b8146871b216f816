"""Defects of the stock converters that our own conversion goes around: each shown by a case, in every run.

Once the stock converters pass the case, its row says so and its test fails: the way around can go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .cases import BY_NAME
from .measure import Finding
from .pool import measure_all

Library = Literal["onnxmltools", "skl2onnx"]


@dataclass(frozen=True)
class Defect:
    """`case` shows it: in the form that the stock converters give it, its answers differ, or it has none.

    `reported`: the thread of its library that describes it, closed ones too; empty where none was found.
    """

    library: Library
    case: str
    what: str
    reported: str = ""


DEFECTS: tuple[Defect, ...] = (
    Defect(
        "onnxmltools", "LightGBM regression", "thresholds go to the nearest float32, so that rows beside them turn off"
    ),
    Defect("onnxmltools", "LightGBM around zero", "numbers within 1e-35 of zero are not read as zero"),
    Defect(
        "onnxmltools", "LightGBM regression, forest", "`boosting_type=rf`: sums are not divided by the number of trees"
    ),
    Defect(
        "onnxmltools", "LightGBM binary, forest", "`boosting_type=rf`: the sigmoid is applied where it should not be"
    ),
    Defect("onnxmltools", "LightGBM multiclassova", "one sigmoid per class is taken for a softmax"),
    Defect("onnxmltools", "LightGBM sigmoid 2.5", "the parameter `sigmoid` is ignored"),
    Defect("onnxmltools", "LightGBM square root", "`reg_sqrt`: predictions are not squared"),
    Defect(
        "onnxmltools",
        "LightGBM linear trees, regression",
        "`linear_tree`: the linear part of a leaf is dropped",
        "https://github.com/microsoft/onnxruntime/issues/25623",
    ),
    Defect("onnxmltools", "LightGBM regression, zero is missing, missing", "`zero_as_missing` is ignored"),
    Defect(
        "onnxmltools", "LightGBM binary, missing unused, missing", "`use_missing=False`: missing cells go another way"
    ),
    Defect(
        "onnxmltools",
        "LightGBM own objective, classes",
        "an objective of one's own: probabilities where the model has raw scores",
    ),
    Defect("onnxmltools", "LightGBM categories, one against rest", "fractional categories are not cut to whole ones"),
    Defect("onnxmltools", "LightGBM boolean labels", "boolean labels are given as numbers"),
    Defect(
        "skl2onnx",
        "tree, missing",
        "missing cells in a decision tree go the wrong way",
        "https://github.com/onnx/sklearn-onnx/issues/1253",
    ),
    Defect(
        "skl2onnx",
        "forest, missing",
        "missing cells in a forest go the wrong way",
        "https://github.com/onnx/sklearn-onnx/issues/1253",
    ),
    Defect(
        "skl2onnx",
        "bagging, missing",
        "missing cells in bagged trees go the wrong way",
        "https://github.com/onnx/sklearn-onnx/issues/1253",
    ),
    Defect(
        "skl2onnx",
        "isolation, missing",
        "missing cells in an isolation forest go the wrong way",
        "https://github.com/onnx/sklearn-onnx/issues/1253",
    ),
    Defect("skl2onnx", "forest, ties of 20", "votes are added in float32: ties fall the other way"),
    Defect(
        "skl2onnx",
        "forest, one class",
        "a forest that has seen one class answers with another",
        "https://github.com/onnx/onnxmltools/issues/415",
    ),
    Defect(
        "skl2onnx", "HistGradientBoostingRegressor", "a boolean where protobuf wants a whole number: nothing converts"
    ),
    Defect(
        "skl2onnx",
        "scaling before forest",
        "scaling in float32 moves rows over thresholds",
        "https://github.com/microsoft/onnxruntime/issues/4130",
    ),
    Defect("skl2onnx", "bagging over SVC", "members without probabilities: shapes are mixed up"),
    Defect("skl2onnx", "tuned threshold over a forest", "the tuned threshold is ignored"),
    Defect(
        "skl2onnx",
        "calibration, isotonic, over a forest",
        "isotonic calibration differs",
        "https://github.com/onnx/sklearn-onnx/issues/1151",
    ),
    Defect(
        "skl2onnx",
        "calibration, sigmoid, over a pipeline, three classes",
        "calibration over a pipeline reads other scores",
        "https://github.com/onnx/sklearn-onnx/issues/1246",
    ),
    Defect("skl2onnx", "calibration, sigmoid, over LightGBM", "calibration over LightGBM reads other scores"),
    Defect("skl2onnx", "one against rest, SVC", "one against rest over members without probabilities: labels differ"),
    Defect("skl2onnx", "voting, soft, weighted", "weights that are a list are refused"),
    Defect(
        "skl2onnx",
        "neighbours, by distance",
        "neighbours weighted by distance: weights differ",
        "https://github.com/onnx/sklearn-onnx/issues/611",
    ),
    Defect(
        "skl2onnx",
        "discriminant, two classes",
        "two classes: probabilities differ",
        "https://github.com/onnx/sklearn-onnx/issues/1116",
    ),
    Defect(
        "skl2onnx",
        "QuadraticDiscriminantAnalysis",
        "labels have another shape",
        "https://github.com/onnx/sklearn-onnx/issues/1168",
    ),
    Defect("skl2onnx", "SGD, modified_huber, 3 classes", "`modified_huber`: probabilities of several classes differ"),
    Defect("skl2onnx", "network, large labels", "labels of 2³¹ and more are cut to 32 bits"),
    Defect("skl2onnx", "network, two outputs", "two outputs come in one column"),
    Defect("skl2onnx", "imputer, indicator", "`add_indicator`: the indicator columns are dropped"),
    Defect("skl2onnx", "imputer, empty column", "a column without values is kept where scikit-learn drops it"),
    Defect("skl2onnx", "ordinal, numbers, missing", "a missing cell among numbers gets another code"),
    Defect("skl2onnx", "one-hot, numbers", "fractional numbers are cut to known categories"),
    Defect("skl2onnx", "normalizer, largest", "`norm='max'` differs"),
    Defect("skl2onnx", "power, missing", "missing cells come out of Yeo-Johnson as numbers"),
    Defect("skl2onnx", "tf-idf of counts", "`sublinear_tf` differs"),
    Defect(
        "skl2onnx",
        "text column beside numbers",
        "words are told apart otherwise than by scikit-learn",
        "https://github.com/onnx/onnxmltools/pull/204",
    ),
    Defect("skl2onnx", "binarizer, zero", "thresholds and cells are compared in float32"),
    Defect("skl2onnx", "logistic, columns far from 0", "float32 loses columns far from 0"),
    Defect("skl2onnx", "k-means, columns far from 0", "float32 loses distances far from 0"),
    Defect("skl2onnx", "GaussianProcessRegressor", "float32 is too narrow for Gaussian processes"),
)


def stock_findings(*, jobs: int) -> dict[str, Finding]:
    """Return per case of the table what the stock converters make of it."""
    names = dict.fromkeys(defect.case for defect in DEFECTS)
    found = measure_all([BY_NAME[name] for name in names], jobs=jobs, engine="stock")
    return {finding.name: finding for finding in found}
