"""Converting: arrays to one TreeEnsemble, beside the stock converters in the same run; time and memory at scale."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from lightgbm import LGBMRegressor
from sklearn.ensemble import RandomForestClassifier

from bench.models import fitted, rows
from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.training.native import NativeModel, signature_of

# What is promised of conversion, each a ratio within one run but the last, which is far from its limit.
FASTER_THAN_STOCK = 10.0
MOST_MEMORY = 4.0
MOST_TIME_PER_TREE = 2.0
MOST_CATEGORY_SECONDS = 1.0
TREES_OF_TWENTY_MILLION_NODES = 800


def _converter(model: Any, folder: Path, engine: Any = "own") -> Any:
    """Return a function that converts, with nothing left to find out but the conversion itself."""
    native = NativeModel(model)
    signature = signature_of(native)
    dtype = np.dtype(np.float64 if engine == "own" else np.float32)
    return lambda: convert(model, signature, folder / "model.onnx", dtype=dtype, choices=Choices(engine=engine))


def _seconds(call: Any) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@pytest.mark.parametrize("engine", ["own", "stock"])
@pytest.mark.parametrize("name", ["forest 200x14", "lightgbm 500x31"])
def test_convert(benchmark: Any, tmp_path: Path, name: str, engine: Any) -> None:
    benchmark.group = f"convert {name}"
    benchmark.pedantic(_converter(fitted(name), tmp_path, engine), rounds=3, warmup_rounds=1)
    benchmark.extra_info["file_bytes"] = (tmp_path / "model.onnx").stat().st_size


def test_a_forest_beside_the_stock_converter(benchmark: Any, tmp_path: Path) -> None:
    benchmark.group = "convert at scale"
    own = benchmark.pedantic(_seconds, (_converter(fitted("forest 200x14"), tmp_path),), rounds=3, warmup_rounds=1)
    stock = _seconds(_converter(fitted("forest 200x14"), tmp_path, "stock"))
    benchmark.extra_info["times_faster_than_stock"] = stock / own
    assert stock / own >= FASTER_THAN_STOCK


def test_memory_for_twenty_million_nodes(benchmark: Any) -> None:
    benchmark.group = "convert at scale"
    command = [sys.executable, "-m", "bench.forest_memory", str(TREES_OF_TWENTY_MILLION_NODES)]
    done = benchmark.pedantic(
        subprocess.run, (command,), {"capture_output": True, "check": True, "cwd": Path(__file__).parents[1]}, rounds=1
    )
    figures = json.loads(done.stdout)
    assert figures["nodes"] >= 20_000_000
    benchmark.extra_info |= {**figures, "extra_over_arrays": figures["extra_bytes"] / figures["array_bytes"]}
    assert figures["extra_bytes"] / figures["array_bytes"] < MOST_MEMORY


def test_time_grows_with_the_trees(benchmark: Any, tmp_path: Path) -> None:
    benchmark.group = "convert at scale"
    features = rows(2_000)
    model = RandomForestClassifier(10, max_depth=6, random_state=0).fit(features, features[:, 0] > 0)
    members = model.estimators_

    def seconds_a_tree(count: int) -> float:
        model.estimators_ = [copy.copy(members[index % len(members)]) for index in range(count)]
        return _seconds(_converter(model, tmp_path)) / count

    few = min(seconds_a_tree(1_000) for _ in range(3))
    many = benchmark.pedantic(seconds_a_tree, (10_000,), rounds=1)
    benchmark.extra_info["time_per_tree_10000_over_1000"] = many / few
    assert many / few < MOST_TIME_PER_TREE


def test_five_thousand_categories(benchmark: Any, tmp_path: Path) -> None:
    benchmark.group = "convert at scale"
    random = np.random.default_rng(0)
    table = np.column_stack([random.integers(0, 5_000, 30_000), random.normal(size=30_000)]).astype(float)
    target = random.normal(size=5_000)[table[:, 0].astype(int)] + table[:, 1]
    eager = {"max_cat_threshold": 2_000, "min_data_per_group": 4, "cat_smooth": 1.0, "cat_l2": 1.0}
    model = LGBMRegressor(n_estimators=100, verbose=-1, random_state=0, **eager)
    model.fit(table, target, categorical_feature=[0])
    seconds = benchmark.pedantic(_seconds, (_converter(model, tmp_path),), rounds=3)
    graph = onnx.load(str(tmp_path / "model.onnx")).graph
    (ensemble,) = [node for node in graph.node if node.op_type == "TreeEnsemble"]
    (roots,) = [attribute.ints for attribute in ensemble.attribute if attribute.name == "nodes_featureids"]
    benchmark.extra_info["nodes_per_split"] = len(roots) / (100 * 30)
    assert len(roots) <= 100 * 30
    assert seconds < MOST_CATEGORY_SECONDS
