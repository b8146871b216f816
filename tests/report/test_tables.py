"""Tables leave nothing of the report out, and make nothing up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packager import wording
from packager.report.measured import latency_table, of_target, provenance_table, targets, unavailable
from packager.report.model import ErrorDistribution
from packager.report.tables import (
    drift_table,
    error_table,
    fact_table,
    size_table,
    timing_table,
    variant_table,
    verdict_table,
)

from .samples import all_samples, ok_build

SAMPLES = all_samples()


@pytest.mark.parametrize("name", SAMPLES)
def test_one_row_each(name: str) -> None:
    report = SAMPLES[name]
    assert len(verdict_table(report).rows) == len(report.verdicts)
    assert len(variant_table(report).rows) == len(report.variants)
    assert len(drift_table(report).rows) == len(report.drift)
    assert len(timing_table(report).rows) == len(report.timings_s)
    assert len(size_table(report).rows) == sum(one.size_bytes is not None for one in report.variants)
    assert sum(len(latency_table(report, target).rows) for target in targets(report)) == len(report.measurements)
    outputs = dict.fromkeys(one.output for one in report.distributions)
    assert sum(len(error_table(report, output).rows) for output in outputs) == len(report.distributions)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_row_is_as_wide_as_its_header(name: str) -> None:
    report = SAMPLES[name]
    for table in (verdict_table(report), variant_table(report), drift_table(report), provenance_table(report)):
        assert {len(row.cells) for row in table.rows} <= {len(table.columns)}


def test_measurements_made_alike_share_a_row_that_names_each_batch_size() -> None:
    report = ok_build()
    cells = [[cell.text for cell in row.cells] for row in provenance_table(report).rows]
    assert cells[1] == [
        *("cpu-1", "fp64", "1, 100, 1,000", "2,000, 20, 20", "1", "cpu"),
        *("CPUExecutionProvider", "6 on CPUExecutionProvider", "measured"),
    ]
    assert cells[0][5:8] == [wording.NONE] * 3, "no provider is asked for the registered model"
    at = report.measurements.index(of_target(report, "cpu-1")[1])
    report.measurements[at] = replace(report.measurements[at], provider_active=None, placement={})
    assert len(provenance_table(report).rows) == len(cells) + 1


def test_a_target_is_unavailable_only_when_nothing_was_measured_on_it() -> None:
    report = ok_build()
    assert unavailable(report, "cpu-1") is None
    assert unavailable(report, "openvino") == (
        "not measured: OpenVINOExecutionProvider is not in this onnxruntime (it has CPUExecutionProvider)"
    )


def test_a_variant_that_is_not_ok_always_has_a_reason() -> None:
    report = ok_build()
    report.variants = [replace(one, reason=None) for one in report.variants]
    reasons = [row.cells[-1].text for row in variant_table(report).rows]
    assert reasons == [wording.NONE, *["no reason was given"] * 3]


def test_facts_are_told_in_people_s_units() -> None:
    facts = {
        "cores": 2,
        "memory_bytes": 25_276_510_208,
        "features": ["avx2", "amx"],
        "nested": {"a": [1]},
        "turbo": True,
        "kinds": {"zero": 1200},
        "none": None,
    }
    shown = [row.cells[1].text for row in fact_table("x", facts).rows]
    assert shown == ["2", "23.5 GiB", "avx2, amx", '{"a": [1]}', "True", "zero 1,200", wording.NONE]


def test_a_cell_that_is_cut_keeps_the_whole_text_beside_it() -> None:
    cell = fact_table("x", {"flags": "y" * 1000}).rows[0].cells[1]
    assert len(cell.text) == 300
    assert cell.full == "y" * 1000


def test_errors_are_told_by_quantile() -> None:
    report = ok_build()
    table = error_table(report, "probability")
    assert [title for title, _ in table.columns] == ["Variant", "Values", "Exactly equal", "Share", "50%", "99%", "All"]
    assert [cell.text for cell in table.rows[1].cells[4:]] == ["3.0e-08", "2.0e-07", "1.2e-03"]
    report.distributions = [ErrorDistribution("fp64", "value", 1, (0.0, 1.0), (5,))]
    assert len(error_table(report, "value").rows[0].cells) == 4
