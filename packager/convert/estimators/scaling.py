"""Columns moved and scaled, rows scaled: subtractions and divisions in scikit-learn's own order, equal to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic.elementary import clip
from packager.convert.arithmetic.pairwise import normalized
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, integers, scalar, vector


def shifted(graph: Graph, features: str, by: Any, *, over: Any = None) -> str:
    """Return (x - by) / over, column by column; None leaves that part out."""
    if by is not None:
        features = graph.node("Sub", features, vector(graph, np.atleast_2d(by)))
    return features if over is None else graph.node("Div", features, vector(graph, np.atleast_2d(over)))


def emit_standard(graph: Graph, features: str, model: Any) -> str:
    """Return (x - mean) / scale."""
    return shifted(
        graph,
        features,
        model.mean_ if model.with_mean else None,
        over=model.scale_ if model.with_std else None,
    )


def emit_robust(graph: Graph, features: str, model: Any) -> str:
    """Return (x - center) / scale."""
    return shifted(
        graph,
        features,
        model.center_ if model.with_centering else None,
        over=model.scale_ if model.with_scaling else None,
    )


def emit_min_max(graph: Graph, features: str, model: Any) -> str:
    """Return x * scale + min, within the wanted range where asked."""
    product = graph.node("Mul", features, vector(graph, model.scale_[None]))
    found = graph.node("Add", product, vector(graph, model.min_[None]))
    return clip(graph, found, *model.feature_range) if model.clip else found


def emit_max_abs(graph: Graph, features: str, model: Any) -> str:
    """Return x / scale, within [-1, 1] where asked; older versions do not clip."""
    found = shifted(graph, features, None, over=model.scale_)
    return clip(graph, found, -1.0, 1.0) if getattr(model, "clip", False) else found


def emit_normalizer(graph: Graph, features: str, model: Any) -> str:
    """Return each row over its norm."""
    return normalized(graph, features, model.norm)


def emit_centered_kernel(graph: Graph, kernel: str, model: Any) -> str:
    """Return the kernel between the rows and those of the fit, about its mean; shape [rows, fitted]."""
    fitted = np.asarray(model.K_fit_rows_)
    total = graph.node("ReduceSum", kernel, integers(graph, [1]), keepdims=1)
    mean = graph.node("Div", total, scalar(graph, len(fitted)))
    centered = graph.node("Sub", graph.node("Sub", kernel, vector(graph, fitted[None])), mean)
    return graph.node("Add", centered, scalar(graph, model.K_fit_all_))


EMITTERS = {
    "sklearn.preprocessing.StandardScaler": Emitter(transform=emit_standard),
    "sklearn.preprocessing.RobustScaler": Emitter(transform=emit_robust),
    "sklearn.preprocessing.MinMaxScaler": Emitter(transform=emit_min_max),
    "sklearn.preprocessing.MaxAbsScaler": Emitter(transform=emit_max_abs),
    "sklearn.preprocessing.Normalizer": Emitter(transform=emit_normalizer),
    "sklearn.preprocessing.KernelCenterer": Emitter(transform=emit_centered_kernel),
}
