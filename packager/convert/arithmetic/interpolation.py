"""Piecewise linear functions, as numpy's interp and scikit-learn's isotonic regression compute them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.edges import Doubles, count_reached, from_columns
from packager.convert.arithmetic.elementary import clip
from packager.convert.graph import Graph, UnsupportedModel, cast, through


def interpolate(graph: Graph, features: str, knots: Doubles, values: Doubles) -> str:
    """Return numpy.interp of each column of finite numbers, the outer values beyond its knots; NaN stays NaN.

    `knots`, ascending, and `values` are of shape [columns, n]. Slopes and the order of product and sum are numpy's.
    """
    with np.errstate(all="ignore"):
        slopes = np.diff(values, axis=1) / np.diff(knots, axis=1)
    slopes[~np.isfinite(slopes)] = 0  # between equal knots, where nothing lies
    flat = np.zeros((len(knots), 1))
    places = count_reached(graph, features, list(knots))
    start = from_columns(graph, places, np.concatenate([knots[:, :1], knots], axis=1))
    level = from_columns(graph, places, np.concatenate([values[:, :1], values], axis=1))
    slope = from_columns(graph, places, np.concatenate([flat, slopes, flat], axis=1))
    return graph.node("Add", graph.node("Mul", slope, graph.node("Sub", features, start)), level)


def isotonic(graph: Graph, numbers: str, model: Any) -> str:
    """Return IsotonicRegression.predict of finite numbers; both of shape [rows, 1]."""
    knots, values = np.asarray(model.X_thresholds_), np.asarray(model.y_thresholds_)
    asked = through(graph, numbers, knots.dtype)
    held = clip(graph, asked, float(knots[0]), float(knots[-1]))
    if knots.dtype == np.float32 and graph.dtype != np.float32 and len(knots) > 1:
        found = _interpolate_single(graph, held, knots, values)
    else:
        found = interpolate(graph, held, knots.astype(np.float64)[None], values.astype(np.float64)[None])
    if model.out_of_bounds == "clip" or len(knots) == 1:  # one knot is a constant, with no bounds
        return found
    is_outside = graph.node("Not", graph.node("Equal", asked, held))
    return graph.node("Where", is_outside, graph.constant(np.array(np.nan, dtype=graph.dtype)), found)


def _interpolate_single(
    graph: Graph, held: str, knots: npt.NDArray[np.float32], values: npt.NDArray[np.float32]
) -> str:
    """Return what scipy's interp1d finds in float32: a number on a knot belongs to the piece that ends there."""
    slopes = np.diff(values) / np.diff(knots)
    if not np.isfinite(slopes).all():
        raise UnsupportedModel("two knots of an isotonic regression lie too near to each other")
    places = count_reached(graph, held, [np.nextafter(knots.astype(np.float64), np.inf)])
    start, level, slope = (
        graph.node("Gather", graph.constant(np.array(table, dtype=np.float32)), places, axis=0)
        for table in ([*knots[:1], *knots], [*values[:1], *values], [0, *slopes, 0])
    )
    beyond = graph.node("Mul", slope, graph.node("Sub", cast(graph, held, np.float32), start))
    return cast(graph, graph.node("Add", beyond, level), graph.dtype)
