"""What state an object may be given while loading: most classes only take a dict of attributes.

A state is set once. One that could replace a special method, or that a class would execute or parse, is checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import UnionType
from typing import Final

from packager.source import allowlist as known
from packager.source.arrays import ARRAY_WRAPPER, DTYPE, check_array_state, check_dtype_state
from packager.source.calls import CHECK_ARRAY, SEED_SEQUENCE
from packager.source.symbols import Forbidden, Global, Made, Mapping, ModelText

# A type that may stand in an array's wrapper, but not where a prediction would call it.
MEMMAP: Final = Global("numpy", "memmap")
BOOSTER: Final = Global("lightgbm.basic", "Booster")

# scipy fills these three functions' heads in from the distribution's shape names and executes them on loading.
_SHAPES = r"(?:[A-Za-z_][A-Za-z_0-9]{0,31}, ){0,8}"
_SCIPY_PARSER: Final = re.compile(
    rf"\ndef _parse_args\(self, {_SHAPES} loc=0(?:, scale=1)?\):\n    return \({_SHAPES}\), loc, (?:scale|1)\n"
    rf"\ndef _parse_args_rvs\(self, {_SHAPES} loc=0(?:, scale=1)?, size=None\):\n"
    rf"    return self\._argcheck_rvs\({_SHAPES} loc, (?:scale|1), size=size\)\n"
    rf"\ndef _parse_args_stats\(self, {_SHAPES} loc=0(?:, scale=1)?, moments='mv'\):\n"
    rf"    return \({_SHAPES}\), loc, (?:scale|1), moments\n"
)


def _attributes(target: Made, state: object) -> Mapping:
    """Return a state of attributes; a special name among them could be called by the loader or Python itself."""
    if not isinstance(state, Mapping) or state.special_key is not None:
        raise Forbidden(f"it gives {target.of.dotted} a state that no honest model has")
    if any(value == MEMMAP for _, value in state.entries):
        raise Forbidden(f"it gives {target.of.dotted} the function that opens files as arrays")
    return state


def _plain(target: Made, state: object) -> None:
    _attributes(target, state)


def _fields(target: Made, state: object) -> dict[object, object]:
    fields = _attributes(target, state).whole()
    if fields is None:
        raise Forbidden(f"it gives {target.of.dotted} a state that no honest model has")
    return fields


def _booster(target: Made, state: object) -> None:
    """The model text is parsed by native code on loading: it must be one that was checked."""
    fields = _fields(target, state)
    if not all(isinstance(fields.get(key), ModelText | None) for key in ("handle", "_handle")):
        raise Forbidden("it gives a LightGBM Booster a model text that is none")


def _distribution(target: Made, state: object) -> None:
    template = _fields(target, state).get("_parse_arg_template")
    if type(template) is not str or not _SCIPY_PARSER.fullmatch(template):
        raise Forbidden(f"it gives {target.of.dotted} a text to execute that is not scipy's own")


def _partial(target: Made, state: object) -> None:
    sound = isinstance(state, tuple) and len(state) == 4 and state[:2] == (CHECK_ARRAY, ())
    if not sound or not isinstance(state, tuple) or not isinstance(state[3], Mapping | None):
        raise Forbidden("it gives functools.partial a state that no honest model has")
    _attributes(target, state[2])


def _parts(target: Made, state: object) -> tuple[object, ...]:
    """Return the tuple of its fields that a Cython class takes; most read it without looking at its length."""
    if not isinstance(state, tuple):
        raise Forbidden(f"it gives {target.of.dotted} a state that no honest model has")
    return state


def _form(*kinds: type | UnionType) -> Callable[[Made, object], None]:
    """Return the rule for a tuple of exactly these kinds of fields."""

    def rule(target: Made, state: object) -> None:
        parts = _parts(target, state)
        if len(parts) != len(kinds) or not all(map(isinstance, parts, kinds)):
            raise Forbidden(f"it gives {target.of.dotted} a state that no honest model has")

    return rule


def _plain_parts(target: Made, state: object) -> None:
    if not all(part is None or type(part) in (bool, int, float) for part in _parts(target, state)):
        raise Forbidden(f"it gives {target.of.dotted} a state that no honest model has")


# Points, order, nodes and bounds; leaf size and counts; the metric; weights.
_neighbour_tree = _form(Made, Made, Made, Made, *[int] * 7, Made, Made | None)
_metric = _form(int | float, Made, Made)
_strings = _form(Made, Made)
_seed = _form(object, int, object, int, tuple)


def _cython_rule(cls: Global) -> Callable[[Made, object], None]:
    if cls.module == "sklearn.metrics._dist_metrics":
        return _metric
    return _neighbour_tree if cls.module.startswith("sklearn.neighbors.") else _plain_parts


def _random(target: Made, state: object) -> None:
    parts = state if isinstance(state, tuple) else (state,)
    seed = parts[1] if len(parts) == 2 else None
    if len(parts) not in (1, 2) or not (seed is None or (isinstance(seed, Made) and seed.of == SEED_SEQUENCE)):
        raise Forbidden(f"it gives {target.of.dotted} a state that no honest model has")
    _attributes(target, parts[0])


def _array(target: Made, state: object) -> None:
    check_array_state(state)


def _wrapper(target: Made, state: object) -> None:
    """Leave it to `arrays.raw_array`, which reads it at once."""


Rule = Callable[[Made, object], None]
STATES: Final[dict[Global, Rule]] = {
    **dict.fromkeys(known.CLASSES | known.DICTS, _plain),
    **dict.fromkeys(known.DISTRIBUTIONS, _distribution),
    **{name: _cython_rule(name) for name in known.CYTHON},
    **dict.fromkeys(known.STRING_ARRAYS, _strings),
    **dict.fromkeys(known.ARRAYS, _array),
    BOOSTER: _booster,
    SEED_SEQUENCE: _seed,
    DTYPE: check_dtype_state,
    ARRAY_WRAPPER: _wrapper,
    Global("functools", "partial"): _partial,
    Global("numpy.random._pickle", "__bit_generator_ctor"): _random,
    Global("numpy.random._pickle", "__generator_ctor"): _random,
    Global("numpy.random._pickle", "__randomstate_ctor"): _random,
    Global("sklearn.tree._tree", "Tree"): _plain,
}
