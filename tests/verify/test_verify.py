"""The stage as a build runs it: the source worker answers, rows stream from a file, faults fail at the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from onnx import numpy_helper
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from packager.artifact import Signature, Variant, signature_from
from packager.dataset.read import open_dataset
from packager.dataset.rows import Rows
from packager.errors import VerifyError
from packager.recipe.model import Recipe
from packager.report.model import Flips
from packager.structure import Structure, load
from packager.verify import verify as module
from packager.verify.gate import gate, judge
from packager.verify.oracle import Oracle
from packager.verify.probes import make_probes
from packager.verify.verify import Findings, Subject, open_subjects, verify_data, verify_made_rows
from packager.worker import Worker

from .recipes import recipe

RANDOM = np.random.default_rng(0)
COLUMNS = ["amount", "age", "share"]
TABLE = pd.DataFrame(RANDOM.normal(size=(400, 3)), columns=COLUMNS)
RISK = TABLE["amount"] + TABLE["age"] * TABLE["share"]
MODELS: dict[str, tuple[Callable[[], Any], Any]] = {
    "text labels": (
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        np.where(RISK > 0.2, "yes", "no"),
    ),
    "three classes": (lambda: LGBMClassifier(n_estimators=8, verbose=-1, n_jobs=1), np.digitize(RISK, [-0.5, 0.5])),
    "values": (lambda: RandomForestRegressor(8, max_depth=6, random_state=0), RISK),
}


@dataclass(frozen=True)
class Place:
    """One model in a source worker of its own, described and converted, with rows to verify with."""

    folder: Path
    signature: Signature
    structure: Structure
    oracle: Oracle
    variants: list[Variant]

    def rows(self, table: pd.DataFrame | None = None, target: Any = None) -> Path:
        path = self.folder / "rows.parquet"
        told = TABLE if table is None else table
        (told if target is None else told.assign(target=target)).to_parquet(path)
        return path

    def recipe(self, verify: str = "{}") -> Recipe:
        return recipe(self.folder, verify, "{verification: rows.parquet, label: target}")

    def answers(self) -> Any:
        """Return the model's values of the table."""
        return self.oracle.answers(Rows(TABLE.to_numpy()))[0]["variable"]

    def judged(self, asked: Recipe, variants: list[Variant] | None = None) -> tuple[list[Subject], Findings]:
        """Run the stage; return its subjects, and what it found beside their tallies."""
        subjects = open_subjects(variants or self.variants, self.signature, asked)
        probes = make_probes(self.structure, self.signature)
        native, taken = self.oracle.answers(probes.rows)
        verify_made_rows(subjects, probes, native, taken)
        dataset = open_dataset(self.folder / "rows.parquet")
        findings = verify_data(
            subjects,
            dataset,
            self.oracle,
            recipe=asked,
            progress=lambda done, total, about: None,
        )
        return subjects, findings


def place(name: str, folder: Path) -> Place:
    """Describe and convert the model of that name, or the one that lies in the folder."""
    if name:
        fit, target = MODELS[name]
        joblib.dump(fit().fit(TABLE, target), folder / "model.joblib")
    worker = Worker()

    def ask(command: str, **arguments: Any) -> Any:
        return getattr(worker, command)(**arguments)

    ask("load", path=str(folder / "model.joblib"), file_format="joblib")
    described = ask("describe", structure=str(folder / "structure.npz"))
    variants = []
    for precision, dtype in (("fp64", "float64"), ("fp32", "float32")):
        path = folder / f"{precision}.onnx"
        ask("convert", path=str(path), dtype=dtype, opset=None, engine="own")
        variants.append(Variant(precision, precision, "ok", None, path))  # type: ignore[arg-type]
    signature = signature_from(described["signature"])
    return Place(folder, signature, load(folder / "structure.npz"), Oracle(ask, folder), variants)


@pytest.mark.parametrize("name", MODELS)
def test_a_correct_baseline_passes_everything(name: str, tmp_path: Path) -> None:
    here = place(name, tmp_path)
    here.rows(target=MODELS[name][1])
    metric = {"text labels": "roc_auc", "three classes": "log_loss", "values": "mae"}[name]
    asked = here.recipe(f"{{drift: {{metric: {metric}, max_drop: 0}}, thresholds: [0.5]}}")
    subjects, findings = here.judged(asked, here.variants[:1])
    verdicts = judge(subjects[0], findings, asked)
    gate(verdicts, "fp64", asked)
    assert {verdict.check for verdict in verdicts} >= {f"drift.{metric}", "parity", "probe_parity"}
    assert subjects[0].data.rows == len(TABLE)
    assert findings.drifts[0].rows == len(TABLE)
    assert list(findings.flips) == [Flips("fp64", 0.5, len(TABLE), 0, 0)]


