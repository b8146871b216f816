"""Environments: made once, whole or not at all, each flavour apart; what can't be made is unavailable, and why."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from onnx import TensorProto, helper
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from packager.artifact import Output, Variant
from packager.benchmark.benchmark import measure
from packager.benchmark.child import Child, ChildEnded
from packager.benchmark.environments import Environment, environment_for, requirements_of
from packager.benchmark.subjects import Bench
from packager.dataset.rows import Rows
from packager.recipe.model import Target
from packager.recipe.providers import PROVIDERS, Provider
from packager.runtime import virtual_environment as module
from packager.runtime.virtual_environment import EnvironmentUnavailable
from tests.runtime.graphs import regressor, write

OPENVINO = PROVIDERS["openvino"]
UV = Path(sys.executable).with_name("uv")
# A small package in the place of a flavour: what is told of environments does not depend on what is in them.
SMALL = Provider("small", "SmallExecutionProvider", "packaging", "packaging==24.2")


@pytest.fixture(scope="module")
def openvino(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The real flavour, from the user's own cache where it is there already."""
    try:
        return environment_for(OPENVINO)
    except EnvironmentUnavailable as error:
        pytest.skip(f"onnxruntime-openvino is not to be had here: {error}")


def into(folder: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(folder), **more}


def made(folder: Path) -> list[str]:
    """Return the environments that lie in a cache, and what a build of one has left beside them."""
    names = os.listdir(folder / "packager" / "environments")
    return sorted(name for name in names if not name.endswith(".lock"))


def test_the_cpu_runs_in_the_tools_own() -> None:
    found = environment_for(PROVIDERS["cpu"])
    assert (found.python, found.folder, found.size_bytes) == (Path(sys.executable), None, None)


def test_requirements_are_exact() -> None:
    for provider in PROVIDERS.values():
        assert all("==" in one for one in requirements_of(provider))
    assert requirements_of(OPENVINO)[0] == "onnxruntime-openvino==1.24.1"
    assert f"numpy=={np.__version__}" in requirements_of(OPENVINO)


def test_a_system_without_wheels_and_a_missing_driver_are_named() -> None:
    elsewhere = Provider("there", "There", "nothing", "nothing==1", systems=("Plan9",))
    with pytest.raises(EnvironmentUnavailable, match="there runs on Plan9, and this is"):
        environment_for(elsewhere)
    undriven = Provider("there", "There", "nothing", "nothing==1", driver="/dev/no-such-thing")
    with pytest.raises(EnvironmentUnavailable, match="needs /dev/no-such-thing, and this machine has none"):
        environment_for(undriven)


def test_what_can_not_be_installed_is_unavailable_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wheels").mkdir()
    nowhere = ("--no-index", "--find-links", str(tmp_path / "wheels"))
    monkeypatch.setattr(module, "WHEELS_ONLY", (*module.WHEELS_ONLY, *nowhere))
    offline = into(tmp_path, PIP_CONFIG_FILE=os.devnull, PIP_FIND_LINKS="", PATH="/usr/bin:/bin")
    with pytest.raises(EnvironmentUnavailable, match=r"packaging==24\.2 can't be installed here: ERROR: "):
        environment_for(SMALL, environ=offline)
    assert made(tmp_path) == []


def test_an_environment_that_lost_its_python_is_made_anew(tmp_path: Path) -> None:
    found = environment_for(SMALL, environ=into(tmp_path))
    found.python.unlink()
    assert environment_for(SMALL, environ=into(tmp_path)).python.exists()


def test_a_python_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ChildEnded, match="can't be started: No such file"):
        Child(tmp_path / "python")


def test_without_a_network_the_reason_comes_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:  # a port that nobody listens on
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
    index = {"PIP_INDEX_URL": address, "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "PIP_EXTRA_INDEX_URL": ""}
    began = time.monotonic()
    with pytest.raises(EnvironmentUnavailable, match="can't be installed here"):
        environment_for(SMALL, environ=into(tmp_path, **index, PATH="/usr/bin:/bin"))
    assert time.monotonic() - began < 120
    assert made(tmp_path) == []


def test_an_installer_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin" / "uv"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setattr(module, "MAKE_S", 1.0)
    with pytest.raises(EnvironmentUnavailable, match="was not installed within 1 s"):
        environment_for(SMALL, environ=into(tmp_path, PATH=f"{slow.parent}:/usr/bin:/bin"))
    assert made(tmp_path) == []


def _counting_uv(folder: Path) -> Path:
    """Write a uv that takes its time, makes what is asked for, and writes down each environment that it makes."""
    script = folder / "bin" / "uv"
    script.parent.mkdir()
    script.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = venv ]; then\n'
        f'  echo made >> "{folder}/made"\n'
        "  for last; do :; done\n"
        '  mkdir -p "$last/bin"; : > "$last/bin/python"\n'
        "else sleep 1; fi\n"
    )
    script.chmod(0o755)
    return script


