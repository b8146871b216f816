"""recipe.lock.yml: what a build decided by measuring, so that `--locked` replays it byte for byte."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from packager import __version__
from packager.artifact import SessionSettings, settings_from
from packager.errors import RecipeError
from packager.recipe.model import Recipe
from packager.sizing import Size

LOCK_VERSION = 1
LOCK_FILE = "recipe.lock.yml"


@dataclass(frozen=True)
class Lock:
    """The choice, and what it was made for: another recipe, artifact or tool needs a build without `--locked`.

    `session`: how the variant's session runs, where settings were tuned. `size`: of the deployment, where a report says
    it. `library_sha256`: of the compiled library that a binned variant's bundle holds: it is compiled where packager is
    installed, so that the version of the tool alone does not tell its bytes.
    """

    name: str
    version: str
    recipe_digest: str
    source_sha256: str
    selected: str
    session: SessionSettings | None = None
    size: Size | None = None
    library_sha256: str | None = None
    tool: str = f"packager {__version__}"
    lock_version: int = LOCK_VERSION

    def text(self) -> str:
        """Return the lock as YAML."""
        import yaml

        document = {name: value for name, value in asdict(self).items() if value is not None}
        body: str = yaml.safe_dump(document, sort_keys=False)
        return f"# What this build decided; `package build --locked` replays it.\n{body}"


def find_lock(recipe: Recipe, bundle: Path) -> Lock:
    """Return the lock beside the recipe, else the one in the earlier bundle; RecipeError when there is none."""
    beside = recipe.path.with_name(f"{recipe.path.stem}.lock.yml")
    for path in (beside, bundle / LOCK_FILE):
        if path.is_file():
            return _read(path)
    raise RecipeError(
        f"--locked: there is no lock at {beside} and no earlier bundle at {bundle}",
        hint="build once without --locked, or copy recipe.lock.yml out of the bundle",
    )


def check_lock(lock: Lock, fresh: Lock) -> None:
    """Raise RecipeError where the lock was made for something else than `fresh` describes."""
    for field in ("name", "version", "recipe_digest", "source_sha256", "tool"):
        locked, found = getattr(lock, field), getattr(fresh, field)
        if locked != found:
            raise RecipeError(
                f"--locked: the lock was made for another {field.replace('_', ' ')}",
                measured=found,
                limit=locked,
                hint="build without --locked to decide anew",
            )


def check_library(lock: Lock, found: str | None) -> None:
    """Raise RecipeError where the lock's bundle held another compiled library; a lock of before may not tell."""
    if lock.library_sha256 in (None, found):
        return
    raise RecipeError(
        "--locked: the library of binned trees here is not the one of the lock, so the bundle would hold other bytes",
        measured=None if found is None else found[:12],
        limit=lock.library_sha256[:12],
        hint="install on both machines the wheel that one of them has built, or build without --locked to decide anew",
    )


def _read(path: Path) -> Lock:
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        session, size = document.get("session"), document.get("size")
        decided = {
            "session": None if session is None else settings_from(session),
            "size": None if size is None else Size(**size),
        }
        if not isinstance(document.get("library_sha256"), str | None):
            raise TypeError("library_sha256")
        lock = Lock(**{**document, **decided})
    except (OSError, ValueError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise RecipeError(f"{path} is not a lock: {type(error).__name__}", hint="build without --locked") from error
    if lock.lock_version != LOCK_VERSION:
        raise RecipeError(f"{path} has lock_version {lock.lock_version!r}, this version reads {LOCK_VERSION}")
    return lock
