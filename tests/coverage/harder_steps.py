"""Columns prepared in less usual ways: imputers, encoders, transforms, selection and decomposition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA, DictionaryLearning, FastICA, KernelPCA, LatentDirichletAllocation, TruncatedSVD
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it makes the imputer below importable
from sklearn.feature_selection import SelectPercentile, VarianceThreshold
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from .case import PREPARATION, Case, Fitted
from .data import (
    as_sparse,
    classes,
    counts,
    far,
    fit,
    frame,
    plain,
    positive,
    text_cells,
    unlike,
    value,
    with_missing,
)

SEED: dict[str, Any] = {"random_state": 5}
HOLES = with_missing()
BY_QUANTILE: dict[str, Any] = {"quantile_method": "averaged_inverted_cdf"}


def _with_empty_column(seed: int) -> Any:
    rows = with_missing()(seed)
    rows[:, 2] = np.nan
    return rows


def _codes_with_holes(seed: int) -> Any:
    rows = counts(3, 6)(seed)
    rows[np.random.default_rng(seed + 5).random(rows.shape) < 0.1] = np.nan
    return rows


def _with_constant(seed: int) -> Any:
    rows = plain()(seed)
    rows[:, 1] = 7.0
    return rows


def _whole_and_truth(seed: int) -> Any:
    return frame(text=False)(seed)[["count", "age", "member"]].astype({"count": int})


_IMPUTERS: dict[str, Callable[[], Fitted]] = {
    "imputer, median": fit(SimpleImputer(strategy="median"), HOLES),
    "imputer, most frequent": fit(SimpleImputer(strategy="most_frequent"), _codes_with_holes),
    "imputer, constant": fit(SimpleImputer(strategy="constant", fill_value=-9.5), HOLES),
    "imputer, zeros are missing": fit(SimpleImputer(missing_values=0), counts()),
    "imputer, indicator": fit(SimpleImputer(add_indicator=True), HOLES),
    "imputer, indicator, some columns": fit(
        SimpleImputer(add_indicator=True), lambda seed: np.hstack([with_missing(2)(seed), plain(2)(seed)])
    ),
    "imputer, empty column": fit(SimpleImputer(), _with_empty_column),
    "imputer, empty column kept": fit(SimpleImputer(keep_empty_features=True), _with_empty_column),
    "imputer, text": fit(SimpleImputer(missing_values=None, strategy="most_frequent"), text_cells(missing=True)),
    "imputer, text constant": fit(
        SimpleImputer(missing_values=None, strategy="constant", fill_value="none"), text_cells(missing=True)
    ),
    "imputer by neighbours, distance": fit(KNNImputer(n_neighbors=3, weights="distance"), HOLES),
    "imputer by neighbours, indicator": fit(KNNImputer(n_neighbors=2, add_indicator=True), HOLES),
    "imputer by regression": fit(IterativeImputer(max_iter=3, **SEED), HOLES),
    "imputer by regression before ridge": fit(
        make_pipeline(IterativeImputer(Ridge(), max_iter=2, **SEED), Ridge()), HOLES, value()
    ),
    "imputer of text before one-hot": fit(
        make_pipeline(SimpleImputer(strategy="most_frequent", add_indicator=True), OneHotEncoder(), Ridge()),
        text_cells(missing=True),
        value(),
    ),
    "imputer by neighbours behind scaling": fit(
        make_pipeline(StandardScaler(), KNNImputer(), LogisticRegression()), HOLES, classes(2)
    ),
    "indicator, all columns": fit(MissingIndicator(features="all"), HOLES),
    "indicator beside filled columns": fit(
        make_pipeline(FeatureUnion([("fill", SimpleImputer()), ("flag", MissingIndicator())]), LogisticRegression()),
        HOLES,
        classes(2),
    ),
}

_ENCODERS: dict[str, Callable[[], Fitted]] = {
    "one-hot, strict": fit(OneHotEncoder(), text_cells()),
    "one-hot, dense": fit(OneHotEncoder(sparse_output=False, handle_unknown="ignore"), text_cells()),
    "one-hot, drop first": fit(OneHotEncoder(drop="first"), text_cells()),
    "one-hot, drop if binary": fit(OneHotEncoder(drop="if_binary", handle_unknown="ignore"), text_cells()),
    "one-hot, missing": fit(OneHotEncoder(handle_unknown="ignore"), text_cells(missing=True)),
    "one-hot, infrequent": fit(OneHotEncoder(min_frequency=25, handle_unknown="infrequent_if_exist"), text_cells()),
    "one-hot, most categories": fit(OneHotEncoder(max_categories=3, handle_unknown="ignore"), text_cells()),
    "one-hot, numbers": fit(OneHotEncoder(handle_unknown="ignore"), counts(3, 5)),
    "one-hot, numbers, missing": fit(OneHotEncoder(handle_unknown="ignore"), _codes_with_holes),
    "one-hot, whole numbers and truth": fit(OneHotEncoder(handle_unknown="ignore"), _whole_and_truth),
    "one-hot, given categories": fit(
        OneHotEncoder(categories=[["Bern", "New York", "Zürich", "東京"], ["a", "b", "c d", "rare"]]), text_cells()
    ),
    "ordinal, unknown": fit(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), text_cells()),
    "ordinal, unknown is missing": fit(
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), text_cells()
    ),
    "ordinal, missing": fit(OrdinalEncoder(), text_cells(missing=True)),
    "ordinal, missing has a code": fit(OrdinalEncoder(encoded_missing_value=-2), text_cells(missing=True)),
    "ordinal, numbers, missing": fit(OrdinalEncoder(), _codes_with_holes),
    "ordinal, infrequent": fit(
        OrdinalEncoder(min_frequency=25, handle_unknown="use_encoded_value", unknown_value=-1), text_cells()
    ),
    "one-hot, infrequent and dropped": fit(
        OneHotEncoder(min_frequency=25, drop="first", handle_unknown="infrequent_if_exist"), text_cells(missing=True)
    ),
    "ordinal, infrequent, missing": fit(
        OrdinalEncoder(
            max_categories=3, encoded_missing_value=9, handle_unknown="use_encoded_value", unknown_value=np.nan
        ),
        _codes_with_holes,
    ),
    "target encoder, missing": fit(TargetEncoder(**SEED), text_cells(missing=True), value()),
    "target encoder, classes": fit(TargetEncoder(**SEED), text_cells(), classes(2)),
    "target encoder, three classes": fit(TargetEncoder(**SEED), text_cells(), classes(3)),
    "target encoder, no smoothing": fit(TargetEncoder(smooth=0.0, **SEED), counts(3, 5), value()),
}

_SCALES: dict[str, Callable[[], Fitted]] = {
    "scaling, no mean": fit(StandardScaler(with_mean=False), unlike()),
    "scaling, missing": fit(StandardScaler(), HOLES),
    "scaling, constant column": fit(StandardScaler(), _with_constant),
    "scaling, far from 0": fit(StandardScaler(), far(1e8)),
    "scaling, sparse": fit(StandardScaler(with_mean=False), as_sparse(counts())),
    "min-max, clipped": fit(MinMaxScaler((2, 5), clip=True), unlike()),
    "min-max, missing": fit(MinMaxScaler(), HOLES),
    "largest, clipped": fit(MaxAbsScaler(clip=True), unlike()),
    "robust, no center": fit(RobustScaler(with_centering=False, quantile_range=(10, 90)), unlike()),
    "normalizer, largest": fit(Normalizer("max"), plain()),
    "normalizer, sum": fit(Normalizer("l1"), plain()),
    "binarizer, zero": fit(Binarizer(), plain()),
    "power, box-cox": fit(PowerTransformer("box-cox"), positive()),
    "power, missing": fit(PowerTransformer(), HOLES),
    "power, not standardized": fit(PowerTransformer(standardize=False), plain()),
    "quantiles, normal": fit(QuantileTransformer(n_quantiles=40, output_distribution="normal", **SEED), plain()),
    "quantiles, missing": fit(QuantileTransformer(n_quantiles=40, **SEED), HOLES),
    "quantiles, ties": fit(QuantileTransformer(n_quantiles=40, **SEED), counts()),
    "bins, ordinal": fit(KBinsDiscretizer(5, encode="ordinal", strategy="uniform"), plain()),
    "bins, dense, k-means": fit(KBinsDiscretizer(4, encode="onehot-dense", strategy="kmeans", **SEED), plain()),
    "bins, quantile, ordinal": fit(KBinsDiscretizer(6, encode="ordinal", **BY_QUANTILE), unlike()),
    "splines, linear extrapolation": fit(SplineTransformer(extrapolation="linear"), plain()),
    "splines, periodic": fit(SplineTransformer(extrapolation="periodic", degree=2), plain()),
    "splines, constant, no bias": fit(SplineTransformer(6, degree=2, include_bias=False), plain()),
    "splines before ridge": fit(make_pipeline(SplineTransformer(), Ridge()), plain(), value()),
    "polynomials, interactions": fit(PolynomialFeatures(3, interaction_only=True, include_bias=False), plain()),
    "polynomials before ridge": fit(make_pipeline(PolynomialFeatures(3), StandardScaler(), Ridge()), plain(), value()),
    "bins, float32": fit(KBinsDiscretizer(5, strategy="uniform", dtype=np.float32), unlike()),
    "splines, sparse, by quantile": fit(SplineTransformer(6, knots="quantile", sparse_output=True), plain()),
    "function, decimal logarithm": fit(FunctionTransformer(np.log10), positive()),
    "function, clipped": fit(FunctionTransformer(np.clip, kw_args={"a_min": -1, "a_max": 0.5}), plain()),
    "function, identity": fit(FunctionTransformer(), plain()),
    "function, square root": fit(FunctionTransformer(np.sqrt), positive()),
    "function, absolute": fit(FunctionTransformer(np.abs), plain()),
}

_REDUCED: dict[str, Callable[[], Fitted]] = {
    "PCA, whitened": fit(PCA(2, whiten=True), unlike()),
    "PCA, share of variance": fit(PCA(0.9), plain(6)),
    "PCA before logistic": fit(make_pipeline(StandardScaler(), PCA(2), LogisticRegression()), unlike(), classes(3)),
    "SVD of sparse rows": fit(TruncatedSVD(2, **SEED), as_sparse(counts())),
    "kernel PCA, polynomial": fit(KernelPCA(2, kernel="poly"), plain()),
    "ICA, arbitrary variance": fit(FastICA(2, whiten="arbitrary-variance", max_iter=500, **SEED), plain()),
    "Nystroem before logistic": fit(
        make_pipeline(Nystroem(n_components=10, **SEED), LogisticRegression()), plain(), classes(2)
    ),
    "Nystroem, chi2": fit(Nystroem("chi2", n_components=10, **SEED), positive()),
    "kernel PCA, cosine": fit(KernelPCA(2, kernel="cosine"), plain()),
    "matching pursuit": fit(DictionaryLearning(6, max_iter=5, transform_n_nonzero_coefs=3, **SEED), plain()),
    "dictionary, threshold, signs apart": fit(
        DictionaryLearning(5, max_iter=5, transform_algorithm="threshold", split_sign=True, **SEED), plain()
    ),
    "topics before logistic": fit(
        make_pipeline(LatentDirichletAllocation(3, max_iter=3, **SEED), LogisticRegression()), counts(), classes(2)
    ),
    "partial least squares, one target": fit(PLSRegression(2), unlike(), value()),
    "selection, no variance": fit(VarianceThreshold(), _with_constant),
    "selection before logistic": fit(
        make_pipeline(SelectPercentile(percentile=50), LogisticRegression()), plain(), classes(2)
    ),
}

CASES = tuple(
    Case(name, "configuration", PREPARATION, make)
    for table in (_IMPUTERS, _ENCODERS, _SCALES, _REDUCED)
    for name, make in table.items()
)
