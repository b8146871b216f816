"""What a deployment sets: time-outs, probes, workers, scaling, collected data, environment variables, tags."""

from __future__ import annotations

from collections.abc import Iterator

from packager.azure import rules
from packager.bundle.deploy_file import DeployFile
from packager.bundle.finding import Finding, PlatformCode

# What the server does with nothing set.
_DEFAULT_WORKERS, _DEFAULT_WORKER_TIMEOUT_S, _DEFAULT_CONCURRENCY, _DEFAULT_REQUEST_TIMEOUT_MS = 1, 300, 1, 5_000
_PROBES = ("liveness_probe", "readiness_probe")
# A container that does not answer is given up after so long; a broken one would be waited for as long.
_MOST_PROBED_S = 3600
_PROBE_DEFAULTS = {"initial_delay": 10, "period": 10, "failure_threshold": 30}
_ROLLING_RATES = ("minute", "hour", "day")
_VARIABLES = "environment_variables"


def settings_findings(file: DeployFile) -> Iterator[Finding]:
    """Yield settings that the platform refuses, or that fail once requests come."""
    yield from _requests(file)
    yield from _workers(file)
    for probe in _PROBES:
        yield from _probe(file, probe)
    yield from _scaling(file)
    yield from _collected(file)
    yield from _variables(file)
    yield from _logged(file)


def worker_count(file: DeployFile) -> int:
    """Return how many workers the server starts."""
    return _whole(file.text(_VARIABLES, "WORKER_COUNT")) or _DEFAULT_WORKERS


def tag_findings(file: DeployFile) -> Iterator[Finding]:
    """Yield tags that no resource of Azure takes."""
    tags = file.at("tags")
    if not isinstance(tags, dict):
        return
    if len(tags) > rules.TAGS_MOST:
        yield file.finding(("tags",), "too many tags", "take some out", measured=len(tags), limit=rules.TAGS_MOST)
    for name, value in tags.items():
        if not isinstance(value, str):
            yield file.finding(("tags", name), "a tag is text", "put it in quotes")
        elif not 0 < len(name) <= rules.TAG_NAME_MOST or len(value) > rules.TAG_VALUE_MOST:
            message = f"a tag has a name of 1 to {rules.TAG_NAME_MOST} characters and a value of at most so many"
            measured = f"{len(name)} and {len(value)}"
            yield file.finding(("tags", name), message, "shorten it", measured=measured, limit=rules.TAG_VALUE_MOST)


def _requests(file: DeployFile) -> Iterator[Finding]:
    section = "request_settings"
    timeout, most = file.number(section, "request_timeout_ms"), rules.REQUEST_TIMEOUT_MS_MOST
    if timeout is not None and not 1 <= timeout <= most:
        message, hint = "no time-out that the platform takes", f"write milliseconds from 1 to {most}"
        yield file.finding((section, "request_timeout_ms"), message, hint, measured=timeout, limit=most)
    at_once = file.number(section, "max_concurrent_requests_per_instance")
    if at_once is not None and at_once < 1:
        key = (section, "max_concurrent_requests_per_instance")
        yield file.finding(key, "nothing would ever be answered", "write as many as workers", measured=at_once, limit=1)
    if file.at(section, "max_queue_wait_ms") is not None:
        message = "deprecated: waiting counts as part of request_timeout_ms"
        yield file.finding((section, "max_queue_wait_ms"), message, "take it out, and raise request_timeout_ms")


def _workers(file: DeployFile) -> Iterator[Finding]:
    """A worker answers one request at a time: more requests than workers wait inside, fewer leave workers idle."""
    for name in ("WORKER_COUNT", "WORKER_TIMEOUT"):
        text = file.text(_VARIABLES, name)
        if text is not None and not _whole(text):
            yield file.finding((_VARIABLES, name), "not a whole number above 0", "write one, as text")
    workers, at_once = worker_count(file), file.number("request_settings", "max_concurrent_requests_per_instance")
    at_once = _DEFAULT_CONCURRENCY if at_once is None else at_once
    if at_once != workers:
        more = at_once > workers
        code: PlatformCode = "408" if more else "429"
        why = "requests wait for a worker in the container" if more else "workers stay idle while requests are refused"
        key = ("request_settings", "max_concurrent_requests_per_instance")
        hint = f"write {workers}, as WORKER_COUNT says"
        yield file.finding(key, why, hint, measured=at_once, limit=workers, code=code)
    timeout_ms = file.number("request_settings", "request_timeout_ms") or _DEFAULT_REQUEST_TIMEOUT_MS
    worker_s = _whole(file.text(_VARIABLES, "WORKER_TIMEOUT")) or _DEFAULT_WORKER_TIMEOUT_S
    if 1000 * worker_s < timeout_ms:
        message = "a worker is ended while its request may still be answered"
        hint = f"write at least {-(-timeout_ms // 1000)}, or a shorter request_timeout_ms"
        place = (_VARIABLES, "WORKER_TIMEOUT")
        yield file.finding(place, message, hint, measured=f"{worker_s} s", limit=f"{timeout_ms} ms", code="424")


