"""Verification rows that cannot be used: refused by file, in few words, with exit code 6, without a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

from tests.workspace import Workspace, labelled_rows

ROWS = labelled_rows(3_000)
FEATURES = ROWS.drop(columns="target")


def parquet(rows: pd.DataFrame) -> Callable[[Path], str]:
    """Return what writes the rows to a parquet file and tells its name."""

    def write(folder: Path) -> str:
        rows.to_parquet(folder / "rows.parquet", index=False, row_group_size=500)
        return "rows.parquet"

    return write


def cut(suffix: str) -> Callable[[Path], str]:
    """Return what writes the first half of a file."""

    def write(folder: Path) -> str:
        path = folder / f"rows{suffix}"
        if suffix == ".parquet":
            ROWS.to_parquet(path, index=False)
        elif suffix == ".feather":
            ROWS.to_feather(path)
        else:
            np.savez(path, X=FEATURES.to_numpy(), target=ROWS["target"].to_numpy())
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return path.name

    return write


def csv(change: Callable[[list[str]], None]) -> Callable[[Path], str]:
    """Return what writes a CSV file in which the cells of one line were changed."""

    def write(folder: Path) -> str:
        lines = ROWS.to_csv(index=False).splitlines()
        cells = lines[2_000].split(",")
        change(cells)
        lines[2_000] = ",".join(cells)
        (folder / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return "rows.csv"

    return write


def parts(other: pd.DataFrame) -> Callable[[Path], str]:
    """Return what writes two files of one glob, the second with unlike columns."""

    def write(folder: Path) -> str:
        ROWS.to_parquet(folder / "a.parquet", index=False)
        other.to_parquet(folder / "b.parquet", index=False)
        return "*.parquet"

    return write


def torn(folder: Path) -> str:
    """Write a parquet file whose footer is whole and one page of which is not."""
    name = parquet(ROWS)(folder)
    content = bytearray((folder / name).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3_000] = b"\xff" * 3_000
    (folder / name).write_bytes(content)
    return name


def nothing(folder: Path) -> str:
    (folder / "rows.parquet").touch()
    return "rows.parquet"


def set_cell(index: int, cell: str) -> Callable[[list[str]], None]:
    def change(cells: list[str]) -> None:
        cells[index] = cell

    return change


def of_row(row: int, column: str, cell: float) -> pd.DataFrame:
    rows = ROWS.copy()
    rows.loc[row, column] = cell
    return rows


# Of the files' headers, or footers, alone: `package check` tells them too.
AT_ONCE: dict[str, tuple[Callable[[Path], str], tuple[str, ...]]] = {
    "fewer-columns": (parquet(ROWS.drop(columns="f3")), ("rows.parquet: no column 'f3'", "there: f0, f1, f2, f4")),
    "no-rows": (parquet(ROWS.head(0)), ("rows.parquet: no rows to verify with",)),
    "no-file": (lambda folder: "none.parquet", ("no file of rows at", "none.parquet")),
    "empty-glob": (lambda folder: "none-*.parquet", ("no files of rows match", "none-*.parquet")),
    "a-folder": (lambda folder: ".", ("is a folder, not rows",)),
    "empty": (nothing, ("rows.parquet: the file is empty",)),
    "cut-parquet": (cut(".parquet"), ("rows.parquet: the file ends too early",)),
    "cut-feather": (cut(".feather"), ("rows.feather: the file ends too early",)),
    "cut-npz": (cut(".npz"), ("rows.npz: the file is damaged",)),
    "unlike-columns": (parts(ROWS.drop(columns="f3")), ("b.parquet", "those of", "a.parquet: it lacks f3")),
    "unlike-types": (parts(ROWS.assign(f3="x")), ("b.parquet: column 'f3' holds text", "a.parquet it holds numbers")),
    "text": (parquet(ROWS.assign(f2="secret")), ("rows.parquet: column 'f2' holds text; the model takes numbers",)),
    "dates": (parquet(ROWS.assign(f2=pd.Timestamp("2020-01-01"))), ("rows.parquet: column 'f2' holds timestamp",)),
}

# Of the cells: found while they stream.
WHILE_READING: dict[str, tuple[Callable[[Path], str], tuple[str, ...]]] = {
    "one-text": (csv(set_cell(1, "secret")), ("rows.csv: column 'f1' holds text, first in row 2,001",)),
    "long-row": (csv(lambda cells: cells.append("7")), ("rows.csv: row 2,001", "has 7 cells where the header has 6")),
    "torn": (torn, ("rows.parquet: the file is damaged", "copy or write it again")),
    "missing-cell": (
        parquet(of_row(2_500, "f2", np.nan)),
        ("refuses row 2,500 (the first is row 0)", "rows.parquet: a missing cell in 'f2'"),
    ),
}


def built(cases: dict[str, Any], command: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what one command says of each case."""
    joblib.dump(LogisticRegression().fit(FEATURES, ROWS["target"]), folder / "model.joblib")
    for name, (write, _) in cases.items():
        (folder / name).mkdir()
        document = {
            "recipe_version": 1,
            "name": name,
            "version": "1",
            "source": {"uri": "model.joblib"},
            "data": {"verification": f"{name}/{write(folder / name)}", "label": "target"},
            "optimize": {"precisions": ["fp64"]},
            "benchmark": {"batch_sizes": [1]},
        }
        (folder / f"{name}.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    ran = Workspace(folder).package(command, *(f"{name}.yml" for name in cases), "--json")
    assert "Traceback" not in ran.err
    assert "secret" not in ran.err + ran.out
    return dict(zip(cases, ran.json(), strict=True))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return built(AT_ONCE, "check", tmp_path_factory.mktemp("check"))


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("build")
    return folder, built(WHILE_READING, "build", folder)


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_the_headers_tell_is_refused_at_once(name: str, checked: dict[str, dict[str, Any]]) -> None:
    assert_refused(checked[name], AT_ONCE[name][1])


@pytest.mark.parametrize("name", WHILE_READING)
def test_what_the_cells_tell_leaves_no_bundle(name: str, streamed: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    folder, documents = streamed
    assert_refused(documents[name], WHILE_READING[name][1])
    left = folder / "dist" / f"{name}-1"
    assert [path.name for path in left.iterdir()] == ["report"]


def assert_refused(document: dict[str, Any], words: tuple[str, ...]) -> None:
    assert (document["exit_code"], document["ok"]) == (6, False), document
    for word in (*words, "data.verification"):
        assert word in document["error"]
    assert len(document["error"].encode()) < 1_000


def test_more_columns_than_the_model_takes_are_left_alone(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    space.save(
        LogisticRegression().fit(FEATURES, ROWS["target"]), ROWS.assign(extra="x")[["extra", *ROWS.columns[::-1]]]
    )
    space.recipe(data={"verification": "model.parquet"})
    ran = space.package("build", "recipe.yml", "--json")
    assert ran.code == 0, ran.err
    assert ran.json()["verification"]["rows"] == len(ROWS)
