"""LatentDirichletAllocation: each document's topics by fixed-point iteration, document by document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.elementary import add, divide, is_below, ones, subtract, times, where
from packager.convert.arithmetic.loops import repeat
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, cast, integers, scalar, vector

# scikit-learn's digamma: J. Bernardo, "Algorithm AS 103", Applied Statistics 25 (1976).
_EULER = 0.577215664901532860606512090082402431
_TINY, _FAR = 1e-6, 6
_EPSILON = float(np.finfo(np.float64).eps)


def emit_topics(graph: Graph, counts: str, model: Any) -> str:
    """Return each row's share of topics; shape [rows, topics].

    A row is done when its topics move by less than the tolerance, and then rests while others go on.
    """
    from sklearn.decomposition._online_lda_fast import _dirichlet_expectation_2d

    words = np.asarray(model.exp_dirichlet_component_)
    every = ones(graph, counts)
    topics = times(graph, every, vector(graph, np.ones((1, len(words)))))
    expected = times(graph, every, vector(graph, np.exp(_dirichlet_expectation_2d(np.ones((1, len(words)))))))
    is_open = graph.node("Greater", every, scalar(graph, 0))

    def step(body: Graph, state: tuple[str, ...]) -> tuple[str, Sequence[str]]:
        seen, topics, expected, is_open = state
        share = add(body, body.node("MatMul", expected, vector(body, words)), _EPSILON)
        evidence = body.node("MatMul", divide(body, seen, share), vector(body, words.T))
        found = add(body, times(body, expected, evidence), model.doc_topic_prior_)
        total = _sum(body, found)
        likely = body.node("Exp", subtract(body, digamma(body, found), digamma(body, total)))
        moved = divide(body, _sum(body, body.node("Abs", subtract(body, topics, found))), len(words))
        after = where(body, is_open, found, topics), where(body, is_open, likely, expected)
        remains = body.node("And", is_open, body.node("Not", is_below(body, moved, model.mean_change_tol)))
        some = body.node("ReduceMax", cast(body, remains, np.int32), keepdims=0)
        return cast(body, some, np.bool_), (seen, *after, remains)

    kinds: Sequence[npt.DTypeLike] = (graph.dtype, graph.dtype, graph.dtype, np.bool_)
    state = (counts, topics, expected, is_open)
    found = repeat(graph, step, state, kinds, most=model.max_doc_update_iter)[1]
    return graph.node("Div", found, _sum(graph, found))


def digamma(graph: Graph, value: str) -> str:
    """Return the digamma function of positive numbers: shifted beyond 6, and its series from there."""
    moved, result = value, scalar(graph, 0)
    for _ in range(_FAR):
        is_near = is_below(graph, moved, _FAR)
        result = where(graph, is_near, subtract(graph, result, divide(graph, 1.0, moved)), result)
        moved = where(graph, is_near, add(graph, moved, 1), moved)
    inverse = divide(graph, 1.0, moved)
    result = add(graph, result, subtract(graph, graph.node("Log", moved), times(graph, inverse, 0.5)))
    square = times(graph, inverse, inverse)
    series = subtract(graph, scalar(graph, 1 / 120), times(graph, square, 1 / 252))
    series = subtract(graph, scalar(graph, 1 / 12), times(graph, square, series))
    result = subtract(graph, result, times(graph, square, series))
    is_tiny = graph.node("LessOrEqual", value, scalar(graph, _TINY))
    return where(graph, is_tiny, subtract(graph, scalar(graph, -_EULER), divide(graph, 1.0, value)), result)


def _sum(graph: Graph, value: str) -> str:
    return graph.node("ReduceSum", value, integers(graph, [1]), keepdims=1)


EMITTERS = {"sklearn.decomposition.LatentDirichletAllocation": Emitter(transform=emit_topics)}
