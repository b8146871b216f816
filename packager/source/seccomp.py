"""A seccomp filter by hand: no sockets, no programs, no new processes, no reach into other processes or the kernel.

Threads stay possible. A forbidden call fails with EPERM; a call of another architecture ends the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_SET_MODE_FILTER: Final = 1
# Other threads of this process get the filter as well.
_FLAG_TSYNC: Final = 1

_KILL_PROCESS: Final = 0x80000000
_ERRNO: Final = 0x00050000
_ALLOW: Final = 0x7FFF0000
_EPERM: Final = _ERRNO | errno.EPERM
_ENOSYS: Final = _ERRNO | errno.ENOSYS

# linux/bpf_common.h: load a word at an offset, jump if equal, if greater or equal, if a bit is set, return.
_LOAD: Final = 0x20
_JUMP_EQUAL: Final = 0x15
_JUMP_GREATER_EQUAL: Final = 0x35
_JUMP_BIT: Final = 0x45
_RETURN: Final = 0x06
# struct seccomp_data: the call's number, its architecture, and the low half of its first argument.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_FIRST_ARGUMENT: Final = 16

_CLONE_THREAD: Final = 0x00010000
_X32_BIT: Final = 0x40000000

# Name → number on x86-64 and on aarch64; where it is None the architecture has no such call.
FORBIDDEN: Final[dict[str, tuple[int, int | None]]] = {
    # sockets of any kind: a Unix socket reaches docker, agents and desktops
    "socket": (41, 198),
    # programs and processes
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "setpriority": (141, 140), "ioprio_set": (251, 30), "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # mounts, namespaces and files by number
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "setns": (308, 268),
    "unshare": (272, 97), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fanotify_init": (300, 262),
    # large parts of the kernel that models have no use for
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "syslog": (103, 116), "personality": (135, 92),
    "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162), "vhangup": (153, 58),
    "modify_ldt": (154, None), "iopl": (172, None), "ioperm": (173, None), "uselib": (134, None),
    # attributes of files, which Landlock does not guard: modes, owners, extended attributes
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    # memory that no limit counts, or that outlives the process
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180),
}  # fmt: skip
CLONE: Final = (56, 220)
CLONE3: Final = (435, 435)
# Allowed towards this process itself: abort() raises its signal by tgkill.
OWN_PROCESS_ONLY: Final[dict[str, tuple[int, int]]] = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
SECCOMP: Final = (317, 277)


@dataclass(frozen=True)
class _Architecture:
    audit: int
    column: int
    has_x32: bool


_ARCHITECTURES: Final = {
    "x86_64": _Architecture(0xC000003E, 0, True),
    "aarch64": _Architecture(0xC00000B7, 1, False),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def filter_program(machine: str, pid: int) -> bytes:
    """Return the filter for an architecture as BPF code; `pid` is the one process that may be signalled."""
    here = _ARCHITECTURES[machine]
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_JUMP_EQUAL, here.audit, if_true=1),
        _step(_RETURN, _KILL_PROCESS),
        _step(_LOAD, _NUMBER),
    ]
    if here.has_x32:
        steps += [_step(_JUMP_GREATER_EQUAL, _X32_BIT, if_false=1), _step(_RETURN, _EPERM)]
    for numbers in FORBIDDEN.values():
        number = numbers[here.column]
        if number is not None:
            steps += [_step(_JUMP_EQUAL, number, if_false=1), _step(_RETURN, _EPERM)]
    # The flags of clone3 lie in memory, which a filter cannot read. Without it the C library takes clone.
    steps += [_step(_JUMP_EQUAL, CLONE3[here.column], if_false=1), _step(_RETURN, _ENOSYS)]
    steps += [
        _step(_JUMP_EQUAL, CLONE[here.column], if_false=4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_JUMP_BIT, _CLONE_THREAD, if_false=1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _EPERM),
    ]
    for own in OWN_PROCESS_ONLY.values():
        steps += [
            _step(_JUMP_EQUAL, own[here.column], if_false=5),
            _step(_LOAD, _FIRST_ARGUMENT),
            _step(_JUMP_EQUAL, pid, if_true=1),
            # Only prlimit64 takes zero for itself; kill(0) would reach the whole process group.
            _step(_JUMP_EQUAL, 0 if own is OWN_PROCESS_ONLY["prlimit64"] else pid, if_false=1),
            _step(_RETURN, _ALLOW),
            _step(_RETURN, _EPERM),
        ]
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def restrict(libc: ctypes.CDLL) -> str:
    """Put the filter over every thread of this process; return "on", or raise OSError or KeyError where it cannot be.

    Needs PR_SET_NO_NEW_PRIVS.
    """
    machine = platform.machine()
    code = filter_program(machine, os.getpid())
    program = _Program(len(code) // 8, code)
    number = SECCOMP[_ARCHITECTURES[machine].column]
    flags = ctypes.c_uint(_FLAG_TSYNC)
    done = libc.syscall(ctypes.c_long(number), ctypes.c_uint(_SET_MODE_FILTER), flags, ctypes.byref(program))
    if done != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()) if done < 0 else "a thread would not take it")
    return "on"
