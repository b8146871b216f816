"""Placement in plain words: how many nodes the provider took, and what stays on the CPU."""

from __future__ import annotations

from packager.artifact import Measurement
from packager.report.placement import placement_findings, placement_said, placement_table

VINO, CPU = "OpenVINOExecutionProvider", "CPUExecutionProvider"


def test_trees_on_the_cpu_are_named_as_such() -> None:
    operators = {CPU: {"TreeEnsemble": 3}}
    assert placement_said("openvino", VINO, operators) == "openvino runs 0 of 3 nodes: tree operators stay on CPU"


def test_what_stays_is_named_and_much_of_it_is_counted() -> None:
    assert placement_said("openvino", VINO, {CPU: {"Exp": 1}, VINO: {"Add": 2}}) == (
        "openvino runs 2 of 3 nodes: Exp stays on CPU"
    )
    many = {CPU: {"TreeEnsemble": 1, "Exp": 1, "Div": 2, "Cast": 1, "Abs": 1, "Sign": 1}, VINO: {"Add": 1}}
    assert placement_said("openvino", VINO, many) == (
        "openvino runs 1 of 8 nodes: tree operators, Abs, Cast, Div and 2 other operators stay on CPU"
    )


def test_a_provider_that_took_all_is_said_to_have_done_so() -> None:
    assert placement_said("openvino", VINO, {VINO: {"Add": 1, "Gemm": 4}}) == "openvino runs all 5 nodes"


def measured(target: str, provider: str, operators: dict[str, dict[str, int]], active: str | None) -> Measurement:
    placement = {name: sum(counts.values()) for name, counts in operators.items()}
    return Measurement(target, provider, active, placement, "fp32", 1, 1, operators=operators)


def test_findings_are_of_other_providers_and_the_table_is_of_all() -> None:
    cpu = {CPU: {"Gemm": 2, "Add": 1}}
    vino = {CPU: {"Exp": 1}, VINO: {"Gemm": 2}}
    rows = [measured("cpu-1", "cpu", cpu, CPU), measured("cpu-2", "cpu", cpu, CPU)]
    rows += [measured("vino", "openvino", vino, VINO) for _ in range(2)]  # two batch sizes of one graph
    assert list(placement_findings(rows)) == ["fp32 on vino: openvino runs 2 of 3 nodes: Exp stays on CPU."]
    told = [[cell.text for cell in row.cells] for row in placement_table(rows).rows]
    assert told == [
        ["cpu-1, cpu-2", "fp32", CPU, "3", "Gemm (2), Add"],
        ["vino", "fp32", CPU, "1", "Exp"],
        ["vino", "fp32", VINO, "2", "Gemm (2)"],
    ]


def test_a_provider_that_took_nothing_is_a_finding() -> None:
    row = measured("vino", "openvino", {CPU: {"TreeEnsemble": 1}}, None)
    (said,) = placement_findings([row])
    assert said == "fp32 on vino: openvino runs 0 of 1 nodes: tree operators stay on CPU."
