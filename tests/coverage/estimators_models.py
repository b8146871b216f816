"""Every estimator that learns by itself: trees, linear and other models, clusters and outliers."""

from __future__ import annotations

from typing import Any

from sklearn import (
    cluster,
    covariance,
    discriminant_analysis,
    dummy,
    ensemble,
    gaussian_process,
    isotonic,
    kernel_ridge,
    linear_model,
    mixture,
    naive_bayes,
    neighbors,
    neural_network,
    semi_supervised,
    svm,
    tree,
)

from .case import CLUSTERS, MODELS, TREES, Case
from .data import Doubles, classes, counts, curve, fit, plain, positive, unlike, value

SEED: dict[str, Any] = {"random_state": 3}
SMALL: dict[str, Any] = {"n_estimators": 12, **SEED}


def _half_known(rows: Doubles) -> Any:
    known = classes(3)(rows)
    known[::2] = -1
    return known


_BY_FAMILY = {
    TREES: {
        "AdaBoostClassifier": fit(ensemble.AdaBoostClassifier(**SMALL), unlike(), classes(3)),
        "AdaBoostRegressor": fit(ensemble.AdaBoostRegressor(**SMALL), unlike(), value()),
        "BaggingClassifier": fit(ensemble.BaggingClassifier(**SMALL), unlike(), classes(3)),
        "BaggingRegressor": fit(ensemble.BaggingRegressor(**SMALL), unlike(), value()),
        "DecisionTreeClassifier": fit(tree.DecisionTreeClassifier(**SEED), unlike(), classes(3)),
        "DecisionTreeRegressor": fit(tree.DecisionTreeRegressor(**SEED), unlike(), value()),
        "ExtraTreeClassifier": fit(tree.ExtraTreeClassifier(**SEED), unlike(), classes(3)),
        "ExtraTreeRegressor": fit(tree.ExtraTreeRegressor(**SEED), unlike(), value()),
        "ExtraTreesClassifier": fit(ensemble.ExtraTreesClassifier(**SMALL), unlike(), classes(3)),
        "ExtraTreesRegressor": fit(ensemble.ExtraTreesRegressor(**SMALL), unlike(), value()),
        "GradientBoostingClassifier": fit(ensemble.GradientBoostingClassifier(**SMALL), unlike(), classes(3)),
        "GradientBoostingRegressor": fit(ensemble.GradientBoostingRegressor(**SMALL), unlike(), value()),
        "HistGradientBoostingClassifier": fit(
            ensemble.HistGradientBoostingClassifier(max_iter=12, min_samples_leaf=5, **SEED), unlike(), classes(3)
        ),
        "HistGradientBoostingRegressor": fit(
            ensemble.HistGradientBoostingRegressor(max_iter=12, min_samples_leaf=5, **SEED), unlike(), value()
        ),
        "RandomForestClassifier": fit(ensemble.RandomForestClassifier(**SMALL), unlike(), classes(3)),
        "RandomForestRegressor": fit(ensemble.RandomForestRegressor(**SMALL), unlike(), value()),
        "RandomTreesEmbedding": fit(ensemble.RandomTreesEmbedding(n_estimators=8, max_depth=3, **SEED), unlike()),
    },
    MODELS: {
        "ARDRegression": fit(linear_model.ARDRegression(), plain(), value()),
        "BayesianRidge": fit(linear_model.BayesianRidge(), plain(), value()),
        "BernoulliNB": fit(naive_bayes.BernoulliNB(), plain(), classes(3)),
        "BernoulliRBM": fit(neural_network.BernoulliRBM(4, n_iter=5, **SEED), plain()),
        "CategoricalNB": fit(naive_bayes.CategoricalNB(min_categories=5), counts(), classes(3)),
        "ComplementNB": fit(naive_bayes.ComplementNB(), counts(), classes(3)),
        "DummyClassifier": fit(dummy.DummyClassifier(), plain(), classes(2, share=0.3)),
        "DummyRegressor": fit(dummy.DummyRegressor(), plain(), value()),
        "ElasticNet": fit(linear_model.ElasticNet(0.1), plain(), value()),
        "ElasticNetCV": fit(linear_model.ElasticNetCV(cv=3), plain(), value()),
        "GammaRegressor": fit(linear_model.GammaRegressor(), plain(), value(above_zero=True)),
        "GaussianNB": fit(naive_bayes.GaussianNB(), plain(), classes(3)),
        "GaussianProcessClassifier": fit(
            gaussian_process.GaussianProcessClassifier(**SEED), plain(rows=60), classes(2)
        ),
        "GaussianProcessRegressor": fit(
            gaussian_process.GaussianProcessRegressor(alpha=0.1, **SEED), plain(rows=60), value()
        ),
        "HuberRegressor": fit(linear_model.HuberRegressor(), plain(), value()),
        "IsotonicRegression": fit(isotonic.IsotonicRegression(out_of_bounds="clip"), curve, value()),
        "KNeighborsClassifier": fit(neighbors.KNeighborsClassifier(), plain(), classes(3)),
        "KNeighborsRegressor": fit(neighbors.KNeighborsRegressor(), plain(), value()),
        "KNeighborsTransformer": fit(neighbors.KNeighborsTransformer(n_neighbors=3), plain(rows=40)),
        "KernelDensity": fit(neighbors.KernelDensity(), plain()),
        "KernelRidge": fit(kernel_ridge.KernelRidge(kernel="rbf"), plain(), value()),
        "LabelPropagation": fit(semi_supervised.LabelPropagation(), plain(rows=60), _half_known),
        "LabelSpreading": fit(semi_supervised.LabelSpreading(), plain(rows=60), _half_known),
        "Lars": fit(linear_model.Lars(), plain(), value()),
        "LarsCV": fit(linear_model.LarsCV(cv=3), plain(), value()),
        "Lasso": fit(linear_model.Lasso(0.1), plain(), value()),
        "LassoCV": fit(linear_model.LassoCV(cv=3), plain(), value()),
        "LassoLars": fit(linear_model.LassoLars(0.01), plain(), value()),
        "LassoLarsCV": fit(linear_model.LassoLarsCV(cv=3), plain(), value()),
        "LassoLarsIC": fit(linear_model.LassoLarsIC(), plain(), value()),
        "LinearDiscriminantAnalysis": fit(discriminant_analysis.LinearDiscriminantAnalysis(), plain(), classes(3)),
        "LinearRegression": fit(linear_model.LinearRegression(), plain(), value()),
        "LinearSVC": fit(svm.LinearSVC(**SEED), plain(), classes(3)),
        "LinearSVR": fit(svm.LinearSVR(**SEED), plain(), value()),
        "LogisticRegression": fit(linear_model.LogisticRegression(), plain(), classes(3)),
        "LogisticRegressionCV": fit(
            linear_model.LogisticRegressionCV(Cs=3, cv=3, use_legacy_attributes=False), plain(), classes(3)
        ),
        "MLPClassifier": fit(neural_network.MLPClassifier((8,), max_iter=60, **SEED), plain(), classes(3)),
        "MLPRegressor": fit(
            neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=60, **SEED), plain(), value()
        ),
        "MultiTaskElasticNet": fit(linear_model.MultiTaskElasticNet(0.1), plain(), value(outputs=2)),
        "MultiTaskElasticNetCV": fit(linear_model.MultiTaskElasticNetCV(cv=3), plain(), value(outputs=2)),
        "MultiTaskLasso": fit(linear_model.MultiTaskLasso(0.1), plain(), value(outputs=2)),
        "MultiTaskLassoCV": fit(linear_model.MultiTaskLassoCV(cv=3), plain(), value(outputs=2)),
        "MultinomialNB": fit(naive_bayes.MultinomialNB(), counts(), classes(3)),
        "NearestCentroid": fit(neighbors.NearestCentroid(), plain(), classes(3)),
        "NearestNeighbors": fit(neighbors.NearestNeighbors(), plain()),
        "NeighborhoodComponentsAnalysis": fit(
            neighbors.NeighborhoodComponentsAnalysis(2, max_iter=10, **SEED), plain(), classes(3)
        ),
        "NuSVC": fit(svm.NuSVC(**SEED), plain(), classes(3)),
        "NuSVR": fit(svm.NuSVR(), plain(), value()),
        "OrthogonalMatchingPursuit": fit(linear_model.OrthogonalMatchingPursuit(), plain(), value()),
        "OrthogonalMatchingPursuitCV": fit(linear_model.OrthogonalMatchingPursuitCV(cv=3), plain(), value()),
        "PassiveAggressiveClassifier": fit(linear_model.PassiveAggressiveClassifier(**SEED), plain(), classes(3)),
        "PassiveAggressiveRegressor": fit(linear_model.PassiveAggressiveRegressor(**SEED), plain(), value()),
        "Perceptron": fit(linear_model.Perceptron(**SEED), plain(), classes(3)),
        "PoissonRegressor": fit(linear_model.PoissonRegressor(), plain(), value(above_zero=True)),
        "QuadraticDiscriminantAnalysis": fit(
            discriminant_analysis.QuadraticDiscriminantAnalysis(), plain(), classes(3)
        ),
        "QuantileRegressor": fit(linear_model.QuantileRegressor(alpha=0.01), plain(), value()),
        "RANSACRegressor": fit(linear_model.RANSACRegressor(**SEED), plain(), value()),
        "RadiusNeighborsClassifier": fit(
            neighbors.RadiusNeighborsClassifier(2.0, outlier_label="most_frequent"), plain(), classes(3)
        ),
        "RadiusNeighborsRegressor": fit(neighbors.RadiusNeighborsRegressor(2.0), plain(), value()),
        "RadiusNeighborsTransformer": fit(neighbors.RadiusNeighborsTransformer(radius=1.5), plain(rows=40)),
        "Ridge": fit(linear_model.Ridge(), plain(), value()),
        "RidgeCV": fit(linear_model.RidgeCV(), plain(), value()),
        "RidgeClassifier": fit(linear_model.RidgeClassifier(), plain(), classes(3)),
        "RidgeClassifierCV": fit(linear_model.RidgeClassifierCV(), plain(), classes(3)),
        "SGDClassifier": fit(linear_model.SGDClassifier(**SEED), plain(), classes(3)),
        "SGDRegressor": fit(linear_model.SGDRegressor(**SEED), plain(), value()),
        "SVC": fit(svm.SVC(**SEED), plain(), classes(3)),
        "SVR": fit(svm.SVR(), plain(), value()),
        "TheilSenRegressor": fit(linear_model.TheilSenRegressor(max_subpopulation=100, **SEED), plain(), value()),
        "TweedieRegressor": fit(linear_model.TweedieRegressor(power=1.5), plain(), value(above_zero=True)),
    },
    CLUSTERS: {
        "AffinityPropagation": fit(cluster.AffinityPropagation(**SEED), plain(2)),
        "AgglomerativeClustering": fit(cluster.AgglomerativeClustering(), plain()),
        "BayesianGaussianMixture": fit(mixture.BayesianGaussianMixture(n_components=3, **SEED), plain()),
        "Birch": fit(cluster.Birch(n_clusters=3), plain()),
        "BisectingKMeans": fit(cluster.BisectingKMeans(n_clusters=4, **SEED), plain()),
        "DBSCAN": fit(cluster.DBSCAN(), plain()),
        "EllipticEnvelope": fit(covariance.EllipticEnvelope(**SEED), plain()),
        "EmpiricalCovariance": fit(covariance.EmpiricalCovariance(), plain()),
        "FeatureAgglomeration": fit(cluster.FeatureAgglomeration(n_clusters=3), plain(6)),
        "GaussianMixture": fit(mixture.GaussianMixture(n_components=3, **SEED), plain()),
        "GraphicalLasso": fit(covariance.GraphicalLasso(), plain()),
        "GraphicalLassoCV": fit(covariance.GraphicalLassoCV(cv=3), plain()),
        "HDBSCAN": fit(cluster.HDBSCAN(copy=True), plain()),
        "IsolationForest": fit(ensemble.IsolationForest(**SMALL), unlike()),
        "KMeans": fit(cluster.KMeans(4, n_init=2, **SEED), plain()),
        "LedoitWolf": fit(covariance.LedoitWolf(), plain()),
        "LocalOutlierFactor": fit(neighbors.LocalOutlierFactor(novelty=True), plain(rows=80)),
        "MeanShift": fit(cluster.MeanShift(bandwidth=1.2), plain(2)),
        "MinCovDet": fit(covariance.MinCovDet(**SEED), plain()),
        "MiniBatchKMeans": fit(cluster.MiniBatchKMeans(4, n_init=2, **SEED), plain()),
        "OAS": fit(covariance.OAS(), plain()),
        "OPTICS": fit(cluster.OPTICS(), plain()),
        "OneClassSVM": fit(svm.OneClassSVM(), plain()),
        "SGDOneClassSVM": fit(linear_model.SGDOneClassSVM(**SEED), plain()),
        "ShrunkCovariance": fit(covariance.ShrunkCovariance(), plain()),
        "SpectralBiclustering": fit(cluster.SpectralBiclustering(n_clusters=2, **SEED), positive()),
        "SpectralClustering": fit(cluster.SpectralClustering(3, **SEED), plain()),
        "SpectralCoclustering": fit(cluster.SpectralCoclustering(n_clusters=2, **SEED), positive()),
    },
}

CASES = tuple(
    Case(name, "estimator", family, make) for family, rows in _BY_FAMILY.items() for name, make in rows.items()
)
