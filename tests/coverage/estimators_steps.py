"""Every estimator that prepares columns, and every one that holds other estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import (
    calibration,
    compose,
    cross_decomposition,
    decomposition,
    ensemble,
    feature_extraction,
    feature_selection,
    frozen,
    impute,
    kernel_approximation,
    manifold,
    model_selection,
    multiclass,
    multioutput,
    pipeline,
    preprocessing,
    random_projection,
    semi_supervised,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from .case import META, PREPARATION, Case, Fitted
from .data import (
    Doubles,
    as_sparse,
    classes,
    counts,
    documents,
    fit,
    frame,
    many_labels,
    plain,
    positive,
    records,
    text_cells,
    unlike,
    value,
    with_missing,
)

SEED: dict[str, Any] = {"random_state": 3}
LOGISTIC = LogisticRegression()


def _half_known(rows: Doubles) -> Any:
    known = classes(3)(rows)
    known[::2] = -1
    return known


def _kernel(seed: int) -> Any:
    """Return a kernel between rows that were drawn and the first twelve."""
    rows = plain(3, rows=12)(seed)
    return rows @ plain(3, rows=12)(0).T


def _frozen() -> Fitted:
    learned = fit(LogisticRegression(), plain(), classes(3))()
    return Fitted(frozen.FrozenEstimator(learned.model), learned.held_out)


def _words(seed: int) -> Any:
    return text_cells()(seed)[:, 0]


def _bags(seed: int) -> Any:
    return [set(row) for row in text_cells()(seed)]


def _images(seed: int) -> Any:
    return plain(16, rows=5)(seed).reshape(5, 4, 4)


def _by_kind() -> Any:
    return compose.ColumnTransformer(
        [
            ("numbers", preprocessing.StandardScaler(), ["share", "amount"]),
            ("texts", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["city", "kind"]),
        ],
        remainder="passthrough",
    )


_BY_FAMILY = {
    META: {
        "CalibratedClassifierCV": fit(calibration.CalibratedClassifierCV(LOGISTIC, cv=3), plain(), classes(3)),
        "ClassifierChain": fit(multioutput.ClassifierChain(LOGISTIC), plain(), many_labels(3)),
        "ColumnTransformer": fit(_by_kind(), frame()),
        "FeatureUnion": fit(
            pipeline.FeatureUnion([("scaled", preprocessing.StandardScaler()), ("pca", decomposition.PCA(2))]), plain()
        ),
        "FixedThresholdClassifier": fit(
            model_selection.FixedThresholdClassifier(LOGISTIC, threshold=0.3), plain(), classes(2)
        ),
        "FrozenEstimator": _frozen,
        "GridSearchCV": fit(model_selection.GridSearchCV(LOGISTIC, {"C": [0.1, 1.0]}, cv=3), plain(), classes(3)),
        "MultiOutputClassifier": fit(multioutput.MultiOutputClassifier(LOGISTIC), plain(), many_labels(2)),
        "MultiOutputRegressor": fit(multioutput.MultiOutputRegressor(Ridge()), plain(), value(outputs=2)),
        "OneVsOneClassifier": fit(multiclass.OneVsOneClassifier(LOGISTIC), plain(), classes(3)),
        "OneVsRestClassifier": fit(multiclass.OneVsRestClassifier(LOGISTIC), plain(), classes(3)),
        "OutputCodeClassifier": fit(multiclass.OutputCodeClassifier(LOGISTIC, **SEED), plain(), classes(3)),
        "Pipeline": fit(pipeline.make_pipeline(preprocessing.StandardScaler(), LOGISTIC), unlike(), classes(3)),
        "RandomizedSearchCV": fit(
            model_selection.RandomizedSearchCV(LOGISTIC, {"C": [0.1, 1.0]}, n_iter=2, cv=3, **SEED), plain(), classes(3)
        ),
        "RegressorChain": fit(multioutput.RegressorChain(Ridge()), plain(), value(outputs=3)),
        "SelfTrainingClassifier": fit(semi_supervised.SelfTrainingClassifier(LOGISTIC), plain(), _half_known),
        "StackingClassifier": fit(
            ensemble.StackingClassifier([("nb", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3))], cv=3),
            plain(),
            classes(3),
        ),
        "StackingRegressor": fit(
            ensemble.StackingRegressor([("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))], cv=3),
            plain(),
            value(),
        ),
        "TransformedTargetRegressor": fit(
            compose.TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
            plain(),
            value(above_zero=True),
        ),
        "TunedThresholdClassifierCV": fit(
            model_selection.TunedThresholdClassifierCV(LOGISTIC, cv=3, **SEED), plain(), classes(2, share=0.2)
        ),
        "VotingClassifier": fit(
            ensemble.VotingClassifier([("nb", GaussianNB()), ("logistic", LOGISTIC)]), plain(), classes(3)
        ),
        "VotingRegressor": fit(
            ensemble.VotingRegressor([("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))]),
            plain(),
            value(),
        ),
    },
    PREPARATION: {
        "AdditiveChi2Sampler": fit(kernel_approximation.AdditiveChi2Sampler(), positive()),
        "Binarizer": fit(preprocessing.Binarizer(threshold=0.3), plain()),
        "CCA": fit(cross_decomposition.CCA(2), plain(), value(outputs=2)),
        "ClassicalMDS": fit(manifold.ClassicalMDS(2), plain(rows=60)),
        "CountVectorizer": fit(feature_extraction.text.CountVectorizer(), documents),
        "DictVectorizer": fit(feature_extraction.DictVectorizer(), records),
        "DictionaryLearning": fit(decomposition.DictionaryLearning(3, max_iter=20, **SEED), plain()),
        "FactorAnalysis": fit(decomposition.FactorAnalysis(2, **SEED), plain()),
        "FastICA": fit(decomposition.FastICA(3, whiten="unit-variance", max_iter=500, **SEED), plain()),
        "FeatureHasher": fit(feature_extraction.FeatureHasher(16), records),
        "FunctionTransformer": fit(preprocessing.FunctionTransformer(np.log1p), positive()),
        "GaussianRandomProjection": fit(random_projection.GaussianRandomProjection(2, **SEED), plain()),
        "GenericUnivariateSelect": fit(
            feature_selection.GenericUnivariateSelect(mode="k_best", param=2), plain(), classes(2)
        ),
        "HashingVectorizer": fit(feature_extraction.text.HashingVectorizer(n_features=32), documents),
        "IncrementalPCA": fit(decomposition.IncrementalPCA(2), plain()),
        "Isomap": fit(manifold.Isomap(), plain(rows=60)),
        "KBinsDiscretizer": fit(preprocessing.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), plain()),
        "KNNImputer": fit(impute.KNNImputer(n_neighbors=3), with_missing()),
        "KernelCenterer": fit(preprocessing.KernelCenterer(), _kernel),
        "KernelPCA": fit(decomposition.KernelPCA(2, kernel="rbf", **SEED), plain()),
        "LabelBinarizer": fit(preprocessing.LabelBinarizer(), _words),
        "LabelEncoder": fit(preprocessing.LabelEncoder(), _words),
        "LatentDirichletAllocation": fit(decomposition.LatentDirichletAllocation(3, max_iter=4, **SEED), counts()),
        "LocallyLinearEmbedding": fit(manifold.LocallyLinearEmbedding(**SEED), plain(rows=60)),
        "MDS": fit(manifold.MDS(2, n_init=1, init="random", max_iter=20, **SEED), plain(rows=40)),
        "MaxAbsScaler": fit(preprocessing.MaxAbsScaler(), unlike()),
        "MinMaxScaler": fit(preprocessing.MinMaxScaler(), unlike()),
        "MiniBatchDictionaryLearning": fit(decomposition.MiniBatchDictionaryLearning(3, max_iter=5, **SEED), plain()),
        "MiniBatchNMF": fit(decomposition.MiniBatchNMF(2, max_iter=20, **SEED), positive()),
        "MiniBatchSparsePCA": fit(decomposition.MiniBatchSparsePCA(2, max_iter=20, **SEED), plain()),
        "MissingIndicator": fit(impute.MissingIndicator(), with_missing()),
        "MultiLabelBinarizer": fit(preprocessing.MultiLabelBinarizer(), _bags),
        "NMF": fit(decomposition.NMF(2, max_iter=300, **SEED), positive()),
        "Normalizer": fit(preprocessing.Normalizer(), plain()),
        "Nystroem": fit(kernel_approximation.Nystroem(n_components=8, **SEED), plain()),
        "OneHotEncoder": fit(preprocessing.OneHotEncoder(handle_unknown="ignore"), text_cells()),
        "OrdinalEncoder": fit(preprocessing.OrdinalEncoder(), text_cells()),
        "PatchExtractor": fit(feature_extraction.image.PatchExtractor(patch_size=(2, 2)), _images),
        "PCA": fit(decomposition.PCA(2), plain()),
        "PLSCanonical": fit(cross_decomposition.PLSCanonical(2), plain(), value(outputs=2)),
        "PLSRegression": fit(cross_decomposition.PLSRegression(2), plain(), value(outputs=2)),
        "PLSSVD": fit(cross_decomposition.PLSSVD(2), plain(), value(outputs=2)),
        "PolynomialCountSketch": fit(kernel_approximation.PolynomialCountSketch(n_components=8, **SEED), plain()),
        "PolynomialFeatures": fit(preprocessing.PolynomialFeatures(2), plain()),
        "PowerTransformer": fit(preprocessing.PowerTransformer(), plain()),
        "QuantileTransformer": fit(preprocessing.QuantileTransformer(n_quantiles=50, **SEED), plain()),
        "RBFSampler": fit(kernel_approximation.RBFSampler(n_components=8, **SEED), plain()),
        "RFE": fit(feature_selection.RFE(LinearRegression(), n_features_to_select=2), plain(), value()),
        "RFECV": fit(feature_selection.RFECV(LinearRegression(), cv=3), plain(), value()),
        "RobustScaler": fit(preprocessing.RobustScaler(), unlike()),
        "SelectFdr": fit(feature_selection.SelectFdr(), plain(), classes(2)),
        "SelectFpr": fit(feature_selection.SelectFpr(), plain(), classes(2)),
        "SelectFromModel": fit(feature_selection.SelectFromModel(LinearRegression()), plain(), value()),
        "SelectFwe": fit(feature_selection.SelectFwe(), plain(), classes(2)),
        "SelectKBest": fit(feature_selection.SelectKBest(k=2), plain(), classes(2)),
        "SelectPercentile": fit(feature_selection.SelectPercentile(percentile=50), plain(), classes(2)),
        "SequentialFeatureSelector": fit(
            feature_selection.SequentialFeatureSelector(LinearRegression(), n_features_to_select=2, cv=3),
            plain(),
            value(),
        ),
        "SimpleImputer": fit(impute.SimpleImputer(), with_missing()),
        "SkewedChi2Sampler": fit(kernel_approximation.SkewedChi2Sampler(n_components=8, **SEED), positive()),
        "SparseCoder": fit(
            decomposition.SparseCoder(np.eye(4), transform_algorithm="lasso_lars", transform_alpha=0.1), plain()
        ),
        "SparsePCA": fit(decomposition.SparsePCA(2, max_iter=50, **SEED), plain()),
        "SparseRandomProjection": fit(random_projection.SparseRandomProjection(2, **SEED), plain()),
        "SpectralEmbedding": fit(manifold.SpectralEmbedding(2, **SEED), plain(rows=60)),
        "SplineTransformer": fit(preprocessing.SplineTransformer(), plain()),
        "StandardScaler": fit(preprocessing.StandardScaler(), unlike()),
        "TSNE": fit(manifold.TSNE(perplexity=5, max_iter=250, **SEED), plain(rows=30)),
        "TargetEncoder": fit(preprocessing.TargetEncoder(**SEED), text_cells(), value()),
        "TfidfTransformer": fit(feature_extraction.text.TfidfTransformer(), as_sparse(counts())),
        "TfidfVectorizer": fit(feature_extraction.text.TfidfVectorizer(), documents),
        "TruncatedSVD": fit(decomposition.TruncatedSVD(2, **SEED), plain()),
        "VarianceThreshold": fit(feature_selection.VarianceThreshold(0.1), unlike()),
    },
}

CASES = tuple(
    Case(name, "estimator", family, make) for family, rows in _BY_FAMILY.items() for name, make in rows.items()
)
