"""What is wrong with a recipe, told so that a tired reader can mend it: place, expected against found, a suggestion.

Values are shown as written, never as the environment filled them in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import cast

from pydantic import JsonValue, ValidationError

from packager.recipe.document import Document, Place, Problem, dotted
from packager.recipe.expected import expected, found
from packager.recipe.fields import TOLD
from packager.recipe.schema import Schema, resolved, schema, subschema
from packager.wording import clip, printable

# The whole message stays on one screen; the longest line is cut before it hides the others.
_MESSAGE_CHARS = 3200
_LINE_CHARS = 320


def validation_problems(error: ValidationError, document: Document) -> list[Problem]:
    """Return one problem for each place that pydantic refuses."""
    root = schema()
    told: dict[Place, Problem] = {}
    for detail in error.errors(include_url=False, include_input=False):
        place = _known_place(detail["loc"], root, missing=detail["type"] in ("missing", "extra_forbidden"))
        if place not in told:
            text = _text(detail["type"], detail["msg"], place, document=document, root=root)
            told[place] = Problem(place, document.line(place), text)
    # A list whose entries are wrong is reported as too short as well: the entries are the problem.
    return [problem for place, problem in told.items() if not any(_inside(other, place) for other in told)]


def message(shown: str, problems: Iterable[Problem]) -> str:
    """Return all problems in the order of the file, each once with `FILE:LINE KEY`."""
    ordered = sorted(set(problems), key=lambda problem: (problem.line, dotted(problem.place)))
    lines = [_line(shown, problem) for problem in ordered]
    if len(lines) == 1:
        return lines[0]
    text = f"{shown} has {len(lines)} problems:"
    for number, line in enumerate(lines):
        if len(text) + len(line) > _MESSAGE_CHARS:
            return f"{text}\n  and {len(lines) - number} more"
        text += f"\n  {line}"
    return text


def did_you_mean(name: str, names: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return `; did you mean X?` for the nearest of `names`, or nothing."""
    by_key = {_plain(other): other for other in names}
    near = get_close_matches(_plain(name), by_key, n=1, cutoff=cutoff)
    return f"; did you mean {by_key[near[0]]}?" if near else ""


def _line(shown: str, problem: Problem) -> str:
    key = clip(printable(dotted(problem.place)), 80)
    return clip(f"{shown}:{problem.line} {key}{': ' if key else ''}{printable(problem.text)}", _LINE_CHARS)


def _inside(place: Place, around: Place) -> bool:
    return len(place) > len(around) and place[: len(around)] == around


def _known_place(loc: Sequence[int | str], root: Schema, *, missing: bool) -> Place:
    """Return the part of pydantic's location that lies in the recipe: it also names the branches of a choice."""
    if missing:
        return tuple(loc)
    length = next(size for size in range(len(loc), -1, -1) if subschema(loc[:size], root) is not None)
    return tuple(loc[:length])


def _text(kind: str, told: str, place: Place, *, document: Document, root: Schema) -> str:
    value = _written(document.values, place)
    # What a rule tells may quote its input, which a variable may have filled in.
    if kind == TOLD and not (isinstance(value, str) and "${" in value):
        return told
    if kind == "extra_forbidden":
        return _unknown_key(place, root)
    part = subschema(place, root) or {}
    if kind == "missing":
        return f"required, but not written: {part.get('description', '')}"
    return f"expected {expected(part, root)}, found {found(value)}{_suggestion(value, part)}"


def _written(value: JsonValue, place: Place) -> JsonValue:
    for step in place:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
    return value


def _suggestion(value: JsonValue, part: Schema) -> str:
    kinds = [part, *cast(list[Schema], part.get("anyOf", []))]
    names = [str(name) for kind in kinds for name in cast(list[JsonValue], kind.get("enum", []))]
    takes = {kind.get("type") for kind in kinds}
    numbers = bool(takes & {"integer", "number"})
    if isinstance(value, str) and numbers and "string" not in takes:
        return "; a variable is always text" if "${" in value else "; write a number without quotes"
    if isinstance(value, str):
        return did_you_mean(value, names)
    if isinstance(value, int | float) and "string" in takes and not numbers:
        return "; put it in quotes"
    return ""


def _unknown_key(place: Place, root: Schema) -> str:
    """Say where an unknown key may belong: a near name in its own section, its place in another, what there is."""
    key = str(place[-1])
    if key == "<<":
        return "merge keys are not taken: write the keys out"
    siblings = list(cast(Schema, (subschema(place[:-1], root) or {}).get("properties", {})))
    homes: dict[str, list[str]] = {}
    for home in _all_keys(root, ""):
        homes.setdefault(_plain(home.rpartition(".")[2]), []).append(home)
    near = get_close_matches(_plain(key), homes, n=1, cutoff=0.8)
    same = _plain(key) in homes
    told = did_you_mean(key, siblings, cutoff=0.85 if same else 0.7)
    if near and not told:
        least = min(home.count(".") for home in homes[near[0]])
        told = f" here; did you mean {' or '.join(home for home in homes[near[0]] if home.count('.') == least)}?"
    return f"unknown key{told or '; expected one of ' + ', '.join(siblings)}"


def _all_keys(part: Schema, prefix: str, *, root: Schema | None = None) -> Iterator[str]:
    """Yield every key that a recipe may hold, as `benchmark.targets[].threads`."""
    root = part if root is None else root
    for name, inner in cast(dict[str, Schema], part.get("properties", {})).items():
        yield f"{prefix}{name}"
        inner = resolved(inner, root)
        yield from _all_keys(inner, f"{prefix}{name}.", root=root)
        if isinstance(items := inner.get("items"), dict):
            yield from _all_keys(resolved(items, root), f"{prefix}{name}[].", root=root)


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
