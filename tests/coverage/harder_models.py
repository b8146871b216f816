"""Linear, kernel, Bayes, neighbour, process and neural models, and clusters, in their less usual settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.cluster import Birch, BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lars,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    PassiveAggressiveClassifier,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
    SGDOneClassSVM,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC, NuSVR, OneClassSVM

from .case import CLUSTERS, MODELS, Case, Fitted
from .data import as_sparse, classes, counts, curve, far, fit, many_labels, plain, unlike, value

SEED: dict[str, Any] = {"random_state": 5}
TEXT = classes(names=["no", "yes"])
WORDS = classes(names=["high", "low", "mid"])


def _large_numbers(seed: int) -> Any:
    return plain()(seed) * 1e7


_LINEAR: dict[str, Callable[[], Fitted]] = {
    "logistic, two classes": fit(LogisticRegression(), plain(), classes(2)),
    "logistic, text labels": fit(LogisticRegression(), plain(), TEXT),
    "logistic, three text labels": fit(LogisticRegression(), plain(), WORDS),
    "logistic, boolean labels": fit(LogisticRegression(), plain(), classes(names=[False, True])),
    "logistic, float labels": fit(LogisticRegression(), plain(), classes(names=[1.0, 2.0])),
    "logistic, large labels": fit(LogisticRegression(), plain(), classes(names=[3, 2**33, 2**53 + 1])),
    "logistic, liblinear": fit(LogisticRegression(solver="liblinear"), plain(), classes(2)),
    "logistic, no intercept": fit(LogisticRegression(fit_intercept=False), plain(), classes(3)),
    "logistic, l1": fit(LogisticRegression(l1_ratio=1.0, solver="saga", max_iter=300), plain(), classes(3)),
    "logistic, balanced": fit(LogisticRegression(class_weight="balanced"), plain(), classes(2, share=0.1)),
    "logistic, separated": fit(LogisticRegression(C=1e6, max_iter=500), far(3.0), classes(3)),
    "logistic, rows around 1e7": fit(make_pipeline(StandardScaler(), LogisticRegression()), _large_numbers, classes(2)),
    "logistic, columns far from 0": fit(make_pipeline(StandardScaler(), LogisticRegression()), far(1e6), classes(2)),
    "logistic, sparse rows": fit(LogisticRegression(), as_sparse(counts()), classes(2)),
    "logistic by cross-validation": fit(LogisticRegressionCV(Cs=2, cv=3, use_legacy_attributes=False), plain(), TEXT),
    "linear, two outputs": fit(LinearRegression(), plain(), value(outputs=2)),
    "linear, one output in a column": fit(LinearRegression(), plain(), value(outputs=1)),
    "linear, positive": fit(LinearRegression(positive=True), plain(), value()),
    "linear, columns far from 0": fit(LinearRegression(), far(1e7), value()),
    "ridge, two outputs": fit(Ridge(), unlike(), value(outputs=2)),
    "elastic net, sparse rows": fit(ElasticNet(0.1), as_sparse(counts()), value()),
    "huber, no intercept": fit(HuberRegressor(fit_intercept=False), plain(), value()),
    "poisson, no intercept": fit(PoissonRegressor(fit_intercept=False), plain(), value(above_zero=True)),
    "tweedie, identity": fit(TweedieRegressor(power=0, link="identity"), plain(), value()),
    "tweedie, inverse Gaussian": fit(TweedieRegressor(power=3), plain(), value(above_zero=True)),
    "quantile": fit(QuantileRegressor(quantile=0.8, alpha=0.001), plain(), value()),
    "ridge classes, text labels": fit(RidgeClassifier(), plain(), TEXT),
    "ridge classes, many labels": fit(RidgeClassifier(), plain(), many_labels(3)),
    "perceptron, two classes": fit(Perceptron(**SEED), plain(), classes(names=[-1, 1])),
    "passive-aggressive, two classes": fit(PassiveAggressiveClassifier(**SEED), plain(), TEXT),
    **{
        f"SGD, {loss}, {count} classes": fit(SGDClassifier(loss=loss, **SEED), plain(), classes(count))
        for loss in ("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", "squared_error", "huber")
        for count in (2, 3)
    },
    "SGD, averaged": fit(SGDClassifier(loss="log_loss", average=True, **SEED), plain(), TEXT),
    "SGD, large labels": fit(SGDClassifier(loss="log_loss", **SEED), plain(), classes(names=[-1, 2**31, 2**53 + 1])),
    "ridge classes by cross-validation, many labels": fit(RidgeClassifierCV(), plain(), many_labels(3)),
    "RANSAC around ridge, two outputs": fit(
        RANSACRegressor(Ridge(), min_samples=30, **SEED), plain(), value(outputs=2)
    ),
    "lars, two outputs": fit(Lars(), plain(), value(outputs=2)),
    "logistic, one scaled column": fit(make_pipeline(StandardScaler(), LogisticRegression()), plain(1), classes(3)),
    "tweedie, power 0 with a log": fit(TweedieRegressor(power=0, link="log"), plain(), value(above_zero=True)),
    "SGD, epsilon": fit(SGDRegressor(loss="epsilon_insensitive", **SEED), plain(), value()),
}

_KERNELS: dict[str, Callable[[], Fitted]] = {
    **{f"SVC, {kernel}": fit(SVC(kernel=kernel), plain(), classes(3)) for kernel in ("linear", "poly", "sigmoid")},
    "SVC, two classes": fit(SVC(), plain(), classes(2)),
    "SVC, text labels": fit(SVC(), plain(), TEXT),
    "SVC, negative labels": fit(SVC(), plain(), classes(names=[-1, 1])),
    "SVC, probability": fit(SVC(probability=True, **SEED), plain(), classes(2)),
    "SVC, probability, three classes": fit(SVC(probability=True, **SEED), plain(), classes(3)),
    "SVC, one against one": fit(SVC(decision_function_shape="ovo"), plain(), classes(4)),
    "SVC, break ties": fit(SVC(break_ties=True), plain(), classes(3)),
    "SVC, gamma": fit(SVC(gamma=0.3, C=5, class_weight="balanced"), plain(), classes(2, share=0.2)),
    "SVC, thirteen classes": fit(SVC(probability=True, **SEED), plain(), classes(13)),
    "SVC, sparse rows": fit(SVC(probability=True, **SEED), as_sparse(counts()), classes(3)),
    "SVC, linear, columns far from 0": fit(SVC(kernel="linear", max_iter=3000), far(1e4), classes(3)),
    "SVC, forty columns, overfitted": fit(SVC(gamma=1.0), plain(40), classes(2)),
    "SVR, columns far from 0": fit(SVR(gamma=0.5), far(1e7), value()),
    "SVR, no support vector": fit(SVR(epsilon=1e3), plain(), value()),
    "NuSVC, probability, four classes": fit(NuSVC(nu=0.2, probability=True, **SEED), plain(), classes(4)),
    "SVC, scaled": fit(make_pipeline(StandardScaler(), SVC()), unlike(), classes(3)),
    "NuSVC, two classes": fit(NuSVC(), plain(), classes(2)),
    "NuSVC, probability": fit(NuSVC(probability=True, **SEED), plain(), classes(2)),
    "SVR, polynomial": fit(SVR(kernel="poly", degree=2, coef0=1.0), plain(), value()),
    "SVR, linear, columns of unlike size": fit(
        make_pipeline(StandardScaler(), SVR(kernel="linear")), unlike(), value()
    ),
    "NuSVR, sigmoid": fit(NuSVR(kernel="sigmoid", gamma=0.1), plain(), value()),
    "linear SVC, two classes": fit(LinearSVC(**SEED), plain(), TEXT),
    "linear SVC, no intercept": fit(LinearSVC(fit_intercept=False, **SEED), plain(), classes(3)),
    "kernel ridge, polynomial": fit(KernelRidge(kernel="polynomial", degree=2), plain(), value()),
    "kernel ridge, laplacian": fit(KernelRidge(kernel="laplacian"), plain(), value(outputs=2)),
    "process, RBF": fit(GaussianProcessRegressor(RBF(), alpha=0.1), plain(rows=60), value()),
    "process, normalized": fit(
        GaussianProcessRegressor(RBF() + WhiteKernel(), normalize_y=True, **SEED), plain(rows=60), value()
    ),
    "process, Matern": fit(
        GaussianProcessRegressor(ConstantKernel() * Matern(nu=1.5), alpha=0.1), plain(rows=60), value()
    ),
    "process, rational": fit(GaussianProcessRegressor(RationalQuadratic(), alpha=0.1), plain(rows=60), value()),
    "process, dot product": fit(GaussianProcessRegressor(DotProduct(), alpha=0.1), plain(rows=60), value()),
    "process, periodic": fit(
        GaussianProcessRegressor(ExpSineSquared(), alpha=0.1, optimizer=None), plain(1, rows=60), value()
    ),
    "process, two outputs": fit(GaussianProcessRegressor(RBF(), alpha=0.1), plain(rows=60), value(outputs=2)),
    "process classes, RBF": fit(GaussianProcessClassifier(RBF()), plain(rows=60), TEXT),
    "process classes, three": fit(GaussianProcessClassifier(RBF()), plain(rows=60), classes(3)),
    "process classes, in pairs": fit(
        GaussianProcessClassifier(RBF(), multi_class="one_vs_one"), plain(rows=60), classes(3)
    ),
    "process, columns of their own scale": fit(
        GaussianProcessRegressor(RBF([1.0, 2.0, 0.5, 3.0]) + WhiteKernel(), **SEED), plain(rows=60), value()
    ),
    "process, powers": fit(
        GaussianProcessRegressor(DotProduct() ** 2 + RBF(), alpha=0.1, optimizer=None), plain(rows=60), value()
    ),
}

_OTHERS: dict[str, Callable[[], Fitted]] = {
    "neighbours, by distance": fit(KNeighborsClassifier(weights="distance"), plain(), classes(3)),
    "neighbours, by distance, value": fit(KNeighborsRegressor(weights="distance"), plain(), value()),
    "neighbours, manhattan": fit(KNeighborsClassifier(metric="manhattan"), plain(), classes(2)),
    "neighbours, minkowski 3": fit(KNeighborsRegressor(p=3), plain(), value()),
    "neighbours, chebyshev": fit(KNeighborsClassifier(metric="chebyshev"), plain(), classes(3)),
    "neighbours, cosine": fit(KNeighborsClassifier(metric="cosine"), plain(), classes(2)),
    "neighbours, even votes": fit(KNeighborsClassifier(4), plain(), classes(names=["b", "a"])),
    "neighbours, one": fit(KNeighborsClassifier(1), plain(), WORDS),
    "neighbours, whole numbers": fit(KNeighborsClassifier(3), counts(4, 4), classes(2)),
    "neighbours, two outputs": fit(KNeighborsRegressor(), plain(), value(outputs=2)),
    "neighbours, two labels": fit(KNeighborsClassifier(), plain(), many_labels(2)),
    "neighbours, brute": fit(KNeighborsClassifier(algorithm="brute"), plain(), classes(3)),
    "neighbours, brute, whole numbers": fit(KNeighborsClassifier(4, algorithm="brute"), counts(4, 4), WORDS),
    "neighbours, ball tree, whole numbers": fit(
        KNeighborsClassifier(6, algorithm="ball_tree", leaf_size=8), counts(4, 4), classes(3)
    ),
    "neighbours, by distance, whole numbers": fit(KNeighborsRegressor(4, weights="distance"), counts(4, 4), value()),
    "neighbours, brute, far from 0": fit(
        KNeighborsRegressor(4, weights="distance", algorithm="brute"), far(1e6), value()
    ),
    "neighbours, weighted columns": fit(
        KNeighborsClassifier(metric_params={"w": [1.0, 2.0, 3.0, 4.0]}), plain(), classes(3)
    ),
    "neighbours, canberra": fit(KNeighborsClassifier(metric="canberra"), counts(4, 4), classes(3)),
    "neighbours, large labels": fit(KNeighborsClassifier(), plain(), classes(names=[3, 2**33, 2**53 + 1])),
    "neighbours in a radius, unseen label for outliers": fit(
        RadiusNeighborsClassifier(1.0, outlier_label=9), plain(), classes(names=[1, 2, 3])
    ),
    "neighbours in a radius, whole numbers": fit(
        RadiusNeighborsClassifier(1.0, weights="distance", outlier_label="most_frequent"), counts(4, 4), WORDS
    ),
    "neighbours in a radius, by distance": fit(RadiusNeighborsRegressor(2.0, weights="distance"), plain(), value()),
    "centroid, shrunken": fit(NearestCentroid(shrink_threshold=0.2), plain(), classes(3)),
    "discriminant, two classes": fit(LinearDiscriminantAnalysis(), plain(), classes(2)),
    "discriminant, text labels": fit(LinearDiscriminantAnalysis(), plain(), WORDS),
    "discriminant, shrunken": fit(LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"), plain(), classes(3)),
    "discriminant, eigen": fit(LinearDiscriminantAnalysis(solver="eigen"), plain(), classes(2)),
    "quadratic, two classes": fit(QuadraticDiscriminantAnalysis(), plain(), classes(2)),
    "quadratic, regularized": fit(QuadraticDiscriminantAnalysis(reg_param=0.2), plain(), TEXT),
    "Gaussian Bayes, priors": fit(GaussianNB(priors=[0.2, 0.8]), plain(), TEXT),
    "Gaussian Bayes, columns of unlike size": fit(GaussianNB(), unlike(), classes(3)),
    "Bernoulli Bayes, threshold": fit(BernoulliNB(binarize=0.4), plain(), classes(3)),
    "Bernoulli Bayes, binary rows": fit(BernoulliNB(binarize=None), counts(5, 2), classes(2)),
    "multinomial Bayes, two classes": fit(MultinomialNB(alpha=0.1), counts(), TEXT),
    "multinomial Bayes, no prior": fit(MultinomialNB(fit_prior=False), counts(), classes(3)),
    "complement Bayes, normed": fit(ComplementNB(norm=True), counts(), classes(3)),
    "complement Bayes, two classes": fit(ComplementNB(), counts(), classes(2)),
    "categorical Bayes": fit(CategoricalNB(), counts(4, 6), classes(2)),
    "isotonic": fit(IsotonicRegression(), curve, value()),
    "isotonic, decreasing": fit(IsotonicRegression(increasing=False, out_of_bounds="clip"), curve, value()),
    "dummy, most frequent": fit(DummyClassifier(strategy="most_frequent"), plain(), WORDS),
    "dummy, constant": fit(DummyClassifier(strategy="constant", constant="no"), plain(), TEXT),
    "dummy, median": fit(DummyRegressor(strategy="median"), plain(), value(outputs=2)),
    "network, two classes": fit(MLPClassifier((6,), max_iter=40, **SEED), plain(), TEXT),
    "network, tanh": fit(MLPClassifier((6, 5), activation="tanh", max_iter=40, **SEED), plain(), classes(3)),
    "network, logistic": fit(MLPClassifier((6,), activation="logistic", max_iter=40, **SEED), plain(), classes(2)),
    "network, identity": fit(
        MLPRegressor(hidden_layer_sizes=(6,), activation="identity", max_iter=40, **SEED), plain(), value()
    ),
    "network, many labels": fit(MLPClassifier((6,), max_iter=40, **SEED), plain(), many_labels(3)),
    "network, two outputs": fit(MLPRegressor(hidden_layer_sizes=(6,), max_iter=40, **SEED), plain(), value(outputs=2)),
    "network, large labels": fit(MLPClassifier((6,), max_iter=40, **SEED), plain(), classes(names=[1, 2**31, 2**40])),
    "network, three layers by lbfgs": fit(
        MLPClassifier((9, 5, 3), solver="lbfgs", activation="tanh", max_iter=40, **SEED), plain(), WORDS
    ),
    "dummy, two outputs": fit(DummyClassifier(), plain(), many_labels(2, 3)),
    "dummy, stratified": fit(DummyClassifier(strategy="stratified"), plain(), classes(2)),
    "dummy, quantile": fit(DummyRegressor(strategy="quantile", quantile=0.3), plain(), value()),
    "isotonic, one knot": fit(IsotonicRegression(), lambda seed: curve(seed) * 0, value()),
    "network, poisson": fit(
        MLPRegressor(loss="poisson", hidden_layer_sizes=(6,), max_iter=40, **SEED), plain(), value(above_zero=True)
    ),
}

_CLUSTERS: dict[str, Callable[[], Fitted]] = {
    "k-means, columns far from 0": fit(KMeans(4, n_init=2, **SEED), far(1e4)),
    "k-means, scaled": fit(make_pipeline(StandardScaler(), KMeans(3, n_init=2, **SEED)), unlike()),
    "k-means, small batches": fit(MiniBatchKMeans(5, n_init=2, **SEED), plain()),
    "k-means, bisecting": fit(BisectingKMeans(n_clusters=3, bisecting_strategy="largest_cluster", **SEED), plain()),
    "birch, no final step": fit(Birch(n_clusters=None, threshold=0.9), plain()),
    "birch, columns far from 0": fit(Birch(n_clusters=3, threshold=0.9), far(1e6)),
    "k-means, whole numbers": fit(KMeans(4, n_init=2, **SEED), counts(4, 4)),
    **{
        f"mixture, {kind}": fit(GaussianMixture(n_components=2, covariance_type=kind, **SEED), plain())
        for kind in ("tied", "diag", "spherical")
    },
    "local outliers, manhattan": fit(LocalOutlierFactor(8, novelty=True, metric="manhattan"), plain(rows=80)),
    "one class, linear": fit(OneClassSVM(kernel="linear", nu=0.2), far(2.0)),
    "one class by SGD": fit(SGDOneClassSVM(nu=0.2, **SEED), far(2.0)),
    "envelope": fit(EllipticEnvelope(contamination=0.2, **SEED), unlike()),
}

CASES = (
    *(
        Case(name, "configuration", MODELS, make)
        for table in (_LINEAR, _KERNELS, _OTHERS)
        for name, make in table.items()
    ),
    *(Case(name, "configuration", CLUSTERS, make) for name, make in _CLUSTERS.items()),
)