def _probe(file: DeployFile, probe: str) -> Iterator[Finding]:
    if not isinstance(file.at(probe), dict):
        return
    for key in ("initial_delay", "period", "timeout", "success_threshold", "failure_threshold"):
        value = file.number(probe, key)
        if value is not None and value < 1:
            yield file.finding((probe, key), "at least 1", "write 1 or more", measured=value, limit=1)
    successes = file.number(probe, "success_threshold")
    if probe == "liveness_probe" and successes is not None and successes > 1:
        place, message = (probe, "success_threshold"), "a liveness probe succeeds at once"
        yield file.finding(place, message, "write 1", measured=successes, limit=1)
    delay, period, failures = (
        default if (value := file.number(probe, key)) is None else value for key, default in _PROBE_DEFAULTS.items()
    )
    if (patience := delay + period * failures) > _MOST_PROBED_S:
        message = "a container that never answers would be waited for too long"
        hint = "lower initial_delay, period or failure_threshold"
        limit = f"{_MOST_PROBED_S} s"
        yield file.finding((probe,), message, hint, measured=f"{patience} s", limit=limit, code="ResourceNotReady")


def _scaling(file: DeployFile) -> Iterator[Finding]:
    settings = file.at("scale_settings")
    if not isinstance(settings, dict):
        return
    if str(settings.get("type", "")).lower() != "default":
        message = "managed endpoints scale by a rule of Azure Monitor, not by their deployment"
        hint = "write type: default, or take scale_settings out; `package report` tells the rule"
        yield file.finding(("scale_settings",), message, hint, measured=str(settings.get("type")), limit="default")
    for key in settings:
        if key != "type":
            yield file.finding(("scale_settings", key), "type: default takes no other keys", "take it out")


def _collected(file: DeployFile) -> Iterator[Finding]:
    collector = file.at("data_collector")
    if not isinstance(collector, dict):
        return
    collections = collector.get("collections")
    for name, one in (collections if isinstance(collections, dict) else {}).items():
        place = ("data_collector", "collections", name)
        enabled = one.get("enabled") if isinstance(one, dict) else None
        if not (isinstance(enabled, str) and enabled.lower() in ("true", "false")):
            message = "text is expected: 'true' or 'false', in quotes"
            yield file.finding((*place, "enabled"), message, "write 'true' with its quotes")
        elif name not in ("request", "response") and enabled.lower() == "true":
            message = "score.py fills no collection of its own; the platform fills request and response"
            yield file.finding(place, message, "take it out, or collect request and response")
    sampling = collector.get("sampling_rate")
    if sampling is not None and not (isinstance(sampling, int | float) and 0 <= sampling <= 1):
        message, hint = "a share from 0 to 1 is expected", "write 1.0 for all requests"
        yield file.finding(("data_collector", "sampling_rate"), message, hint)
    rolling = file.text("data_collector", "rolling_rate")
    if rolling is not None and rolling.lower() not in _ROLLING_RATES:
        message = f"the platform takes {', '.join(_ROLLING_RATES)}"
        yield file.finding(("data_collector", "rolling_rate"), message, "write hour", measured=rolling)


def _variables(file: DeployFile) -> Iterator[Finding]:
    variables = file.at(_VARIABLES)
    for name, value in (variables if isinstance(variables, dict) else {}).items():
        place = (_VARIABLES, name)
        if not rules.is_variable(name):
            yield file.finding(place, "no name of an environment variable", "use letters, digits and _")
        elif not isinstance(value, str):
            yield file.finding(place, "an environment variable is text", "put its value in quotes")
        elif name in rules.RESERVED:
            yield file.finding(place, "the platform or its server sets this variable", "take it out")
        elif rules.looks_secret(name, value):
            message = "looks like a secret, and this file is read by many"
            yield file.finding(place, message, f"have it injected: {rules.INJECTED_RULE}")
        elif name == rules.ORIGINS:
            for origin in value.split(","):
                if not rules.is_origin(origin.strip()):
                    hint = f"write {rules.ORIGIN_RULE}, several separated by commas"
                    yield file.finding(place, "not an origin", hint)


def _logged(file: DeployFile) -> Iterator[Finding]:
    """With Application Insights on, the server logs answers unless it is told not to."""
    logs = (file.text(_VARIABLES, "APP_INSIGHTS_LOG_RESPONSE_ENABLED") or "true").lower()
    if file.at("app_insights_enabled") is True and logs != "false":
        message = "answers would be logged to Application Insights"
        hint = "write 'false', or take app_insights_enabled out"
        yield file.finding((_VARIABLES, "APP_INSIGHTS_LOG_RESPONSE_ENABLED"), message, hint, measured=logs)


def _whole(text: str | None) -> int | None:
    """Return a whole number above 0 written as text, None where it is none."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and 0 < len(text) < 10 else None
