"""Show the rows on which a form of a model differs from the registered model: run both, print both answers.

Needs numpy, onnxruntime and what the artifact was trained with; pandas and pyarrow for named columns and files of rows.
Loading the artifact runs its author's code, as loading any pickle does. Ends with 1 if a row differs, else with 0.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import importlib
import itertools
import json
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("mismatch")
Row = list[Any]
Json = dict[str, Any]


def main() -> int:
    """Run every case through both models; return 1 if any row differs, else 0."""
    document = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))
    asked = _arguments(document)
    warnings.simplefilter("ignore")
    model = load_artifact(Path(asked.artifact), document["artifact"])
    differing = 0
    for variant in [asked.variant] if asked.variant else document["variants"]:
        cases = [case for case in document["cases"] if case["variant"] == variant]
        session = open_model(Path(asked.model) if asked.model else file_of(variant), variant)
        found = 0
        for case in cases:
            row = rows_of(document, case, [case["row"]], asked.data)[0]
            native = native_answers(document, model, row)
            lines = differences(document, case, native, answers(document, session, [row], 0))
            if not lines and case["beside"]:
                rows, at = beside(document, case, asked.data)
                lines = differences(document, case, native, answers(document, session, rows, at))
            found += bool(lines)
            cells = [", ".join(map(str, row))] if asked.show_values else []
            print("\n    ".join([heading(case), *cells, *(lines or ["no difference any more"])]))
        print(f"{variant}: {found} of {len(cases)} rows differ\n")
        differing += found
    return 1 if differing else 0


def _arguments(document: Json) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--artifact", default=document["artifact"]["path"], help="the registered model (%(default)s)")
    parser.add_argument("--data", default=document["data"], help="the file of rows, or its folder (%(default)s)")
    parser.add_argument("--variant", choices=list(document["variants"]), help="only this one")
    parser.add_argument("--model", help="the file of --variant (mismatch/VARIANT.onnx, or .binned)")
    parser.add_argument("--show-values", action="store_true", help="print the rows' cells too")
    asked = parser.parse_args()
    if asked.model and not asked.variant:
        parser.error("--model needs --variant")
    return asked


def load_artifact(path: Path, expected: Json) -> Any:
    """Return the registered model; say so if the file is another one."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != expected["sha256"]:
        print(f"{path} is not the artifact of the build: its digest is another", file=sys.stderr)
    if expected["format"] == "lightgbm-text":
        import lightgbm

        return lightgbm.Booster(model_file=str(path))
    import joblib

    return joblib.load(path)


def file_of(variant: str) -> Path:
    """Return the file of a variant beside this script."""
    binned = FOLDER / f"{variant}.binned"
    return binned if binned.exists() else FOLDER / f"{variant}.onnx"


def open_model(path: Path, variant: str) -> Any:
    """Return a session on the file; of a binned one through the scorer and the library beside it."""
    if not path.exists():
        sys.exit(f"there is no {path}: name the file by --variant {variant} --model FILE")
    if path.suffix == ".binned":
        sys.path.insert(0, str(FOLDER))
        library, scorer = (importlib.import_module(name) for name in ("_binned", "scorer"))
        return scorer.BinnedModel(path.read_bytes(), library)
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def beside(document: Json, case: Json, data: str) -> tuple[list[Row], int]:
    """Return the rows that one was scored together with, and its place among them: answers of int8 depend on these."""
    numbers = list(case["beside"]) if case["file"] is None else list(range(*case["beside"]))
    return rows_of(document, case, numbers, data), numbers.index(case["row"])


def rows_of(document: Json, case: Json, numbers: list[int], data: str) -> list[Row]:
    """Return made rows, or rows of the case's file, by their numbers in ascending order."""
    if case["file"] is None:
        found = [document["made_rows"][str(number)] for number in numbers]
    else:
        found = read_rows(document, Path(data) / case["file"] if Path(data).is_dir() else Path(data), numbers)
    columns = document["signature"]["columns"]
    return [[_cell(cell, column) for cell, column in zip(row, columns, strict=True)] for row in found]


def read_rows(document: Json, path: Path, numbers: list[int]) -> list[Row]:
    """Return rows of a file: parquet, feather, Arrow, CSV or npz."""
    names = [column["name"] for column in document["signature"]["columns"]]
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            named = set(names) <= set(arrays.files)
            return [
                list(row) for row in (np.stack([arrays[name] for name in names], 1) if named else arrays["X"])[numbers]
            ]
    if path.name.lower().endswith((".csv", ".csv.gz")):
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
            part = itertools.islice(csv.DictReader(stream), numbers[0], numbers[-1] + 1)
            wanted = set(numbers)
            return [[record[name] for name in names] for at, record in enumerate(part, numbers[0]) if at in wanted]
    from pyarrow import dataset

    kind = "parquet" if path.suffix in (".parquet", ".pq") else "ipc"
    table = dataset.dataset(path, format=kind).take(numbers, columns=names)
    return [list(row) for row in zip(*(table.column(name).to_pylist() for name in names), strict=True)]


def _cell(value: Any, column: Json) -> Any:
    """Return a cell as text or number, None where it is missing or no step of the model reads its column."""
    if column["dtype"] == "any" or value is None or (value == "" and column["dtype"] == "float64"):
        return None
    if column["dtype"] == "string":
        return str(value)
    try:
        number = float(value)
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(str(value).lower())
    return None if math.isnan(number) else number


