"""A binned file opens as a session: on the CPU alone, with threads that change no bit, and operators that are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from packager.artifact import VERIFIED_SETTINGS
from packager.binned.library import LibraryUnavailable
from packager.binned.scorer import ROWS_PER_THREAD, BinnedModel
from packager.dataset.rows import Rows
from packager.runtime import binned as module
from packager.runtime.session import CPU_PROVIDER, ExecutionProvider, NoKernel, ProviderUnavailable, open_session

from .binned_files import needs_library, sums, write_binned
from .graphs import regressor

ROWS = np.random.default_rng(0).normal(size=(3 * ROWS_PER_THREAD, 2))
BESIDE = [np.nextafter(edge, side) for edge in (-0.5, 0.25, 0.75) for side in (-9, edge, 9)]


def graph(source: str, target: str, columns: int, *operators: str) -> bytes:
    names = [source, *(f"step_{index}" for index in range(len(operators) - 1)), target]
    nodes = [helper.make_node(operator, [names[index]], [names[index + 1]]) for index, operator in enumerate(operators)]
    made = helper.make_graph(
        nodes,
        "around",
        [helper.make_tensor_value_info(source, TensorProto.DOUBLE, [None, columns])],
        [helper.make_tensor_value_info(target, TensorProto.DOUBLE, [None, columns])],
    )
    text: bytes = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10
    ).SerializeToString()
    assert onnx.load_from_string(text)
    return text


@needs_library
def test_trees_alone_answer_bit_for_bit_on_both_sides_of_every_edge(tmp_path: Path) -> None:
    opened = open_session(write_binned(tmp_path / "a.binned"), regressor())
    assert isinstance(opened.inference, BinnedModel)
    assert opened.input_dtype == np.float64
    rows = np.array(np.meshgrid(BESIDE, BESIDE)).reshape(2, -1).T
    answers = opened.answers(Rows(rows))["variable"]
    assert answers.shape == (len(rows),)
    assert answers.tobytes() == sums(rows).tobytes()
    assert len(set(answers.tolist())) > 3


@needs_library
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("rows_per_run", [None, 7, 5_000])
def test_threads_and_parts_change_no_bit(threads: int, rows_per_run: int | None, tmp_path: Path) -> None:
    path = write_binned(tmp_path / "a.binned")
    settings = replace(VERIFIED_SETTINGS, threads=threads, rows_per_run=rows_per_run)
    several = open_session(path, regressor(), settings=settings)
    assert several.answers(Rows(ROWS))["variable"].tobytes() == sums(ROWS).tobytes()


@needs_library
def test_operators_are_ensembles_and_what_stands_around_them(tmp_path: Path) -> None:
    alone = open_session(write_binned(tmp_path / "a.binned"), regressor())
    assert alone.operators == {CPU_PROVIDER: {"BinnedTrees": 1}}
    before, after = graph("features", "cells", 2, "Neg"), graph("sums", "variable", 1, "Exp", "Sqrt")
    both = open_session(write_binned(tmp_path / "b.binned", before=before, after=after), regressor())
    assert both.operators == {CPU_PROVIDER: {"BinnedTrees": 1, "Exp": 1, "Neg": 1, "Sqrt": 1}}
    assert both.placement == {CPU_PROVIDER: 4}
    assert both.rows_per_run < alone.rows_per_run, "what graphs compute for all rows of a run lies in memory at once"
    np.testing.assert_allclose(both.answers(Rows(ROWS))["variable"], np.sqrt(np.exp(sums(-ROWS))))


@needs_library
def test_another_provider_has_no_part_in_it(tmp_path: Path) -> None:
    with pytest.raises(ProviderUnavailable, match="OpenVINOExecutionProvider has no part in it"):
        open_session(
            write_binned(tmp_path / "a.binned"), regressor(), provider=ExecutionProvider("OpenVINOExecutionProvider")
        )


@needs_library
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:100], "does not open"),
        (lambda data: b"PK" + data, "does not open"),
        (lambda data: data.replace(b"ensembles", b"ensemblez"), "does not open"),
        (lambda data: data.replace(b"BINNED\0\1", b"BINNED\0\2"), "does not open"),
    ],
    ids=["cut", "shifted", "no ensembles", "another format"],
)
def test_a_damaged_file_is_no_model_and_is_told_in_one_line(damage, told: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = write_binned(tmp_path / "a.binned")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(NoKernel, match=told) as caught:
        open_session(path, regressor())
    assert "\n" not in str(caught.value)


@needs_library
def test_a_graph_that_does_not_load_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoKernel, match=r"a\.binned does not open"):
        open_session(write_binned(tmp_path / "a.binned", before=b"no graph at all"), regressor())


def test_without_the_extension_it_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise LibraryUnavailable("nothing was compiled")

    monkeypatch.setattr(module, "library", none)
    with pytest.raises(NoKernel, match="nothing was compiled"):
        open_session(write_binned(tmp_path / "a.binned"), regressor())
