"""A local stand-in for the front of Azure ML's managed online endpoints, before the real server of a bundle.

It asks for a key and answers 401, 404, 408, 413, 424 and 429 as the platform does, with its headers, by what the
bundle's deployment.yml sets, so that clients can be tried whole. `as_platform` is the context manager for that.
What is known of the front comes from Microsoft's troubleshooting pages and answers seen in the wild.
"""

from __future__ import annotations

import hmac
import re
import secrets
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from packager.bundle.manifest import Json, check_digests
from packager.bundle.serve import Served, free_port, interrupted_by_sigterm, served, stay
from packager.errors import BundleError, RecipeError
from packager.front.exchange import Asked, Headers, Reply, UpstreamGoneError, UpstreamSilentError, forward, header
from packager.front.form import model_form
from packager.front.proxy import proxied

# The platform's limit for a request and for an answer of a managed online endpoint.
PAYLOAD_BYTES = 10_000_000
# What the platform takes where deployment.yml says nothing.
_DEFAULT_TIMEOUT_MS, _DEFAULT_CONCURRENT, _DEFAULT_WORKERS = 5000, 1, 1
# So many times what instances may work on at once is let in; the rest of that waits for its turn.
_ADMITTED_PER_PLACE = 2
_PATHS = {"/score", "/swagger.json", "/"}
_STATUS_CODE, _REASON = "ms-azureml-model-error-statuscode", "ms-azureml-model-error-reason"


@dataclass(frozen=True)
class PlatformSettings:
    """What the front holds requests to. `retry_after_s` goes with 429; the platform does not promise one."""

    deployment: str
    endpoint: str
    request_timeout_ms: int = _DEFAULT_TIMEOUT_MS
    max_concurrent_requests_per_instance: int = _DEFAULT_CONCURRENT
    instance_count: int = 1
    workers: int = _DEFAULT_WORKERS
    retry_after_s: int | None = None

    @property
    def admitted(self) -> int:
        """Return how many requests may be under way at once; more get 429."""
        return _ADMITTED_PER_PLACE * self.max_concurrent_requests_per_instance * self.instance_count


