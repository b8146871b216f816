"""What a row of the table of emitters is: per method of an estimator, the function that adds it to a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from packager.convert.graph import Answer, Graph, Method

# (graph, rows, fitted estimator). The rows are the name of a tensor of numbers, or a Table: see `reads`.
Emit = Callable[[Graph, Any, Any], Answer]


@dataclass(frozen=True)
class Emitter:
    """The methods of one class that have an exact form here, by scikit-learn's own names.

    `reads`: `numbers` gets one tensor of shape [rows, columns] in the graph's dtype; `table` gets the rows as they
    come, text columns among them.
    """

    predict: Emit | None = None
    predict_proba: Emit | None = None
    decision_function: Emit | None = None
    transform: Emit | None = None
    score_samples: Emit | None = None
    reads: Literal["numbers", "table"] = "numbers"

    def method(self, name: Method) -> Emit | None:
        found: Emit | None = getattr(self, name)
        return found


def full_name(kind: type) -> str:
    """Return a class's name as the emitters' table has it: by the public module that offers it."""
    package = kind.__module__.split(".")[0]
    if package == "lightgbm":
        return f"lightgbm.{kind.__name__}"
    if package != "sklearn":
        return f"{kind.__module__}.{kind.__qualname__}"
    parts = [part for part in kind.__module__.split(".") if not part.startswith("_")]
    depth = 3 if parts[1:2] == ["feature_extraction"] else 2
    return f"{'.'.join(parts[:depth])}.{kind.__name__}"
