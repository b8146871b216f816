"""The extension is compiled where packager is built: one library for every Python, or none, and both are told."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from packager.binned.compile import NoCompiler, compile_extension, find_compiler
from packager.binned.library import LIBRARY, load_library
from packager.validate.interpreter import find_python

ROOT = Path(__file__).parents[2]
# What the oldest distribution in support has (CentOS 7's, by which wheels are named): nothing newer is linked.
_OLDEST_GLIBC = (2, 17)
_TIMEOUT_S = 120
_BUILD = "import sys; from hatchling.build import {how}; print({how}(sys.argv[1]))"
_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?\)?\s+(\S+)$", re.MULTILINE)
_LOAD = """
import sys
from packager.binned.library import LibraryUnavailable, library
try:
    print(f"{sys.version_info[0]}.{sys.version_info[1]}", *library().instruction_sets())
except LibraryUnavailable as error:
    print(error)
"""


def _compiles() -> bool:
    """Tell whether there are a C compiler and Python's headers."""
    try:
        find_compiler()
    except NoCompiler:
        return False
    return True


needs_compiler = pytest.mark.skipif(
    not _compiles(), reason="there is no C compiler or no Python.h: apt-get install gcc libc6-dev python3-dev"
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_extension(tmp_path_factory.mktemp("compiled") / LIBRARY.name)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of what a clean clone holds of the package."""
    root = tmp_path / "clone"
    without = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "packager", root / "packager", ignore=without)
    for name in ("pyproject.toml", "README.md", ".gitignore"):
        shutil.copyfile(ROOT / name, root / name)
    return root


def built(root: Path, how: str, **environ: str) -> tuple[Path, str]:
    """Build a wheel, an sdist or an editable wheel as an installer does; return it and what was said meanwhile."""
    out = root.parent / "built"
    out.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", _BUILD.format(how=how), str(out)],
        cwd=root,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.strip().splitlines()[-1], done.stdout + done.stderr


def loaded(wheel: Path, folder: Path) -> str:
    """Unpack a wheel, as installing does; return what loading the extension says there."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site-packages")
    return said_by(Path(sys.executable), folder / "site-packages")


