"""How large a deployment is, where `package report` has decided it: its report.json goes in, one Size comes out.

The choice rests on measurements, so it is written into recipe.lock.yml, and `--locked` replays it without the file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pydantic import ValidationError

from packager.errors import RecipeError
from packager.recipe.deploy import Deploy
from packager.recipe.model import Recipe
from packager.sku.model import SkuReport
from packager.wording import printable

_KEY = "bundle.deploy.sized_by"
_HINT = "name the report.json that `package report FILE...` writes"
# A report has some tens of kilobytes.
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Size:
    """Which machine, how many, and how many workers on each."""

    instance_type: str
    instance_count: int
    workers: int

    def __post_init__(self) -> None:
        counts = (self.instance_count, self.workers)
        if not isinstance(self.instance_type, str) or not all(type(one) is int and one > 0 for one in counts):
            raise ValueError("size")


def find_size(recipe: Recipe) -> Size | None:
    """Return what the recipe's SKU report recommends, None where the recipe says its sizes itself; else RecipeError."""
    given = recipe.bundle.deploy.sized_by
    if given is None:
        return None
    where = recipe.where(_KEY)
    try:
        with recipe.resolve(given).open("rb") as stream:
            report = SkuReport.model_validate_json(stream.read(_MOST_BYTES))
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise RecipeError(
            f"cannot read the report that sizes the deployment: {reason}", key=where, hint=_HINT
        ) from None
    except ValidationError:
        raise RecipeError(f"{given} is no report of `package report`", key=where, hint=_HINT) from None
    if report.name != recipe.name:
        message = f"{given} was made of another bundle"
        raise RecipeError(message, measured=printable(report.name), limit=recipe.name, key=where, hint=_HINT)
    chosen = report.recommendation
    if chosen is None:
        hint = "say bundle.deploy.instance_type and instance_count instead, or plan for another rate"
        raise RecipeError(f"{given} recommends no instance type", key=where, hint=hint)
    return Size(chosen.instance_type, chosen.instances, chosen.workers)


def sized(deploy: Deploy, size: Size | None) -> Deploy:
    """Return the settings with the size that was decided."""
    return deploy if size is None else deploy.model_copy(update=asdict(size))
