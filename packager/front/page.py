"""The page for people at `/` of `package serve`: what the model takes, a request to try, the answer and its time.

Column names and labels are hostile text: they reach the page as data alone, which its script sets as text, and a
Content-Security-Policy lets nothing but the page's own script and style run. All other requests go to the real server.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from packager.bundle.manifest import Json, Manifest, check_digests
from packager.bundle.model_info import read_info
from packager.bundle.serve import Served, free_port, interrupted_by_sigterm, served, stay
from packager.front.exchange import Asked, Headers, Reply
from packager.front.form import model_form
from packager.front.proxy import Hook, proxied

if TYPE_CHECKING:
    from packager.artifact import Column

_TEMPLATES = Path(__file__).parent / "templates"
# More known values than these are typed, not chosen from a list.
_MOST_CHOICES = 200


@dataclass(frozen=True)
class Browsed:
    """A running page: its address, and the server behind it."""

    url: str
    server: Served


def serve_with_page(bundle: Path, *, port: int, say: Callable[[str], None] = print) -> None:
    """Serve until interrupted (Ctrl-C or SIGTERM), telling where to look and POST. BundleError where it ends itself."""
    manifest = check_digests(bundle)
    with interrupted_by_sigterm(), browsed(bundle, port=port, log=sys.stderr.buffer) as running:
        for line in _invitation(bundle, manifest, running):
            say(line)
        if form := model_form(bundle, running.server.url):
            say(form)
        stay(running.server)


@contextmanager
def browsed(bundle: Path, *, port: int = 0, log: IO[bytes] | None = None) -> Iterator[Browsed]:
    """Yield the bundle on its real server with the page before it; both end with the block."""
    hook, port = page_hook(bundle), free_port(port)  # a port that is taken is told before the server takes its time
    with served(bundle, log=log) as server, proxied(server.url, port=port, answer=hook) as url:
        yield Browsed(url, server)


def page_hook(bundle: Path) -> Hook:
    """Return a hook that answers a browser's GET / with the page, and nothing else."""
    page, policy = _render(bundle)
    headers: Headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
        ("Vary", "Accept"),
    )
    reply = Reply(200, headers, page.encode("utf-8"))

    def answer(asked: Asked) -> Reply | None:
        wants_html = "text/html" in (asked.header("accept") or "")
        return reply if asked.method == "GET" and asked.path == "/" and wants_html else None

    return answer


def _render(bundle: Path) -> tuple[str, str]:
    """Return the page and the policy that lets its own script and style run."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), undefined=jinja2.StrictUndefined, autoescape=True
    )
    style, script = ((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    facts = json.dumps(_facts(bundle), ensure_ascii=False)
    # No text may end the element that the data lies in, or begin a comment in it.
    facts = facts.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    page = environment.get_template("page.html.j2").render(style=style, script=script, facts=facts)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def _facts(bundle: Path) -> dict[str, Json]:
    manifest, info = check_digests(bundle), read_info(bundle / "code")
    sample = json.loads((bundle / "samples" / "request.json").read_bytes())
    return {
        "name": manifest.name,
        "version": manifest.version,
        "task": info.signature.task,
        "key": info.request_key,
        "maxBatch": info.max_batch,
        "classes": None if info.signature.classes is None else list(info.signature.classes),
        "predictions": sum(output.field == "prediction" for output in info.outputs),
        "probabilities": sum(output.field == "probability" for output in info.outputs),
        "columns": [_column(column) for column in info.signature.columns],
        "sample": sample,
    }


def _column(column: Column) -> dict[str, Json]:
    kinds = {"string": "text", "float64": "number", "any": "any"}
    return {
        "name": column.name,
        "type": "true or false" if column.truth and column.known else kinds[column.dtype],
        "truth": column.truth,
        "takes": _takes(column),
        "missing": column.accepts_missing or column.dtype == "any",
        "choices": None if column.known is None or len(column.known) > _MOST_CHOICES else list(column.known),
    }


def _takes(column: Column) -> str:
    if column.dtype == "any":
        return "anything: the model does not read it"
    if column.truth:
        return "true or false, or 1 and 0 for them" if column.known else "any number, true or false"
    if column.known is not None:
        if len(column.known) > 6:
            return f"one of {len(column.known)} known values"
        return ", ".join(f"{value:.15g}" if isinstance(value, float) else str(value) for value in column.known)
    if column.dtype == "string":
        return "any text"
    if column.least <= -1e30 and column.max_abs >= 1e30:
        return "any number" if column.max_abs > 1e300 else f"up to ±{column.max_abs:.3g}"
    return f"{column.least:g} to {column.max_abs:g}"


def _invitation(bundle: Path, manifest: Manifest, running: Browsed) -> list[str]:
    request = shlex.quote(str(bundle / "samples" / "request.json"))
    return [
        f"{manifest.name} {manifest.version} answers at {running.url}/score (POST; Ctrl-C ends it)",
        f"try it in a browser at {running.url}/, or from here (the bare server: {running.server.score_url}):",
        f"curl -X POST {running.url}/score -H 'Content-Type: application/json' -d @{request}",
    ]
