"""multiprocessing's locks, made of threading's: a confined process can share nothing with another process anyway.

The real ones lie in /dev/shm, which is closed here. joblib's thread pools take them too.
"""

from __future__ import annotations

import importlib
import threading
from typing import Final

_RECURSIVE: Final = 0


class ThreadSemaphore:
    """What `_multiprocessing.SemLock` offers, between the threads of one process."""

    SEM_VALUE_MAX = 2**31 - 1

    def __init__(self, kind: int, value: int, maxvalue: int, name: str | None = None, unlink: bool = True) -> None:
        self.kind = kind
        self.maxvalue = maxvalue
        # Without a name multiprocessing starts no process to clean up after it.
        self.name = None
        self.handle = 0
        self._value = value
        self._owner: int | None = None
        self._held = 0
        self._changed = threading.Condition()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take it; say whether that worked."""
        me = threading.get_ident()
        with self._changed:
            if self.kind == _RECURSIVE and self._owner == me:
                self._held += 1
                return True
            if not self._changed.wait_for(lambda: self._value > 0, timeout if block else 0):
                return False
            self._value -= 1
            self._owner, self._held = me, self._held + 1
            return True

    def release(self) -> None:
        """Give it back."""
        with self._changed:
            if self.kind == _RECURSIVE and self._owner != threading.get_ident():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._value >= self.maxvalue:
                raise ValueError("semaphore or lock released too many times")
            self._held -= 1
            if self.kind == _RECURSIVE and self._held:
                return
            self._value += 1
            self._owner = None
            self._changed.notify()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _count(self) -> int:
        return self._held

    def _is_mine(self) -> bool:
        return self._held > 0 and self._owner == threading.get_ident()

    def _get_value(self) -> int:
        return self._value

    def _is_zero(self) -> bool:
        return self._value == 0

    def _after_fork(self) -> None:
        """Do nothing: there is no fork."""


def use_threads_only() -> None:
    """Give multiprocessing these semaphores from now on."""
    try:
        native = importlib.import_module("_multiprocessing")
    except ImportError:
        return
    native.SemLock = ThreadSemaphore  # type: ignore[attr-defined]
