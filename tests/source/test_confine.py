"""A real child process confines itself, then tries what it may not do, and what loading a model needs."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from packager.source import seccomp

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Landlock and seccomp are Linux's")

_CONFINE = """
import json, os, sys
from pathlib import Path
from packager.source.confine import Limits, confine
told = confine(Limits(memory_bytes={memory}, cpu_s={cpu_s}, writable=(Path.cwd(),), file_bytes=1 << 20, open_files=128))
"""
MEMORY = 1 << 30


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def run(scratch: Path, code: str, *, before: str = "", memory: int = MEMORY, cpu_s: int = 60) -> Any:
    """Run `before`, confine, run `code` in a child as the worker is started; return what it printed last, as JSON."""
    done = start(scratch, before + _CONFINE.format(memory=memory, cpu_s=cpu_s) + textwrap.dedent(code))
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def start(scratch: Path, code: str) -> subprocess.CompletedProcess[str]:
    path = os.environ.get("PATH", "")
    return subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=scratch, capture_output=True, text=True, check=False, timeout=100,
        env={"PATH": path, "HOME": str(scratch), "TMPDIR": str(scratch), "SECRET": "1"},
    )  # fmt: skip


_TRIES = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), "")

outcome = {}
for name, source in json.loads(sys.argv[1]).items() if len(sys.argv) > 1 else TRIES.items():
    try:
        exec(source, {"call": call, "os": os, "outside": OUTSIDE, "libc": libc})
        outcome[name] = "worked"
    except (OSError, MemoryError, ValueError) as error:
        outcome[name] = type(error).__name__
print(json.dumps(outcome))
"""


def tried(scratch: Path, outside: Path, tries: dict[str, str]) -> dict[str, str]:
    """Return how each try ended: "worked" or the name of its exception."""
    outcome: dict[str, str] = run(scratch, f"TRIES, OUTSIDE = {tries!r}, {str(outside)!r}\n" + _TRIES)
    return outcome


_PROCESSES = {
    "internet socket": "import socket; socket.socket()",
    "raw socket": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "internet socket 6": "import socket; socket.socket(socket.AF_INET6)",
    "unix socket": "import socket; socket.socket(socket.AF_UNIX)",
    "netlink socket": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "exec": "os.execv('/bin/true', ['true'])",
    "fork": "os.fork()",
    "system": "import subprocess; subprocess.run(['true'])",
    "posix_spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "multiprocessing": "import multiprocessing as mp; mp.get_context('fork').Process(target=print).start()",
    "signal to the parent": "os.kill(os.getppid(), 0)",
    "signal to all": "os.kill(-1, 0)",
    "signal to the group": "os.kill(0, 0)",
    "limits of the parent": "import resource; resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0))",
    "memory file": "os.memfd_create('x')",
    "other user": "os.setuid(12345)",
    "new root": "os.chroot('.')",
    "mode of a file": "os.chmod(outside + '/secret', 0o777)",
    "mode of an own file": "open('mine', 'w').close(); os.chmod('mine', 0o777)",
    "owner of a file": "os.chown(outside + '/secret', 1, 1)",
    "attribute of a file": "os.setxattr(outside + '/secret', 'user.x', b'1')",
    "priority": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
}
_FILES = {
    "read": "open(outside + '/secret').read()",
    "list": "os.listdir(outside)",
    "write": "open(outside + '/secret', 'a')",
    "make": "open(outside + '/new', 'x')",
    "make a folder": "os.mkdir(outside + '/folder')",
    "remove": "os.remove(outside + '/secret')",
    "truncate": "os.truncate(outside + '/secret', 0)",
    "rename": "os.rename(outside + '/secret', outside + '/other')",
    "move in": "os.rename(outside + '/secret', 'moved')",
    "link in": "os.link(outside + '/secret', 'linked')",
    "through a symlink": "os.symlink(outside + '/secret', 'way'); open('way').read()",
    "environment of the parent": "open(f'/proc/{os.getppid()}/environ').read()",
    "memory of the parent": "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "passwords": "open('/etc/shadow').read()",
    "shared memory": "open('/dev/shm/packager-test', 'w')",
    "a library": "import json; open(json.__file__, 'a')",
    "a pipe": "os.mkfifo('pipe')",
}
_RESOURCES = {
    "much memory": "bytearray(1 << 36)",
    "much memory by array": "import numpy; numpy.zeros(1 << 33)",
    "shared memory": "import mmap; mmap.mmap(-1, 1 << 38)",
    "large file": "open('large', 'wb', buffering=0).write(bytes(1 << 20)); f = open('large', 'ab', 0); f.write(b'1')",
    "many files": "files = [open('/dev/null') for _ in range(200)]",
    "more memory again": "import resource; resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40))",
    "core dump": "import resource; resource.setrlimit(resource.RLIMIT_CORE, (1, 1))",
}
_RAW = ("ptrace", "process_vm_readv", "mount", "umount2", "unshare", "setns", "bpf", "keyctl", "add_key", "userfaultfd",
        "io_uring_setup", "perf_event_open", "execveat", "vfork", "pidfd_open", "init_module", "reboot", "personality",
        "open_by_handle_at", "move_mount", "tkill", "shmget", "iopl")  # fmt: skip


