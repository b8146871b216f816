"""A pickle walked opcode by opcode, in protocols 0 to 5, without importing or making anything.

The stack holds symbols; what a name, a call or a state may be is asked of `Judge`. Where Python's two unpicklers
could read the same bytes differently, the bytes are refused.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Final, Protocol

from packager.source.lightgbm_text import MAX_TEXT_BYTES, PREFIX, check_model_text
from packager.source.stream import Source
from packager.source.symbols import FROZENSET, LIST, LONG_TEXT, SET, Blob, Global, Made, Mapping, Unreadable

MAX_PROTOCOL: Final = 5
# Together these keep the walk below about one GiB and half a minute, whatever the file says. A vocabulary of a
# million words takes three million operations.
MAX_OPERATIONS: Final = 20_000_000
MAX_MEMO: Final = 5_000_000
MAX_MAPPINGS: Final = 5_000_000
LONG_TEXT_BYTES: Final = 1 << 16
LONG_LINE_BYTES: Final = 64 << 20
MAX_INTEGER_BYTES: Final = 1 << 10

_INTEGER = re.compile(rb"-?[0-9]{1,1000}")
_NAME_LINE = re.compile(rb"[!-~]{1,400}")


class Judge(Protocol):
    """What decides about each thing that loading would do; it raises Forbidden."""

    def name(self, module: str, name: str, *, protocol: int) -> Global: ...
    def new(self, cls: object, args: object) -> object: ...
    def call(self, function: object, args: object) -> object: ...
    def build(self, target: object, state: object) -> object: ...
    def extend(self, target: object) -> None: ...
    def is_array_wrapper(self, target: object) -> bool: ...


class Walk:
    """One pickle: its stack, its marks and its memo, as both of Python's unpicklers keep them."""

    def __init__(self, source: Source, judge: Judge, budget: Iterator[None] | None = None) -> None:
        self.source = source
        self.judge = judge
        self.budget = repeat(None, MAX_OPERATIONS) if budget is None else budget
        self.protocol = 0
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.mappings = 0
        # Called with the symbol of a joblib array wrapper once its state is set; None where no raw array may follow.
        self.read_array: Callable[[object], object] | None = None

    def run(self) -> object:
        """Walk to STOP and return the symbol of the outermost object."""
        opcode, table = self.source.opcode, OPERATIONS
        try:
            code = opcode()
            if code == pickle.PROTO[0]:
                self._protocol()
                code = opcode()
            for _ in self.budget:
                if code == STOP_CODE:
                    return self._stop()
                table[code](self)
                code = opcode()
        except (IndexError, KeyError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(f"its operations do not fit together ({type(error).__name__})") from None
        raise Unreadable(f"it has more than {MAX_OPERATIONS:,} operations")

    def _protocol(self) -> None:
        self.protocol = self.source.opcode()
        if self.protocol > MAX_PROTOCOL:
            raise Unreadable(f"there is no pickle protocol {self.protocol}")

    def _stop(self) -> object:
        self.source.unfence()
        if len(self.stack) != 1 or self.marks:
            raise Unreadable("it ends with its stack in disorder")
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

    def mapping(self) -> Mapping:
        """Return a new empty dict's symbol."""
        self.mappings += 1
        if self.mappings > MAX_MAPPINGS:
            raise Unreadable(f"it holds more than {MAX_MAPPINGS:,} dicts")
        return Mapping()

    def fill(self, target: object, items: list[object]) -> None:
        """Put keys and values, which alternate in `items`, into a dict or dict-like object."""
        if len(items) % 2:
            raise Unreadable("a dict in it has a key without a value")
        if type(target) is Mapping:
            put = target.put
            for place in range(0, len(items), 2):
                put(items[place], items[place + 1])
        else:
            self.judge.extend(target)


def _constant(value: object) -> Callable[[Walk], None]:
    return lambda walk: walk.stack.append(value)


def _frame(walk: Walk) -> None:
    walk.source.fence(walk.length(8))


def _mark(walk: Walk) -> None:
    walk.marks.append(walk.stack)
    walk.stack = []


def _pop(walk: Walk) -> None:
    if walk.stack:
        walk.stack.pop()
    else:
        walk.unmark()


def _duplicate(walk: Walk) -> None:
    walk.stack.append(walk.stack[-1])


def _signed(size: int) -> Callable[[Walk], None]:
    return lambda walk: walk.stack.append(int.from_bytes(walk.source.take(size), "little", signed=True))


def _unsigned(size: int) -> Callable[[Walk], None]:
    return lambda walk: walk.stack.append(int.from_bytes(walk.source.take(size), "little"))


def _long(size: int) -> Callable[[Walk], None]:
    def operation(walk: Walk) -> None:
        length = walk.length(size)
        if length > MAX_INTEGER_BYTES:
            raise Unreadable("it holds an integer of absurd length")
        walk.stack.append(int.from_bytes(walk.source.take(length), "little", signed=True))

    return operation


def _integer_line(walk: Walk) -> int:
    line = walk.source.line(LONG_LINE_BYTES).removesuffix(b"L")
    # int() and C's strtol disagree about spaces, underscores, hexadecimal and octal digits.
    if not _INTEGER.fullmatch(line):
        raise Unreadable("it holds an integer that is not decimal")
    return int(line)


def _int(walk: Walk) -> None:
    value = _integer_line(walk)
    walk.stack.append(value)


def _float_line(walk: Walk) -> None:
    try:
        walk.stack.append(float(walk.source.line(LONG_LINE_BYTES)))
    except ValueError:
        raise Unreadable("it holds a number that is none") from None


def _float(walk: Walk) -> None:
    walk.source.skip(8)
    walk.stack.append(0.0)


def _text(size: int) -> Callable[[Walk], None]:
    return lambda walk: walk.text(walk.length(size))


def _blob(size: int) -> Callable[[Walk], None]:
    return lambda walk: walk.blob(walk.length(size))


def _text_line(walk: Walk) -> None:
    value = str(walk.source.line(LONG_LINE_BYTES), "raw-unicode-escape")
    if value.startswith(PREFIX.decode("ascii")):
        walk.stack.append(check_model_text(value.encode("utf-8", "surrogatepass")))
    else:
        walk.stack.append(value if len(value) <= LONG_TEXT_BYTES else LONG_TEXT)


def _tuple(size: int) -> Callable[[Walk], None]:
    def operation(walk: Walk) -> None:
        stack = walk.stack
        if len(stack) < size:
            raise IndexError
        stack[-size:] = [tuple(stack[-size:])]

    return operation


def _marked_tuple(walk: Walk) -> None:
    items = walk.unmark()
    walk.stack.append(tuple(items))


def _marked(symbol: object) -> Callable[[Walk], None]:
    def operation(walk: Walk) -> None:
        walk.unmark()
        walk.stack.append(symbol)

    return operation


def _dict(walk: Walk) -> None:
    walk.stack.append(walk.mapping())


def _marked_dict(walk: Walk) -> None:
    items = walk.unmark()
    mapping = walk.mapping()
    walk.fill(mapping, items)
    walk.stack.append(mapping)


def _append(walk: Walk) -> None:
    walk.stack.pop()
    if walk.stack[-1] is not LIST:
        walk.judge.extend(walk.stack[-1])


def _appends(symbol: object) -> Callable[[Walk], None]:
    def operation(walk: Walk) -> None:
        walk.unmark()
        if walk.stack[-1] is not symbol:
            walk.judge.extend(walk.stack[-1])

    return operation


def _set_item(walk: Walk) -> None:
    value, key = walk.stack.pop(), walk.stack.pop()
    walk.fill(walk.stack[-1], [key, value])


def _set_items(walk: Walk) -> None:
    items = walk.unmark()
    walk.fill(walk.stack[-1], items)


def _get_line(walk: Walk) -> None:
    walk.stack.append(walk.memo[_integer_line(walk)])


def _get(size: int) -> Callable[[Walk], None]:
    return lambda walk: walk.stack.append(walk.memo[walk.length(size)])


def _put_line(walk: Walk) -> None:
    index = _integer_line(walk)
    if index < 0:
        raise Unreadable("its memo has a negative place")
    walk.remember(index)


def _put(size: int) -> Callable[[Walk], None]:
    return lambda walk: walk.remember(walk.length(size))


def _memoize(walk: Walk) -> None:
    walk.remember(len(walk.memo))


def _named(walk: Walk, module: object, name: object) -> Global:
    if type(module) is not str or type(name) is not str:
        raise Unreadable("it imports something by a name that is not a plain string")
    return walk.judge.name(module, name, protocol=walk.protocol)


def _name_lines(walk: Walk) -> Global:
    lines = walk.source.line(LONG_LINE_BYTES), walk.source.line(LONG_LINE_BYTES)
    if not all(_NAME_LINE.fullmatch(line) for line in lines):
        raise Unreadable("it imports something by a name that is none")
    return _named(walk, lines[0].decode("ascii"), lines[1].decode("ascii"))


def _global(walk: Walk) -> None:
    walk.stack.append(_name_lines(walk))


def _stack_global(walk: Walk) -> None:
    name, module = walk.stack.pop(), walk.stack.pop()
    walk.stack.append(_named(walk, module, name))


def _instance(walk: Walk, cls: object, args: list[object]) -> None:
    made = walk.judge.call(cls, tuple(args)) if args else walk.judge.new(cls, ())
    walk.stack.append(made)


def _inst(walk: Walk) -> None:
    cls = _name_lines(walk)
    _instance(walk, cls, walk.unmark())


def _obj(walk: Walk) -> None:
    args = walk.unmark()
    _instance(walk, args[0], args[1:])


def _new(walk: Walk) -> None:
    args, cls = walk.stack.pop(), walk.stack.pop()
    walk.stack.append(walk.judge.new(cls, args))


def _new_with_keywords(walk: Walk) -> None:
    keywords, args, cls = walk.stack.pop(), walk.stack.pop(), walk.stack.pop()
    if type(keywords) is not Mapping or keywords.size:
        raise Unreadable("it makes an object with keyword arguments")
    walk.stack.append(walk.judge.new(cls, args))


def _reduce(walk: Walk) -> None:
    args, function = walk.stack.pop(), walk.stack.pop()
    walk.stack.append(walk.judge.call(function, args))


def _build(walk: Walk) -> None:
    state, target = walk.stack.pop(), walk.stack[-1]
    walk.stack[-1] = walk.judge.build(target, state)
    if isinstance(target, Made) and walk.judge.is_array_wrapper(target):
        if walk.read_array is None:
            raise Unreadable("an array wrapper lies where no array follows")
        walk.source.unfence()
        walk.stack[-1] = walk.read_array(target)


def _refused(reason: str) -> Callable[[Walk], None]:
    def operation(walk: Walk) -> None:
        raise Unreadable(reason)

    return operation


_UNKNOWN = _refused("it holds an operation that no pickle protocol has")
_PYTHON_2 = _refused("it was written by Python 2, whose models no current scikit-learn loads")
_PERSISTENT = _refused("it refers to objects that lie outside it (persistent ids)")
_EXTENSION = _refused("it refers to classes by numbers of the extension registry")
_BUFFERS = _refused("it refers to buffers that lie outside it")

STOP_CODE: Final = pickle.STOP[0]
_TABLE: Final[dict[bytes, Callable[[Walk], None]]] = {
    pickle.FRAME: _frame, pickle.MARK: _mark, pickle.POP: _pop, pickle.POP_MARK: lambda walk: void(walk.unmark()),
}
