"""Honest fitted models, made on small data: what the audit must accept.

Runs under old scikit-learn too (1.2 and up), so that the allow-list can be collected from what those versions write;
what a version cannot make is left out.
"""

from __future__ import annotations

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import numpy as np

Thunk = Callable[[], Any]

# Needed to construct these at all.
_ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "ColumnTransformer": lambda: {
        "transformers": [("scale", _make("StandardScaler"), [0, 1])],
        "remainder": "passthrough",
    },
    "FeatureUnion": lambda: {"transformer_list": [("scale", _make("StandardScaler")), ("pca", _make("PCA"))]},
    "Pipeline": lambda: {"steps": [("scale", _make("StandardScaler")), ("model", _make("LogisticRegression"))]},
    "VotingClassifier": lambda: {"estimators": [("a", _make("LogisticRegression")), ("b", _make("GaussianNB"))]},
    "VotingRegressor": lambda: {"estimators": [("a", _make("Ridge")), ("b", _make("LinearRegression"))]},
    "StackingClassifier": lambda: {"estimators": [("a", _make("LogisticRegression")), ("b", _make("GaussianNB"))]},
    "StackingRegressor": lambda: {"estimators": [("a", _make("Ridge")), ("b", _make("LinearRegression"))]},
    "GridSearchCV": lambda: {"estimator": _make("LogisticRegression"), "param_grid": {"C": [0.1, 1.0]}, "cv": 3},
    "RandomizedSearchCV": lambda: {
        "estimator": _make("LogisticRegression"),
        "param_distributions": {"C": [0.1, 1.0]},
        "n_iter": 2,
        "cv": 3,
    },
    "HalvingGridSearchCV": lambda: {"estimator": _make("LogisticRegression"), "param_grid": {"C": [0.1, 1.0]}, "cv": 3},
    "HalvingRandomSearchCV": lambda: {
        "estimator": _make("LogisticRegression"),
        "param_distributions": {"C": [0.1, 1.0]},
        "n_candidates": 2,
        "cv": 3,
    },
    "SparseCoder": lambda: {"dictionary": np.eye(5)},
    "CCA": lambda: {"n_components": 1},
    "PLSCanonical": lambda: {"n_components": 1},
    "PLSSVD": lambda: {"n_components": 1},
    "OrthogonalMatchingPursuitCV": lambda: {"max_iter": 3},
    "SelfTrainingClassifier": lambda: {"estimator": _make("LogisticRegression")},
    "SpectralBiclustering": lambda: {"n_best": 2},
    "TSNE": lambda: {"max_iter": 250, "perplexity": 5},
    "FrozenEstimator": lambda: {"estimator": _make("LogisticRegression").fit(*numbers())},
}
_SMALL = {"n_estimators": 3, "max_iter": 30, "n_components": 2, "n_iter": 5, "random_state": 0, "cv": 3}


@lru_cache
def _classes() -> dict[str, type]:
    import sklearn.experimental.enable_halving_search_cv
    import sklearn.experimental.enable_iterative_imputer  # noqa: F401
    from sklearn.utils import all_estimators

    return dict(all_estimators())


