"""What may be called while loading, and with which arguments: one row per function, the form that honest files have.

Each rule takes the called name and its arguments' symbols, and returns the symbol of what the call makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeGuard, cast

from packager.source import allowlist as known
from packager.source import arrow
from packager.source.arrays import check_dtype_call, dtype_of, nbytes
from packager.source.symbols import FROZENSET, LONG_TEXT, SET, Blob, Forbidden, Global, Listing, Made, Mapping

Args = tuple[object, ...]
Rule = Callable[[Global, Args], object]

OBJECT: Final = Global("builtins", "object")
DICT: Final = Global("builtins", "dict")
TUPLE: Final = Global("builtins", "tuple")
STR: Final = Global("builtins", "str")
CHECK_ARRAY: Final = Global("sklearn.utils.validation", "check_array")
BIT_GENERATOR: Final = Global("numpy.random._pickle", "__bit_generator_ctor")
SEED_SEQUENCE: Final = Global("numpy.random.bit_generator", "SeedSequence")
TIMEZONE: Final = Global("datetime", "timezone")
MISSING: Final = Global("pandas", "NA")
TIMEDELTA: Final = Global("datetime", "timedelta")

# Pure methods of str, as a text vectorizer's `analyzer` or `preprocessor`.
STR_METHODS: Final = frozenset({"casefold", "lower", "split", "strip", "upper"})
FACTORIES: Final = frozenset(
    {Global("collections", "OrderedDict")}
    | {Global("builtins", name) for name in ("dict", "float", "int", "list", "set", "str")}
)
INDEX_FIELDS: Final = frozenset({"data", "name", "dtype", "start", "stop", "step", "names"})
MAX_TREE_OUTPUTS: Final = 1 << 20


def _require(sound: bool, function: Global) -> None:
    if not sound:
        raise Forbidden(f"it calls {function.dotted} with arguments that no honest model has")


def _is_plain(value: object) -> bool:
    return value is None or type(value) in (bool, int, float, str)


def _made(value: object, of: frozenset[Global]) -> bool:
    return isinstance(value, Made) and value.of in of


def _is_name(value: object, of: frozenset[Global]) -> TypeGuard[Global]:
    return isinstance(value, Global) and value in of


def _one_of(function: Global, value: object, of: frozenset[Global]) -> Global:
    _require(_is_name(value, of), function)
    return cast(Global, value)


def _plain(function: Global, args: Args) -> object:
    _require(all(map(_is_plain, args)), function)
    return Made(function, args)


def _empty(function: Global, args: Args) -> object:
    _require(not args, function)
    return Made(function)


def _reconstruct(function: Global, args: Args) -> object:
    """An array of length zero, which gets its shape, dtype and content by its state."""
    _require(len(args) == 3 and args[1] == (0,) and isinstance(args[2], Blob | str), function)
    return Made(_one_of(function, args[0], known.ARRAYS))


def _masked(function: Global, args: Args) -> object:
    _require(len(args) == 4 and _is_name(args[1], known.ARRAYS), function)
    return _reconstruct(function, (args[0], *args[2:]))


def _dtype(function: Global, args: Args) -> object:
    check_dtype_call(args)
    return Made(function, args)


def _scalar(function: Global, args: Args) -> object:
    """One number out of its bytes; an object dtype would take any object for it."""
    _require(len(args) == 2 and isinstance(args[1], Blob), function)
    dtype, blob = dtype_of(args[0]), args[1]
    _require(not dtype.is_object and isinstance(blob, Blob) and blob.size in (None, dtype.itemsize), function)
    return Made(function)


def _frombuffer(function: Global, args: Args) -> object:
    _require(len(args) == 4 and isinstance(args[0], Blob) and args[3] in ("C", "F"), function)
    dtype, blob = dtype_of(args[1]), args[0]
    size = nbytes(args[2], dtype)
    _require(not dtype.is_object and isinstance(blob, Blob) and blob.size in (None, size), function)
    return Made(Global("numpy", "ndarray"), built=True)


def _encode(function: Global, args: Args) -> object:
    """Bytes in protocols 0 to 2: text of one byte a character."""
    sound = len(args) == 2 and args[1] == "latin1" and (type(args[0]) is str or args[0] is LONG_TEXT)
    _require(sound, function)
    return Blob(len(args[0]) if isinstance(args[0], str) else None)


def _bytes(function: Global, args: Args) -> object:
    if args and isinstance(args[0], Blob):
        _require(len(args) == 1, function)
        return args[0]
    text = len(args) == 2 and type(args[0]) is str and args[1] == "latin-1"
    _require(not args or text, function)
    return Blob(len(args[0]) if text and isinstance(args[0], str) else 0)


def _set(function: Global, args: Args) -> object:
    listed = len(args) == 1 and (isinstance(args[0], Listing) or args[0] in (SET, FROZENSET))
    _require(not args or listed, function)
    return SET if function.name == "set" else FROZENSET


def _default_dict(function: Global, args: Args) -> object:
    _require(not args or (len(args) == 1 and (args[0] is None or _is_name(args[0], FACTORIES))), function)
    return Made(function)


def _counter(function: Global, args: Args) -> object:
    _require(not args or (len(args) == 1 and isinstance(args[0], Mapping)), function)
    return Made(function)


def _date(function: Global, args: Args) -> object:
    sizes = {"date": 4, "datetime": 10}
    sound = bool(args) and isinstance(args[0], Blob) and args[0].size in (None, sizes[function.name])
    _require(sound and all(_made(arg, frozenset({TIMEZONE})) for arg in args[1:]) and len(args) < 3, function)
    return Made(function)


def _timezone(function: Global, args: Args) -> object:
    _require(len(args) in (1, 2) and _made(args[0], frozenset({TIMEDELTA})) and all(map(_is_plain, args[1:])), function)
    return Made(function)


def _method(function: Global, args: Args) -> object:
    """`getattr` for bound methods: a string's pure ones, and scipy's entropy of a discrete distribution."""
    sound = len(args) == 2 and (
        (_made(args[0], known.DISTRIBUTIONS) and args[1] == "_entropy")
        or (args[0] == STR and type(args[1]) is str and args[1] in STR_METHODS)
    )
    _require(sound, function)
    return Made(function)


def _partial(function: Global, args: Args) -> object:
    _require(args == (CHECK_ARRAY,), function)
    return Made(function, args)


def _reconstructor(function: Global, args: Args) -> object:
    """Protocols 0 and 1: an empty object of a class, or one with the content of the builtin that it extends."""
    _require(len(args) == 3 and isinstance(args[0], Global) and isinstance(args[1], Global), function)
    cls, base, content = cast(Global, args[0]), *args[1:]
    sound = (
        (_is_name(cls, known.CLASSES | known.DISTRIBUTIONS) and base == OBJECT and content is None)
        or (_is_name(cls, known.DICTS) and base == DICT and isinstance(content, Mapping))
        or (_is_name(cls, known.TUPLES) and base == TUPLE and isinstance(content, tuple))
    )
    _require(sound, function)
    return Made(cls)


def _cython_new(function: Global, args: Args) -> object:
    _require(len(args) == 1, function)
    cls = _one_of(function, args[0], known.CYTHON)
    _require(cls.module == function.module, function)
    return Made(cls)


def _cython_unpickle(function: Global, args: Args) -> object:
    _require(len(args) == 3 and type(args[1]) is int, function)
    cls, state = _one_of(function, args[0], known.CYTHON), args[2]
    sound = state is None or (isinstance(state, tuple) and all(map(_is_plain, state)))
    _require(sound and function.name == f"__pyx_unpickle_{cls.name}", function)
    return Made(cls)


def _seed_sequence(function: Global, args: Args) -> object:
    _require(len(args) == 3 and args[0] == SEED_SEQUENCE and type(args[1]) is int and args[2] is None, function)
    return Made(SEED_SEQUENCE)


def _bit_generator(function: Global, args: Args) -> object:
    names = {cls.name for cls in known.RANDOM_BITS}
    sound = len(args) == 1 and (_is_name(args[0], known.RANDOM_BITS) or (type(args[0]) is str and args[0] in names))
    _require(sound, function)
    return Made(function)


def _random(function: Global, args: Args) -> object:
    """A generator over a bit generator, or over its name and the one function that makes it."""
    by_name = len(args) == 2 and type(args[0]) is str and args[1] == BIT_GENERATOR
    over = len(args) in (1, 2) and _made(args[0], frozenset({BIT_GENERATOR})) and args[1:] in ((), (BIT_GENERATOR,))
    _require(by_name or over, function)
    return Made(function)


def _tree(function: Global, args: Args) -> object:
    sound = len(args) == 3 and type(args[0]) is int and type(args[2]) is int and isinstance(args[1], Made)
    _require(sound and all(type(arg) is not int or 0 <= arg <= MAX_TREE_OUTPUTS for arg in args), function)
    return Made(function)


def _index(function: Global, args: Args) -> object:
    fields = args[1].whole() if len(args) == 2 and isinstance(args[1], Mapping) else None
    _require(fields is not None and fields.keys() <= INDEX_FIELDS, function)
    return Made(_one_of(function, args[0], known.INDEXES))


def _string_array(function: Global, args: Args) -> object:
    _require(len(args) == 3 and type(args[1]) is int and args[2] is None, function)
    return Made(_one_of(function, args[0], known.STRING_ARRAYS))


def _string_dtype(function: Global, args: Args) -> object:
    _require(all(_is_plain(arg) or arg == MISSING for arg in args), function)
    return Made(function)


def _wrong_call(function: Global, args: Args) -> object:
    _require(False, function)
    return None


_NUMPY: Final[dict[str, Rule]] = {
    **{f"numpy.{core}.multiarray._reconstruct": _reconstruct for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": _frombuffer for core in ("core", "_core")},
    "numpy.dtype": _dtype,
    "numpy.ma.core._mareconstruct": _masked,
    "numpy.random._pickle.__bit_generator_ctor": _bit_generator,
    "numpy.random._pickle.__generator_ctor": _random,
    "numpy.random._pickle.__randomstate_ctor": _random,
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": _seed_sequence,
}
_STANDARD: Final[dict[str, Rule]] = {
    "_codecs.encode": _encode,
    "builtins.bytearray": _bytes,
    "builtins.bytes": _bytes,
    "builtins.complex": _plain,
    "builtins.frozenset": _set,
    "builtins.getattr": _method,
    "builtins.range": _plain,
    "builtins.set": _set,
    "builtins.slice": _plain,
    "collections.Counter": _counter,
    "collections.OrderedDict": _empty,
    "collections.defaultdict": _default_dict,
    "copyreg._reconstructor": _reconstructor,
    "datetime.date": _date,
    "datetime.datetime": _date,
    "datetime.timedelta": _plain,
    "datetime.timezone": _timezone,
    "functools.partial": _partial,
}
_OTHERS: Final[dict[str, Rule]] = {
    "pandas.StringDtype": _string_dtype,
    "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked": _string_array,
    "pandas.core.indexes.base._new_Index": _index,
    "pyarrow.lib._restore_array": arrow.make_array,
    "pyarrow.lib.py_buffer": arrow.make_buffer,
    "pyarrow.lib.type_for_alias": arrow.make_type,
    "sklearn.metrics._dist_metrics.newObj": _cython_new,
    "sklearn.neighbors._ball_tree.newObj": _cython_new,
    "sklearn.neighbors._kd_tree.newObj": _cython_new,
    "sklearn.tree._tree.Tree": _tree,
}
_BY_NAME: Final = {**_NUMPY, **_STANDARD, **_OTHERS}
CALLS: Final[dict[Global, Rule]] = {
    **{name: _BY_NAME.get(name.dotted, _wrong_call) for name in known.CALLED},
    **dict.fromkeys(known.LOSSES, _plain),
    **dict.fromkeys(known.UNPICKLERS, _cython_unpickle),
}