@pytest.mark.parametrize("name", ["text labels", "three classes"])
def test_classes_in_another_order_fail_on_data_and_on_made_rows_and_in_quality(name: str, tmp_path: Path) -> None:
    here = place(name, tmp_path)
    here.rows(target=MODELS[name][1])
    path = here.variants[0].path
    assert path is not None
    model = onnx.load(str(path))
    labels = next(tensor for tensor in model.graph.initializer if _is_classes(tensor, here.signature))
    labels.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(labels)[::-1].copy(), labels.name))
    onnx.save(model, str(path))
    asked = here.recipe("{drift: {metric: accuracy}}")
    subjects, findings = here.judged(asked)
    failed = {verdict.check for verdict in judge(subjects[0], findings, asked) if not verdict.ok}
    assert failed == {"probe_label_mismatch", "label_mismatch", "drift.accuracy"}
    with pytest.raises(VerifyError, match="label_mismatch"):
        gate(judge(subjects[0], findings, asked), "fp64", asked)


def _is_classes(tensor: onnx.TensorProto, signature: Signature) -> bool:
    if tensor.data_type not in (onnx.TensorProto.INT64, onnx.TensorProto.STRING):
        return False
    return [str(label) for label in numpy_helper.to_array(tensor).tolist()] == [*map(str, signature.classes or ())]


def test_a_variant_that_falls_over_is_judged_and_the_others_go_on(tmp_path: Path) -> None:
    here = place("values", tmp_path)
    here.rows(target=RISK)
    broken = tmp_path / "fp32.onnx"
    model = onnx.load(str(broken))
    # It asks for more columns than there are, which shows only when it runs.
    gather = onnx.helper.make_node("Gather", ["features", "beyond"], ["more"], axis=1)
    model.graph.initializer.append(numpy_helper.from_array(np.array([0, 1, 9], dtype=np.int64), "beyond"))
    for node in model.graph.node:
        node.input[:] = ["more" if name == "features" else name for name in node.input]
    model.graph.node.insert(0, gather)
    onnx.save(model, str(broken))
    asked = here.recipe("{drift: {metric: rmse, max_drop: 0}}")
    subjects, findings = here.judged(asked)
    gate(judge(subjects[0], findings, asked), "fp64", asked)
    failed = {verdict.check: verdict for verdict in judge(subjects[1], findings, asked) if not verdict.ok}
    assert set(failed) == {"probe_outputs", "outputs", "drift.rmse"}
    assert "Gather" in str(failed["outputs"].measured)


def test_a_variant_that_falls_over_half_way_has_no_quality(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_CHUNK_ROWS", 150)
    here = place("values", tmp_path)
    here.rows(target=RISK)
    model = onnx.load(str(tmp_path / "fp32.onnx"))
    # 150 rows fit, the last 100 do not.
    model.graph.initializer.append(numpy_helper.from_array(np.array([150, 3], dtype=np.int64), "as_many"))
    for node in model.graph.node:
        node.input[:] = ["shaped" if name == "features" else name for name in node.input]
    model.graph.node.insert(0, onnx.helper.make_node("Reshape", ["features", "as_many"], ["shaped"]))
    onnx.save(model, str(tmp_path / "fp32.onnx"))
    subjects, findings = here.judged(here.recipe())
    assert [drift.variant for drift in findings.drifts] == ["fp64"]
    assert subjects[1].data.rows == len(TABLE)
    assert "Reshape" in str(subjects[1].data.malformed)


def test_rows_that_the_model_itself_refuses_are_named_across_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_CHUNK_ROWS", 100)
    here = place("text labels", tmp_path)
    table = TABLE.copy()
    table.loc[[250, 260], "age"] = np.nan
    here.rows(table, MODELS["text labels"][1])
    table.iloc[[251], 0] = np.inf
    here.rows(table, MODELS["text labels"][1])
    told = (
        r"refuses row 250 \(the first is row 0\) of .*rows\.parquet, and 2 more of the 100 .*: a missing cell in 'age'"
    )
    with pytest.raises(VerifyError, match=told):
        here.judged(here.recipe())


def test_chunks_add_up_to_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = place("three classes", tmp_path)
    here.rows(target=MODELS["three classes"][1])
    asked = here.recipe("{drift: {metric: accuracy}, thresholds: [0.4]}")
    whole = here.judged(asked)
    monkeypatch.setattr(module, "_MAX_CHUNK_ROWS", 7)
    parts = here.judged(asked)
    for one, other in zip(whole[0], parts[0], strict=True):
        assert one.data.rows == other.data.rows == len(TABLE)
        assert one.data.max_abs_error == other.data.max_abs_error
        assert (one.data.labels, one.data.label_mismatches) == (other.data.labels, other.data.label_mismatches)
    assert whole[1] == parts[1]


@pytest.mark.parametrize(("suffix", "about"), [(".parquet", False), (".csv", True)])
def test_progress_counts_rows_up_to_the_end(
    suffix: str, about: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_CHUNK_ROWS", 150)
    here = place("values", tmp_path)
    path = here.rows(target=RISK)
    if suffix == ".csv":
        path = path.with_suffix(".csv")
        TABLE.assign(target=RISK).to_csv(path, index=False)
    told: list[tuple[int, int | None, bool]] = []
    verify_data(
        open_subjects(here.variants, here.signature, here.recipe()),
        open_dataset(path),
        here.oracle,
        recipe=here.recipe(),
        progress=lambda done, total, about: told.append((done, total, about)),
    )
    assert [done for done, _, _ in told] == [0, 150, 300, 400]
    assert {guessed for _, _, guessed in told} == {about}
    assert all(total == 400 or (about and total and abs(total - 400) < 20) for _, total, _ in told)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (np.where(np.arange(400) % 4, "yes", None), "100 of 400 rows"),
        (pd.array(["yes", "no", "maybe", "no"] * 100, dtype="string"), "labels that the model does not know, in 100"),
        (np.arange(400) % 2, "holds numbers, the model's classes are text"),
        (np.full(400, "yes"), "roc_auc has no value on these 400 rows: they are all of one class"),
        (None, "no label column 'target'"),
    ],
    ids=["missing", "unknown", "numbers", "one class", "no label"],
)
def test_bad_labels_are_refused_by_file(target: Any, words: str, tmp_path: Path) -> None:
    here = place("text labels", tmp_path)
    path = here.rows(target=target)
    for asked in ("{drift: {metric: roc_auc}}", "{}"):
        with pytest.raises(VerifyError) as caught:
            here.judged(here.recipe(asked))
        assert words in str(caught.value)
        assert str(path) in str(caught.value)


