"""The tables of metrics and providers hold what the libraries behind them know."""

from __future__ import annotations

import subprocess
import sys

import onnxruntime

from packager.recipe.metrics import METRICS
from packager.recipe.providers import PROVIDERS


def test_every_provider_is_one_of_onnx_runtime() -> None:
    assert {provider.onnxruntime_name for provider in PROVIDERS.values()} <= set(onnxruntime.get_all_providers())


def test_a_drop_is_a_loss_whichever_way_the_metric_points() -> None:
    assert METRICS["roc_auc"].drop(0.9, 0.8) > 0
    assert METRICS["rmse"].drop(0.8, 0.9) > 0
    assert METRICS["log_loss"].drop(0.9, 0.8) < 0


def test_the_tables_need_no_other_library() -> None:
    script = (
        "import sys, packager.recipe.metrics, packager.recipe.providers, packager.recipe.schemes;"
        "sys.exit(bool({'pydantic', 'yaml', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
