"""The values of a pickle as the audit sees them: names and shapes, never the objects themselves.

Plain constants stand for themselves (None, numbers, short strings, tuples); everything else is one of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from packager.errors import SourceError

# A mapping with more entries than this is only kept by its keys' names; no rule needs to see into a larger one.
KEPT_ENTRIES: Final = 256
KEPT_ITEMS: Final = 4
SHOWN_CHARACTERS: Final = 80
# Special names that are mere text where scipy's and numpy's objects state them.
PLAIN_KEYS: Final = frozenset({"__doc__", "__name__"})


class Unreadable(SourceError):
    """The bytes do not parse: another format, cut short, or damaged."""


class Forbidden(SourceError):
    """The bytes parse, and loading them would do what no honest model asks for."""


def shown(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """Return a string out of a file as it may be printed: ASCII, escaped, cut."""
    escaped = ascii(text[: limit + 1])[1:-1]
    return escaped if len(escaped) <= limit else escaped[: limit - 3] + "..."


@dataclass(frozen=True, slots=True)
class Global:
    """What one import names, exactly as the loader would ask for it."""

    module: str
    name: str

    @property
    def dotted(self) -> str:
        """Return `module.name`."""
        return f"{self.module}.{self.name}"


class Arguments(tuple[object, ...]):
    """A tuple that holds names which may only be called: it can be the arguments of a call, and nothing else."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Made:
    """An object that a class or a function would make; `state` is set once."""

    of: Global
    args: tuple[object, ...] = ()
    built: bool = False
    state: object = None


@dataclass(slots=True, eq=False)
class Mapping:
    """A dict: its first entries, how many there were, and any key that is spelled like a special method."""

    entries: list[tuple[object, object]] = field(default_factory=list)
    size: int = 0
    special_key: str | None = None

    def put(self, key: object, value: object) -> None:
        """Note one entry."""
        if self.size < KEPT_ENTRIES:
            self.entries.append((key, value))
        if type(key) is str and key.startswith("__") and key not in PLAIN_KEYS and self.special_key is None:
            self.special_key = key
        self.size += 1

    def whole(self) -> dict[object, object] | None:
        """Return every entry with a string key, or None where that would not be all of them."""
        if self.size > KEPT_ENTRIES or any(type(key) is not str for key, _ in self.entries):
            return None
        return dict(self.entries)


@dataclass(slots=True, eq=False)
class Listing:
    """A list, by how many items it has so far, and its first ones.

    The number matters: numpy takes as many out of a list as an array's shape says.
    """

    size: int = 0
    first: tuple[object, ...] = ()

    def extend(self, items: list[object]) -> None:
        """Note more items."""
        if self.size < KEPT_ITEMS:
            self.first += tuple(items[: KEPT_ITEMS - self.size])
        self.size += len(items)


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that were skipped, by length where it is known."""

    size: int | None


@dataclass(frozen=True, slots=True)
class ModelText:
    """A LightGBM model text that was checked; `version` is its text format's."""

    version: str


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """A set, or a long string: what is in it was seen, and is not kept."""

    kind: str


SET: Final = Container("set")
FROZENSET: Final = Container("frozenset")
LONG_TEXT: Final = Container("long text")