def said_by(python: Path, place: Path) -> str:
    """Return what loading the extension of the package in a folder says under a Python."""
    done = subprocess.run(
        [python, "-I", "-c", f"import sys; sys.path.insert(0, {str(place)!r})\n{_LOAD}"],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_compiler
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the symbols of other processors begin with a later glibc")
@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump reads the symbols: apt-get install binutils")
def test_nothing_newer_than_the_oldest_glibc_is_linked(library: Path) -> None:
    said = subprocess.run(["objdump", "-T", library], capture_output=True, text=True, check=True, timeout=60).stdout
    needed = [(int(major), int(minor), name) for major, minor, name in _GLIBC.findall(said)]
    assert needed, "the library of C is always needed"
    assert [name for major, minor, name in needed if (major, minor) > _OLDEST_GLIBC] == []
    exported = [line.split()[-1] for line in said.splitlines() if " g " in line]
    assert exported == ["PyInit__binned"], "what else is seen from outside may be another library's name"


def test_the_pattern_finds_symbols_that_are_too_new() -> None:
    said = "0000 DF *UND* 0000 (GLIBC_2.29) exp\n0000 DF *UND* 0000 (GLIBC_2.2.5) free\n"
    assert _GLIBC.findall(said) == [("2", "29", "exp"), ("2", "2", "free")]


@needs_compiler
def test_the_same_sources_give_the_same_bytes(library: Path, tmp_path: Path) -> None:
    assert compile_extension(tmp_path / LIBRARY.name).read_bytes() == library.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [LIBRARY.name], "nothing else stays behind"


@needs_compiler
def test_what_was_compiled_is_an_extension(library: Path) -> None:
    assert "plain" in load_library(library).instruction_sets()


@needs_compiler
def test_a_wheel_holds_the_extension_for_one_platform_and_all_pythons(tree: Path, tmp_path: Path) -> None:
    wheel, _ = built(tree, "build_wheel")
    assert re.fullmatch(r"packager-.+-cp311-abi3-\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        facts = next(archive.read(name).decode() for name in names if name.endswith("WHEEL"))
    assert "packager/binned/_binned.abi3.so" in names
    assert "packager/binned/c/layout.c" in names, "who gets a compiler later compiles what was installed"
    assert "Root-Is-Purelib: false" in facts
    assert "plain" in loaded(wheel, tmp_path)


@needs_compiler
@pytest.mark.parametrize("minor", ["3.11", "3.12", "3.13"])
def test_one_extension_serves_every_python(minor: str, library: Path, tmp_path: Path) -> None:
    python = find_python(minor, os.environ)
    if python is None:
        pytest.skip(f"there is no Python {minor} on this machine: uv python install {minor}")
    place = tmp_path / "packager"
    (place / "binned").mkdir(parents=True)
    for name in ("__init__.py", "errors.py", "wording.py", "binned/__init__.py", "binned/library.py"):
        shutil.copyfile(ROOT / "packager" / name, place / name)
    shutil.copyfile(library, place / "binned" / LIBRARY.name)
    assert said_by(python.path, tmp_path).startswith(f"{minor} ")


@needs_compiler
def test_a_later_python_compiles_it_too(tree: Path, tmp_path: Path) -> None:
    """Whichever Python builds, the interface is that of 3.11."""
    python = next(filter(None, (find_python(minor, os.environ) for minor in ("3.13", "3.12"))), None)
    if python is None:
        pytest.skip("there is no later Python on this machine: uv python install 3.13")
    compile_file = tree / "packager" / "binned" / "compile.py"
    done = subprocess.run([python.path, "-I", compile_file], capture_output=True, text=True, timeout=_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    assert "plain" in said_by(Path(sys.executable), tree)


@needs_compiler
def test_an_editable_install_compiles_into_the_tree(tree: Path) -> None:
    with (tree / "pyproject.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[tool.hatch.build]\ndev-mode-dirs = ["."]\n')  # without a package that no test has
    built(tree, "build_editable")
    assert (tree / "packager" / "binned" / LIBRARY.name).is_file()


def test_an_sdist_holds_the_sources_and_nothing_compiled(tree: Path) -> None:
    (tree / "packager" / "binned" / LIBRARY.name).write_bytes(b"of an earlier build")
    (tree / ".git").mkdir()  # what git ignores is left out
    sdist, _ = built(tree, "build_sdist")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = {f"packager/binned/c/{path.name}" for path in (ROOT / "packager" / "binned" / "c").iterdir()}
    assert sources | {"packager/binned/compile.py", "packager/binned/build_hook.py"} <= names
    assert not [name for name in names if name.endswith(".so")]


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"CC": "/bin/false"}, "/bin/false failed"),
        ({"PATH": ""}, "there is no C compiler"),
        ({"CC": "no-such-compiler -O2"}, "there is no C compiler (no-such-compiler)"),
    ],
    ids=["it fails", "no PATH", "another that is not there"],
)
def test_without_a_compiler_a_wheel_is_for_all_and_says_what_it_lacks(
    environ: dict[str, str], told: str, tree: Path, tmp_path: Path
) -> None:
    wheel, said = built(tree, "build_wheel", **environ)
    assert wheel.name.endswith("-py3-none-any.whl")
    assert f"going on without the extension of binned trees: {told}" in said
    reason = loaded(wheel, tmp_path)
    assert reason.startswith(
        "packager's own library of binned trees was not compiled where it was installed; with a C compiler"
    )
    assert reason.endswith("run python -m packager.binned.compile")


def test_a_library_of_older_sources_does_not_outlive_a_compiler_that_fails(tree: Path) -> None:
    room = tree / "packager" / "binned"
    stale = room / LIBRARY.name
    stale.write_bytes(b"compiled long ago")
    os.utime(stale, (1, 1))
    wheel, _ = built(tree, "build_wheel", CC="/bin/false")
    assert not stale.exists()
    assert wheel.name.endswith("-py3-none-any.whl")


def test_one_that_is_current_stays_where_a_compiler_fails(tree: Path) -> None:
    current = tree / "packager" / "binned" / LIBRARY.name
    current.write_bytes(b"compiled just now")
    wheel, _ = built(tree, "build_wheel", CC="/bin/false")
    assert current.read_bytes() == b"compiled just now"
    assert wheel.name.endswith("-py3-none-any.whl"), "what was not compiled by this build is not in its wheel"


def test_the_command_says_in_one_line_why_it_failed(tree: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "packager.binned.compile"],
        cwd=tree,
        env={**os.environ, "CC": "/bin/false"},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "the extension of binned trees was not compiled: /bin/false failed: code 1\n"


def test_what_is_no_extension_is_told(tree: Path) -> None:
    with pytest.raises(ImportError):
        load_library(Path(__file__))
    (tree / "packager" / "binned" / LIBRARY.name).write_bytes(b"of another processor")
    assert re.match(
        r"packager's own library of binned trees does not load here: .+; with a C compiler .+ packager.binned.compile$",
        said_by(Path(sys.executable), tree),
    )
