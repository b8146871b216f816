"""The two forms: double where it can be had, float beside it, and a refusal only where there is neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
from lightgbm import LGBMRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from packager.artifact import Signature, signature_from
from packager.convert.assemble import Choices, assemble
from packager.convert.forms import Forms, make_forms
from packager.convert.graph import UnsupportedModel
from packager.errors import ConvertError
from packager.files import sha256_file
from packager.recipe.model import Convert
from packager.runtime.session import NoKernel, open_session
from packager.training.native import NativeModel, signature_of
from packager.worker import Worker

from .cases import codes, numbers, values
from .lightgbm_cases import SMALL
from .pairs import pair
from .test_refusals import Doubler

ROWS = numbers()


def worker(model: Any, folder: Path) -> tuple[Callable[..., Any], Signature]:
    """Return a source worker that has described the model."""
    joblib.dump(model, folder / "model.joblib")
    loaded = Worker()

    def ask(command: str, **arguments: Any) -> Any:
        return getattr(loaded, command)(**arguments)

    ask("load", path=str(folder / "model.joblib"), file_format="joblib")
    return ask, signature_from(ask("describe", structure=str(folder / "structure.npz"))["signature"])


def forms(model: Any, folder: Path, **settings: Any) -> Forms:
    ask, signature = worker(model, folder)
    return make_forms(ask, signature, Convert(**settings), folder)


def test_both_forms_are_made_and_double_is_the_baseline(tmp_path: Path) -> None:
    found = forms(LGBMRegressor(**SMALL).fit(ROWS, values(ROWS)), tmp_path)
    assert found.baseline == found.fp64
    for variant in (found.fp64, found.fp32):
        assert (variant.status, variant.reason) == ("ok", None)
        assert variant.path is not None
        assert variant.sha256 == sha256_file(variant.path)
        assert variant.size_bytes == variant.path.stat().st_size
        assert variant.ops["TreeEnsemble"] == 1
    assert found.fp64.sha256 != found.fp32.sha256


def _no_converter(monkeypatch: pytest.MonkeyPatch) -> str:
    def refuse(model: Any, signature: Signature, dtype: np.dtype[Any], *, choices: Choices) -> Any:
        if dtype == np.float64:
            raise UnsupportedModel("SVR has a float32 form only")
        return assemble(model, signature, dtype, choices=choices)

    monkeypatch.setattr("packager.convert.convert.assemble", refuse)
    return "SVR has a float32 form only"


def _no_kernel(monkeypatch: pytest.MonkeyPatch) -> str:
    def refuse(path: Path, signature: Any) -> Any:
        if path.name == "fp64.onnx":
            raise NoKernel("Could not find an implementation for Erf(13)")
        return open_session(path, signature)

    monkeypatch.setattr("packager.convert.forms.open_session", refuse)
    return "no float64 kernel"


@pytest.mark.parametrize("lacking", [_no_converter, _no_kernel])
def test_without_a_double_form_the_float_form_is_the_baseline_and_says_why(
    lacking: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = lacking(monkeypatch)
    found = forms(SVR().fit(ROWS, values(ROWS)), tmp_path)
    assert found.baseline == found.fp32
    assert (found.fp64.status, found.fp64.path) == ("not_applicable", None)
    assert reason in str(found.fp64.reason)
    assert len(str(found.fp64.reason)) < 600


def test_where_there_is_neither_the_model_is_refused(tmp_path: Path) -> None:
    model = make_pipeline(Doubler(), LinearRegression()).fit(ROWS, values(ROWS))
    with pytest.raises(ConvertError, match="Doubler"):
        forms(model, tmp_path)


def test_the_stock_engine_is_taken_as_it_comes_in_float(tmp_path: Path) -> None:
    model = LGBMRegressor(**SMALL).fit(ROWS, values(ROWS))
    found = forms(model, tmp_path, engine="stock")
    assert found.baseline == found.fp32
    assert "TreeEnsembleRegressor" in found.fp32.ops
    assert "stock" in str(found.fp64.reason)


def test_our_converters_are_back_after_the_stock_ones_and_theirs_after_ours(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), LGBMRegressor(**SMALL)).fit(ROWS, values(ROWS))
    signature = signature_of(NativeModel(model))
    found = []
    for engine in ("own", "stock", "own", "stock"):
        choices = Choices(engine=engine)  # type: ignore[arg-type]
        graph = assemble(model, signature, np.dtype(np.float32), choices=choices).model.graph
        found.append({node.op_type for node in graph.node} & {"TreeEnsemble", "TreeEnsembleRegressor"})
    assert found == [{"TreeEnsemble"}, {"TreeEnsembleRegressor"}] * 2


@pytest.mark.parametrize("opset", [15, 18, 21])
@pytest.mark.parametrize("name", ["bare", "pipeline", "linear"])
def test_the_recipe_may_choose_the_operator_set(opset: int, name: str, tmp_path: Path) -> None:
    model = {
        "bare": lambda: LGBMRegressor(**SMALL),
        "pipeline": lambda: make_pipeline(StandardScaler(), LGBMRegressor(**SMALL)),
        "linear": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    }[name]().fit(ROWS, codes(ROWS, 2))
    found = forms(model, tmp_path, opset=opset)
    for variant in (found.fp64, found.fp32):
        imports = {entry.domain: entry.version for entry in onnx.load(str(variant.path)).opset_import}
        assert imports[""] == opset
    both = pair(model, tmp_path)
    assert both.differences(both.probes().rows, 1e-9) == []
