"""Pipelines, unions and column transformers: whose columns go into which step."""

from __future__ import annotations

from typing import Any

from packager.convert.emitter import Emit, Emitter
from packager.convert.estimators.forests import where_sparse
from packager.convert.graph import (
    Answer,
    Graph,
    Method,
    Part,
    Rows,
    Table,
    UnsupportedModel,
    numbers,
    scalar,
    side_by_side,
    take,
    transformed,
)


def _pipeline(method: Method) -> Emit:
    """Return the emitter of a pipeline: every step but the last transforms, the last one answers."""

    def emit(graph: Graph, rows: Rows, model: Any) -> Answer:
        *steps, (name, final) = model.steps
        for step_name, step in steps:
            rows = transformed(graph, step, rows, name=step_name)
        if type(final).__name__ == "IsolationForest" and _gives_sparse(steps):
            rows = where_sparse(graph, numbers(graph, rows))
        if method == "transform":
            return transformed(graph, final, rows, name=name)
        return graph.ask(final, method, rows, name=name)

    return emit


def _gives_sparse(steps: list[tuple[str, Any]]) -> bool:
    """Tell whether the last of the steps that do anything leaves sparse rows, as a ColumnTransformer may."""
    made = [step for _, step in steps if step is not None and not isinstance(step, str)]
    return bool(made and getattr(made[-1], "sparse_output_", False))


def _feature_union(graph: Graph, rows: Rows, model: Any) -> Rows:
    return _joined(graph, model, [(name, step, rows) for name, step in model.transformer_list], {})


def _column_transformer(graph: Graph, rows: Rows, model: Any) -> Rows:
    places = model._transformer_to_input_indices
    steps = [(name, step, list(places.get(name, []))) for name, step, _ in model.transformers_]
    given = [(name, step, take(graph, rows, columns)) for name, step, columns in steps if columns]
    made = getattr(model, "output_indices_", {})  # missing where no column is left
    return _joined(graph, model, given, {name: part.stop - part.start for name, part in made.items()})


def _joined(graph: Graph, model: Any, steps: list[tuple[str, Any, Rows]], widths: dict[str, int]) -> Rows:
    """Return what the steps make of their rows, side by side, each times its weight.

    `widths`: how many columns a step makes, where that is known; only beside text it matters.
    """
    weights = model.transformer_weights or {}
    pieces: list[tuple[str, Rows]] = []
    for name, step, rows in steps:
        if isinstance(step, str) and step == "drop":
            continue
        piece = transformed(graph, step, rows, name=name)
        if widths.get(name) == 0 or (isinstance(piece, Table) and not piece.parts):
            continue
        weight = weights.get(name)
        pieces.append(
            (name, piece if weight is None else graph.node("Mul", numbers(graph, piece), scalar(graph, weight)))
        )
    if not pieces:
        raise UnsupportedModel("it leaves no column")
    if any(isinstance(piece, Table) and piece.has_text for _, piece in pieces):
        pieces = [(name, _as_table(piece, widths.get(name))) for name, piece in pieces]
    return side_by_side(graph, [piece for _, piece in pieces])


def _as_table(piece: Rows, width: int | None) -> Rows:
    if isinstance(piece, Table) or width is None:
        return piece
    return Table((Part(piece, "number", width),))


EMITTERS = {
    "sklearn.pipeline.Pipeline": Emitter(
        predict=_pipeline("predict"),
        predict_proba=_pipeline("predict_proba"),
        decision_function=_pipeline("decision_function"),
        transform=_pipeline("transform"),
        score_samples=_pipeline("score_samples"),
        reads="table",
    ),
    "sklearn.pipeline.FeatureUnion": Emitter(transform=_feature_union, reads="table"),
    "sklearn.compose.ColumnTransformer": Emitter(transform=_column_transformer, reads="table"),
}
