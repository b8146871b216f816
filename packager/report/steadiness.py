"""How steady the machine was while it measured, in words: shown beside the figures, subtracted from none."""

from __future__ import annotations

from typing import Any

from packager import wording
from packager.report.tables import Columns, Table, fact_table, plain_row


def noise_facts(noise: dict[str, Any]) -> dict[str, str]:
    """Return what was measured of the machine itself, by name."""
    steal = noise.get("steal_share")
    return {
        "time given to others by the hypervisor": "not measured: the system does not tell"
        if steal is None
        else wording.share(float(steal)),
        "a fixed piece of work, p95 above its median": wording.share(float(noise["spread"])),
        "clock and empty call, within each figure": wording.latency(float(noise["harness_us"])),
    }


def noise_table(noise: dict[str, Any] | None) -> Table | None:
    """The machine's steadiness; None where nothing was measured."""
    return (
        None if noise is None else fact_table("Measured between the rounds, through the whole run", noise_facts(noise))
    )


def noise_said(noise: dict[str, Any] | None) -> str | None:
    """Return why a run is too noisy to decide, or None."""
    if noise is None or not noise.get("too_noisy"):
        return None
    return f"Too noisy to decide small differences: {wording.printable(noise.get('reason') or 'no reason was given')}."


def environment_table(environments: list[dict[str, Any]]) -> Table:
    """The environment of each target: which package at which version, made for it or the tool's own."""
    columns: Columns = (("Target", "code"), ("Package", "code"), ("Version", "code"), ("Environment", "text"))
    rows = tuple(
        plain_row(
            wording.printable(one["target"]),
            wording.printable(one["package"]),
            wording.printable(one.get("version") or wording.NONE),
            wording.printable(_made(one)),
        )
        for one in environments
    )
    return Table("The ONNX Runtime that each target ran in", columns, rows, stacks=True)


def _made(one: dict[str, Any]) -> str:
    if one.get("reason"):
        return str(one["reason"])
    if not one.get("own"):
        return "the tool's own"
    size = one.get("size_bytes")
    return "made for it" if size is None else f"made for it, {wording.size(size)}"
