"""A pickle as joblib writes it: each array wrapper is followed by raw bytes, or by a pickle of its own.

A plain pickle is the same thing without wrappers.
"""

from __future__ import annotations

from packager.source.arrays import NDARRAY, raw_array
from packager.source.opcodes import run
from packager.source.stream import Source
from packager.source.symbols import Made, Unreadable
from packager.source.walk import Judge, Walk


class JoblibFile:
    """One walk over a file's whole stream; `arrays` counts the wrappers that were met."""

    def __init__(self, source: Source, judge: Judge) -> None:
        self.arrays = 0
        self._source = source
        self._judge = judge
        self._walk = Walk(source, judge)
        self._walk.read_array = self._array

    def walk(self) -> object:
        """Return the symbol of the outermost object; refuse anything that follows it."""
        root = run(self._walk)
        if not self._source.ended():
            raise Unreadable("more bytes follow its end, a second pickle perhaps")
        return root

    def _array(self, wrapper: Made) -> object:
        self.arrays += 1
        raw = raw_array(wrapper.state)
        if raw.is_object:
            # No wrapper is looked for in here: the loader reads this one with a plain unpickler.
            return run(Walk(self._source, self._judge, around=self._walk))
        if raw.padded:
            self._source.skip(self._source.take(1)[0])
        self._source.skip(raw.size)
        return Made(NDARRAY, built=True)
