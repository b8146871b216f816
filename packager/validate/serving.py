"""What is looked at while the bundle's server runs, and once more with the model mounted the other way."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

from packager import wording
from packager.bundle.fast_path import KEY
from packager.bundle.finding import Finding
from packager.bundle.serve import Served
from packager.errors import BundleError
from packager.load.family import resident_bytes
from packager.offered import offered
from packager.validate import answers, api, contract, forms, gate, resources
from packager.validate.client import get
from packager.validate.facts import Facts
from packager.validate.result import Check
from packager.validate.silence import silence_findings
from packager.wording import clip, printable

if TYPE_CHECKING:
    from packager.validate.clean import CleanEnvironment
    from packager.validate.container import Container
    from packager.validate.gate import Gate

# The line of a traceback that names what was raised.
_RAISED = re.compile(r"^[\w.]*(?:Error|Exception|Exit|Refused|Interrupt|Warning)\b.*", re.MULTILINE)
_MOST_LOG_BYTES = 1 << 26


def serve_and_look(
    facts: Facts, container: Container, environment: CleanEnvironment, *, gate: Gate | None, say: Callable[[str], None]
) -> list[Check]:
    """Return the checks of the served bundle; only that of the start where it does not come up."""
    with tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        try:
            with container.started(log) as server:
                seconds = time.perf_counter() - began
                checks = [_start(facts, seconds)]
                look = _Look(facts, server, environment, say)
                checks += look.checks(gate)
        except BundleError as error:
            finding = _not_ready(error, _text(log), facts)
            return [Check("start-up", finding.message, (finding,), time.perf_counter() - began)]
        checks.append(_timed("logs", lambda: look.logs(_text(log))))
    say("starting it again with the model mounted without its folder's name")
    return [*checks, _timed("layout", lambda: _other_layout(facts, container))]


class _Look:
    """One running server, and what has been asked of it so far."""

    def __init__(self, facts: Facts, server: Served, environment: CleanEnvironment, say: Callable[[str], None]) -> None:
        self._facts, self._server, self._environment, self._say = facts, server, environment, say
        self._url, self._answered = server.url, list[contract.Answered]()

    def checks(self, asked: Gate | None) -> Iterator[Check]:
        """Make the checks in their order: those that load the server before the one that weighs it."""
        facts, url, info, golden = self._facts, self._url, self._facts.info, self._facts.golden
        if (fast := info.fast_path) is not None:
            yield _timed("fast path", lambda: forms.form_findings(url, facts, fast))
        yield _timed("health", self._health)
        yield _timed("contract", self._contract)
        told = f"{wording.rows(len(golden.cells))} as the registered model answered, within its limits"
        yield _timed("golden", lambda: (answers.golden_findings(url, info, golden), told, None))
        told = "answered as recorded"
        yield _timed("sample", lambda: (answers.sample_findings(url, facts.bundle, info, golden), told, None))
        yield _timed("api", self._api)
        yield _timed("slow client", self._slow_client)
        yield _timed("time-out", self._largest)
        if asked is not None:
            yield _timed("load", lambda: self._load(asked))
        yield _timed("memory", self._memory)
        yield _timed("disk", self._disk)

    def logs(self, log: bytes) -> _Seen:
        """Look for values in all that the server has written."""
        found = silence_findings(log, self._answered, self._facts.info, self._facts.golden)
        lines = wording.several(len(log.splitlines()), "line")
        return found, f"no value of a request in {lines}", None

    def _health(self) -> _Seen:
        reply = get(self._url, "/")
        timeout_s = min(probe.timeout for probe in self._facts.settings.probes)
        findings = []
        if reply.status != 200 or reply.seconds > timeout_s:
            message, hint = "the probes would not be answered", "package serve BUNDLE shows the server's log"
            measured = f"status {reply.status} after {wording.seconds(reply.seconds)}"
            found = Finding("ResourceNotReady", "health", message, hint, None, measured, f"200 within {timeout_s} s")
            findings.append(found)
        return findings, f"GET / answers in {wording.latency(1e6 * reply.seconds)}", None

    def _contract(self) -> _Seen:
        self._answered = contract.ask(self._url, self._facts.info, self._facts.golden.cells[0])
        return contract.judge(self._answered), f"{len(self._answered)} requests answered with their statuses", None

    def _api(self) -> _Seen:
        findings = api.served_findings(self._url, self._facts.bundle)
        document = api.document_findings(self._facts.bundle)
        gap = document if isinstance(document, str) else None
        more = [] if isinstance(document, str) else document
        return [*findings, *more], "served as written, valid, its examples keep to their schemas", gap

    def _slow_client(self) -> _Seen:
        settings = self._facts.settings
        findings, slowest_s = resources.slow_client_findings(self._url, settings)
        if findings and settings.variables.get("WORKER_COUNT") == "1":
            # The recipe's own choice, and no probe gives up before the client is let go: told, not refused.
            return [], "one worker, as asked for", "a slow client holds up the health probe; two workers avoid it"
        return findings, f"health answers in {wording.latency(1e6 * slowest_s)} beside a half-sent POST", None

    def _largest(self) -> _Seen:
        settings = self._facts.settings
        largest = resources.ask_largest(self._url, self._facts.info, self._facts.golden)
        told = (
            f"{wording.rows(largest.rows)} at most in {wording.latency(1000 * largest.slowest_ms)} of "
            f"{wording.latency(1000 * settings.request_timeout_ms)}"
        )
        rows, allowed = largest.rows, self._facts.info.max_batch
        gap = None if rows == allowed else f"asked with {wording.rows(rows)}, max_batch is {wording.count(allowed)}"
        return resources.largest_findings(largest, settings), told, gap

    def _load(self, asked: Gate) -> _Seen:
        self._say(f"loading it with {asked.rate_qps:g} requests/s for {wording.seconds(asked.seconds)}")
        bodies = offered(self._facts.bundle, self._facts.info, 1).bodies
        loaded = gate.load(self._server.score_url, bodies, asked, self._facts.settings)
        point, away = loaded.point, wording.several(loaded.turned_away, "request")
        p95 = "no p95" if point.p95_ms is None else f"p95 {wording.latency(1000 * point.p95_ms)}"
        told = f"{p95} at {asked.rate_qps:g} rps, limit {asked.p95_ms:g} ms; 429 for {away}"
        return gate.gate_findings(loaded, asked, self._facts.settings), told, None

    def _memory(self) -> _Seen:
        settings, resident = self._facts.settings, resident_bytes(self._server.process.pid)
        if resident is None:
            return [], "not measured", "the system does not tell the memory of other processes"
        told = f"{wording.size(resident)} in {wording.several(settings.workers, 'worker')} after load"
        if (instance := resources.instance_of(settings)) is None:
            return [], told, f"the memory of {printable(settings.instance_type)} is not known here"
        return resources.memory_findings(resident, instance, settings), f"{told}; {instance.name}", None

    def _disk(self) -> _Seen:
        settings, manifest = self._facts.settings, self._facts.manifest
        needed = manifest.size_bytes + self._environment.size_bytes
        told = f"{wording.size(needed)} for bundle and environment"
        instance = resources.instance_of(settings)
        if instance is None or instance.temp_disk_gib is None:
            return [], told, f"the disk of {printable(settings.instance_type)} is not known here"
        return resources.disk_findings(needed, instance, settings), f"{told}; {instance.name}", None


_Seen = tuple[list[Finding], str, str | None]


def _timed(name: str, look: Callable[[], _Seen]) -> Check:
    began = time.perf_counter()
    findings, told, gap = look()
    told = told if not findings else findings[0].message
    return Check(name, told, tuple(findings), time.perf_counter() - began, gap)


def _start(facts: Facts, seconds: float) -> Check:
    settings = facts.settings
    patience = min(probe.patience_s for probe in settings.probes)
    workers = wording.several(settings.workers, "worker")
    told = f"up in {wording.seconds(seconds)} with {workers}; the probes wait {patience} s"
    findings = tuple(resources.startup_findings(seconds, settings))
    return Check("start-up", findings[0].message if findings else told, findings, seconds)


def _other_layout(facts: Facts, container: Container) -> _Seen:
    """Start it with AZUREML_MODEL_DIR at the model's own folder, and ask one golden request."""
    told = "the model is found with and without its folder's name; nothing is written"
    with tempfile.TemporaryFile() as log:
        try:
            with container.started(log, named=False) as server:
                findings = answers.sample_findings(server.url, facts.bundle, facts.info, facts.golden)
        except BundleError as error:
            findings = [_not_ready(error, _text(log), facts)]
    return findings, told, None