def test_this_kernel_enforces_all_of_it_or_says_what_it_does_not(scratch: Path) -> None:
    told = run(scratch, "from dataclasses import asdict; print(json.dumps(asdict(told)))")
    assert told.keys() == {"landlock", "seccomp", "capabilities", "limits"}
    for part in told.values():
        assert re.fullmatch(r"abi \d+|on|dropped|unavailable: .+", part)
    assert told["limits"] == "on"


def _enforced(scratch: Path, part: str) -> None:
    told = run(scratch, "from dataclasses import asdict; print(json.dumps(asdict(told)))")
    if told[part].startswith("unavailable"):
        pytest.skip(f"{part} {told[part]}")


def test_no_network_no_programs_no_processes_no_reach_into_others(scratch: Path, tmp_path: Path) -> None:
    _enforced(scratch, "seccomp")
    (tmp_path / "secret").write_text("secret")
    outcome = tried(scratch, tmp_path, _PROCESSES)
    assert {name for name, how in outcome.items() if how == "worked"} == set()
    assert (tmp_path / "secret").stat().st_mode & 0o777 != 0o777


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the numbers of other processors")
def test_raw_system_calls_fail_with_eperm(scratch: Path) -> None:
    _enforced(scratch, "seccomp")
    column = ("x86_64", "aarch64").index(platform.machine())
    numbers = {name: seccomp.FORBIDDEN[name][column] for name in _RAW}
    outcome = run(
        scratch,
        f"""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        numbers = { ({name: number for name, number in numbers.items() if number is not None})!r}
        codes = {{}}
        for name, number in numbers.items():
            result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
            codes[name] = ctypes.get_errno() if result < 0 else "worked"
        if {platform.machine() == "x86_64"}:
            codes["x32"] = ctypes.get_errno() if libc.syscall(ctypes.c_long(0x40000000 | 39)) < 0 else "worked"
        codes["clone3"] = 1 if libc.syscall(ctypes.c_long(435), 0, 0) < 0 and ctypes.get_errno() == 38 else "worked"
        print(json.dumps(codes))
        """,
    )
    assert set(outcome.values()) == {1}


def test_no_files_but_its_own(scratch: Path, tmp_path: Path) -> None:
    _enforced(scratch, "landlock")
    (tmp_path / "secret").write_text("secret")
    outcome = tried(scratch, tmp_path, _FILES)
    assert {name for name, how in outcome.items() if how == "worked"} == set()
    assert (tmp_path / "secret").read_text() == "secret"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scratch", "secret"]


def test_no_more_memory_files_or_descriptors_than_it_was_given(scratch: Path, tmp_path: Path) -> None:
    outcome = tried(scratch, tmp_path, _RESOURCES)
    assert {name for name, how in outcome.items() if how == "worked"} == set()
    assert outcome["much memory"] == "MemoryError"


def test_too_much_time_ends_it(scratch: Path) -> None:
    code = _CONFINE.format(memory=MEMORY, cpu_s=1) + "while True: pass"
    assert start(scratch, code).returncode in (-signal.SIGXCPU, -signal.SIGKILL)


def test_it_keeps_what_it_needs(scratch: Path, tmp_path: Path) -> None:
    readable = tmp_path / "readable"
    readable.mkdir()
    (readable / "rows").write_text("rows")
    own = """
    import ctypes, json, os, sys, tempfile, threading
    from pathlib import Path
    from packager.source.confine import Limits, confine
    confine(Limits(memory_bytes=1 << 30, cpu_s=60, writable=(Path.cwd(),), readable=(Path(sys.argv[1]),)))
    Path("folder/deeper").mkdir(parents=True)
    Path("folder/deeper/file").write_text("x")
    os.rename("folder/deeper/file", "file")
    os.symlink("file", "link")
    os.truncate("file", 0)
    os.remove("link")
    with tempfile.TemporaryFile() as stream:
        stream.write(b"x")
    os.kill(os.getpid(), 0)
    open("/dev/null", "w").write("x")
    names = []
    thread = threading.Thread(target=lambda: names.append((Path(sys.argv[1]) / "rows").read_text()))
    thread.start()
    thread.join()
    try:
        (Path(sys.argv[1]) / "rows").write_text("other")
    except OSError:
        names.append("not writable")
    print(json.dumps([*names, os.urandom(1) != b"", len(os.sched_getaffinity(0)) > 0]))
    """
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(own), str(readable)],
        cwd=scratch, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["rows", "not writable", True, True]


def test_an_abort_still_aborts(scratch: Path) -> None:
    code = _CONFINE.format(memory=MEMORY, cpu_s=60) + "os.abort()"
    assert start(scratch, code).returncode == -signal.SIGABRT


