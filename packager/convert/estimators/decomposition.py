"""Linear projections: principal, sparse and independent components, factors, random directions, and kernel PCA."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic.pairwise import emit_kernel
from packager.convert.arithmetic.sparse import product
from packager.convert.emitter import Emitter
from packager.convert.estimators.scaling import shifted
from packager.convert.graph import Graph, ask_one


def emit_components(graph: Graph, features: str, model: Any) -> str:
    """Return x @ components.T, of which components may be sparse."""
    components = model.components_
    return product(graph, features, (components.toarray() if hasattr(components, "toarray") else components).T)


def emit_pca(graph: Graph, features: str, model: Any) -> str:
    """Return the components of the rows less those of the mean, over their deviation where whitened."""
    components = np.asarray(model.components_)
    shift = np.reshape(model.mean_, (1, -1)) @ components.T
    found = shifted(graph, product(graph, features, components.T), shift)
    if not model.whiten:
        return found
    scale = np.sqrt(model.explained_variance_)
    return shifted(graph, found, None, over=np.maximum(scale, np.finfo(scale.dtype).eps))


def emit_fast_ica(graph: Graph, features: str, model: Any) -> str:
    """Return (x - mean) @ components.T."""
    return emit_components(graph, shifted(graph, features, model.mean_ if model.whiten else None), model)


def emit_factors(graph: Graph, features: str, model: Any) -> str:
    """Return the expected factors: C. Bishop, Pattern Recognition and Machine Learning, 12.66."""
    weighted = model.components_ / model.noise_variance_
    covariance = np.linalg.inv(np.eye(len(weighted)) + np.dot(weighted, model.components_.T))
    return product(graph, product(graph, shifted(graph, features, model.mean_), weighted.T), covariance)


def emit_sparse_pca(graph: Graph, features: str, model: Any) -> str:
    """Return the ridge regression of the centered rows on the components: a linear map, found once."""
    from sklearn.linear_model import ridge_regression

    components = np.asarray(model.components_)
    solution = ridge_regression(components.T, np.eye(components.shape[1]), model.ridge_alpha, solver="cholesky")
    # Of one column the solution comes as a bare vector.
    return product(graph, shifted(graph, features, model.mean_), np.reshape(solution, components.T.shape))


def emit_kernel_pca(graph: Graph, features: str, model: Any) -> str:
    """Return the centered kernel to the fitted rows times the scaled eigenvectors."""
    given = {"gamma": model.gamma_, "degree": model.degree, "coef0": model.coef0}
    kernel = emit_kernel(graph, features, model.X_fit_, model.kernel, given)
    scaled = np.zeros_like(model.eigenvectors_)
    used = np.flatnonzero(model.eigenvalues_)
    scaled[:, used] = model.eigenvectors_[:, used] / np.sqrt(model.eigenvalues_[used])
    return product(graph, ask_one(graph, model._centerer, "transform", kernel, name="centerer"), scaled)


EMITTERS = {
    "sklearn.decomposition.PCA": Emitter(transform=emit_pca),
    "sklearn.decomposition.IncrementalPCA": Emitter(transform=emit_pca),
    "sklearn.decomposition.KernelPCA": Emitter(transform=emit_kernel_pca),
    "sklearn.decomposition.TruncatedSVD": Emitter(transform=emit_components),
    "sklearn.decomposition.SparsePCA": Emitter(transform=emit_sparse_pca),
    "sklearn.decomposition.MiniBatchSparsePCA": Emitter(transform=emit_sparse_pca),
    "sklearn.decomposition.FactorAnalysis": Emitter(transform=emit_factors),
    "sklearn.decomposition.FastICA": Emitter(transform=emit_fast_ica),
    "sklearn.random_projection.GaussianRandomProjection": Emitter(transform=emit_components),
    "sklearn.random_projection.SparseRandomProjection": Emitter(transform=emit_components),
}
