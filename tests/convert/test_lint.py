"""Every step of a model is told, refused ones all at once, with no conversion stopping the walk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from packager.convert.assemble import Choices
from packager.convert.lint import lint
from packager.convert.steps import StepFinding, refuse_unsupported, without_double_kernel
from packager.errors import ConvertError
from packager.training.native import NativeModel, signature_of

from .cases import codes, numbers

ROWS = numbers()
CLASSES = codes(ROWS, 2)


class Doubler(TransformerMixin, BaseEstimator):
    """A step that only this module knows."""

    def fit(self, rows: Any, target: Any = None) -> Doubler:
        self.n_features_in_ = rows.shape[1]
        return self

    def transform(self, rows: Any) -> Any:
        return rows * 2


class Tripler(Doubler):
    """Another one."""


def linted(model: Any, folder: Path, **choices: Any) -> list[StepFinding]:
    told = lint(model, signature_of(NativeModel(model)), Choices(**choices), folder)
    return [StepFinding(**step) for step in told]


def test_steps_are_told_by_path_class_and_status_outer_ones_first(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), VotingClassifier([("a", LogisticRegression())], voting="soft"))
    steps = linted(model.fit(ROWS, CLASSES), tmp_path)
    assert [(step.path, step.estimator.rpartition(".")[2], step.status) for step in steps] == [
        ("(model)", "Pipeline", "exact"),
        ("standardscaler", "StandardScaler", "exact"),
        ("votingclassifier", "VotingClassifier", "exact"),
        ("votingclassifier.a", "LogisticRegression", "exact"),
    ]


def test_all_steps_without_a_form_are_told(tmp_path: Path) -> None:
    columns = make_column_transformer((Doubler(), [0, 1]), (StandardScaler(), [2]), (Tripler(), [3, 4]))
    model = make_pipeline(Doubler(), columns, LogisticRegression()).fit(ROWS, CLASSES)
    steps = linted(model, tmp_path)
    bad = {step.path: step.reason for step in steps if step.status == "unsupported"}
    here = __name__
    assert bad == {
        "doubler": f"no converter for {here}.Doubler",
        "columntransformer.doubler": f"no converter for {here}.Doubler",
        "columntransformer.tripler": f"no converter for {here}.Tripler",
    }
    with pytest.raises(ConvertError) as caught:
        refuse_unsupported(steps, "recipe.yml:4 source.uri")
    said = str(caught.value)
    assert said.startswith("3 steps have no exact conversion")
    for word in (*bad, "recipe.yml:4", f"convert.converters: {{{here}.Doubler: YOUR.MODULE}}"):
        assert word in said


def test_a_function_of_anybodys_takes_a_converter_and_each_class_is_named_once() -> None:
    function = StepFinding("log", "sklearn.preprocessing.FunctionTransformer", "unsupported", "a lambda has no form")
    own = StepFinding("own", "my_pkg.Step", "unsupported", "no converter for my_pkg.Step")
    with pytest.raises(ConvertError) as caught:
        refuse_unsupported([function, own], "recipe.yml:4 source.uri")
    assert caught.value.message.split("\n")[1:] == [
        "log: FunctionTransformer: a lambda has no form",
        "own: no converter for my_pkg.Step",
    ]
    assert "convert.converters: {sklearn.preprocessing.FunctionTransformer: YOUR.MODULE}" in str(caught.value.hint)


def test_a_message_about_many_steps_stays_short() -> None:
    step = StepFinding("model.step", "my_pkg.Step", "unsupported", "why " * 200)
    with pytest.raises(ConvertError) as caught:
        refuse_unsupported([step] * 40, "recipe.yml:4 source.uri")
    assert len(str(caught.value)) < 2_400
    assert "and 28 more" in str(caught.value)


def test_nothing_unsupported_is_no_error(tmp_path: Path) -> None:
    refuse_unsupported(linted(LogisticRegression().fit(ROWS, CLASSES), tmp_path), "recipe.yml source.uri")


def test_a_step_that_follows_one_without_a_form_is_judged_by_itself(tmp_path: Path) -> None:
    model = make_pipeline(Doubler(), StandardScaler(), LogisticRegression()).fit(ROWS, CLASSES)
    assert [step.status for step in linted(model, tmp_path)] == ["exact", "unsupported", "exact", "exact"]


def test_a_fault_of_an_emitter_is_told_like_a_refusal(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, CLASSES)
    signature = signature_of(NativeModel(model))
    del model[0].scale_  # a state that no fit leaves
    told = {step["path"]: step for step in lint(model, signature, Choices(), tmp_path)}
    assert told["standardscaler"]["status"] == "unsupported"
    assert told["standardscaler"]["reason"].startswith("AttributeError")
    assert told["logisticregression"]["status"] == "exact"


def test_members_of_an_ensemble_are_told_each(tmp_path: Path) -> None:
    steps = linted(BaggingClassifier(LogisticRegression(), n_estimators=5).fit(ROWS, CLASSES), tmp_path)
    assert [step.estimator.rpartition(".")[2] for step in steps] == ["BaggingClassifier", *["LogisticRegression"] * 5]


def test_the_stock_engine_is_one_step(tmp_path: Path) -> None:
    (step,) = linted(LogisticRegression().fit(ROWS, CLASSES), tmp_path, engine="stock")
    assert (step.path, step.status) == ("(model)", "float32-only")
    (step,) = linted(make_pipeline(Doubler(), LogisticRegression()).fit(ROWS, CLASSES), tmp_path, engine="stock")
    assert (step.status, step.reason) == ("unsupported", f"no converter for {__name__}.Doubler")


@pytest.fixture
def registry() -> Iterator[None]:
    """Put skl2onnx's tables back after the test."""
    from skl2onnx import _parse, _supported_operators
    from skl2onnx.common import _registration

    tables = (
        _supported_operators.sklearn_operator_name_map,
        _parse.sklearn_parsers_map,
        _registration._converter_pool,
        _registration._shape_calculator_pool,
    )
    before = [dict(table) for table in tables]
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("step", "name"),
    [(Tripler(), f"{__name__}.Tripler"), (FunctionTransformer(np.sort), "sklearn.preprocessing.FunctionTransformer")],
    ids=["a class of one's own", "a class that skl2onnx looks into"],
)
def test_a_users_converter_goes_before_all_others_and_its_graph_is_kept(
    step: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from packager.convert.custom import register

    (tmp_path / "own_converter.py").write_text(
        "from skl2onnx.algebra.onnx_ops import OnnxAbs\n"
        "def shape(operator):\n    operator.outputs[0].type = operator.inputs[0].type\n"
        "def convert(scope, operator, container):\n"
        "    OnnxAbs(operator.inputs[0], output_names=operator.outputs[:1]).add_to(scope, container)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_converter", raising=False)
    register(name, "own_converter")
    model = make_pipeline(step, LogisticRegression()).fit(ROWS, CLASSES)
    found = linted(model, tmp_path, custom=frozenset({name}))[1]
    assert (found.status, found.reason, found.is_custom) == ("convertible", "your own converter, in double", True)
    assert found.graph is not None
    assert Path(found.graph).is_file()


def test_the_innermost_step_of_a_node_without_a_kernel_is_marked() -> None:
    outer = StepFinding("(model)", "a.Outer", "exact", "", (0, 9))
    inner = StepFinding("inner", "a.Inner", "exact", "", (3, 6))
    reason = "ONNX Runtime has no float64 kernel for it: … implementation for Erf(13) node with name 'erf_4'"
    assert [step.status for step in without_double_kernel([outer, inner], reason)] == ["exact", "float32-only"]
    assert without_double_kernel([outer, inner], "another reason") == [outer, inner]


def test_a_table_of_numbers_is_one_input_for_a_converter() -> None:
    from packager.convert.graph import Part, Table
    from packager.convert.stock import convert_step

    rows = Table((Part("a", "number", 1), Part("b", "number", 2)))
    converted = convert_step(np.dtype(np.float64), StandardScaler().fit(ROWS[:, :3]), "transform", rows)
    assert [value.type.tensor_type.shape.dim[1].dim_value for value in converted.graph.input] == [3]
