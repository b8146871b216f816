"""The URI schemes that a recipe may name, in one table, and what is wrong with a URI before anything is looked up.

A scheme that is known but has no reader yet is named as such by whoever would read it; an unknown one is a mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from packager.recipe.names import SAFE, SAFE_WORDS


@dataclass(frozen=True)
class Scheme:
    """`form`: how such a URI is written; `pattern`: what it looks like; `available`: this version reads it."""

    name: str
    form: str
    pattern: str
    available: bool = False


PATH = "path"
# A letter alone before the colon is a drive of Windows, not a scheme.
_PREFIX = r"[A-Za-z][A-Za-z0-9+.-]+:"

SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme(PATH, "a path", rf"(?!{_PREFIX}).+", True),
        Scheme("file", "file:///PATH", r"file://(?:localhost)?/.+", True),
        Scheme("registry", "registry://NAME/VERSION", rf"registry://{SAFE}(?:/{SAFE})?", True),
        Scheme("models", "models:/NAME/VERSION", r"models:/.+"),
        Scheme("azureml", "azureml:NAME:VERSION", r"azureml:.+"),
        Scheme("oci", "oci://HOST/NAME:TAG", r"oci://.+"),
        Scheme("s3", "s3://BUCKET/KEY", r"s3://.+"),
        Scheme("abfs", "abfs://CONTAINER/KEY", r"abfs://.+"),
        Scheme("gs", "gs://BUCKET/KEY", r"gs://.+"),
        Scheme("https", "https://HOST/PATH", r"https://.+"),
    )
}
URI_PATTERN = "^(?:" + "|".join(scheme.pattern for scheme in SCHEMES.values()) + ")$"


def scheme_of(uri: str) -> str:
    """Return the scheme that `uri` names, in lower case; a path has the scheme `path`."""
    prefix = re.match(_PREFIX, uri)
    return PATH if prefix is None else prefix.group()[:-1].lower()


def uri_problem(uri: str) -> str | None:
    """Say what is wrong with `uri`, without repeating more of it than its scheme; None if nothing is."""
    scheme = SCHEMES.get(scheme_of(uri))
    if scheme is None:
        near = get_close_matches(scheme_of(uri), SCHEMES, n=1, cutoff=0.5)
        known = ", ".join(known.form for known in SCHEMES.values())
        advice = f"did you mean {SCHEMES[near[0]].form}?" if near else f"expected one of {known}"
        return f"unknown scheme '{scheme_of(uri)[:20]}'; {advice}"
    if re.fullmatch(scheme.pattern, uri) is not None:
        return None
    if scheme.name == "registry":
        return f"expected {scheme.form} or registry://NAME, where NAME and VERSION are {SAFE_WORDS}"
    return f"expected {scheme.form}"