def native_answers(document: Json, model: Any, row: Row) -> dict[str, Any]:
    """Return the registered model's own answers by output."""
    taken, found = native_input(document, row), {}
    for name, method in document["calls"]["methods"].items():
        answer = getattr(model, method)(taken)
        parts = answer if isinstance(answer, list) and isinstance(answer[0], np.ndarray) else None
        for index, part in enumerate(parts or [answer]):
            found[f"{name}_{index}" if parts else name] = part.toarray() if hasattr(part, "toarray") else part
    return found


def native_input(document: Json, row: Row) -> Any:
    """Return one row in the form that the model was fitted on."""
    calls, columns = document["calls"], document["signature"]["columns"]
    none = set(calls["columns_of_none"])
    cells = [(None if i in none else math.nan) if cell is None else cell for i, cell in enumerate(row)]
    if calls["form"] == "records":
        return [dict(zip(calls["names"], cells, strict=True))]
    if calls["names"] is None:
        is_text = none or any(column["dtype"] == "string" for column in columns)
        array = np.array([cells], dtype=object if is_text else np.float64)
        return array[:, 0] if calls["form"] == "list" else array
    import pandas

    series = {}
    for index, name in enumerate(calls["names"]):
        known = calls["categories"].get(str(index))
        if known is not None:
            code = known.index(cells[index]) if cells[index] in known else -1
            series[name] = pandas.Series(pandas.Categorical.from_codes([code], categories=known))
        else:
            is_object = columns[index]["dtype"] == "string" or index in none
            series[name] = pandas.Series([cells[index]], dtype=object if is_object else "float64")
    return pandas.DataFrame(series)


def answers(document: Json, session: Any, rows: list[Row], at: int) -> dict[str, Any]:
    """Return the form's answers, by output, to one of some rows that are scored together."""
    signature = document["signature"]
    feeds: dict[str, Any] = {}
    for index, (input_name, kind) in enumerate(inputs_of(signature, session)):
        missing = signature["missing_text"] if kind is object else math.nan
        parts = rows if signature["layout"] == "tensor" else [row[index : index + 1] for row in rows]
        cells = [[missing if cell is None else cell for cell in part] for part in parts]
        with np.errstate(over="ignore"):
            feeds[input_name] = np.array(cells, dtype=object if kind is object else np.float64).astype(kind)
    names = [output["name"] for output in signature["outputs"]]
    return {name: found[at] for name, found in zip(names, session.run(names, feeds), strict=True)}


def inputs_of(signature: Json, session: Any) -> list[tuple[str, Any]]:
    """Return the inputs by name with their dtype; a binned form takes double, and text where a column is text."""
    if hasattr(session, "get_inputs"):
        kinds = {"tensor(double)": np.float64, "tensor(float)": np.float32, "tensor(float16)": np.float16}
        return [(one.name, kinds.get(one.type, object)) for one in session.get_inputs()]
    if signature["layout"] == "tensor":
        return [("features", np.float64)]
    is_text = [column["dtype"] == "string" for column in signature["columns"]]
    return [(f"column_{index}", object if text else np.float64) for index, text in enumerate(is_text)]


def heading(case: Json) -> str:
    """Say which row it is, and by how much it differed in the build."""
    where = (
        f"made row {case['row']} ({case['made_kind']})" if case["file"] is None else f"{case['file']} row {case['row']}"
    )
    column = "" if case["column"] is None else f" of {case['column']}"
    said = ["label differs"] if case["labels_differ"] else []
    said += [] if case["error"] is None else [f"error {float(case['error']):.3g}"]
    return f"{case['variant']}, {where}: in the build {', '.join(said)} ({case['output']}{column})"


def differences(document: Json, case: Json, native: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return a line for each answer that differs by more than the limits, or whose label is another."""
    limits, classes = document["variants"][case["variant"]], document["signature"]["classes"]
    lines = []
    for output in document["signature"]["outputs"]:
        name, is_label = output["name"], output["role"] == "label" or output["dtype"] == "string"
        pairs = zip(np.ravel(native[name]).tolist(), np.ravel(found[name]).tolist(), strict=True)
        for index, (expected, answered) in enumerate(pairs):
            column = f" of {classes[index]}" if classes and output["role"] == "probability" else f" {index}"
            told = name + (column if output["width"] else "")
            shown = f"{told}: registered model {expected!r}, {case['variant']} {answered!r}"
            if is_label and not _same(expected, answered):
                lines.append(shown)
            elif not is_label and not _within(expected, answered, limits):
                lines.append(f"{shown}, apart by {abs(answered - expected):.3g}")
    return lines


def _same(expected: Any, answered: Any) -> bool:
    is_text = isinstance(expected, str) or isinstance(answered, str)
    return str(expected) == str(answered) if is_text else bool(expected == answered)


def _within(expected: float, answered: float, limits: Json) -> bool:
    if expected == answered or (math.isnan(expected) and math.isnan(answered)):
        return True
    limit = limits["atol"] + limits["rtol"] * abs(expected)
    return abs(answered - expected) <= (limit if math.isfinite(limit) else 0.0)


if __name__ == "__main__":
    sys.exit(main())
