"""A planted mismatch is among the worst rows, and the script beside the report shows it; no user's cell is copied."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from packager.artifact import Precision, Variant
from packager.binned.model_file import pack_model
from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.convert.trace import structure_of
from packager.dataset.read import open_dataset
from packager.files import sha256_file
from packager.recipe.parity import Tolerance
from packager.report.model import BuildReport, WorstRow
from packager.report.write import write_report
from packager.runtime.session import open_session
from packager.training.native import NativeModel, signature_of
from packager.verify.mismatches import Origin, folder_of, reproduction, worst_rows
from packager.verify.parity import Tally
from packager.verify.probes import Probes, make_probes
from packager.verify.verify import Subject, verify_made_rows
from tests.runtime.binned_files import needs_library

ROWS = 60
SECRET = 0.123456789
AT = 41  # the row that is planted into the data


@dataclass(frozen=True)
class Judged:
    """A registered model in `folder`, a variant of another model, and the rows that both were given."""

    folder: Path
    native: NativeModel
    subject: Subject
    probes: Probes
    files: str

    def told(self, *, shows_values: bool = False) -> list[WorstRow]:
        dataset = open_dataset(self.folder / self.files)
        return worst_rows([self.subject], self.probes, dataset, shows_values=shows_values)

    def report(self, *, shows_values: bool = False) -> Path:
        """Write the report of a build that was refused for these rows; return its folder."""
        rows = self.told(shows_values=shows_values)
        artifact = self.folder / "model.joblib"
        data = folder_of(open_dataset(self.folder / self.files))
        origin = Origin(artifact, data, sha256_file(artifact), "joblib", self.native.calls())
        report = BuildReport("planted", worst_rows=rows, shows_values=shows_values)
        cases = [row for row in rows if row.is_beyond]
        report.reproduction = reproduction(cases, [self.subject], self.probes, origin=origin)
        folder = self.folder / "report"
        folder.mkdir()
        write_report(report, folder)
        return folder


def judged(folder: Path, model: Any, wrong: Any, files: str, precision: Precision = "fp64") -> Judged:
    """Judge a form of `wrong` as a variant of `model` on made rows and on the rows in `files`."""
    joblib.dump(model, folder / "model.joblib")
    native = NativeModel(model)
    signature = signature_of(native)
    convert(wrong, signature, folder / "wrong.onnx", dtype=np.dtype(np.float64), choices=Choices())
    path = folder / "wrong.onnx"
    if precision == "binned":
        path = folder / "wrong.binned"
        pack_model(folder / "wrong.onnx", path)
    variant = Variant(precision, precision, "ok", path=path)
    session = open_session(path, signature)
    subject = Subject(variant, session, Tally(signature, Tolerance()), Tally(signature, Tolerance()))
    probes = make_probes(structure_of(model, signature), signature)
    answers, taken = native.tolerant_answers(probes.rows)
    assert answers is not None
    verify_made_rows([subject], probes, answers, taken)
    for batch in open_dataset(folder / files).batches(signature.columns, batch_rows=7):
        subject.data.add(native.answers(batch.rows), session.answers(batch.rows))
    return Judged(folder, native, subject, probes, files)


@dataclass(frozen=True)
class Shown:
    """What the script printed."""

    code: int
    out: str
    err: str


Reproduce = Callable[..., Shown]


@pytest.fixture
def reproduced(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Reproduce:
    """Return what runs the script in this process: the libraries are loaded already."""

    def run(report: Path, *arguments: str) -> Shown:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["reproduce.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(report / "reproduce.py"), run_name="__main__")
        told = capsys.readouterr()
        code = ended.value.code
        return Shown(code, told.out, told.err) if isinstance(code, int) else Shown(1, told.out, str(code))

    return run


def frame() -> pd.DataFrame:
    """Return rows of two numbers, the second of which is set in the planted row alone."""
    random = np.random.default_rng(3)
    rows = pd.DataFrame({"feature_0": random.random(ROWS), "feature_1": np.zeros(ROWS)})
    rows.loc[AT] = [SECRET, 1.0]
    return rows


def write(rows: pd.DataFrame, folder: Path, kind: str) -> str:
    """Write the rows in two files; return their glob."""
    for index, part in enumerate((rows[: ROWS // 2], rows[ROWS // 2 :])):
        path = folder / f"rows{index}.{kind}"
        if kind == "parquet":
            part.to_parquet(path, index=False)
        elif kind == "feather":
            part.reset_index(drop=True).to_feather(path)
        elif kind == "csv":
            part.to_csv(path, index=False)
        else:
            np.savez(path, X=part.to_numpy())
    return f"rows*.{kind}"


def regression(flag: float) -> LinearRegression:
    """Return a regressor that gives `flag` for the flag; two that differ in it differ on the planted row alone."""
    model = LinearRegression().fit(np.eye(2), np.array([1.0, 2.0]))
    model.coef_, model.intercept_ = np.array([1.0, flag]), 0.5
    return model


@pytest.mark.parametrize("kind", ["parquet", "feather", "csv", "npz"])
def test_a_planted_row_is_the_worst_and_the_script_shows_it(tmp_path: Path, kind: str, reproduced: Reproduce) -> None:
    both = judged(tmp_path, regression(2.0), regression(2.5), write(frame(), tmp_path, kind))
    worst = next(row for row in both.told() if row.file is not None)
    assert (worst.file, worst.row, worst.is_beyond) == (f"rows1.{kind}", AT - ROWS // 2, True)
    assert worst.error == pytest.approx(0.5)
    done = reproduced(both.report())
    assert done.code == 1, done.err
    expected, answered = (SECRET + flag + 0.5 for flag in (2.0, 2.5))
    assert f"fp64, rows1.{kind} row {AT - ROWS // 2}: in the build error 0.5 (variable)" in done.out
    shown = next(line for line in done.out.splitlines() if str(expected)[:12] in line)
    assert str(answered)[:12] in shown
    assert "apart by 0.5" in shown


def test_the_script_needs_nothing_of_ours(tmp_path: Path) -> None:
    both = judged(tmp_path, regression(2.0), regression(2.5), write(frame(), tmp_path, "parquet"))
    script = both.report() / "reproduce.py"
    hidden = (
        "import sys; sys.modules['packager'] = None; import runpy; runpy.run_path(sys.argv.pop(), run_name='__main__')"
    )
    command = [sys.executable, "-I", "-c", hidden, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, "apart by 0.5" in done.stdout) == (1, True), done.stderr


def test_a_model_that_is_right_has_no_row(tmp_path: Path) -> None:
    both = judged(tmp_path, regression(2.0), regression(2.0), write(frame(), tmp_path, "parquet"))
    assert [row for row in both.told() if row.is_beyond] == []


def test_the_script_says_when_nothing_differs_any_more(tmp_path: Path, reproduced: Reproduce) -> None:
    both = judged(tmp_path, regression(2.0), regression(2.5), write(frame(), tmp_path, "parquet"))
    report = both.report()
    convert(
        regression(2.0),
        both.subject.session.signature,
        report / "mismatch" / "fp64.onnx",
        dtype=np.dtype(np.float64),
        choices=Choices(),
    )
    done = reproduced(report)
    assert (done.code, "fp64: 0 of" in done.out) == (0, True), done.out + done.err


def test_no_cell_and_no_answer_of_a_user_s_row_is_written(tmp_path: Path) -> None:
    both = judged(tmp_path, regression(2.0), regression(2.5), write(frame(), tmp_path, "parquet"))
    report = both.report()
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in report.rglob("*") if path.is_file())
    for value in (SECRET, SECRET + 2.5, SECRET + 3.0):
        assert str(value)[:8] not in text
    assert all(row.native is not None for row in both.told() if row.file is None)  # made rows tell their answers


def test_values_are_shown_where_they_were_asked_for(tmp_path: Path) -> None:
    both = judged(tmp_path, regression(2.0), regression(2.5), write(frame(), tmp_path, "parquet"))
    worst = next(row for row in both.told(shows_values=True) if row.file is not None)
    assert worst.cells == {"feature_0": SECRET, "feature_1": 1.0}
    assert worst.native == repr(SECRET + 2.5)
    page = (both.report(shows_values=True) / "report.html").read_text(encoding="utf-8")
    assert f"feature_0 {SECRET}, feature_1 1.0" in page


def test_a_large_model_is_named_and_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reproduced: Reproduce
) -> None:
    monkeypatch.setattr("packager.report.write._LARGEST_MODEL_BYTES", 10)
    both = judged(tmp_path, regression(2.0), regression(2.5), write(frame(), tmp_path, "parquet"))
    report = both.report()
    assert "--variant fp64 --model FILE" in reproduced(report).err
    shown = reproduced(report, "--variant", "fp64", "--model", str(tmp_path / "wrong.onnx"), "--data", str(tmp_path))
    assert (shown.code, "apart by 0.5" in shown.out) == (1, True)


def test_another_artifact_is_told(tmp_path: Path, reproduced: Reproduce) -> None:
    both = judged(tmp_path, regression(2.0), regression(2.5), write(frame(), tmp_path, "parquet"))
    report = both.report()
    joblib.dump(regression(9.0), tmp_path / "other.joblib")
    assert "its digest is another" in reproduced(report, "--artifact", str(tmp_path / "other.joblib")).err


def texts() -> pd.DataFrame:
    random = np.random.default_rng(5)
    cells: list[Any] = [["blue", "red", None][index] for index in random.integers(3, size=ROWS)]
    return pd.DataFrame({"colour": np.array(cells, dtype=object), "size": random.random(ROWS)})


def test_text_columns_and_missing_cells_reach_both_models(tmp_path: Path, reproduced: Reproduce) -> None:
    rows = texts()
    label = np.where(rows["colour"] == "red", "yes", "no")
    label[:5] = "yes"
    steps = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["colour"]), remainder="passthrough")
    model = make_pipeline(steps, LogisticRegression()).fit(rows, label)
    wrong = joblib.load(_saved(model, tmp_path / "copy.joblib"))
    wrong[-1].coef_[0, 0] -= 4.0  # of one colour alone
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    both = judged(tmp_path, model, wrong, "rows.parquet")
    found = [row for row in both.told() if row.file is not None]
    assert {rows["colour"][row.row] for row in found} == {model[0].transformers_[0][1].categories_[0][0]}
    done = reproduced(both.report(), "--show-values")
    assert done.code == 1, done.err
    cases = json.loads((tmp_path / "report" / "mismatch" / "cases.json").read_text())["cases"]
    assert f"fp64: {len(cases)} of {len(cases)} rows differ" in done.out
    assert "probabilities of yes: registered model 0." in done.out


def _saved(model: Any, path: Path) -> Path:
    joblib.dump(model, path)
    return path


def test_a_label_that_differs_is_shown_as_one(tmp_path: Path, reproduced: Reproduce) -> None:
    rows = frame()
    model = LogisticRegression().fit(rows.to_numpy(), np.arange(ROWS) % 3)
    wrong = joblib.load(_saved(model, tmp_path / "copy.joblib"))
    wrong.classes_ = np.array([0, 2, 1])
    np.savez(tmp_path / "rows.npz", X=rows.to_numpy())
    both = judged(tmp_path, model, wrong, "rows.npz")
    assert both.told()[0].labels_differ
    assert "label: registered model 1, fp64 2" in reproduced(both.report()).out


def test_only_what_is_beyond_is_a_mismatch() -> None:
    row = WorstRow("fp32", 1, None, "zero", False, "variable", None, 2.0, 1.0)
    assert row.is_beyond
    assert not replace(row, error=0.5).is_beyond
    assert replace(row, error=0.0, labels_differ=True).is_beyond


@needs_library
@pytest.mark.parametrize("columns", [["colour", "size"], ["size"]], ids=["text before the trees", "numbers alone"])
def test_a_binned_form_is_shown_without_anything_of_ours(columns: list[str], tmp_path: Path) -> None:
    """The scorer and the extension that was found wrong lie beside the script."""
    rows = texts()[columns]
    label = np.arange(ROWS) % 2
    steps = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), columns[:-1]), remainder="passthrough")
    forests = [make_pipeline(steps, RandomForestClassifier(3, random_state=seed)) for seed in (0, 1)]
    if len(columns) == 1:
        forests = [RandomForestClassifier(3, random_state=seed) for seed in (0, 1)]
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    both = judged(tmp_path, *(forest.fit(rows, label) for forest in forests), "rows.parquet", "binned")
    report = both.report()
    lying = {path.name for path in (report / "mismatch").iterdir()}
    assert lying == {"cases.json", "binned.binned", "scorer.py", "_binned.abi3.so"}
    hidden = (
        "import sys; sys.modules['packager'] = None; import runpy; runpy.run_path(sys.argv.pop(), run_name='__main__')"
    )
    command = [sys.executable, "-I", "-B", "-c", hidden, str(report / "reproduce.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    cases = json.loads((report / "mismatch" / "cases.json").read_text())["cases"]
    assert done.returncode == 1, done.stderr
    assert cases
    assert f"binned: {len(cases)} of {len(cases)} rows differ" in done.stdout


def test_an_onnx_form_s_report_holds_no_program_of_ours(tmp_path: Path) -> None:
    both = judged(tmp_path, regression(2.0), regression(2.5), write(frame(), tmp_path, "parquet"))
    assert {path.name for path in (both.report() / "mismatch").iterdir()} == {"cases.json", "fp64.onnx"}
