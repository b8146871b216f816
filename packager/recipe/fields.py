"""The kinds of value that a recipe's keys take, each with its rule, said once for the check, the schema and people.

`errorMessage` is what editors show, and what a recipe's problems say: "expected ...".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Hashable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from packager.recipe.metrics import METRICS
from packager.recipe.names import RECIPE_NAME, RECIPE_NAME_WORDS, SAFE, SAFE_WORDS
from packager.recipe.providers import PROVIDERS
from packager.recipe.schemes import URI_PATTERN, uri_problem

# The type of those errors whose text may be shown as it is; all others are told as expected against found.
TOLD = "recipe"

T = TypeVar("T", bound=Hashable)


class Section(BaseModel):
    """Part of a recipe: frozen, no unknown keys, no conversions but a whole number where a decimal may stand."""

    # Python's own expressions, so that the schema's patterns may look ahead.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, regex_engine="python-re")


def _only(names: Container[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in names:
            raise PydanticCustomError("name", "not in the table")
        return value

    return AfterValidator(check)


def _told(problem: Callable[[str], str | None]) -> AfterValidator:
    def check(value: str) -> str:
        if text := problem(value):
            raise PydanticCustomError(TOLD, "{text}", {"text": text})
        return value

    return AfterValidator(check)


def _unique(values: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(values)) < len(values):
        raise PydanticCustomError(TOLD, "holds the same entry twice")
    return values


def _dotted_keys(value: dict[str, str]) -> dict[str, str]:
    if not all(re.search(_DOTTED, name) for name in value):
        raise PydanticCustomError(TOLD, "expected dotted names like my_pkg.Transformer as keys")
    return value


_DOTTED = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
_DOTTED_WORDS = "expected a dotted name like my_pkg.Transformer"

Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=RECIPE_NAME, json_schema_extra={"errorMessage": f"expected {RECIPE_NAME_WORDS}"})]
SafeName = Annotated[str, Field(pattern=f"^{SAFE}$", json_schema_extra={"errorMessage": f"expected {SAFE_WORDS}"})]
Sha256 = Annotated[
    str, Field(pattern="^[0-9a-f]{64}$", json_schema_extra={"errorMessage": "expected 64 digits of 0-9 and a-f"})
]
PythonVersion = Annotated[
    str,
    Field(
        pattern=r"^3\.[0-9]{1,2}(\.[0-9]{1,3})?$",
        json_schema_extra={"errorMessage": 'expected a version of Python, such as "3.12"'},
    ),
]
RequestKey = Annotated[
    str,
    Field(
        pattern="^[A-Za-z_][A-Za-z0-9_-]{0,63}$",
        json_schema_extra={"errorMessage": "expected 1 to 64 letters, digits, _ and -, beginning with a letter or _"},
    ),
]
# Those that hold secrets are no names of anybody.
HeaderName = Annotated[
    str,
    Field(
        pattern="^(?![Aa]uthorization$|[Cc]ookie$|[Pp]roxy-)[A-Za-z][A-Za-z0-9-]{0,63}$",
        json_schema_extra={
            "errorMessage": "expected the name of a request header such as x-customer-id: 1 to 64 letters, digits and "
            "-, beginning with a letter; not authorization, cookie or proxy-…"
        },
    ),
]
Dotted = Annotated[str, Field(pattern=_DOTTED, json_schema_extra={"errorMessage": _DOTTED_WORDS})]
DottedByName = Annotated[
    dict[str, Dotted],
    AfterValidator(_dotted_keys),
    Field(json_schema_extra={"propertyNames": {"pattern": _DOTTED}}),
]
Uri = Annotated[
    str,
    _told(uri_problem),
    Field(json_schema_extra={"pattern": URI_PATTERN, "errorMessage": "expected a path, or a URI like registry://NAME"}),
]
MetricName = Annotated[str, _only(METRICS), Field(json_schema_extra={"enum": list(METRICS)})]
ProviderName = Annotated[str, _only(PROVIDERS), Field(json_schema_extra={"enum": list(PROVIDERS)})]

Unique = Annotated[tuple[T, ...], Field(json_schema_extra={"uniqueItems": True}), AfterValidator(_unique)]
UniqueSome = Annotated[
    tuple[T, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True}), AfterValidator(_unique)
]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Threads = Annotated[int, Field(ge=1, le=1024)]
# ai.onnx 9 is the first set of operators with all that a model of this kind needs.
Opset = Annotated[int, Field(ge=9)]
