"""Compile the extension with the C compiler that is at hand: sources in `c/` in, one library for all Pythons out.

The kernels are compiled once for each instruction set; which of them runs is found out where it runs. Needs the
standard library alone: the build hook asks it too.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
SOURCES = FOLDER / "c"
TARGET = FOLDER / "_binned.abi3.so"
# Sums must not be fused into multiply-adds: they would round otherwise.
_FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-Wall", "-Wextra")
_X86 = {"avx2": ("-mavx2",), "avx512": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl")}


class NoCompiler(Exception):
    """There is no C compiler, or no Python.h, or they do not work; the message says which."""


def compile_extension(target: Path = TARGET) -> Path:
    """Compile into `target`, atomically; raise NoCompiler where that can't be done here.

    What was compiled from older sources is then taken away: it scores by rules that are no longer these.
    """
    try:
        return _compile(target)
    except NoCompiler as error:
        problem = error
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = NoCompiler(str(error))
    if target.exists() and target.stat().st_mtime < max(path.stat().st_mtime for path in SOURCES.iterdir()):
        target.unlink()
    raise problem


def find_compiler() -> tuple[list[str], str]:
    """Return the compiler's command, $CC or cc or gcc, and the folder of Python.h; NoCompiler where one is missing."""
    compiler = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or shutil.which("gcc") or "cc"]
    include = sysconfig.get_paths()["include"]
    if shutil.which(compiler[0]) is None:
        raise NoCompiler(f"there is no C compiler ({compiler[0]})")
    if not Path(include, "Python.h").is_file():
        raise NoCompiler(f"there is no Python.h in {include}")
    return compiler, include


def _compile(target: Path) -> Path:
    compiler, include = find_compiler()
    is_x86 = platform.machine() in ("x86_64", "AMD64")
    command = [*compiler, *_FLAGS, f"-I{include}", *(["-DHAS_X86"] if is_x86 else [])]
    units: list[tuple[str, tuple[str, ...]]] = [
        (name, ()) for name in ("check", "layout", "finish", "kernels", "module")
    ]
    units += [("kernels", flags) for flags in _X86.values()] if is_x86 else []
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".compiling-") as scratch:
        objects = []
        for number, (name, flags) in enumerate(units):
            objects.append(f"{scratch}/{number}.o")
            _run([*command, *flags, "-c", str(SOURCES / f"{name}.c"), "-o", objects[-1]])
        library = Path(scratch, target.name)
        _run([*compiler, "-shared", "-Wl,--strip-all", *objects, "-o", str(library), "-lm"])
        library.replace(target)
    return target


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NoCompiler(f"{command[0]} failed: {said[0] if said else f'code {done.returncode}'}")
    sys.stderr.write(done.stderr)


if __name__ == "__main__":
    try:
        print(compile_extension())
    except NoCompiler as problem:
        sys.exit(f"the extension of binned trees was not compiled: {problem}")
