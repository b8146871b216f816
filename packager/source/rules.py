"""The judge of a walk: which names may be imported, made, called, given a state or kept. All else is refused.

It remembers every name, and what the objects say about the versions that wrote them.
"""

from __future__ import annotations

import _compat_pickle
from collections.abc import Sequence
from typing import Final

from packager.source import allowlist as known
from packager.source.arrays import ARRAY_WRAPPER
from packager.source.calls import CALLS
from packager.source.states import BOOSTER, STATES
from packager.source.symbols import Arguments, Forbidden, Global, Made, Mapping, ModelText, shown
from packager.source.versions import is_version

# A file that asks for more unknown names than this is not looked at any further.
MAX_UNKNOWN: Final = 50
MAX_SEEN_VERSIONS: Final = 8
# What a trusted class or function may be handed to, for protocols 0 and 1 and for a prediction to call.
_TAKES_TRUSTED: Final = frozenset({Global("copyreg", "_reconstructor"), Global("functools", "partial")})
_DICT_LIKE: Final = known.DICTS | {Global("collections", name) for name in ("Counter", "OrderedDict", "defaultdict")}


def loaded_name(module: str, name: str, protocol: int) -> Global:
    """Return what Python's unpicklers import for a name: in protocols 0 to 2 they translate those of Python 2."""
    if protocol < 3:
        if (module, name) in _compat_pickle.NAME_MAPPING:
            return Global(*_compat_pickle.NAME_MAPPING[module, name])
        module = _compat_pickle.IMPORT_MAPPING.get(module, module)
    return Global(module, name)


class Rules:
    """The allow-list at work on one file; `trust` adds exact dotted names, which may be used in any way."""

    def __init__(self, trust: Sequence[str] = ()) -> None:
        self.names: set[Global] = set()
        self.unknown: set[Global] = set()
        self.sklearn_versions: set[str] = set()
        self.lightgbm_formats: set[str] = set()
        self._trust = frozenset(trust)

    def name(self, module: str, name: str, *, protocols: tuple[int, ...]) -> Global:
        """Note one import. An unknown name is told at the end, so that all of them are told at once."""
        found, *others = {loaded_name(module, name, protocol) for protocol in protocols}
        if others:
            raise Forbidden(f"what {shown(module)}.{shown(name)} means in it depends on the version of joblib")
        if found in known.OLD_JOBLIB:
            raise Forbidden("it was written by joblib before 0.10, whose arrays lie in other files beside it")
        self.names.add(found)
        if found not in known.KNOWN and found.dotted not in self._trust:
            self.unknown.add(found)
            if len(self.unknown) > MAX_UNKNOWN:
                raise Forbidden("it imports too many names that no honest model needs")
        return found

    def _free(self, name: object) -> bool:
        """Say whether a name is trusted, or unknown and thus refused at the end in any case."""
        return isinstance(name, Global) and (name in self.unknown or name.dotted in self._trust)

    def may_keep(self, name: Global) -> bool:
        """Say whether a name may lie in a model as a value."""
        return name in known.VALUES or self._free(name)

    def new(self, cls: object, args: object) -> object:
        """Return what making an object of a class without calling it gives."""
        if not isinstance(cls, Global) or not isinstance(args, tuple):
            raise Forbidden("it makes an object of something that is not a class")
        empty = cls in known.CLASSES or cls in known.DISTRIBUTIONS or cls in known.DICTS or cls == ARRAY_WRAPPER
        filled = cls in known.TUPLES and not isinstance(args, Arguments)
        if not (self._free(cls) or filled or (empty and not args)):
            raise Forbidden(f"it makes {shown(cls.dotted)} in a way that no honest model does")
        return Made(cls, args)

    def call(self, function: object, args: object) -> object:
        """Return what a call gives."""
        if not isinstance(function, Global) or not isinstance(args, tuple):
            raise Forbidden("it calls something that is not a function's plain name")
        if self._free(function):
            return Made(function, args)
        first = args[0] if args else None
        if function in _TAKES_TRUSTED and isinstance(first, Global) and self._free(first):
            return Made(first, args[1:])
        rule = CALLS.get(function)
        if rule is None:
            raise Forbidden(f"it calls {shown(function.dotted)}, which no honest model does")
        return rule(function, args)

    def build(self, target: object, state: object) -> None:
        """Note that an object gets its state."""
        if not isinstance(target, Made):
            raise Forbidden("it sets attributes of something that is not an object of its own")
        if target.built:
            raise Forbidden(f"it sets the state of {shown(target.of.dotted)} twice")
        if not self._free(target.of):
            rule = STATES.get(target.of)
            if rule is None:
                raise Forbidden(f"it sets the state of {shown(target.of.dotted)}, which no honest model does")
            rule(target, state)
        target.built, target.state = True, state
        self._note_versions(target, state)

    def extend(self, target: object) -> None:
        """Note that an object other than a plain list, set or dict gets items."""
        if not isinstance(target, Made) or not (target.of in _DICT_LIKE or self._free(target.of)):
            raise Forbidden("it puts items into something that takes none")

    def _note_versions(self, target: Made, state: object) -> None:
        if not isinstance(state, Mapping):
            return
        for key, value in state.entries:
            if key == "_sklearn_version" and is_version(value) and len(self.sklearn_versions) < MAX_SEEN_VERSIONS:
                self.sklearn_versions.add(str(value))
            if isinstance(value, ModelText) and target.of == BOOSTER:
                self.lightgbm_formats.add(value.version)
