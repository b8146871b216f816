"""A recipe's file in, one frozen Recipe out, or one RecipeError that tells every problem with file:line at once.

After this nothing reads YAML or the environment for the recipe again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from packager.errors import RecipeError
from packager.files import canonical_json
from packager.recipe.document import Document, Problem, dotted, read_document
from packager.recipe.model import RECIPE_VERSION, Recipe, Written
from packager.recipe.problems import message, validation_problems
from packager.recipe.rules import rule_problems
from packager.recipe.variables import substitute


def load_recipe(path: Path, *, environ: Mapping[str, str] = os.environ) -> Recipe:
    """Read, fill in and check the recipe at `path`; RecipeError tells all problems, with nothing of `environ` in it."""
    document = read_document(path)
    _check_version(path, document)
    values, unset = substitute(document, environ)
    problems = [*document.problems, *unset]
    recipe = None
    try:
        recipe = Recipe.read(values, _written(path, document))
    except ValidationError as error:
        problems += _new(validation_problems(error, document), problems)
    problems += _new(rule_problems(values, document), problems)
    if recipe is None or problems:
        hint = "`package schema` prints every key that a recipe may hold"
        raise RecipeError(message(str(path), problems), hint=hint)
    return recipe


def _written(path: Path, document: Document) -> Written:
    return Written(
        path=path.absolute(),
        shown=str(path),
        document=document.values,
        digest=hashlib.sha256(canonical_json(document.values)).hexdigest(),
        lines={dotted(place): line for place, line in document.lines.items()},
    )


def _new(found: Iterable[Problem], known: list[Problem]) -> list[Problem]:
    """Return the problems at places that no earlier one has told: an unset variable is not a wrong type too."""
    places = {problem.place for problem in known}
    return [problem for problem in found if problem.place not in places]


def _check_version(path: Path, document: Document) -> None:
    """Stop at a recipe of another version: its other keys mean nothing here."""
    version = document.values.get("recipe_version")
    shown = f"{path}:{document.line(('recipe_version',))} recipe_version"
    write = f"write recipe_version: {RECIPE_VERSION}"
    if version is None:
        raise RecipeError(f"{shown}: required, but not written", hint=write)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise RecipeError(f"{shown}: expected {RECIPE_VERSION}", hint=write)
    if version > RECIPE_VERSION:
        raise RecipeError(
            f"{shown}: made for a newer packager: version {version}, this one reads {RECIPE_VERSION}",
            hint="install a newer packager",
        )
