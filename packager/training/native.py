"""The registered model as the oracle: rows in, its own answers out, and what it takes and refuses."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Column, Output, OutputDtype, Role, Scalar, Signature
from packager.dataset.rows import Rows
from packager.errors import ConvertError, SourceError
from packager.training import columns as reading
from packager.training import estimators, inputs
from packager.training.categories import as_categorical
from packager.training.trials import Trials

Array = npt.NDArray[np.generic]
Outputs = dict[str, Array]
Texts = dict[int, tuple[str, ...]]
Codes = dict[int, npt.NDArray[np.float64]]

_ROLES: dict[str, Role] = {"label": "label", "probabilities": "probability", "variable": "value"}


class NativeModel:
    """A fitted model and the way to ask it. Predictions run in one thread, in the model's own order."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.task = estimators.task_of(model)
        self.categories = reading.category_columns(model)
        self.form = inputs.form_of(model)
        by_name = estimators.names_in(model) is not None or bool(self.categories) or self.form == "records"
        self.names = inputs.column_names(model) if by_name else None
        self.columns_of_none = reading.columns_of_none(model)
        # Some classifiers have a predict_proba that raises for every row.
        self.states_probabilities = True
        estimators.run_single_threaded(model)

    def native_input(self, rows: Rows) -> Any:
        """Return the rows as the model was fitted: a DataFrame by its own names, an array, a list, or dictionaries."""
        if self.names is None and not rows.strings and not self.columns_of_none:
            return rows.numbers[:, 0] if self.form == "list" else rows.numbers
        import pandas

        cells = [self._cells(rows, index) for index in range(rows.numbers.shape[1])]
        if self.names is None:
            stacked = np.stack([column.astype(object) for column in cells], axis=1)
            return stacked[:, 0] if self.form == "list" else stacked
        if self.form == "records":
            listed = zip(*(column.tolist() for column in cells), strict=True)
            return [dict(zip(self.names, row, strict=True)) for row in listed]
        for index, known in self.categories.items():
            cells[index] = as_categorical(cells[index], known)
        # A series of its own keeps None, where pandas would make NaN of it.
        return pandas.DataFrame(
            {name: pandas.Series(column, dtype=column.dtype) for name, column in zip(self.names, cells, strict=True)}
        )

    def _cells(self, rows: Rows, index: int) -> Any:
        """Return a column with its missing cells as the model knows them: NaN or None."""
        if index in rows.strings:
            marker = None if index in self.columns_of_none else np.nan
            cells = rows.strings[index]
            return np.array([marker if cell is None else cell for cell in cells] + [None], dtype=object)[:-1]
        numbers = rows.numbers[:, index]
        if index not in self.columns_of_none:
            return numbers
        cells = numbers.astype(object)
        cells[np.isnan(numbers)] = None
        return cells

    def answers(self, rows: Rows) -> Outputs:
        """Return the outputs by name for all rows; raises what the model raises."""
        taken = self.native_input(rows)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _by_output({name: ask(taken) for name, ask in self._questions().items()})

    def tolerant_answers(self, rows: Rows) -> tuple[Outputs | None, npt.NDArray[np.bool_]]:
        """Return the outputs of the rows that the model takes, and which those are, of shape [rows]."""
        taken = np.zeros(len(rows), dtype=bool)
        parts: list[Outputs] = []

        def visit(start: int, end: int) -> None:
            try:
                parts.append(self.answers(rows.take(slice(start, end))))
            except Exception:  # noqa: BLE001 - a refusal, whatever its kind: find the rows that cause it
                if end - start > 1:
                    middle = (start + end) // 2
                    visit(start, middle)
                    visit(middle, end)
            else:
                taken[start:end] = True

        if len(rows):
            visit(0, len(rows))
        merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else None
        return merged, taken

    def scorer(self, threads: int) -> Callable[[Any], object]:
        """Return the one call that a service would make for a request, on `threads` threads: what is timed."""
        questions = self._questions()
        ask: Callable[..., object] = questions.get("probabilities") or next(iter(questions.values()))
        if not hasattr(self.model, "get_params"):  # a raw Booster
            return functools.partial(ask, num_threads=threads)
        for estimator in estimators.nested_estimators(self.model):
            if type(estimator).__module__.split(".")[0] == "lightgbm":
                estimator.n_jobs = threads
        return ask

    def calls(self) -> dict[str, Any]:
        """Return how rows go in and what is called, as plain values: enough to ask the model without this class."""
        return {
            "form": self.form,
            "names": None if self.names is None else list(self.names),
            "categories": {str(index): list(known) for index, known in self.categories.items()},
            "columns_of_none": sorted(self.columns_of_none),
            "methods": self._methods(),
        }

    def _questions(self) -> dict[str, Callable[[Any], Any]]:
        return {name: getattr(self.model, method) for name, method in self._methods().items()}

    def _methods(self) -> dict[str, str]:
        """Return the model's method behind each output."""
        if self.task == "transformer":
            return {"variable": "transform"}
        if self.task == "regressor":
            return {"variable": "predict"}
        states = self.states_probabilities and hasattr(self.model, "predict_proba")
        return {"label": "predict", **({"probabilities": "predict_proba"} if states else {})}


