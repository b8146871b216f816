"""numpy's dtypes and arrays as a pickle states them, and the raw array bytes that joblib puts between operations.

A forged dtype can make numpy take raw bytes for object pointers, and a forged shape can wrap round: both are
recomputed here from their parts and must agree.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from packager.source.symbols import Blob, Forbidden, Global, Listing, Made, Mapping, Unreadable

DTYPE: Final = Global("numpy", "dtype")
NDARRAY: Final = Global("numpy", "ndarray")
ARRAY_WRAPPER: Final = Global("joblib.numpy_pickle", "NumpyArrayWrapper")
# What joblib writes raw; other subclasses of ndarray are pickled as usual.
WRAPPED_TYPES: Final = frozenset({NDARRAY, Global("numpy", "memmap"), Global("numpy", "matrix")})
MAX_DIMENSIONS: Final = 64
POINTER_BYTES: Final = 8
MAX_BYTES: Final = 1 << 62

# The flags of an object dtype: references, pickled as a list, pointers, initialised, the Python API, getitem, setitem.
OBJECT_FLAGS: Final = 63
# Any of the first three makes numpy treat the bytes of an array as pointers.
POINTER_FLAGS: Final = 7

_TYPE = re.compile(r"([biufcOSUVmM])([0-9]{1,9})")
_FLEXIBLE: Final = "SUV"
_TIMES: Final = "mM"


@dataclass(frozen=True)
class Dtype:
    """An element's size in bytes, and whether it is a Python object."""

    itemsize: int
    is_object: bool


def check_dtype_call(args: tuple[object, ...]) -> None:
    """Refuse to make a dtype out of anything but numpy's own short form, such as ("f8", False, True)."""
    sound = len(args) == 3 and type(args[0]) is str and _TYPE.fullmatch(args[0]) is not None
    if not sound or not all(type(arg) in (bool, int) for arg in args[1:]):
        raise Forbidden("it makes a numpy dtype in an unusual way")


def dtype_of(symbol: object) -> Dtype:
    """Return what a dtype's symbol says."""
    if not isinstance(symbol, Made) or symbol.of != DTYPE:
        raise Forbidden("an array in it has no plain numpy dtype")
    match = _TYPE.fullmatch(str(symbol.args[0]))
    if match is None:
        raise Forbidden("it makes a numpy dtype in an unusual way")
    kind, size = match.group(1), int(match.group(2))
    if kind == "O":
        return Dtype(POINTER_BYTES, True)
    return Dtype(size * 4 if kind == "U" else size, False)


def check_dtype_state(symbol: Made, state: object) -> None:
    """Refuse a dtype's state that does not follow from its type and its fields."""
    dtype = dtype_of(symbol)
    kind = str(symbol.args[0])[0]
    if not isinstance(state, tuple) or (len(state), state[0]) not in ((8, 3), (9, 4)):
        raise Forbidden("a numpy dtype in it has a state of an unknown version")
    if len(state) == 9 or kind in _TIMES:
        _check_metadata(kind, state[8:])
    order, subarray, names, fields, size, alignment, flags = state[1:8]
    expected = (dtype.itemsize,) if kind in _FLEXIBLE else (-1,)
    sound = (
        order in ("<", ">", "|", "=")
        and subarray is None
        and type(size) is int
        and size in expected
        and type(alignment) is int
        and -1 <= alignment <= 64
        and type(flags) is int
        and (flags == OBJECT_FLAGS if dtype.is_object else 0 <= flags < 256 and not flags & POINTER_FLAGS)
    )
    if not sound:
        raise Forbidden("a numpy dtype in it contradicts itself")
    if names is not None or fields is not None:
        _check_fields(kind, dtype.itemsize, names, fields)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value < 1 << 31


