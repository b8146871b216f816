"""YAML text in, plain JSON values and the line of every key out; nothing in the text is executed or expanded freely.

Scalars follow YAML 1.2, as editors read them: `1e-6` is a number, `no` and `2026-01-01` are text. Every key of every
mapping keeps its line, and a key written twice is a problem, not a silent choice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import JsonValue

from packager.errors import RecipeError
from packager.wording import printable

# A place in a document: keys of mappings and positions in lists, from the top.
Place = tuple[str | int, ...]

# Recipes are a page long. The bounds keep nested aliases and deep nesting from eating memory or the stack.
MAX_BYTES = 256 * 1024
MAX_VALUES = 20_000
MAX_DEPTH = 24
# Longer runs of digits are no setting, and Python refuses to convert very long ones.
MAX_DIGITS = 100

# Escapes in YAML can write half of a character too, which no file can hold.
_NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a recipe: where, and a text that holds no value of the environment."""

    place: Place
    line: int
    text: str


@dataclass(frozen=True)
class Document:
    """A recipe as written. `lines` holds every place that is written; `problems` what reading alone has shown."""

    values: dict[str, JsonValue]
    lines: Mapping[Place, int]
    problems: tuple[Problem, ...]

    def line(self, place: Place) -> int:
        """Return the line of `place`, or of the nearest thing around it that is written."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def dotted(place: Place) -> str:
    """Return a place as people write it: `benchmark.targets[0].threads`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(path: Path, what: str = "recipe", keys: str = "recipe_version, name and source") -> Document:
    """Read the recipe at `path`; RecipeError (with the line) if it is no single YAML mapping of plain values.

    Other documents of that kind are read alike: `what` they are called, and the `keys` that are expected.
    """
    text = _read_text(path, what)
    try:
        node = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        problem = printable(error.problem or error.context).replace("but found", f"expected one {what}, found")
        raise RecipeError(f"{path}:{line}: not valid YAML: {problem}", hint=_yaml_hint(problem)) from None
    except yaml.YAMLError:
        raise RecipeError(f"{path}: not valid YAML: it holds control characters") from None
    if not isinstance(node, yaml.MappingNode):
        found = "nothing" if node is None else "a list" if isinstance(node, yaml.SequenceNode) else "one value"
        raise RecipeError(f"{path}: expected keys such as {keys}, found {found}")
    reader = _Reader()
    try:
        values = reader.mapping(node, ())
    except _TooMuch as error:
        raise RecipeError(f"{path}:{error.line}: {error}") from None
    return Document(values, reader.lines, tuple(reader.problems))


def _read_text(path: Path, what: str) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"cannot read the {what} {path}: {(error.strerror or 'unreadable').lower()}") from None
    if len(content) > MAX_BYTES:
        raise RecipeError(f"{path} is no {what}: it is larger than {MAX_BYTES // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RecipeError(f"{path} is no {what}: it is not UTF-8 text") from None


def _yaml_hint(problem: str) -> str | None:
    if "'\\t'" in problem:
        return "YAML is indented with spaces, never tabs"
    if "mapping values are not allowed" in problem:
        return "put text that holds ': ' in quotes, and check the indentation"
    return None


class _Loader(yaml.SafeLoader):
    """Composes nodes with YAML 1.2's scalars and without deep nesting."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, f"nested more than {MAX_DEPTH} deep", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(rf"^(?:{_pattern})$"), None)


class _TooMuch(Exception):
    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


@dataclass
class _Reader:
    """Turns nodes into values, noting lines and problems on the way."""

    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    values: int = 0

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, JsonValue]:
        values: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _TAG + "str":
                self.problems.append(Problem(place, line, "expected text as a key; put other keys in quotes"))
                continue
            key = key_node.value
            if problem := control_problem(key):
                self.problems.append(Problem((*place, printable(key)), line, problem))
                continue
            if key in values:
                first = self.lines[*place, key]
                self.problems.append(Problem((*place, key), line, f"written twice, first on line {first}"))
                continue
            self.lines[*place, key] = line
            values[key] = self._value(value_node, (*place, key))
        return values

    def _value(self, node: yaml.Node, place: Place) -> JsonValue:
        self.values += 1
        line = node.start_mark.line + 1
        # Aliases make a small file large, or endless; both are counted as they are expanded.
        if self.values > MAX_VALUES or len(place) > MAX_DEPTH:
            raise _TooMuch("aliases that expand without bound", line)
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self.mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self._item(item, (*place, index)) for index, item in enumerate(node.value)]
        value, problem = _scalar(node)
        if problem:
            self.problems.append(Problem(place, line, problem))
        return value

    def _item(self, node: yaml.Node, place: Place) -> JsonValue:
        self.lines[place] = node.start_mark.line + 1
        return self._value(node, place)


def _scalar(node: yaml.Node) -> tuple[JsonValue, str | None]:
    """Return the value of a scalar, and what is wrong with it."""
    text = str(node.value)
    match node.tag.removeprefix(_TAG):
        case "null":
            return None, None
        case "bool":
            return text.lower() == "true", None
        case "int" if len(text) <= MAX_DIGITS:
            return int(text, 0 if text[1:2] in ("o", "x") else 10), None
        case "float" if len(text) <= MAX_DIGITS:
            number = float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
            return (number, None) if math.isfinite(number) else (None, "expected a finite number")
        case "int" | "float":
            return None, f"expected a number of at most {MAX_DIGITS} digits"
        case "str":
            # What is no text is told as such, and never gets as far as a file.
            return (printable(text), problem) if (problem := control_problem(text)) else (text, None)
        case _:
            return None, "tags (words beginning with !) are not used in recipes"


def control_problem(text: str) -> str | None:
    """Say so if `text` holds a line break or another control character: no value of a recipe needs one."""
    return "expected text on one line, without control characters" if _NO_TEXT.search(text) else None
