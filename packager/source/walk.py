"""The state of one pickle's walk: its stack, its marks and its memo hold symbols, never objects.

What a name, a call or a state may be is asked of the `Judge`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Final, Protocol, cast

from packager.source.lightgbm_text import MAX_TEXT_BYTES, PREFIX, check_model_text
from packager.source.stream import Source
from packager.source.symbols import LONG_TEXT, Arguments, Blob, Forbidden, Global, Listing, Made, Mapping, Unreadable

MAX_PROTOCOL: Final = 5
# Together these keep a walk below about one GiB and half a minute, whatever the file says. A vocabulary of a
# million words takes three million operations.
MAX_OPERATIONS: Final = 20_000_000
MAX_MEMO: Final = 5_000_000
MAX_CONTAINERS: Final = 5_000_000
LONG_TEXT_BYTES: Final = 1 << 16


class Judge(Protocol):
    """What decides about each thing that loading would do; it raises Forbidden."""

    def name(self, module: str, name: str, *, protocols: tuple[int, ...]) -> Global: ...
    def new(self, cls: object, args: object) -> object: ...
    def call(self, function: object, args: object) -> object: ...
    def build(self, target: object, state: object) -> None: ...
    def extend(self, target: object) -> None: ...
    def may_keep(self, name: Global) -> bool: ...


class Walk:
    """One pickle: its stack, its marks and its memo, as both of Python's unpicklers keep them."""

    def __init__(self, source: Source, judge: Judge, *, around: Walk | None = None) -> None:
        self.source = source
        self.judge = judge
        self.budget: Iterator[None] = around.budget if around else repeat(None, MAX_OPERATIONS)
        # The loader's own, after that of the pickle around this one: joblib versions differ in which one decides.
        self.protocols: tuple[int, ...] = (*around.protocols, 0) if around else (0,)
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.containers = 0
        # Called with the symbol of a joblib array wrapper once its state is set; None where no raw array may follow.
        self.read_array: Callable[[Made], object] | None = None

    def protocol_byte(self) -> None:
        """Read which protocol the pickle says it is in."""
        protocol = self.source.opcode()
        if protocol > MAX_PROTOCOL:
            raise Unreadable(f"there is no pickle protocol {protocol}")
        self.protocols = (*self.protocols[:-1], protocol)

    def stop(self) -> object:
        """Return the outermost object's symbol, when nothing else is left over."""
        self.source.unfence()
        if len(self.stack) != 1 or self.marks:
            raise Unreadable("it ends with its stack in disorder")
        self.keep(self.stack)
        return self.stack[0]

    def length(self, size: int) -> int:
        """Return an unsigned little-endian length of `size` bytes."""
        return int.from_bytes(self.source.take(size), "little")

    def unmark(self) -> list[object]:
        """Return what was pushed since the last mark, and forget the mark."""
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def remember(self, index: int) -> None:
        """Keep the top of the stack in the memo."""
        if index >= MAX_MEMO:
            raise Unreadable(f"its memo goes beyond {MAX_MEMO:,} entries")
        self.memo[index] = self.stack[-1]

    def text(self, size: int) -> None:
        """Push a string; a LightGBM model text is checked, another long one is passed over."""
        if size <= LONG_TEXT_BYTES:
            data = self.source.take(size)
        else:
            data = self.source.peek(len(PREFIX))
            if data != PREFIX:
                self.source.skip(size)
                self.stack.append(LONG_TEXT)
                return
            if size > MAX_TEXT_BYTES:
                raise Unreadable("it holds a LightGBM model text that is too large")
            data = self.source.take(size)
        self.stack.append(check_model_text(data) if data.startswith(PREFIX) else str(data, "utf-8", "surrogatepass"))

    def blob(self, size: int) -> None:
        """Push bytes by their length."""
        self.source.skip(size)
        self.stack.append(Blob(size))

    def _count(self) -> None:
        self.containers += 1
        if self.containers > MAX_CONTAINERS:
            raise Unreadable(f"it holds more than {MAX_CONTAINERS:,} lists and dicts")

    def mapping(self) -> Mapping:
        """Return a new empty dict's symbol."""
        self._count()
        return Mapping()

    def listing(self, items: list[object]) -> Listing:
        """Return a new list's symbol."""
        self._count()
        listing = Listing()
        listing.extend(items)
        return listing

    def _only_passed(self, item: object) -> bool:
        """Say whether an item is, or holds, a name that may be called but not kept."""
        kind = type(item)
        return kind is Arguments or (kind is Global and not self.judge.may_keep(cast(Global, item)))

    def keep(self, items: Sequence[object]) -> None:
        """Refuse names that may be called, but not be kept in a model, which could call them later."""
        for item in items:
            if self._only_passed(item):
                while isinstance(item, Arguments):
                    item = next(part for part in item if self._only_passed(part))
                raise Forbidden(f"it keeps {cast(Global, item).dotted}, which is only for loading, in the model")

    def packed(self, items: list[object]) -> tuple[object, ...]:
        """Return a tuple, of the kind that only a call takes where something in it may not be kept."""
        return Arguments(items) if any(map(self._only_passed, items)) else tuple(items)

    def fill(self, target: object, items: list[object]) -> None:
        """Put keys and values, which alternate in `items`, into a dict or dict-like object."""
        if len(items) % 2:
            raise Unreadable("a dict in it has a key without a value")
        self.keep(items)
        if type(target) is Mapping:
            put = target.put
            for place in range(0, len(items), 2):
                put(items[place], items[place + 1])
        else:
            self.judge.extend(target)