def _not_ready(error: BundleError, log: bytes, facts: Facts) -> Finding:
    """Say why the container would crash or never be ready, in the script's own last words."""
    text = log.decode("utf-8", "replace")
    # The server raises an error of its own from the script's.
    raised = [found[0] for found in _RAISED.finditer(text) if not found[0].startswith("azureml_inference_server_http.")]
    cause = clip(printable(raised[-1]), 300) if raised else ""
    hint = "package serve BUNDLE shows the server's log; correct what init() needs, and build anew"
    if cause.startswith(("ModuleNotFoundError", "ImportError")):
        hint = "a package that score.py imports is not in environment/conda.yml: add it there, and build anew"
    elif KEY in cause and "BINNED_INSTRUCTION_SET" in cause:
        hint = forms.OTHER_INSTRUCTIONS
    elif KEY in cause:
        hint = f"build on the kind of machine that serves, or take {KEY}: prefer, with which model.onnx serves"
    elif "changed" in cause:
        hint = "the model is not the one that score.py was made for: build or fetch the bundle anew"
    what = "score.py's init() fails" if raised else clip(printable(error.message), 300)
    message = f"{what}: {cause}" if cause else what
    measured = None if error.measured is None else str(error.measured)
    return Finding("ResourceNotReady", "start-up", message, hint, "code/score.py", measured)


def _text(log: IO[bytes]) -> bytes:
    log.seek(0)
    return log.read(_MOST_LOG_BYTES)
