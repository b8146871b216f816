"""What the server takes, against what the deployment gives it: start-up, time of the largest request, memory, disk.

Figures are of this machine, which need not be as fast as the instance; limits are the deployment's own.
"""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass

from packager import wording
from packager.azure.instance_types import GIB, PLATFORM_BYTES, InstanceType, find_type
from packager.bundle.finding import Finding
from packager.bundle.golden import GoldenSet
from packager.bundle.model_info import ModelInfo
from packager.validate.client import get, half_sent, post
from packager.validate.settings import Settings

# A request of more cells is not sent: its text alone would take most of the memory that is to be measured.
_MOST_CELLS = 2_000_000
_LARGEST_TIMES = 5
# Slower than any deployment allows: 180 s is the platform's most.
_LONGEST_S = 200.0
_HEALTH_TIMES = 3


@dataclass(frozen=True)
class Largest:
    """The largest requests: how many rows each had, how long the slowest took, and a status that is not 200."""

    rows: int
    slowest_ms: float
    refused: int | None
    times: int


def startup_findings(seconds: float, settings: Settings) -> list[Finding]:
    """Hold the time to the first answer of GET / against when each probe gives up."""
    findings = []
    for probe in settings.probes:
        if seconds > probe.patience_s:
            message = f"the {probe.name.replace('_', ' ')} gives up before the server is up"
            hint = f"raise initial_delay to {round(2 * seconds) + 1}, or failure_threshold"
            limit = f"{probe.patience_s} s (initial_delay + (failure_threshold - 1) x period)"
            measured = wording.seconds(seconds)
            place = (probe.name, "initial_delay")
            findings.append(
                settings.finding(
                    "ResourceNotReady", "start-up", place, message, hint=hint, measured=measured, limit=limit
                )
            )
    return findings


def slow_client_findings(url: str, settings: Settings) -> tuple[list[Finding], float]:
    """Return whether health is answered within the probes' time-out while a client half-sends; and the slowest time."""
    timeout_s = min(probe.timeout for probe in settings.probes)
    with half_sent(url):
        time.sleep(0.1)  # a worker takes it up
        replies = [get(url, "/", timeout_s=float(timeout_s)) for _ in range(_HEALTH_TIMES)]
    slowest = max(reply.seconds for reply in replies)
    if all(reply.status == 200 for reply in replies):
        return [], slowest
    message = "one client that does not send its request to the end holds up the health probe"
    place, hint = ("environment_variables", "WORKER_COUNT"), "set WORKER_COUNT to 2 or more: a worker has one client"
    limit, measured = f"{timeout_s} s (probe timeout)", "no answer to GET /"
    found = settings.finding("408", "slow client", place, message, hint=hint, measured=measured, limit=limit)
    return [found], slowest


def ask_largest(url: str, info: ModelInfo, golden: GoldenSet) -> Largest:
    """Send the largest request some times, of the golden rows in turn."""
    rows = min(info.max_batch, max(1, _MOST_CELLS // max(1, len(info.signature.columns))))
    cells = list(itertools.islice(itertools.cycle(golden.cells), rows))
    body, slowest_s, sent = json.dumps({info.request_key: cells}).encode(), 0.0, 0
    for sent in range(1, _LARGEST_TIMES + 1):
        reply = post(url, body, timeout_s=_LONGEST_S)
        slowest_s = max(slowest_s, reply.seconds)
        if reply.status != 200:
            return Largest(rows, 1000 * slowest_s, reply.status, sent)
    return Largest(rows, 1000 * slowest_s, None, sent)


def largest_findings(largest: Largest, settings: Settings) -> list[Finding]:
    """Hold the slowest request of max_batch rows against request_timeout_ms."""
    told = wording.rows(largest.rows)
    if largest.refused is not None:
        hint = "lower bundle.max_batch in the recipe and build anew, or raise WORKER_TIMEOUT"
        measured = largest.refused or "no answer"
        message = f"a request of {told}, which max_batch allows, is not answered"
        return [Finding("424", "time-out", message, hint, "code/model_info.json", measured, 200)]
    if largest.slowest_ms <= settings.request_timeout_ms:
        return []
    message = f"a request of {told}, which max_batch allows, takes longer than the platform waits"
    hint = "raise request_timeout_ms (180000 at most), or lower bundle.max_batch in the recipe and build anew"
    place = ("request_settings", "request_timeout_ms")
    measured, limit = f"{largest.slowest_ms:.0f} ms", f"{settings.request_timeout_ms} ms"
    return [settings.finding("408", "time-out", place, message, hint=hint, measured=measured, limit=limit)]


def memory_findings(resident: int, instance: InstanceType, settings: Settings) -> list[Finding]:
    """Hold what all processes of the server take, and what stays free for the platform's own, against the instance."""
    total = int(instance.memory_gib * GIB)
    if resident + PLATFORM_BYTES <= total:
        return []
    message = (
        f"the server's {wording.several(settings.workers, 'worker')} leave less than "
        f"{wording.size(PLATFORM_BYTES)} of {instance.name} for the platform's own containers"
    )
    hint = "choose an instance type with more memory (bundle.deploy.instance_type), or fewer workers"
    measured, limit = wording.size(resident), f"{wording.size(total - PLATFORM_BYTES)} of {wording.size(total)}"
    place = ("instance_type",)
    return [settings.finding("OutOfQuota", "memory", place, message, hint=hint, measured=measured, limit=limit)]


def disk_findings(needed: int, instance: InstanceType, settings: Settings) -> list[Finding]:
    """Hold the bundle and its environment against the instance's disk."""
    total = int((instance.temp_disk_gib or 0) * GIB)
    if instance.temp_disk_gib is None or needed <= total:
        return []
    message = f"bundle and environment do not fit on the disk of {instance.name}"
    hint = "choose an instance type with a larger disk (bundle.deploy.instance_type)"
    place, measured, limit = ("instance_type",), wording.size(needed), wording.size(total)
    return [settings.finding("OutOfQuota", "disk", place, message, hint=hint, measured=measured, limit=limit)]


def instance_of(settings: Settings) -> InstanceType | None:
    """Return the instance type, None where its size is not known."""
    return None if settings.instance_type is None else find_type(settings.instance_type)
