"""What deploy/deployment.yml sets for the container, with the platform's own values for what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packager.bundle.deploy_file import DeployFile, read_deploy_file
from packager.bundle.deploy_lint import DEPLOYMENT_FILE
from packager.bundle.finding import Finding, PlatformCode

_VARIABLES = "environment_variables"
# What azmlinfsrv and the platform do with nothing set.
_WORKERS, _WORKER_TIMEOUT_S, _REQUEST_TIMEOUT_MS, _AT_ONCE = 1, 300, 5_000, 1
_PROBE = {"initial_delay": 10, "period": 10, "timeout": 2, "failure_threshold": 30}
# The machine that validates need not start more; the lint tells what is wrong with a greater number.
_MOST_WORKERS = 64


@dataclass(frozen=True)
class Probe:
    """How the platform asks whether the container is well: seconds, and failures in a row until it acts."""

    name: str
    initial_delay: int
    period: int
    timeout: int
    failure_threshold: int

    @property
    def patience_s(self) -> int:
        """Return when the last probe is sent that may fail: a container that is up later is given up."""
        return self.initial_delay + (self.failure_threshold - 1) * self.period


@dataclass(frozen=True)
class Settings:
    """The deployment as the container feels it; `file` gives findings their lines."""

    file: DeployFile
    workers: int
    worker_timeout_s: int
    request_timeout_ms: int
    at_once: int
    instance_type: str | None
    probes: tuple[Probe, ...]

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables that are set as text."""
        set_ = self.file.at(_VARIABLES)
        return {
            name: value for name, value in (set_ if isinstance(set_, dict) else {}).items() if isinstance(value, str)
        }

    def finding(
        self,
        code: PlatformCode,
        check: str,
        place: tuple[str, ...],
        message: str,
        *,
        hint: str,
        measured: str | int | float | None = None,
        limit: str | int | float | None = None,
    ) -> Finding:
        """Return a finding at a key of the file."""
        found = self.file.finding(place, message, hint, measured=measured, limit=limit, code=code)
        return Finding(code, check, message, hint, found.file, found.measured, found.limit)


def read_settings(bundle: Path) -> Settings | Finding:
    """Return what the deployment file sets, or the finding that it can't be read."""
    file = read_deploy_file(bundle, DEPLOYMENT_FILE)
    if isinstance(file, Finding):
        return file
    return Settings(
        file,
        workers=min(_number(file.text(_VARIABLES, "WORKER_COUNT")) or _WORKERS, _MOST_WORKERS),
        worker_timeout_s=_number(file.text(_VARIABLES, "WORKER_TIMEOUT")) or _WORKER_TIMEOUT_S,
        request_timeout_ms=file.number("request_settings", "request_timeout_ms") or _REQUEST_TIMEOUT_MS,
        at_once=file.number("request_settings", "max_concurrent_requests_per_instance") or _AT_ONCE,
        instance_type=file.text("instance_type"),
        probes=tuple(_probes(file)),
    )


def _probes(file: DeployFile) -> Iterator[Probe]:
    for name in ("liveness_probe", "readiness_probe"):
        set_ = {key: file.number(name, key) for key in _PROBE}
        yield Probe(name, **{key: _PROBE[key] if value is None else value for key, value in set_.items()})


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and 0 < len(text) < 10 else None