def test_labels_of_another_kind_than_the_answers_stop_the_build(tmp_path: Path) -> None:
    here = place("values", tmp_path)
    here.rows(target=MODELS["text labels"][1])
    with pytest.raises(VerifyError, match="holds text"):
        here.judged(here.recipe())


def test_labels_that_no_metric_reads_are_left_alone(tmp_path: Path) -> None:
    joblib.dump(StandardScaler().fit(TABLE), tmp_path / "model.joblib")
    here = place("", tmp_path)
    here.rows(target=MODELS["text labels"][1])
    subjects, findings = here.judged(here.recipe())
    assert (subjects[0].data.rows, findings.drifts) == (len(TABLE), ())


def test_a_metric_that_does_not_fit_stops_before_the_rows_are_read(tmp_path: Path) -> None:
    here = place("values", tmp_path)
    here.rows(target=RISK)
    with pytest.raises(VerifyError, match="accuracy"):
        here.judged(here.recipe("{drift: {metric: accuracy}}"))


def test_a_value_is_a_score_where_labels_are_0_and_1(tmp_path: Path) -> None:
    here = place("values", tmp_path)
    here.rows(target=(RISK > 0).astype(int))
    asked = here.recipe("{drift: {metric: roc_auc, max_drop: 0}}")
    _, findings = here.judged(asked, here.variants[:1])
    assert findings.drifts[0].native == pytest.approx(roc_auc_score(RISK > 0, here.answers()))
    here.rows(target=RISK)
    with pytest.raises(VerifyError, match="labels that the model does not know"):
        here.judged(asked)


def test_the_narrow_forms_are_not_judged_on_extremes(tmp_path: Path) -> None:
    here = place("values", tmp_path)
    here.rows(target=RISK)
    subjects, _ = here.judged(here.recipe())
    assert [subject.variant.name for subject in subjects] == ["fp64", "fp32"]
    assert subjects[1].made.rows < subjects[0].made.rows


def test_only_variants_with_a_file_are_opened(tmp_path: Path) -> None:
    here = place("values", tmp_path)
    others = [Variant("fp16", "fp16", "not_applicable", "trees"), Variant("int8", "int8", "failed", "it broke")]
    subjects = open_subjects([*here.variants, *others], here.signature, recipe(tmp_path))
    assert [subject.variant.name for subject in subjects] == ["fp64", "fp32"]


def test_the_oracle_tells_which_rows_it_takes(tmp_path: Path) -> None:
    here = place("text labels", tmp_path)
    numbers = TABLE.to_numpy()[:5].copy()
    numbers[2, 1] = np.nan
    native, taken = here.oracle.answers(Rows(numbers))
    assert taken.tolist() == [True, True, False, True, True]
    assert native["label"].tolist() == ["yes" if risk else "no" for risk in native["probabilities"][:, 1] > 0.5]
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".npz") == ["structure.npz"]
