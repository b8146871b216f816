"""The last table on the console: every variant, what was measured of it, and why some are not there."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from packager.console import Console
from packager.report.model import BuildReport
from packager.report.summary import print_summary

from .samples import all_samples, early_failure, failed_build, ok_build

EXPECTED = """
  variant  status              size    error   labels     drift      p50      p95
  native   registered                                             397 µs   520 µs
▸ fp64     ok              1.45 MiB  2.2e-16       0%         0  24.1 µs  31.6 µs
  fp32     rejected         872 KiB  1.2e-03  0.0831%  +2.5e-05  21.9 µs  28.7 µs
  fp16     not applicable         -        -        -         -        -        -
  int8     no op                  -        -        -         -        -        -
  drift: loss of roc_auc; p50, p95: 1 row on cpu-1
  fp32 rejected: label_mismatch measured 0.0831%, limit 0% (verify.parity.label_mismatch)
  fp16 not applicable: its operators are all of ai.onnx.ml, which has no half precision: nothing in the graph can be \
narrowed
  int8 no op: no MatMul, Gemm or Conv to quantize: 1 TreeEnsemble, 2 Cast stay as they are

bundle     dist/fraud-3/bundle  sha256 4c3b2a1908f7
report     dist/fraud-3/report/report.html
published  registry://fraud-onnx/3
"""


def summary(report: BuildReport, folder: Path | None = None) -> str:
    stream = io.StringIO()
    print_summary(Console(stream, environ={}), report, folder=folder)
    return stream.getvalue().replace("\N{EN DASH}", "-")


def test_the_whole_summary() -> None:
    assert summary(ok_build()) == EXPECTED


def test_a_first_target_that_is_absent_gives_no_figures_and_says_why() -> None:
    report = ok_build()
    report.measurements = [one for one in report.measurements if one.target == "openvino"]
    shown = summary(report)
    assert "µs" not in shown
    assert "openvino not measured: OpenVINOExecutionProvider is not in this onnxruntime" in shown


def test_made_rows_stand_in_where_there_were_no_others() -> None:
    report = ok_build()
    report.verdicts = [one for one in report.verdicts if one.check.startswith("probe_")]
    line = next(line for line in summary(report).splitlines() if line.startswith("▸"))
    assert "4.4e-16" in line
    report.verdicts = []
    line = next(line for line in summary(report).splitlines() if line.startswith("▸"))
    assert line.split()[5:7] == ["-", "-"]


def test_a_failed_build_names_its_report_and_no_bundle() -> None:
    shown = summary(failed_build(), Path("dist/fraud-3/report"))
    assert "report     dist/fraud-3/report/report.html" in shown
    assert "bundle  " not in shown
    assert "▸" not in shown


def test_an_early_failure_has_no_table() -> None:
    assert summary(early_failure(), Path("out/report")) == "report     out/report/report.html\n"
    assert summary(early_failure()) == ""


@pytest.mark.parametrize("name", all_samples())
def test_nothing_steers_the_terminal(name: str) -> None:
    shown = summary(all_samples()[name])
    assert shown.replace("\n", "").isprintable()