def test_two_builds_at_once_make_one_environment(tmp_path: Path) -> None:
    environ = into(tmp_path, PATH=f"{_counting_uv(tmp_path).parent}:/usr/bin:/bin")
    found: list[Environment] = []
    threads = [threading.Thread(target=lambda: found.append(environment_for(SMALL, environ=environ))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.python for one in found}) == 1
    assert len(found) == 3
    assert (tmp_path / "made").read_text() == "made\n"
    assert len(made(tmp_path)) == 1


def test_a_killed_build_leaves_nothing_that_counts_and_the_next_one_makes_it(tmp_path: Path) -> None:
    environ = into(tmp_path, PATH=f"{_counting_uv(tmp_path).parent}:/usr/bin:/bin")
    script = (
        "from tests.benchmark.test_environments import SMALL\n"
        "from packager.benchmark.environments import environment_for\n"
        "environment_for(SMALL)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], env=environ, cwd=Path(__file__).parents[2])
    while not (tmp_path / "made").exists() and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert all(name.startswith(".") for name in made(tmp_path))
    found = environment_for(SMALL, environ=environ)
    assert found.python.exists()
    assert made(tmp_path) == [found.python.parents[1].name]


@pytest.mark.skipif(not UV.exists(), reason="uv is not installed beside this Python")
def test_uv_makes_a_working_environment(tmp_path: Path) -> None:
    try:
        found = environment_for(SMALL, environ=into(tmp_path, PATH=f"{UV.parent}:/usr/bin:/bin"))
    except EnvironmentUnavailable as error:
        pytest.skip(f"uv gets no packages here: {error}")
    assert "uv = " in (found.python.parents[1] / "pyvenv.cfg").read_text()
    script = "import packaging, numpy; print(packaging.__version__)"
    done = subprocess.run([found.python, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "24.2"


def network(folder: Path) -> tuple[Variant, Bench]:
    """Return a float network of three nodes, and rows for it."""
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["bent"]),
        helper.make_node("MatMul", ["bent", "last"], ["variable"]),
    ]
    random = np.random.default_rng(0)
    weights, last = random.normal(size=(2, 64)).astype(np.float32), random.normal(size=(64, 1)).astype(np.float32)
    path = write(folder / "net.onnx", nodes, number=TensorProto.FLOAT, weights=weights, last=last)
    Rows(random.normal(size=(64, 2))).save(folder / "rows.npz")
    return Variant("fp32", "fp32", "ok", path=path), Bench(folder / "rows.npz", regressor(), (1, 16))


def test_openvino_runs_the_nodes_of_a_float_network(openvino: Environment, tmp_path: Path) -> None:
    """In an environment of its own, on its own threads, beside the CPU provider of the tool's."""
    variant, bench = network(tmp_path)
    targets = [Target(name=name, provider=name, threads=1) for name in ("cpu", "openvino")]  # type: ignore[arg-type]
    found = measure(targets, [variant], bench)
    rows = {(one.target, one.batch_size): one for one in found.measurements}
    for size in (1, 16):
        one = rows["openvino", size]
        assert one.reason is None
        assert one.p50_us is not None
        assert (one.provider_active, one.placement) == ("OpenVINOExecutionProvider", {"OpenVINOExecutionProvider": 3})
        assert one.operators == {"OpenVINOExecutionProvider": {"MatMul": 2, "Relu": 1}}
        assert rows["cpu", size].provider_active == "CPUExecutionProvider"
    own, made_for = found.environments
    assert (own.own, own.package) == (False, "onnxruntime")
    assert (made_for.own, made_for.package, made_for.version) == (True, "onnxruntime-openvino", "1.24.1")
    assert made_for.size_bytes is not None
    assert made_for.size_bytes > 10**7


def test_openvino_leaves_trees_on_the_cpu_and_that_is_said(openvino: Environment, tmp_path: Path) -> None:
    rows = measure_trees(tmp_path, fallback="allow")
    assert rows.reason == "openvino runs 0 of 1 nodes: tree operators stay on CPU"
    assert (rows.p50_us, rows.provider_active, rows.placement) == (None, None, {"CPUExecutionProvider": 1})


def test_a_target_that_refuses_fallback_fails_on_what_is_left_over(openvino: Environment, tmp_path: Path) -> None:
    rows = measure_trees(tmp_path, fallback="refuse")
    assert rows.reason == "OpenVINOExecutionProvider leaves nodes to the CPU, which the target refuses"
    assert (rows.p50_us, rows.provider_active, rows.placement) == (None, None, {})


def measure_trees(folder: Path, *, fallback: str):  # type: ignore[no-untyped-def]
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["variable"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[0, 0, 0],
        nodes_values=[0.5, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        target_treeids=[0, 0],
        target_nodeids=[1, 2],
        target_ids=[0, 0],
        target_weights=[1.0, 2.0],
    )
    path = write(folder / "trees.onnx", [node], number=TensorProto.FLOAT)
    Rows(np.random.default_rng(0).normal(size=(64, 2))).save(folder / "rows.npz")
    target = Target.model_validate({"name": "there", "provider": "openvino", "fallback": fallback})
    bench = Bench(folder / "rows.npz", regressor(), (1,))
    (row,) = measure([target], [Variant("fp32", "fp32", "ok", path=path)], bench).measurements
    return row


def test_cuda_runs_the_nodes_of_a_float_network_where_there_is_a_gpu(tmp_path: Path) -> None:
    try:
        environment_for(PROVIDERS["cuda"])
    except EnvironmentUnavailable as reason:
        pytest.skip(str(reason))
    variant, bench = network(tmp_path)
    for row in measure([Target(name="gpu", provider="cuda")], [variant], bench).measurements:
        assert row.reason is None
        assert row.provider_active == "CUDAExecutionProvider"
        assert row.placement["CUDAExecutionProvider"] >= 1


def test_a_provider_that_fails_at_session_creation_is_a_result(openvino: Environment, tmp_path: Path) -> None:
    """OpenVINO takes the label of a stock LightGBM classifier, whose rank nobody states, and then refuses it."""
    rows = np.random.default_rng(0).normal(size=(64, 2))
    model = LGBMClassifier(n_estimators=2, min_child_samples=2, verbose=-1).fit(rows, np.arange(64) % 3)
    inputs = [("features", FloatTensorType([None, 2]))]
    (tmp_path / "stock.onnx").write_bytes(
        convert_lightgbm(model, initial_types=inputs, zipmap=False).SerializeToString()
    )
    Rows(rows).save(tmp_path / "rows.npz")
    outputs = (Output("label", "label", 0), Output("probabilities", "probability", 3))
    signature = replace(regressor(), task="classifier", outputs=outputs, classes=(0, 1, 2))
    targets = [Target(name=name, provider=name, threads=1) for name in ("cpu", "openvino")]  # type: ignore[arg-type]
    variants = [Variant("fp32", "fp32", "ok", path=tmp_path / "stock.onnx")]
    cpu, there = measure(targets, variants, Bench(tmp_path / "rows.npz", signature, (1,))).measurements
    assert cpu.p50_us is not None
    assert (there.p50_us, there.provider_active) == (None, None)
    assert str(there.reason).startswith("OpenVINOExecutionProvider fails on this model: Unexpected: CPU plug-in")
    assert "dynamic rank" in str(there.reason)


def test_the_worker_needs_numpy_and_onnxruntime_alone(tmp_path: Path) -> None:
    """It runs where nothing else is installed, so it must import nothing else, and not find ours by accident."""
    script = (
        "import sys, packager.benchmark.worker\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'pydantic', 'pyarrow', 'yaml', 'rich', 'typer', 'pandas', 'sklearn', 'onnx', 'jinja2', 'psutil'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_worker_that_ends_at_once_is_a_reason() -> None:
    with Child(Path("/bin/true")) as child:
        child._process.wait()  # nobody reads what it is asked any more
        with pytest.raises(ChildEnded, match="ended with code 0"):
            child.ask({"model": "none"}, seconds=10)
        with pytest.raises(ChildEnded, match="has ended"):
            child.ask({"model": "none"}, seconds=10)


def test_a_worker_that_says_nonsense_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nread request\necho nonsense\n")
    script.chmod(0o755)
    with Child(script) as child, pytest.raises(ChildEnded, match="no answer"):
        child.ask({"model": "none"}, seconds=10)


def test_openvinos_environment_is_apart_from_the_tools(openvino: Environment) -> None:
    script = "import onnxruntime, importlib.util; print(onnxruntime.__version__, importlib.util.find_spec('pydantic'))"
    done = subprocess.run([openvino.python, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1.24.1", "None"]
    assert asdict(openvino)["package"] == "onnxruntime-openvino"