_WORK = """
import warnings
warnings.simplefilter("error", UserWarning)
import joblib, lightgbm, numpy as np, pandas, scipy.stats, skl2onnx
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
warnings.simplefilter("ignore")
joblib.parallel_config("threading")
X = np.random.default_rng(0).normal(size=(300, 4))
y = (X[:, 0] > 0).astype(int)
said = []
for model in (RandomForestClassifier(8, n_jobs=2), BaggingClassifier(n_estimators=4, n_jobs=2),
              lightgbm.LGBMClassifier(n_estimators=5, n_jobs=2, verbose=-1)):
    model = make_pipeline(StandardScaler(), model).fit(X, y)
    joblib.dump(model, "model.joblib", compress=3)
    said.append(bool((joblib.load("model.joblib").predict(X) == model.predict(X)).all()))
forest = make_pipeline(StandardScaler(), RandomForestClassifier(8)).fit(X, y)
onnx = skl2onnx.to_onnx(forest, X[:1].astype(np.float32))
Path("model.onnx").write_bytes(onnx.SerializeToString())
said.append(Path("model.onnx").stat().st_size > 1000)
print(json.dumps(said))
"""


@pytest.mark.parametrize("when", ["after", "before"])
def test_models_load_predict_and_convert_with_the_libraries_imported_before_or_after(scratch: Path, when: str) -> None:
    before = "import lightgbm, joblib, pandas, skl2onnx, sklearn.ensemble\n" if when == "before" else ""
    assert run(scratch, _WORK, before=before, memory=4 << 30) == [True, True, True, True]


def test_threads_that_ran_before_are_told(scratch: Path) -> None:
    _enforced(scratch, "landlock")
    before = "import threading, time\nthreading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n"
    told = run(scratch, "print(json.dumps(told.landlock)); sys.stdout.flush(); os._exit(0)", before=before)
    assert "1 threads that ran before" in told


def test_a_kernel_without_any_of_it_is_told_and_crashes_nothing(scratch: Path) -> None:
    machine = platform.machine()
    if machine not in ("x86_64", "aarch64"):
        pytest.skip("the filter of this test is for the usual processors")
    column = ("x86_64", "aarch64").index(machine)
    refuse = f"""
import ctypes, struct
from packager.source import seccomp as own
step = own._step
blocked = [444, 445, 446, {seccomp.SECCOMP[column]}, {(126, 91)[column]}]
steps = [step(own._LOAD, 0)]
for number in blocked:
    steps += [step(own._JUMP_EQUAL, number, if_false=1), step(own._RETURN, own._ENOSYS)]
code = b"".join([*steps, step(own._RETURN, own._ALLOW)])
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
program = own._Program(len(code) // 8, code)
assert libc.prctl(22, 2, ctypes.byref(program)) == 0, ctypes.get_errno()
"""
    told = run(scratch, "from dataclasses import asdict; print(json.dumps(asdict(told)))", before=refuse)
    missing = "unavailable: Function not implemented"
    assert told == {"landlock": missing, "seccomp": missing, "capabilities": missing, "limits": "on"}


_GATE_OFF = """
import joblib
for name, data in payloads.items():
    Path("artifact").write_bytes(data)
    try:
        joblib.load("artifact")
    except BaseException:
        pass
print(json.dumps(len(payloads)))
"""


def test_live_attacks_are_contained_even_when_nobody_audits_them(scratch: Path, tmp_path: Path) -> None:
    _enforced(scratch, "landlock")
    _enforced(scratch, "seccomp")
    marker = tmp_path / "marker"
    before = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from tests.source.hostile import Workshop
payloads = {{name: payload.data for name, payload in Workshop(Path({str(marker)!r})).all().items() if payload.live}}
"""
    assert run(scratch, _GATE_OFF, before=before, memory=4 << 30) > 60
    assert not marker.exists()


@pytest.mark.parametrize(
    ("machine", "header", "prefix"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "__NR_"),
        ("aarch64", "/usr/include/asm-generic/unistd.h", "__NR(?:3264)?_"),
    ],
)
def test_the_numbers_of_system_calls_are_those_of_the_kernel_headers(machine: str, header: str, prefix: str) -> None:
    if not Path(header).exists():
        pytest.skip(f"{header} is not installed")
    stated = dict(re.findall(rf"#define {prefix}(\w+) (\d+)", Path(header).read_text()))
    column = ("x86_64", "aarch64").index(machine)
    calls = {**seccomp.FORBIDDEN, **seccomp.OWN_PROCESS_ONLY, "clone": seccomp.CLONE, "clone3": seccomp.CLONE3}
    for name, numbers in calls.items():
        if name in stated and numbers[column] is not None:
            assert numbers[column] == int(stated[name]), name
    assert len(stated) > 200


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_well_formed_for_both_processors(machine: str) -> None:
    code = seccomp.filter_program(machine, 4711)
    assert len(code) % 8 == 0
    assert len(code) // 8 < 4096
    steps = [code[place : place + 8] for place in range(0, len(code), 8)]
    for place, step in enumerate(steps):
        if step[0] & 0x07 == 0x05:
            assert place + 1 + max(step[2], step[3]) < len(steps)
    assert steps[-1] == seccomp._step(seccomp._RETURN, seccomp._ALLOW)