def _check_metadata(kind: str, metadata: tuple[object, ...]) -> None:
    """Require the unit of times, which numpy reads without looking: (None, (unit, number, number, number))."""
    if kind not in _TIMES:
        sound = isinstance(metadata[0], Mapping | None)
    else:
        pair = metadata[0] if metadata else None
        unit = pair[1] if isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], Mapping | None) else None
        sound = isinstance(unit, tuple) and len(unit) == 4 and isinstance(unit[0], Blob)
        sound = sound and isinstance(unit, tuple) and all(_is_count(number) for number in unit[1:])
    if not sound:
        raise Forbidden("a numpy dtype in it has unusual metadata")


def _check_fields(kind: str, itemsize: int, names: object, fields: object) -> None:
    whole = fields.whole() if isinstance(fields, Mapping) else None
    if kind != "V" or whole is None or not isinstance(names, tuple) or not all(type(name) is str for name in names):
        raise Forbidden("a structured numpy dtype in it contradicts itself")
    if set(names) != set(whole):
        raise Forbidden("a structured numpy dtype in it contradicts itself")
    for value in whole.values():
        if not isinstance(value, tuple) or len(value) != 2 or type(value[1]) is not int:
            raise Forbidden("a structured numpy dtype in it has an unusual field")
        field = dtype_of(value[0])
        if field.is_object or value[1] < 0 or value[1] + field.itemsize > itemsize:
            raise Forbidden("a structured numpy dtype in it has a field outside it, or one of objects")


def nbytes(shape: object, dtype: Dtype) -> int:
    """Return how many bytes an array of this shape takes."""
    if not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
        raise Forbidden("an array in it has no sound shape")
    # Past a product of 2**62 numpy's own arithmetic wraps round to small sizes.
    if not all(type(length) is int and 0 <= length < MAX_BYTES for length in shape):
        raise Forbidden("an array in it has no sound shape")
    size = math.prod(shape) * dtype.itemsize
    if size >= MAX_BYTES or math.prod(length or 1 for length in shape) >= MAX_BYTES:
        raise Forbidden("an array in it has an absurd shape")
    return size


def check_array_state(state: object) -> None:
    """Refuse a pickled array whose content does not fit its shape and dtype, or that makes objects out of bytes.

    numpy takes as many objects out of the list as the shape says, however long it is.
    """
    if not isinstance(state, tuple) or len(state) not in (5, 7):
        raise Forbidden("an array in it has a state of an unknown version")
    shape, symbol, _, data = state[1:5]
    dtype = dtype_of(symbol)
    if dtype.is_object != isinstance(data, Listing):
        raise Forbidden("an array in it mixes objects and bytes")
    size = nbytes(shape, dtype)
    expected = size // POINTER_BYTES if dtype.is_object else size
    if not isinstance(data, Listing | Blob) or data.size not in (expected, None):
        raise Forbidden("an array in it has content that does not fit its shape")
    if len(state) == 7 and not isinstance(state[5], Blob):
        raise Forbidden("a masked array in it has no plain mask")


@dataclass(frozen=True)
class RawArray:
    """What follows a joblib array wrapper: a nested pickle, or `size` bytes, after padding where `padded`."""

    is_object: bool
    size: int
    padded: bool


def raw_array(state: object) -> RawArray:
    """Return what a joblib wrapper's state says about the array behind it."""
    fields = state.whole() if isinstance(state, Mapping) else None
    if fields is None or not {"subclass", "shape", "order", "dtype"} <= fields.keys():
        raise Forbidden("a joblib array in it is not described as joblib does")
    subclass = fields["subclass"]
    if not isinstance(subclass, Global) or subclass not in WRAPPED_TYPES or fields["order"] not in ("C", "F"):
        raise Forbidden("a joblib array in it is of an unusual class or order")
    dtype = dtype_of(fields["dtype"])
    size = nbytes(fields["shape"], dtype)
    if dtype.itemsize == 0:
        raise Unreadable("a joblib array in it has elements of no size")
    return RawArray(dtype.is_object, size, fields.get("numpy_array_alignment_bytes") is not None)
