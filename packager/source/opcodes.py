"""What each opcode of pickle's protocols 0 to 5 does to a walk, and the loop over them. Nothing is imported or made.

Where Python's two unpicklers could read the same bytes differently, the bytes are refused.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import Final

from packager.errors import SourceError
from packager.source.arrays import ARRAY_WRAPPER
from packager.source.lightgbm_text import PREFIX, check_model_text
from packager.source.symbols import FROZENSET, LONG_TEXT, SET, Forbidden, Global, Listing, Made, Mapping, Unreadable
from packager.source.walk import LONG_TEXT_BYTES, MAX_OPERATIONS, Walk

LONG_LINE_BYTES: Final = 64 << 20
MAX_INTEGER_BYTES: Final = 1 << 10

_INTEGER = re.compile(rb"-?[0-9]{1,1000}")
_NAME_LINE = re.compile(rb"[!-~]{1,400}")

Operation = Callable[[Walk], None]


def run(walk: Walk) -> object:
    """Walk one pickle to its STOP and return the symbol of the outermost object."""
    opcode, table = walk.source.opcode, _TABLE
    try:
        code = opcode()
        if code == pickle.PROTO[0]:
            walk.protocol_byte()
            code = opcode()
        for _ in walk.budget:
            if code == _STOP:
                return walk.stop()
            table[code](walk)
            code = opcode()
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise Unreadable(f"its operations do not fit together ({type(error).__name__})") from None
    raise Unreadable(f"it has more than {MAX_OPERATIONS:,} operations")


def _constant(value: object) -> Operation:
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


def _pop_mark(walk: Walk) -> None:
    walk.unmark()


def _duplicate(walk: Walk) -> None:
    walk.stack.append(walk.stack[-1])


def _signed(size: int) -> Operation:
    return lambda walk: walk.stack.append(int.from_bytes(walk.source.take(size), "little", signed=True))


def _unsigned(size: int) -> Operation:
    return lambda walk: walk.stack.append(int.from_bytes(walk.source.take(size), "little"))


def _long(size: int) -> Operation:
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


def _text(size: int) -> Operation:
    return lambda walk: walk.text(walk.length(size))


def _blob(size: int) -> Operation:
    return lambda walk: walk.blob(walk.length(size))


def _text_line(walk: Walk) -> None:
    value = str(walk.source.line(LONG_LINE_BYTES), "raw-unicode-escape")
    if value.startswith(PREFIX.decode("ascii")):
        walk.stack.append(check_model_text(value.encode("utf-8", "surrogatepass")))
    else:
        walk.stack.append(value if len(value) <= LONG_TEXT_BYTES else LONG_TEXT)


def _tuple(size: int) -> Operation:
    def operation(walk: Walk) -> None:
        stack = walk.stack
        if len(stack) < size:
            raise IndexError
        stack[-size:] = [walk.packed(stack[-size:])]

    return operation


def _marked_tuple(walk: Walk) -> None:
    items = walk.unmark()
    walk.stack.append(walk.packed(items))


def _frozen_set(walk: Walk) -> None:
    walk.keep(walk.unmark())
    walk.stack.append(FROZENSET)


def _dict(walk: Walk) -> None:
    walk.stack.append(walk.mapping())


def _marked_dict(walk: Walk) -> None:
    items = walk.unmark()
    mapping = walk.mapping()
    walk.fill(mapping, items)
    walk.stack.append(mapping)


def _list(walk: Walk) -> None:
    walk.stack.append(walk.listing([]))


def _marked_list(walk: Walk) -> None:
    items = walk.unmark()
    walk.keep(items)
    walk.stack.append(walk.listing(items))


def _extend(walk: Walk, items: list[object]) -> None:
    walk.keep(items)
    target = walk.stack[-1]
    if type(target) is Listing:
        target.extend(items)
    else:
        walk.judge.extend(target)


def _append(walk: Walk) -> None:
    _extend(walk, [walk.stack.pop()])


def _appends(walk: Walk) -> None:
    _extend(walk, walk.unmark())


def _add_items(walk: Walk) -> None:
    walk.keep(walk.unmark())
    if walk.stack[-1] is not SET:
        walk.judge.extend(walk.stack[-1])


def _set_item(walk: Walk) -> None:
    value, key = walk.stack.pop(), walk.stack.pop()
    walk.fill(walk.stack[-1], [key, value])


def _set_items(walk: Walk) -> None:
    items = walk.unmark()
    walk.fill(walk.stack[-1], items)


def _get_line(walk: Walk) -> None:
    walk.stack.append(walk.memo[_integer_line(walk)])


def _get(size: int) -> Operation:
    return lambda walk: walk.stack.append(walk.memo[walk.length(size)])


def _put_line(walk: Walk) -> None:
    index = _integer_line(walk)
    if index < 0:
        raise Unreadable("its memo has a negative place")
    walk.remember(index)


def _put(size: int) -> Operation:
    return lambda walk: walk.remember(walk.length(size))


def _memoize(walk: Walk) -> None:
    walk.remember(len(walk.memo))


def _named(walk: Walk, module: object, name: object) -> Global:
    if type(module) is not str or type(name) is not str:
        raise Unreadable("it imports something by a name that is not a plain string")
    return walk.judge.name(module, name, protocols=walk.protocols)


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
    walk.keep([state])
    walk.judge.build(target, state)
    if isinstance(target, Made) and target.of == ARRAY_WRAPPER:
        if walk.read_array is None:
            raise Unreadable("an array wrapper lies where no array follows")
        walk.source.unfence()
        walk.stack[-1] = walk.read_array(target)


def _refused(kind: type[SourceError], reason: str) -> Operation:
    def operation(walk: Walk) -> None:
        raise kind(reason)

    return operation


_STOP: Final = pickle.STOP[0]
_UNKNOWN: Final = _refused(Unreadable, "it holds an operation that no pickle protocol has")
_PYTHON_2: Final = _refused(Forbidden, "it was written by Python 2, whose models no current scikit-learn loads")
_OUTSIDE: Final = _refused(Forbidden, "it refers to objects that lie outside it")
_AGAIN: Final = _refused(Forbidden, "it changes its protocol on the way")
_EXTENSION: Final = _refused(Forbidden, "it refers to classes by numbers of the extension registry")

_OPERATIONS: Final[dict[bytes, Operation]] = {
    pickle.PROTO: _AGAIN,
    pickle.FRAME: _frame,
    pickle.MARK: _mark,
    pickle.POP: _pop,
    pickle.POP_MARK: _pop_mark,
    pickle.DUP: _duplicate,
    pickle.NONE: _constant(None),
    pickle.NEWTRUE: _constant(True),
    pickle.NEWFALSE: _constant(False),
    pickle.INT: _int,
    pickle.BININT: _signed(4),
    pickle.BININT1: _unsigned(1),
    pickle.BININT2: _unsigned(2),
    pickle.LONG: _int,
    pickle.LONG1: _long(1),
    pickle.LONG4: _long(4),
    pickle.FLOAT: _float_line,
    pickle.BINFLOAT: _float,
    pickle.STRING: _PYTHON_2,
    pickle.BINSTRING: _PYTHON_2,
    pickle.SHORT_BINSTRING: _PYTHON_2,
    pickle.UNICODE: _text_line,
    pickle.SHORT_BINUNICODE: _text(1),
    pickle.BINUNICODE: _text(4),
    pickle.BINUNICODE8: _text(8),
    pickle.SHORT_BINBYTES: _blob(1),
    pickle.BINBYTES: _blob(4),
    pickle.BINBYTES8: _blob(8),
    pickle.BYTEARRAY8: _blob(8),
    pickle.EMPTY_TUPLE: _constant(()),
    pickle.TUPLE1: _tuple(1),
    pickle.TUPLE2: _tuple(2),
    pickle.TUPLE3: _tuple(3),
    pickle.TUPLE: _marked_tuple,
    pickle.EMPTY_LIST: _list,
    pickle.LIST: _marked_list,
    pickle.APPEND: _append,
    pickle.APPENDS: _appends,
    pickle.EMPTY_SET: _constant(SET),
    pickle.ADDITEMS: _add_items,
    pickle.FROZENSET: _frozen_set,
    pickle.EMPTY_DICT: _dict,
    pickle.DICT: _marked_dict,
    pickle.SETITEM: _set_item,
    pickle.SETITEMS: _set_items,
    pickle.GET: _get_line,
    pickle.BINGET: _get(1),
    pickle.LONG_BINGET: _get(4),
    pickle.PUT: _put_line,
    pickle.BINPUT: _put(1),
    pickle.LONG_BINPUT: _put(4),
    pickle.MEMOIZE: _memoize,
    pickle.GLOBAL: _global,
    pickle.STACK_GLOBAL: _stack_global,
    pickle.INST: _inst,
    pickle.OBJ: _obj,
    pickle.NEWOBJ: _new,
    pickle.NEWOBJ_EX: _new_with_keywords,
    pickle.REDUCE: _reduce,
    pickle.BUILD: _build,
    pickle.PERSID: _OUTSIDE,
    pickle.BINPERSID: _OUTSIDE,
    pickle.NEXT_BUFFER: _OUTSIDE,
    pickle.READONLY_BUFFER: _OUTSIDE,
    pickle.EXT1: _EXTENSION,
    pickle.EXT2: _EXTENSION,
    pickle.EXT4: _EXTENSION,
}
_TABLE: Final = tuple(_OPERATIONS.get(bytes([code]), _UNKNOWN) for code in range(256))
