"""A finding: what the platform would refuse, or what would fail there, in the platform's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What a deployment ends with, or an endpoint answers, where the thing found goes uncorrected. 200: the platform notices
# nothing, and a client is answered, or a log written, as it must not be.
PlatformCode = Literal[
    "ImageBuildFailure",
    "BadArgument",
    "ResourceNotFound",
    "ResourceNotReady",
    "OutOfQuota",
    "200",
    "408",
    "424",
    "429",
]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: the bundle's `file` and place in it, measured against limit, and what to do about it."""

    code: PlatformCode
    check: str
    message: str
    hint: str
    file: str | None = None
    measured: str | int | float | None = None
    limit: str | int | float | None = None
