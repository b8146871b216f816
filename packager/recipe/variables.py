"""`${NAME}` in a recipe's text becomes the environment's value; `$${` is a `${` that stays. Values are never told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from packager.recipe.document import Document, Place, Problem, control_problem

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[^}]*)(?P<end>\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass
class _Substitution:
    document: Document
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def value(self, value: JsonValue, place: Place) -> JsonValue:
        if isinstance(value, str):
            return self._text(value, place)
        if isinstance(value, list):
            return [self.value(item, (*place, index)) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self.value(item, (*place, key)) for key, item in value.items()}
        return value

    def _text(self, text: str, place: Place) -> str:
        def replace(reference: re.Match[str]) -> str:
            if reference.group() == "$${":
                return "${"
            name, problem = reference["name"], None
            if not reference["end"] or not _NAME.fullmatch(name):
                problem = "expected a variable as ${NAME}; write $${ for a ${ that stays"
            elif name not in self.environ:
                problem = f"the environment variable {name} is not set"
            elif control_problem(self.environ[name]):
                problem = f"the environment variable {name} holds a line break or another control character"
            if problem:
                self.problems.append(Problem(place, self.document.line(place), problem))
                return ""
            return self.environ[name]

        return _REFERENCE.sub(replace, text)


def substitute(document: Document, environ: Mapping[str, str]) -> tuple[dict[str, JsonValue], list[Problem]]:
    """Return the document's values with variables filled in, and a problem for every one that cannot be."""
    substitution = _Substitution(document, environ)
    values = {key: substitution.value(value, (key,)) for key, value in document.values.items()}
    return values, substitution.problems
