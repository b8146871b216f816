"""The strings of pandas 3's indexes as pyarrow pickles them: a type, counts, and three buffers whose sizes must fit.

pyarrow believes what it is told; a buffer that is too short lets it read beyond its end.
"""

from __future__ import annotations

from typing import Final

from packager.source.symbols import Blob, Forbidden, Global, Listing, Made

TYPE: Final = Global("pyarrow.lib", "type_for_alias")
BUFFER: Final = Global("pyarrow.lib", "py_buffer")
# How many bytes each offset into the text takes.
OFFSET_BYTES: Final = {"large_string": 8, "large_utf8": 8, "string": 4, "str": 4, "utf8": 4}
MAX_LENGTH: Final = 1 << 40


def make_type(function: Global, args: tuple[object, ...]) -> Made:
    """Take the types of strings alone."""
    if len(args) != 1 or type(args[0]) is not str or args[0] not in OFFSET_BYTES:
        raise Forbidden("it makes a pyarrow type that is not one of strings")
    return Made(function, args)


def make_buffer(function: Global, args: tuple[object, ...]) -> Made:
    """Take bytes alone."""
    if len(args) != 1 or not isinstance(args[0], Blob):
        raise Forbidden("it makes a pyarrow buffer out of something that is not bytes")
    return Made(function, args)


def make_array(function: Global, args: tuple[object, ...]) -> Made:
    """Take (type, length, nulls, offset, [validity, offsets, text], [], None), each buffer long enough."""
    parts = args[0] if len(args) == 1 and isinstance(args[0], tuple) else ()
    if len(parts) != 7 or not _fits(parts):
        raise Forbidden("it makes a pyarrow array that contradicts itself")
    return Made(function)


def _fits(parts: tuple[object, ...]) -> bool:
    kind, length, nulls, offset, buffers, children, dictionary = parts
    if not isinstance(kind, Made) or kind.of != TYPE or dictionary is not None:
        return False
    if not isinstance(buffers, Listing) or buffers.size != 3 or not isinstance(children, Listing) or children.size:
        return False
    end = 0
    for count in (length, offset):
        if not isinstance(count, int) or not 0 <= count < MAX_LENGTH:
            return False
        end += count
    validity, offsets, text = map(_size, buffers.first)
    enough = offsets >= (end + 1) * OFFSET_BYTES[str(kind.args[0])] and text >= 0
    return type(nulls) is int and enough and (buffers.first[0] is None or validity * 8 >= end)


def _size(buffer: object) -> int:
    """Return a buffer's size, or -1 where there is none or its size is not known."""
    if not isinstance(buffer, Made) or buffer.of != BUFFER:
        return -1
    blob = buffer.args[0]
    return blob.size if isinstance(blob, Blob) and blob.size is not None else -1
