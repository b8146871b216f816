"""Landlock by hand: which files a process may read and write from now on, and that it may use no TCP.

Needs no privilege; Linux 5.13 and up. Each newer kernel ABI can forbid more, so what it knows is asked for first.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# The same on every architecture.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1

# linux/landlock.h, LANDLOCK_ACCESS_FS_*
EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
TRUNCATE: Final = 1 << 14
IOCTL_DEV: Final = 1 << 15
_MAKE_DEVICES_AND_SOCKETS: Final = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11
_ON_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
# How many rights each ABI knows: ABI 2 added REFER, 3 TRUNCATE, 5 IOCTL_DEV.
_KNOWN_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWEST_RIGHTS: Final = 16
# ABI 4: bind and connect of TCP; ABI 6: abstract Unix sockets and signals to processes outside.
_TCP: Final = 0b11
_SCOPES: Final = 0b11

READ: Final = READ_FILE | READ_DIR
RUN: Final = READ | EXECUTE
# Everything below a folder of its own but running programs and making devices, sockets and pipes.
WRITE: Final = ((1 << _NEWEST_RIGHTS) - 1) & ~EXECUTE & ~_MAKE_DEVICES_AND_SOCKETS & ~IOCTL_DEV


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _call(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    """Make a system call; raise OSError where it fails."""
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def version(libc: ctypes.CDLL) -> int:
    """Return the kernel's Landlock ABI; raise OSError where there is none."""
    return _call(libc, _CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))


def restrict(libc: ctypes.CDLL, rules: Iterable[tuple[Path, int]]) -> str:
    """Allow this thread, and what it starts, each path's rights and nothing else; return "abi N".

    Paths that do not exist are passed over. Needs PR_SET_NO_NEW_PRIVS.
    """
    abi = version(libc)
    handled = (1 << _KNOWN_RIGHTS.get(abi, _NEWEST_RIGHTS)) - 1
    attributes = _Ruleset(handled, _TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0)
    # An older kernel takes a shorter structure.
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = _call(libc, _CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path, rights in rules:
            _allow(libc, ruleset, path, rights & handled)
        _call(libc, _RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return f"abi {abi}"


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            return
        raise
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            rights &= _ON_FILES
        rule = _PathBeneath(rights, parent)
        arguments = ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0)
        _call(libc, _ADD_RULE, *arguments)
    finally:
        os.close(parent)
