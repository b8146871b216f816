"""A judge that allows everything and writes down each use of each name: what `collect_allowlist.py` looks at."""

from __future__ import annotations

from pathlib import Path

from packager.source.compression import opened
from packager.source.joblib_file import JoblibFile
from packager.source.stream import Source
from packager.source.symbols import Global, Made, Mapping


OUT: set[str] = set()
class Recorder:
    def __init__(self) -> None:
        self.uses: set[tuple[str, str, str]] = set()

    def _note(self, use: str, subject: object) -> None:
        where = subject if isinstance(subject, Global) else Global("?", repr(type(subject)))
        self.uses.add((use, where.module, where.name))

    def name(self, module: str, name: str, *, protocols: tuple[int, ...]) -> Global:
        from packager.source.rules import loaded_name
        found = Global(*loaded_name(module, name, protocols[-1]))
        self._note("value", found)
        return found

    def new(self, cls: object, args: object) -> object:
        self._note("new" if args == () else f"new{_shape(args)}", cls)
        return Made(cls, args)

    def call(self, function: object, args: object) -> object:
        self._note(f"call{_shape(args)}", function)
        if isinstance(function, Global) and function.dotted == "copyreg._reconstructor":
            self._note(f"reconstruct{_shape(args[1:])}", args[0])
            return Made(args[0], ())
        from packager.source.symbols import Blob
        if isinstance(function, Global) and function.dotted == "_codecs.encode":
            return Blob(None)
        return Made(function, args)

    def build(self, target: object, state: object) -> None:
        kind = "dict" if isinstance(state, Mapping) else _shape(state)
        if isinstance(target, Made):
            if target.built: self._note("twice", target.of)
            target.built = True
            target.state = state
        if isinstance(state, Mapping) and state.special_key:
            kind += state.special_key
        self._note(f"state {kind}", target.of if isinstance(target, Made) else target)

    def may_keep(self, name):
        self._note("kept", name)
        return name.dotted not in OUT

    def extend(self, target: object) -> None:
        self._note("extend", target.of if isinstance(target, Made) else target)


def _shape(value: object) -> str:
    if isinstance(value, tuple):
        return "(" + ",".join(map(_shape, value)) + ")" if len(value)<7 else f"({len(value)})"
    if isinstance(value, Made):
        return f"<{value.of.name}>"
    if isinstance(value, Global):
        return f"{value.name}"
    return type(value).__name__ if not hasattr(value, "kind") else value.kind


def record(path: Path) -> set[tuple[str, str, str]]:
    recorder = Recorder()
    with opened(path, inflated_limit_bytes=1 << 30) as (blocks, _, _):
        JoblibFile(Source(blocks), recorder).walk()
    return recorder.uses