def signature_of(native: NativeModel) -> Signature:
    """Find the signature by asking the model; raise ConvertError where the model can't say what it takes."""
    model = native.model
    if not estimators.is_fitted(model):
        message = f"{type(model).__name__} is not fitted: there is nothing to convert"
        raise ConvertError(message, hint="fit the model before it is registered")
    inputs.check_columns(model)
    count = inputs.column_count(model) or 0
    texts, codes = reading.text_columns(model), reading.code_columns(model)
    names = native.names or inputs.column_names(model) or inputs.made_names(model, count)
    if not names:
        message = f"{type(model).__name__} was fitted on no columns at all: its answers depend on nothing"
        raise ConvertError(message, hint="serve a constant without a model, or fit it on columns")
    if len(set(names)) != len(names):
        raise ConvertError("two columns of the model have the same name", hint="give every column a name of its own")
    row = plain_row(native, count, texts, codes)
    trials = Trials(native, row)
    limits = trials.largest_magnitudes([index for index in range(count) if index not in codes])
    numeric = [index for index in range(count) if index not in codes and index not in texts]
    least = trials.least_numbers(numeric, limits)
    missing = trials.columns_taking_missing()
    known = trials.known_values(texts, codes)
    unread, truths = reading.unread_columns(model), reading.truth_columns(model)
    columns = tuple(
        Column(name, "any", True, float(np.finfo(np.float64).max))
        if index in unread
        else Column(
            name=name,
            dtype="string" if index in texts else "float64",
            accepts_missing=index in missing,
            max_abs=limits[index],
            known=known.get(index),
            minimum=least.get(index),
            truth=index in truths,
        )
        for index, name in enumerate(names)
    )
    outputs = _outputs(native, row)
    classes = _classes(native) if outputs[0].width == 0 else None  # of several labels a row they are numbers of labels
    return Signature(native.task, "columns" if texts else "tensor", columns, outputs, classes)


def plain_row(native: NativeModel, count: int, texts: Texts, codes: Codes) -> Rows:
    """Return one row that the model answers; encoders are shown what they know."""
    strings = {index: np.array([known[0] if known else ""], dtype=object) for index, known in texts.items()}
    reason = ""
    for native.states_probabilities, value in itertools.product((True, False), (0.0, 1.0, 0.5, 100.0)):
        numbers = np.full((1, count), value)
        numbers[:, list(texts)] = np.nan
        for index, known in codes.items():
            numbers[:, index] = known[0]
        row = Rows(numbers, strings)
        try:
            native.answers(row)
        except Exception as error:  # noqa: BLE001 - the reason is told when no value works
            reason = reason or f"{type(error).__name__}: {str(error)[:200]}"
        else:
            return row
    message = f"{type(native.model).__name__} answers none of the plain rows it was tried with: {reason}"
    raise SourceError(message, hint="check that the artifact predicts where it was trained")


def _outputs(native: NativeModel, row: Rows) -> tuple[Output, ...]:
    outputs = []
    two = row.take(np.zeros(2, dtype=np.intp))  # of a single row some decompositions drop an axis
    for name, answer in native.answers(two).items():
        if answer.ndim > 2 or (answer.ndim == 2 and not answer.shape[1]):
            kind = type(native.model).__name__
            raise ConvertError(f"{kind} answers with arrays of shape {list(answer.shape)}, which no JSON row holds")
        role = _ROLES[name.partition("_")[0]]
        outputs.append(Output(name, role, answer.shape[1] if answer.ndim == 2 else 0, _dtype(answer, role)))
    return tuple(outputs)


def _dtype(answer: Array, role: Role) -> OutputDtype:
    """Return how an answer leaves a graph: labels in their own kind, all else as numbers or text."""
    kind = answer.dtype.kind
    if kind in "OUS":
        return "string"
    if role != "label":
        return "bool" if kind == "b" else "number"
    return {"b": "bool", "f": "float64"}.get(kind, "int64")  # type: ignore[return-value]


def _classes(native: NativeModel) -> tuple[Scalar, ...] | None:
    classes = getattr(native.model, "classes_", None)
    if native.task != "classifier" or classes is None or isinstance(classes, list):
        return None
    if callable(getattr(native.model, "objective_", None)):  # LightGBM then answers with raw scores, not with classes
        return None
    return tuple(np.asarray(classes).tolist())


def _by_output(answers: dict[str, Any]) -> Outputs:
    """Return answers as arrays; a list of them, one per output, under the names `name_0`, `name_1`, …"""
    found: Outputs = {}
    for name, answer in answers.items():
        several = isinstance(answer, list) and bool(answer) and all(isinstance(part, np.ndarray) for part in answer)
        found |= (
            {f"{name}_{index}": _dense(part) for index, part in enumerate(answer)}
            if several
            else {name: _dense(answer)}
        )
    return found


def _dense(answer: Any) -> Array:
    """Return an answer as an array; objects that are all numbers as numbers, None as NaN."""
    found = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    if found.dtype != object or any(isinstance(cell, str) for cell in found.flat):
        return found
    plain = np.array(found.tolist())
    return found.astype(np.float64) if plain.dtype == object else plain