@lru_cache
def numbers() -> tuple[np.ndarray, np.ndarray]:
    """Return 60 positive rows of five features and three balanced classes."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    return np.abs(rng.normal(size=(60, 5)) + y[:, None]) + 0.1, y


@lru_cache
def frame() -> Any:
    """Return the rows of `numbers` as a DataFrame with a text and a categorical column."""
    import pandas as pd

    X, y = numbers()
    table = pd.DataFrame(X, columns=["a", "b", "c", "d", "e"])
    table["city"] = ["Bonn", "Rom", "Oslo"] * 20
    table["kind"] = pd.Categorical(np.where(y > 1, "x", "y"))
    return table


def texts() -> list[str]:
    """Return sixty short sentences."""
    words = ["alpha", "beta", "gamma", "delta", "été", "über"]
    return [" ".join(words[(row * step) % 6] for step in range(1, 6)) for row in range(60)]


def _make(name: str, **options: Any) -> Any:
    """Make an estimator, small where its class has an option for that."""
    cls = _classes()[name]
    known = inspect.signature(cls).parameters
    sizes = {key: value for key, value in _SMALL.items() if key in known}
    given = _ARGUMENTS.get(name, dict)()
    if "estimator" in known and known["estimator"].default is inspect.Parameter.empty and "estimator" not in given:
        given["estimator"] = _make("LogisticRegression" if "Regressor" not in name else "Ridge")
    if "base_estimator" in known and known["base_estimator"].default is inspect.Parameter.empty:
        given["base_estimator"] = _make("LogisticRegression" if "Regressor" not in name else "Ridge")
    return cls(**{key: value for key, value in {**sizes, **given, **options}.items() if key in known})


def _inputs(name: str) -> tuple[Any, ...]:
    X, y = numbers()
    return {
        "CountVectorizer": (texts(),),
        "TfidfVectorizer": (texts(),),
        "HashingVectorizer": (texts(),),
        "DictVectorizer": ([{"a": 1, "b": word} for word in texts()],),
        "FeatureHasher": ([{"a": 1}],),
        "LabelEncoder": (y,),
        "LabelBinarizer": (y,),
        "MultiLabelBinarizer": ([("a", "b"), ("b",), ("c",)],),
        "IsotonicRegression": (X[:, 0], y),
        "MultiOutputClassifier": (X, np.c_[y, y]),
        "MultiOutputRegressor": (X, np.c_[y, y]),
        "ClassifierChain": (X, np.c_[y > 0, y > 1].astype(int)),
        "RegressorChain": (X, np.c_[y, y].astype(float)),
        "MultiTaskElasticNet": (X, np.c_[y, y]),
        "MultiTaskElasticNetCV": (X, np.c_[y, y]),
        "MultiTaskLasso": (X, np.c_[y, y]),
        "MultiTaskLassoCV": (X, np.c_[y, y]),
        "TunedThresholdClassifierCV": (X, y > 0),
        "FixedThresholdClassifier": (X, y > 0),
        "GammaRegressor": (X, y + 1.0),
        "KernelCenterer": (X @ X.T,),
        "PatchExtractor": (np.ones((4, 8, 8)),),
    }.get(name, (X, y))


def fitted(name: str, *, binary: bool = False, **options: Any) -> Any:
    """Return an estimator of scikit-learn, fitted on small data."""
    model = _make(name, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows, *labels = (numbers()[0], numbers()[1] > 0) if binary else _inputs(name)
        if getattr(model, "loss", None) == "gamma":
            labels = [labels[0] + 1.0]
        return model.fit(rows, *labels)


_BINARY = ("AdaBoostClassifier", "CalibratedClassifierCV", "GaussianProcessClassifier", "GradientBoostingClassifier",
           "HistGradientBoostingClassifier", "LogisticRegression", "LogisticRegressionCV", "MLPClassifier",
           "RandomForestClassifier", "SGDClassifier", "SVC", "StackingClassifier", "IsolationForest",
           "TargetEncoder")  # fmt: skip
_Options = tuple[str, dict[str, Any]]
_VARIANTS: tuple[_Options, ...] = (
    *(("SGDClassifier", {"loss": loss}) for loss in (
        "hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", "squared_error", "huber",
        "epsilon_insensitive", "squared_epsilon_insensitive")),
    *(("SGDRegressor", {"loss": loss}) for loss in (
        "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")),
    ("SGDClassifier", {"early_stopping": True, "average": True}),
    *(("GradientBoostingRegressor", {"loss": loss}) for loss in (
        "squared_error", "absolute_error", "huber", "quantile")),
    ("GradientBoostingClassifier", {"init": "zero"}),
    ("GradientBoostingClassifier", {"loss": "exponential", "binary": True}),
    ("CalibratedClassifierCV", {"method": "temperature"}),
    ("CalibratedClassifierCV", {"method": "temperature", "binary": True}),
    *(("HistGradientBoostingRegressor", {"loss": loss, "quantile": 0.5}) for loss in (
        "squared_error", "absolute_error", "gamma", "poisson", "quantile")),
    ("HistGradientBoostingClassifier", {"categorical_features": [4], "early_stopping": True}),
    ("HistGradientBoostingClassifier", {"max_bins": 20, "l2_regularization": 1.0}),
    ("HistGradientBoostingRegressor", {"monotonic_cst": [1, 0, 0, -1, 0], "interaction_cst": "pairwise"}),
    *(("LogisticRegression", {"solver": solver}) for solver in (
        "lbfgs", "newton-cg", "newton-cholesky", "sag", "saga")),
    *(("Ridge", {"solver": solver}) for solver in ("svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga")),
    *(("TweedieRegressor", {"power": power}) for power in (0, 1, 1.5)),
    ("RidgeCV", {"scoring": "neg_mean_squared_error"}),
    ("RANSACRegressor", {"estimator": None}),
    *(("SVC", {"kernel": kernel, "probability": True}) for kernel in ("linear", "poly", "rbf", "sigmoid")),
    ("NuSVC", {"nu": 0.3}),
    *(("KNeighborsClassifier", {"algorithm": algorithm, "weights": "distance"}) for algorithm in (
        "ball_tree", "kd_tree", "brute")),
    *(("KNeighborsRegressor", {"algorithm": "ball_tree", "metric": metric}) for metric in (
        "manhattan", "chebyshev", "canberra", "braycurtis", "hamming")),
    ("KNeighborsClassifier", {"algorithm": "ball_tree", "metric": "minkowski", "p": 3}),
    ("KNeighborsClassifier", {"metric": "cosine"}),
    *(("KernelDensity", {"kernel": kernel}) for kernel in ("tophat", "linear", "gaussian")),
    ("DecisionTreeClassifier", {"criterion": "entropy", "class_weight": "balanced", "ccp_alpha": 0.01}),
    ("DecisionTreeRegressor", {"criterion": "absolute_error"}),
    ("DecisionTreeRegressor", {"criterion": "poisson"}),
    ("RandomForestClassifier", {"oob_score": True, "bootstrap": True, "n_estimators": 20}),
    ("RandomForestClassifier", {"warm_start": True, "class_weight": {0: 1, 1: 2, 2: 1}}),
    ("CalibratedClassifierCV", {"method": "isotonic"}),
    ("CalibratedClassifierCV", {"method": "sigmoid", "ensemble": False}),
    ("SimpleImputer", {"add_indicator": True, "strategy": "most_frequent"}),
    ("KNNImputer", {"add_indicator": True}),
    ("PowerTransformer", {"method": "box-cox"}),
    ("QuantileTransformer", {"output_distribution": "normal", "n_quantiles": 20}),
    *(("KBinsDiscretizer", {"encode": encode, "strategy": "quantile"}) for encode in ("onehot", "ordinal")),
    ("PolynomialFeatures", {"interaction_only": True}),
    ("SplineTransformer", {"extrapolation": "periodic"}),
    ("OneHotEncoder", {"handle_unknown": "ignore", "sparse_output": False}),
    ("OneHotEncoder", {"min_frequency": 5, "dtype": np.float32}),
    ("OrdinalEncoder", {"handle_unknown": "use_encoded_value", "unknown_value": -1, "dtype": np.int32}),
    ("TfidfVectorizer", {"sublinear_tf": True, "ngram_range": (1, 2), "stop_words": ["alpha"], "dtype": np.float32}),
    ("CountVectorizer", {"analyzer": "char_wb", "ngram_range": (2, 3)}),
    ("HashingVectorizer", {"n_features": 64}),
    *(("KernelPCA", {"kernel": kernel, "fit_inverse_transform": True}) for kernel in ("rbf", "poly", "linear")),
    ("PCA", {"svd_solver": "randomized", "whiten": True}),
    ("TruncatedSVD", {"algorithm": "arpack"}),
    ("FastICA", {"fun": "exp"}),
    ("NMF", {"init": "nndsvda", "solver": "mu", "beta_loss": "kullback-leibler"}),
    *(("MLPClassifier", {"solver": solver, "activation": activation}) for solver, activation in (
        ("adam", "relu"), ("sgd", "tanh"), ("lbfgs", "logistic"))),
    ("MLPRegressor", {"early_stopping": True}),
    ("LinearDiscriminantAnalysis", {"solver": "lsqr", "shrinkage": "auto", "n_components": None}),
    ("LinearDiscriminantAnalysis", {"solver": "eigen"}),
    ("GaussianMixture", {"covariance_type": "tied"}),
    ("BayesianGaussianMixture", {"covariance_type": "diag"}),
    ("KMeans", {"init": "random", "algorithm": "elkan"}),
    ("Birch", {"n_clusters": 3}),
    ("DBSCAN", {"algorithm": "ball_tree"}),
    ("LocalOutlierFactor", {"novelty": True}),
    ("IsolationForest", {"contamination": 0.1}),
    ("BaggingClassifier", {"bootstrap_features": True}),
    ("OutputCodeClassifier", {"code_size": 2.0}),
    ("LinearSVC", {"penalty": "l1", "dual": False}),
    ("Lasso", {"positive": True}),
    ("LassoLarsIC", {"criterion": "bic"}),
    ("LogisticRegressionCV", {"scoring": "neg_log_loss"}),
    ("VotingClassifier", {"voting": "soft"}),
    ("StackingClassifier", {"passthrough": True}),
)  # fmt: skip


def _sklearn_variants() -> dict[str, Thunk]:
    """Return every estimator in its plain form and the variants above."""
    models: dict[str, Thunk] = {name: lambda name=name: fitted(name) for name in _classes()}
    for name in _BINARY:
        models[f"{name}(binary)"] = lambda name=name: fitted(name, binary=True)
    for name, options in _VARIANTS:
        words = ",".join(f"{key}={getattr(value, '__name__', value)}" for key, value in options.items())
        models[f"{name}({words})"] = lambda name=name, options=options: fitted(name, **options)
    return models


def _kernels() -> Iterator[tuple[str, Thunk]]:
    from sklearn.gaussian_process import kernels

    C, R, W = kernels.ConstantKernel, kernels.RBF, kernels.WhiteKernel
    made: dict[str, Thunk] = {
        "rbf": lambda: C(1.0) * R(1.0) + W(0.1),
        "matern": lambda: kernels.Matern(nu=1.5) + kernels.DotProduct() ** 2,
        "quadratic": lambda: kernels.RationalQuadratic() + W(1.0),
        "pairwise": lambda: kernels.PairwiseKernel(metric="laplacian"),
    }
    for name, make in made.items():
        yield (
            f"GaussianProcessRegressor({name})",
            lambda make=make: fitted("GaussianProcessRegressor", kernel=make(), alpha=0.1),
        )
    compound = lambda: [kernels.CompoundKernel([R(1.0), R(2.0)]), kernels.ExpSineSquared()]  # noqa: E731
    yield "bare kernels", compound
    yield "GaussianProcessClassifier(ovo)", lambda: fitted("GaussianProcessClassifier", multi_class="one_vs_one")


_UFUNCS = ("log", "log1p", "log2", "log10", "exp", "expm1", "sqrt", "cbrt", "square", "abs", "absolute", "fabs", "sign",
           "sin", "cos", "tan", "tanh", "arcsinh", "arctan", "sinh", "cosh", "floor", "ceil", "rint", "trunc",
           "reciprocal", "negative", "isnan", "isfinite", "nan_to_num", "round", "deg2rad", "rad2deg")  # fmt: skip


def _functions() -> Iterator[tuple[str, Thunk]]:
    for name in _UFUNCS:
        yield f"FunctionTransformer({name})", lambda name=name: fitted("FunctionTransformer", func=getattr(np, name))
    yield (
        "FunctionTransformer(log1p,expm1)",
        lambda: fitted("FunctionTransformer", func=np.log1p, inverse_func=np.expm1, feature_names_out="one-to-one"),
    )
    from sklearn import feature_selection
    from sklearn.metrics import pairwise

    for name in ("f_classif", "f_regression", "chi2", "mutual_info_classif", "mutual_info_regression", "r_regression"):
        score = getattr(feature_selection, name)
        yield f"SelectKBest({name})", lambda score=score: fitted("SelectKBest", score_func=score, k=2)
        yield f"SelectPercentile({name})", lambda score=score: fitted("SelectPercentile", score_func=score)
    yield "GenericUnivariateSelect(chi2)", lambda: fitted("GenericUnivariateSelect", score_func=feature_selection.chi2)
    for name in ("rbf_kernel", "linear_kernel", "polynomial_kernel", "sigmoid_kernel", "laplacian_kernel",
                 "cosine_similarity", "chi2_kernel"):  # fmt: skip
        kernel = getattr(pairwise, name)
        yield f"SVC({name})", lambda kernel=kernel: fitted("SVC", kernel=kernel)
    yield (
        "KNeighborsClassifier(euclidean)",
        lambda: fitted("KNeighborsClassifier", metric=pairwise.euclidean_distances, algorithm="brute"),
    )


def _searches() -> Iterator[tuple[str, Thunk]]:
    from scipy import stats
    from sklearn import metrics, model_selection

    splitters: dict[str, Any] = {
        "KFold": model_selection.KFold(3, shuffle=True, random_state=0),
        "KFold(RandomState)": model_selection.KFold(3, shuffle=True, random_state=np.random.RandomState(0)),
        "StratifiedKFold": model_selection.StratifiedKFold(3),
        "RepeatedKFold": model_selection.RepeatedKFold(n_splits=2, n_repeats=2, random_state=0),
        "RepeatedStratifiedKFold": model_selection.RepeatedStratifiedKFold(n_splits=2, n_repeats=2),
        "ShuffleSplit": model_selection.ShuffleSplit(2, random_state=0),
        "StratifiedShuffleSplit": model_selection.StratifiedShuffleSplit(2, random_state=0),
        "TimeSeriesSplit": model_selection.TimeSeriesSplit(2),
        "PredefinedSplit": model_selection.PredefinedSplit(np.arange(60) % 2),
        "GroupKFold": model_selection.GroupKFold(2),
        "GroupShuffleSplit": model_selection.GroupShuffleSplit(2),
        "GroupStratifiedKFold": model_selection.StratifiedGroupKFold(2),
        "LeaveOneGroupOut": model_selection.LeaveOneGroupOut(),
        "LeavePGroupsOut": model_selection.LeavePGroupsOut(1),
        "LeaveOneOut": model_selection.LeaveOneOut(),
        "LeavePOut": model_selection.LeavePOut(2),
        "indices": [(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))],
    }
    for name, cv in splitters.items():
        if name.startswith(("Leave", "Group")):
            yield f"splitter {name}", lambda cv=cv: cv
        else:
            yield f"GridSearchCV(cv={name})", lambda cv=cv: fitted("GridSearchCV", cv=cv, error_score=0.0)
    names = metrics.get_scorer_names()
    yield "every scorer", lambda: [metrics.get_scorer(name) for name in names]
    yield (
        "GridSearchCV(scoring=dict)",
        lambda: fitted("GridSearchCV", scoring={"a": "accuracy", "b": "f1_macro"}, refit="a"),
    )
    for metric in ("fbeta_score", "f1_score", "accuracy_score", "mean_pinball_loss", "log_loss", "brier_score_loss",
                   "mean_squared_error", "roc_auc_score", "cohen_kappa_score", "matthews_corrcoef"):  # fmt: skip
        yield f"make_scorer({metric})", lambda metric=metric: metrics.make_scorer(getattr(metrics, metric))
    needs = {"response_method": "predict_proba"}
    yield "make_scorer(predict_proba)", lambda: metrics.make_scorer(metrics.roc_auc_score, **needs)
    for name in ("uniform", "loguniform", "randint", "norm", "expon", "gamma", "beta", "lognorm", "truncnorm",
                 "reciprocal", "poisson", "binom"):  # fmt: skip
        shape = {"loguniform": (0.1, 1.0), "reciprocal": (0.1, 1.0), "randint": (1, 5), "gamma": (2.0,),
                 "beta": (1.0, 2.0), "lognorm": (1.0,), "truncnorm": (0.0, 1.0), "poisson": (3,),
                 "binom": (5, 0.5)}.get(name, ())  # fmt: skip
        dist = getattr(stats, name)
        yield f"RandomizedSearchCV({name})", lambda dist=dist, shape=shape: fitted(
            "RandomizedSearchCV", estimator=_make("Ridge"), param_distributions={"alpha": dist(*shape)}, random_state=0,
            error_score=0.0, scoring="r2",
        )  # fmt: skip
    grid = {"max_depth": [None, 2], "criterion": ["gini"]}
    yield (
        "GridSearchCV(None)",
        lambda: fitted("GridSearchCV", estimator=_make("RandomForestClassifier"), param_grid=grid),
    )


def _pipelines() -> Iterator[tuple[str, Thunk]]:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.pipeline import make_pipeline

    y = numbers()[1]

    def mixed(model: str, **options: Any) -> Any:
        encode = _make("OneHotEncoder", handle_unknown="ignore")
        prepare = make_column_transformer(
            (make_pipeline(_make("SimpleImputer"), _make("StandardScaler")), ["a", "b", "c"]),
            (encode, ["city", "kind"]),
            remainder="drop",
        )
        return make_pipeline(prepare, _make(model, **options)).fit(frame(), y)

    for model in ("LogisticRegression", "RandomForestClassifier", "SVC", "MLPClassifier", "GradientBoostingClassifier"):
        yield f"mixed pipeline {model}", lambda model=model: mixed(model)
    select = lambda kind: make_column_selector(dtype_include=kind)  # noqa: E731
    yield (
        "make_column_selector",
        lambda: make_column_transformer(
            (_make("StandardScaler"), select("number")),
            (_make("OneHotEncoder"), select(object)),
            remainder="passthrough",
        ).fit(frame()),
    )
    yield "column names", lambda: make_column_transformer(
        (_make("OrdinalEncoder"), ["city"]), (_make("MinMaxScaler"), slice("a", "c")),
        (_make("StandardScaler"), np.array([False] * 3 + [True] * 2 + [False] * 2)),
    ).fit(frame())  # fmt: skip
    yield (
        "set_output(pandas)",
        lambda: (
            make_pipeline(_make("StandardScaler"), _make("PCA"))
            .set_output(transform="pandas")
            .fit(frame()[["a", "b", "c"]])
        ),
    )
    yield "TargetEncoder(pandas)", lambda: _make("TargetEncoder").fit(frame()[["city", "kind"]], y > 0)
    yield "OneHotEncoder(pandas)", lambda: _make("OneHotEncoder").fit(frame()[["city", "kind"]])
    yield "OrdinalEncoder(None)", lambda: _make("OrdinalEncoder").fit(np.array([["a"], [None], ["b"]], dtype=object))
    yield (
        "OneHotEncoder(categories)",
        lambda: _make("OneHotEncoder", categories=[["Bonn", "Rom", "Oslo"]]).fit(frame()[["city"]]),
    )
    yield (
        "HistGradientBoostingClassifier(pandas)",
        lambda: _make("HistGradientBoostingClassifier", categorical_features="from_dtype").fit(
            frame()[["a", "b", "kind"]], y
        ),
    )
    yield "text pipeline", lambda: make_pipeline(_make("TfidfVectorizer"), _make("LogisticRegression")).fit(texts(), y)
    yield (
        "text svd",
        lambda: make_pipeline(
            _make("HashingVectorizer", n_features=32), _make("TruncatedSVD"), _make("SGDClassifier")
        ).fit(texts(), y),
    )
    yield "text labels", lambda: _make("LogisticRegression").fit(numbers()[0], np.array(["lo", "mid", "hi"])[y])
    yield (
        "object labels",
        lambda: _make("RandomForestClassifier").fit(numbers()[0], np.array(["lo", "mid", "hi"], dtype=object)[y]),
    )
    yield "bool labels", lambda: _make("GaussianNB").fit(numbers()[0], y > 0)
    yield (
        "float32 rows",
        lambda: _make("KNeighborsClassifier", algorithm="kd_tree").fit(numbers()[0].astype(np.float32), y),
    )
    yield "frame labels", lambda: _make("KNeighborsClassifier").fit(frame()[["a", "b"]], frame()["city"])
    yield (
        "random state object",
        lambda: _make("RandomForestClassifier", random_state=np.random.RandomState(1)).fit(*numbers()),
    )
    yield (
        "deep pipeline",
        lambda: make_pipeline(make_pipeline(make_pipeline(_make("StandardScaler")), _make("PCA")), _make("Ridge")).fit(
            *numbers()
        ),
    )
    yield (
        "TransformedTargetRegressor(log1p)",
        lambda: _make("TransformedTargetRegressor", regressor=_make("Ridge"), func=np.log1p, inverse_func=np.expm1).fit(
            *numbers()
        ),
    )
    yield "AdaBoost(tree)", lambda: fitted("AdaBoostClassifier", estimator=_make("DecisionTreeClassifier"))
    yield (
        "MultiOutput(forest)",
        lambda: _make("MultiOutputClassifier", estimator=_make("RandomForestClassifier")).fit(
            numbers()[0], np.c_[y, y > 0]
        ),
    )
    yield (
        "ColumnTransformer(Index)",
        lambda: make_column_transformer(
            (_make("StandardScaler"), frame().select_dtypes("number").columns),
            (_make("OneHotEncoder"), frame().columns[5:]),
        ).fit(frame()),
    )
    yield "Index of numbers", lambda: {"columns": frame().index, "labels": type(frame().columns)([3, 1, 2])}
    yield "Index of strings", lambda: frame().columns.astype(object)
    yield "Index of pandas strings", lambda: [frame().columns.astype("string[python]"), frame().columns[:2]]
    yield "CountVectorizer(str.split)", lambda: _make("CountVectorizer", analyzer=str.split).fit(texts())
    yield "TfidfVectorizer(str.lower)", lambda: _make("TfidfVectorizer", preprocessor=str.lower).fit(texts())
    yield (
        "dates",
        lambda: {
            "model": fitted("Ridge"),
            "at": datetime(2026, 1, 2, 3, 4, tzinfo=timezone(timedelta(0))),
            "on": date(2026, 1, 2),
            "after": timedelta(days=2),
        },
    )
    yield (
        "arrays",
        lambda: {
            "times": np.array(["2026-01-02", "NaT"], dtype="M8[s]"),
            "spans": np.array([1, 2], dtype="m8[ns]"),
            "record": np.zeros(2, dtype=[("a", "i1"), ("b", "f8"), ("c", "U3"), ("d", "M8[D]")]),
            "aligned": np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
            "noted": np.zeros(2, dtype=np.dtype("f8", metadata={"unit": "m"})),
            "kinds": [np.zeros((2, 1), dtype=kind) for kind in ("?", "i1", "u8", "f2", "c16", "S3", "U2", ">f4", "V5")],
            "masked": np.ma.masked_array([1.0, 2.0], [True, False]),
            "nothing": np.zeros((0, 3)),
            "scalar": np.float32(1.5),
            "objects": np.array([[None, "a"], [1, (2, 3)]], dtype=object),
            "transposed": np.arange(6).reshape(2, 3).T,
        },
    )
    yield "dict", lambda: {"model": fitted("Ridge"), "columns": ["a"], "when": OrderedDict(a=1), "set": {1}, "b": b"x"}
    yield "list", lambda: [fitted("Ridge"), fitted("LogisticRegression"), ("a", 1.5, None), frozenset({2}), 1 + 2j]


def _sparse() -> Iterator[tuple[str, Thunk]]:
    from scipy import sparse

    X, y = numbers()
    for form in ("csr", "csc", "coo", "lil", "dok", "dia", "bsr"):
        for kind in (f"{form}_matrix", f"{form}_array"):
            yield f"sparse {kind}", lambda kind=kind: getattr(sparse, kind)(np.eye(4))
    yield "KNeighborsClassifier(csr)", lambda: _make("KNeighborsClassifier").fit(sparse.csr_matrix(X), y)
    yield "SVC(csr)", lambda: _make("SVC").fit(sparse.csr_matrix(X), y)
    yield "LogisticRegression(sparsify)", lambda: _make("LogisticRegression").fit(X, y).sparsify()
    yield "OneVsRest(multilabel)", lambda: _make("OneVsRestClassifier").fit(X, sparse.csr_matrix(np.eye(3)[y]))


def _lightgbm() -> Iterator[tuple[str, Thunk]]:
    import lightgbm
    from sklearn.pipeline import make_pipeline

    X, y = numbers()
    quiet = {"n_estimators": 5, "min_child_samples": 2, "verbose": -1, "n_jobs": 1}

    def booster(objective: str, label: Any = y, **options: Any) -> Any:
        params = {"objective": objective, "verbose": -1, "min_data_in_leaf": 2, "num_threads": 1, **options}
        return lightgbm.train(params, lightgbm.Dataset(X, label), 4)

    yield "LGBMClassifier", lambda: lightgbm.LGBMClassifier(**quiet).fit(X, y)
    yield "LGBMClassifier(binary)", lambda: lightgbm.LGBMClassifier(**quiet).fit(X, y > 0)
    yield "LGBMClassifier(text labels)", lambda: lightgbm.LGBMClassifier(**quiet).fit(X, np.array(["a", "b", "c"])[y])
    yield "LGBMClassifier(pandas)", lambda: lightgbm.LGBMClassifier(**quiet).fit(frame()[["a", "b", "kind"]], y)
    yield "LGBMRegressor", lambda: lightgbm.LGBMRegressor(**quiet).fit(X, y)
    yield "LGBMRegressor(linear)", lambda: lightgbm.LGBMRegressor(**quiet, linear_tree=True).fit(X, y)
    yield "LGBMRegressor(dart)", lambda: lightgbm.LGBMRegressor(**quiet, boosting_type="dart").fit(X, y)
    yield (
        "LGBMClassifier(rf)",
        lambda: lightgbm.LGBMClassifier(**quiet, boosting_type="rf", bagging_freq=1, bagging_fraction=0.7).fit(X, y),
    )
    yield "LGBMClassifier(evals)", lambda: lightgbm.LGBMClassifier(**quiet).fit(X, y, eval_set=[(X, y)])
    yield (
        "LGBMClassifier(balanced)",
        lambda: lightgbm.LGBMClassifier(**quiet, class_weight="balanced", random_state=np.random.RandomState(0)).fit(
            X, y
        ),
    )
    yield "LGBMRanker", lambda: lightgbm.LGBMRanker(**quiet).fit(X, y, group=[30, 30])
    yield "LGBM pipeline", lambda: make_pipeline(_make("StandardScaler"), lightgbm.LGBMClassifier(**quiet)).fit(X, y)
    yield "LGBM calibrated", lambda: fitted("CalibratedClassifierCV", estimator=lightgbm.LGBMClassifier(**quiet))
    yield (
        "LGBM search",
        lambda: _make(
            "GridSearchCV", estimator=lightgbm.LGBMClassifier(**quiet), param_grid={"num_leaves": [3, 5]}
        ).fit(X, y),
    )
    for objective in ("binary", "multiclass", "multiclassova", "regression", "regression_l1", "huber", "fair",
                      "poisson", "quantile", "mape", "gamma", "tweedie", "cross_entropy"):  # fmt: skip
        options = {"num_class": 3} if objective.startswith("multi") else {}
        label = (y > 0) if objective in ("binary", "cross_entropy") else y + 1.0 if not options else y
        yield (
            f"Booster({objective})",
            lambda objective=objective, label=label, options=options: booster(objective, label, **options),
        )
    coded = np.c_[X, np.arange(60) % 40, np.arange(60) % 7]
    quirks = {"min_data_in_leaf": 1, "min_data_per_group": 1, "cat_smooth": 0, "cat_l2": 0, "max_cat_to_onehot": 1}
    yield (
        "Booster(categorical)",
        lambda: lightgbm.train(
            {"objective": "binary", "verbose": -1, "num_threads": 1, **quirks},
            lightgbm.Dataset(coded, (coded[:, 5] % 3 + coded[:, 6] % 2) > 1, categorical_feature=[5, 6]),
            4,
        ),
    )
    yield "Booster(monotone)", lambda: booster("regression", monotone_constraints=[1, 0, 0, 0, -1])
    yield "Booster(stump)", lambda: booster("regression", np.ones(60))


def models() -> dict[str, Thunk]:
    """Return what makes each honest model, by name; calling one fits it."""
    makers: dict[str, Thunk] = _sklearn_variants()
    for group in (_kernels, _functions, _searches, _pipelines, _sparse, _lightgbm):
        try:
            makers.update(group())
        except (ImportError, AttributeError) as missing:
            print(f"{group.__name__}: {missing}")
    return makers