@dataclass
class Platform:
    """The front's hook: each request is refused as the platform would, or forwarded and told as the platform tells it.

    `note` is given one line a request: the status, and for 424 the container's own; nothing that a client sent.
    """

    settings: PlatformSettings
    key: str
    upstream: str
    note: Callable[[str], None] | None = None
    _places: threading.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = threading.Semaphore(self.settings.admitted)

    def answer(self, asked: Asked) -> Reply:
        """Answer every request; none is left to the proxy."""
        reply = self._refuse(asked) or self._admit(asked)
        own: Headers = (("azureml-model-deployment", self.settings.deployment),)
        if header(reply.headers, "x-ms-request-id") is None:  # the container's server tells its own
            own += (("x-ms-request-id", str(uuid.uuid4())),)
        reply = replace(reply, headers=(*reply.headers, *own))
        if self.note is not None:
            why = header(reply.headers, _STATUS_CODE) or header(reply.headers, _REASON)
            self.note(f"platform: {reply.status}" + (f" ({why})" if why else ""))
        return reply

    def _refuse(self, asked: Asked) -> Reply | None:
        """Return what the front answers without asking the container."""
        scheme, _, key = (asked.header("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return Reply.of_text(401, "key_auth_bad_header_forbidden")
        if not hmac.compare_digest(key.strip().encode("utf-8", "replace"), self.key.encode("utf-8")):
            return Reply.of_text(401, "key_auth_access_denied")
        deployment = asked.header("azureml-model-deployment")
        if deployment not in (None, self.settings.deployment) or urlsplit(asked.path).path not in _PATHS:
            return Reply.of_text(404, "Not Found")
        if len(asked.body) > PAYLOAD_BYTES:
            return Reply.of_text(413, "Payload Too Large")
        return None

    def _admit(self, asked: Asked) -> Reply:
        if not self._places.acquire(blocking=False):
            wait = self.settings.retry_after_s
            retry: Headers = () if wait is None else (("Retry-After", str(wait)),)
            return Reply.of_text(429, "", ((_REASON, "too_many_pending_request"), *retry))
        try:
            return self._ask(asked)
        finally:
            self._places.release()

    def _ask(self, asked: Asked) -> Reply:
        """Return the container's 200 as it is, or what the platform makes of another answer or of none."""
        started = time.monotonic()
        kept = tuple(pair for pair in asked.headers if pair[0].lower() != "authorization")
        try:
            timeout_s = self.settings.request_timeout_ms / 1e3
            reply = forward(replace(asked, headers=kept), self.upstream, timeout_s=timeout_s)
        except UpstreamSilentError:
            return Reply.of_text(408, "")
        except UpstreamGoneError:
            return Reply.of_text(424, "", ((_STATUS_CODE, "503"), (_REASON, "model_not_ready")))
        took: Headers = (("ms-azureml-model-time", str(round(1e3 * (time.monotonic() - started)))),)
        if len(reply.body) > PAYLOAD_BYTES:
            return Reply.of_text(424, "", ((_REASON, "response_payload_too_large"), *took))
        if reply.status != 200:
            wrapped = ((_STATUS_CODE, str(reply.status)), (_REASON, "model_error"))
            return replace(reply, status=424, headers=(*reply.headers, *wrapped, *took))
        return replace(reply, headers=(*reply.headers, *took))


def read_settings(bundle: Path) -> PlatformSettings:
    """Return what the bundle's deploy/deployment.yml sets; BundleError where it is not one."""
    import yaml

    path = bundle / "deploy" / "deployment.yml"
    try:
        document = yaml.safe_load(path.read_bytes())
        requests, variables = document.get("request_settings", {}), document.get("environment_variables", {})
        return PlatformSettings(
            deployment=str(document["name"]),
            endpoint=str(document["endpoint_name"]),
            request_timeout_ms=_count(requests.get("request_timeout_ms", _DEFAULT_TIMEOUT_MS)),
            max_concurrent_requests_per_instance=_count(
                requests.get("max_concurrent_requests_per_instance", _DEFAULT_CONCURRENT)
            ),
            instance_count=_count(document.get("instance_count", 1)),
            workers=_count(variables.get("WORKER_COUNT", _DEFAULT_WORKERS)),
        )
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} does not describe a deployment ({type(error).__name__})"
        raise BundleError(message, hint="build or fetch the bundle anew") from None


def _count(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or int(value) < 1:
        raise ValueError("a count")
    return int(value)


@dataclass(frozen=True)
class Endpoint:
    """A running stand-in: where clients score, with which key, and the container's server behind it."""

    url: str
    key: str
    settings: PlatformSettings
    container: Served

    @property
    def score_url(self) -> str:
        """Return the scoring URI, as the platform would tell it."""
        return f"{self.url}/score"


@contextmanager
def as_platform(
    bundle: Path,
    *,
    key: str | None = None,
    port: int = 0,
    settings: PlatformSettings | None = None,
    log: IO[bytes] | None = None,
    note: Callable[[str], None] | None = None,
) -> Iterator[Endpoint]:
    """Yield the bundle served on loopback behind the platform's front; both end with the block.

    `settings` default to those of deployment.yml, `key` to one made for this run. `log` takes the server's log,
    `note` a line for each answer of the front.
    """
    settings, key, port = settings or read_settings(bundle), key or secrets.token_urlsafe(32), free_port(port)
    if not re.fullmatch("[!-~]+", key):
        raise RecipeError("A key is printable ASCII without spaces: no header holds another", key="--key")
    with served(bundle, log=log, workers=settings.workers) as container:
        front = Platform(settings, key, container.url, note)
        with proxied(container.url, port=port, answer=front.answer) as url:
            yield Endpoint(url, key, settings, container)


def serve_as_platform(bundle: Path, *, port: int, key: str | None = None, say: Callable[[str], None] = print) -> None:
    """Serve behind the platform's front until interrupted (Ctrl-C or SIGTERM), telling where to score and how.

    The key is told only where it was made for this run.
    """
    manifest = check_digests(bundle)
    with (
        interrupted_by_sigterm(),
        as_platform(bundle, key=key, port=port, log=sys.stderr.buffer, note=say) as endpoint,
    ):
        say(f"{manifest.name} {manifest.version} answers as an endpoint of Azure ML would (Ctrl-C ends it)")
        for line in _invitation(endpoint, key_is_known=bool(key)):
            say(line)
        if form := model_form(bundle, endpoint.container.url):
            say(form)
        stay(endpoint.container)


def _invitation(endpoint: Endpoint, *, key_is_known: bool) -> list[str]:
    settings = endpoint.settings
    timeout_s = settings.request_timeout_ms / 1e3
    return [
        f"deployment {settings.deployment} of endpoint {settings.endpoint}",
        f"{settings.admitted} requests at once, then 429; {timeout_s:g} s for each, then 408",
        f"  export SCORING_URI={endpoint.score_url}",
        "  SCORING_KEY is the key you gave" if key_is_known else f"  export SCORING_KEY={endpoint.key}",
    ]
