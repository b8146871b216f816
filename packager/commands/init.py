"""`package init`: look at an artifact and write a commented recipe for it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packager.artifact import Signature
from packager.commands.looking import Looked, look
from packager.commands.register import framework_of
from packager.dataset.read import open_dataset
from packager.errors import RecipeError, SourceError, VerifyError
from packager.recipe.draft import Draft, Rows, render_draft
from packager.recipe.names import RECIPE_NAME, RECIPE_NAME_WORDS
from packager.registry.fetch import fetch_source
from packager.wording import count

if TYPE_CHECKING:
    from packager.registry.entry import Fetched

_NAME_LENGTH = 64


@dataclass(frozen=True)
class Asked:
    """What the command line says beside the artifact: rows, what to trust, and a name."""

    data: str | None = None
    trust: tuple[str, ...] = ()
    name: str | None = None


def draft_recipe(artifact: str, asked: Asked, *, folder: Path) -> str:
    """Return the text of a recipe that lies in `folder`, for an artifact given by its path or URI.

    SourceError where it is not there or refused, VerifyError where the rows can't be read.
    """
    fetched = fetch_source(artifact, base=Path.cwd(), environ=os.environ)
    looked = look(fetched.path, asked.trust)
    signature = None if looked.described is None else looked.described.signature
    rows = _rows(asked.data, fetched, looked, folder=folder)
    return render_draft(
        Draft(
            name=_name(asked.name, artifact, fetched),
            uri=fetched.entry.uri if fetched.entry else _relative(fetched.path, folder),
            sha256=None if fetched.entry else looked.sha256,
            about=_about(looked, rows),
            trust=asked.trust,
            features=_features(looked, rows),
            rows=rows,
            rows_are_registered=asked.data is None and rows is not None,
            metric=_metric(signature),
            thresholds=signature is not None and signature.task == "classifier" and len(signature.classes or ()) == 2,
        )
    )


def write_draft(text: str, out: Path) -> None:
    """Write the recipe to a new file; one that is there is never replaced: it may hold what its owner wrote."""
    try:
        with out.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise RecipeError(f"{out} is there already", hint="name another file with --out, or remove it") from None
    except OSError as error:
        raise RecipeError(f"{out} cannot be written: {error.strerror}", hint="name another file with --out") from None


def _about(looked: Looked, rows: Rows | None) -> tuple[str, ...]:
    framework = framework_of(looked.audit.globals, looked.audit.format)
    written = f", written by {', '.join(looked.written_by)}" if looked.written_by else ""
    if looked.described is None:
        why = "; ".join(looked.skewed) or looked.reason
        return (f"A model of {framework}{written}.", f"It does not load here as it is: {why}.")
    signature = looked.described.signature
    steps = " > ".join(step.strip() for step in looked.described.estimators)
    answers = f", labels {_shown(signature.classes)}" if signature.classes else ""
    told = [f"{steps}: a {signature.task} of {framework}{written}; {count(len(signature.columns))} columns{answers}."]
    if not looked.described.names_are_own and rows is None:
        told.append("It was trained without column names: they are x0, x1 and so on unless data.features names them.")
    return tuple(told)


def _shown(classes: Sequence[object]) -> str:
    shown = ", ".join(map(str, classes[:6]))
    return shown if len(classes) <= 6 else f"{shown} and {count(len(classes) - 6)} more"


def _rows(data: str | None, fetched: Fetched, looked: Looked, *, folder: Path) -> Rows | None:
    """Return the rows that the command line names, else those that were registered with the artifact."""
    if data is None and not fetched.data_files:
        return None
    wanted = str(Path(data).absolute()) if data is not None else str(fetched.data_files[0])
    dataset = open_dataset(wanted)
    own = set(_own_names(looked))
    others = tuple(name for name in dataset.columns if name not in own) if own else _beyond(dataset.columns, looked)
    if missing := [name for name in own if name not in dataset.columns]:
        shown = ", ".join(sorted(missing)[:6])
        raise VerifyError(
            f"the rows lack columns of the model: {shown}",
            measured=f"{len(own) - len(missing)} of {len(own)} columns",
            hint="give rows with the columns that the model was trained on",
        )
    return Rows("" if data is None else _relative(Path(wanted), folder), tuple(dataset.columns), others)


def _own_names(looked: Looked) -> tuple[str, ...]:
    described = looked.described
    if described is None or not described.names_are_own:
        return ()
    return tuple(column.name for column in described.signature.columns)


def _beyond(columns: Sequence[str], looked: Looked) -> tuple[str, ...]:
    """Return the columns of which one or more are no feature, of a model that has no names for its own."""
    if looked.described is None or len(columns) <= len(looked.described.signature.columns):
        return ()
    return tuple(columns)


def _features(looked: Looked, rows: Rows | None) -> tuple[str, ...] | None:
    """Return the columns in training order where they must be told: the model has no names, the rows have more."""
    described = looked.described
    if rows is None or described is None or described.names_are_own or rows.label is None:
        return None
    left = tuple(name for name in rows.columns if name != rows.label)
    return left if len(left) == len(described.signature.columns) else None


def _metric(signature: Signature | None) -> str | None:
    if signature is None or signature.task not in ("classifier", "regressor"):
        return None
    if signature.task == "regressor":
        return "rmse"
    scored = any(output.role == "probability" for output in signature.outputs)
    return "roc_auc" if scored and len(signature.classes or ()) == 2 else "accuracy"


def _name(given: str | None, artifact: str, fetched: Fetched) -> str:
    """Return a bundle's name: the given one, the registered one, or the file's in characters that names may have."""
    if given is not None:
        if not re.fullmatch(RECIPE_NAME, given):
            raise RecipeError(f"--name {given!r} is no name of a bundle", hint=f"give {RECIPE_NAME_WORDS}")
        return given
    raw = fetched.entry.name if fetched.entry else fetched.path.name.split(".")[0]
    name = re.sub(r"[^a-z0-9]+", "-", raw.lower()).strip("-")[:_NAME_LENGTH].strip("-")
    if not name:
        raise SourceError(f"no name for a bundle can be made of {artifact}", hint="give one with --name")
    return name


def _relative(path: Path, folder: Path) -> str:
    """Return a path as the recipe in `folder` names it."""
    return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
