"""Files of one table: they have the same columns, or a VerifyError says which file differs, and in what."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from packager.dataset.parts import Part
from packager.errors import VerifyError

# How many columns a message lists.
_LISTED = 12


def check_alike(first: Part, other: Part) -> None:
    """Check that two files have the same columns, numbers where the other has numbers; their order may differ."""
    lacks, adds = _without(first.schema.names, other.schema.names), _without(other.schema.names, first.schema.names)
    if lacks or adds:
        differ = [f"it lacks {lacks}"] * bool(lacks) + [f"it alone has {adds}"] * bool(adds)
        told = f"{other.path}: its columns are not those of {first.path}: {', and '.join(differ)}"
        raise VerifyError(told, hint="write the files with the same columns, or verify them one by one")
    if first.parse or other.parse:
        return
    for field in first.schema:
        kinds = (_kind(field.type), _kind(other.schema.field(field.name).type))
        if "empty" not in kinds and kinds[0] != kinds[1]:
            told = f"{other.path}: column {field.name!r} holds {kinds[1]}, in {first.path} it holds {kinds[0]}"
            raise VerifyError(told)


def _without(names: Sequence[str], others: Sequence[str]) -> str:
    """List the names that are not among the others."""
    found = [name for name in names if name not in set(others)]
    return ", ".join(found[:_LISTED]) + (f" and {len(found) - _LISTED} more" if len(found) > _LISTED else "")


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind):
        return "empty"
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return "numbers"
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return "text" if text else str(kind)
