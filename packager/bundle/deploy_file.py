"""One of the two deployment files, read: its values, the line of each, and findings that name both.

Nothing in the file is trusted: it is read as bounded, plain YAML. No value of an environment variable is echoed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from packager.bundle.finding import Finding, PlatformCode
from packager.errors import RecipeError
from packager.recipe.document import Place, dotted, read_document
from packager.recipe.problems import did_you_mean
from packager.wording import clip, printable

Keys = Mapping[str, Any]
_PROBE = dict.fromkeys(("initial_delay", "period", "timeout", "success_threshold", "failure_threshold"), int)
# Every key with the kind of its value: a mapping of its own, a type, or None where more than one kind may stand.
ENDPOINT: Keys = {
    **dict.fromkeys(("$schema", "name", "description", "auth_mode", "public_network_access"), str),
    "tags": dict,
    "properties": dict,
    "identity": {"type": str, "user_assigned_identities": list},
    "traffic": dict,
    "mirror_traffic": dict,
}
DEPLOYMENT: Keys = {
    **dict.fromkeys(("$schema", "name", "endpoint_name", "description", "type", "instance_type"), str),
    **dict.fromkeys(("model_mount_path", "egress_public_network_access"), str),
    "tags": dict,
    "properties": dict,
    "model": None,
    "code_configuration": {"code": str, "scoring_script": str},
    "environment": None,
    "instance_count": int,
    "scale_settings": dict,
    "request_settings": dict.fromkeys(
        ("request_timeout_ms", "max_concurrent_requests_per_instance", "max_queue_wait_ms"), int
    ),
    "liveness_probe": _PROBE,
    "readiness_probe": _PROBE,
    "environment_variables": dict,
    "app_insights_enabled": bool,
    "data_collector": {"collections": dict, "rolling_rate": str, "sampling_rate": None, "request_logging": dict},
}
_KINDS = {str: "text", int: "a whole number", bool: "true or false", dict: "keys with values", list: "a list"}


@dataclass(frozen=True)
class DeployFile:
    """A deployment file of a bundle; `name` is its path within it."""

    bundle: Path
    name: str
    values: dict[str, JsonValue]
    lines: Mapping[Place, int]

    def at(self, *keys: str) -> JsonValue:
        """Return the value under `keys`, None where there is none."""
        value: JsonValue = self.values
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def number(self, *keys: str) -> int | None:
        """Return the whole number under `keys`, None where there is none."""
        value = self.at(*keys)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def text(self, *keys: str) -> str | None:
        """Return the text under `keys`, None where there is none."""
        value = self.at(*keys)
        return value if isinstance(value, str) else None

    def path(self, text: str) -> Path | None:
        """Return where a path of the file leads, None where that is outside the bundle."""
        root = self.bundle.resolve()
        try:
            found = (root / Path(self.name).parent / text).resolve()
        except (OSError, ValueError):
            return None
        return found if found.is_relative_to(root) else None

    def finding(
        self,
        place: Place,
        message: str,
        hint: str,
        *,
        measured: str | int | float | None = None,
        limit: str | int | float | None = None,
        code: PlatformCode = "BadArgument",
    ) -> Finding:
        """Return a finding at `place`, with the line of what is written there or nearest around it."""
        around = place
        while around and around not in self.lines:
            around = around[:-1]
        shown = clip(printable(measured), 80) if isinstance(measured, str) else measured
        told = f"{clip(printable(dotted(place)), 80)}: {message}" if place else message
        check = ".".join((Path(self.name).stem, clip(printable(dotted(place)), 120) if place else "file"))
        where = f"{self.name}:{self.lines.get(around, 1)}"
        return Finding(code, check, told, hint, file=where, measured=shown, limit=limit)


def read_deploy_file(bundle: Path, name: str) -> DeployFile | Finding:
    """Return the file, or the finding that it cannot be read as one."""
    empty = DeployFile(bundle, name, {}, {})
    if not (bundle / name).is_file():
        return empty.finding((), "the file is missing", "build or fetch the bundle anew", measured="no file")
    try:
        document = read_document(bundle / name, "deployment file", "name and endpoint_name")
    except RecipeError as error:
        message = error.message.removeprefix(f"{bundle / name}")
        return empty.finding((), f"not a deployment file{message}", "build or fetch the bundle anew")
    file = DeployFile(bundle, name, document.values, document.lines)
    if problems := document.problems:
        return file.finding(problems[0].place, problems[0].text, "write it once, as plain text")
    return file


def shape(file: DeployFile, keys: Keys, place: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Yield unknown keys and values of another kind than the platform takes."""
    values = file.at(*place)
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        here = (*place, key)
        if key not in keys:
            near = did_you_mean(key, keys)
            yield file.finding(here, f"the platform knows no such key{near}", "take it out, or correct it")
            continue
        kind = keys[key]
        wanted = dict if isinstance(kind, Mapping) else kind
        is_kind = wanted is None or (isinstance(value, wanted) and (wanted is not int or not isinstance(value, bool)))
        if not is_kind:
            found = _KINDS.get(type(value), type(value).__name__)
            yield file.finding(here, "a value of another kind is expected", _expect(wanted), measured=found)
        elif isinstance(kind, Mapping):
            yield from shape(file, kind, here)


def _expect(kind: type) -> str:
    return f"write {_KINDS[kind]}"
