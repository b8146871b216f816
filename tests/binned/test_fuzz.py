"""No file, however hostile, makes the extension read or write out of bounds: mutated ones under the sanitizers."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from packager.binned.compile import SOURCES
from tests.binned.models import ALONE, Binned, model_of

# `make test` tries fewer than a release should: BINNED_FUZZ=1000000 takes some minutes.
FILES = int(os.environ.get("BINNED_FUZZ", 100_000))
_FLAGS = ["-g", "-O1", "-std=gnu11", "-ffp-contract=off", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
_KERNELS = {"plain": [], "avx2": ["-mavx2"], "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]}
# What a check that is taken away from check.c lets through; the sanitizers have to tell.
_CHECKS = (
    "column >= h->n_columns",
    "RANK(split) >= (c->kind == KIND_SET ? 1 : c->n_edges)",
    "(uint64_t)s->targets[tree] + h->leaf_width > h->n_targets",
    "c->feature >= h->n_features",
)


def _compiled(folder: Path, sources: Path = SOURCES) -> Path:
    is_x86 = platform.machine() == "x86_64"
    compile_ = ["gcc", *_FLAGS, *(["-DHAS_X86"] if is_x86 else []), f"-I{sources}"]
    units = [(name, name, []) for name in ("check", "layout", "finish")]
    units += [("kernels", name, flags) for name, flags in _KERNELS.items() if is_x86 or name == "plain"]
    jobs = [
        subprocess.Popen([*compile_, *flags, "-c", str(sources / f"{unit}.c"), "-o", str(folder / f"{name}.o")])
        for unit, name, flags in units
    ]
    assert [job.wait(timeout=300) for job in jobs] == [0] * len(jobs)
    program = folder / "fuzz"
    objects = [str(folder / f"{name}.o") for _, name, _ in units]
    source = Path(__file__).with_name("fuzz.c")
    subprocess.run([*compile_, str(source), *objects, "-lm", "-o", str(program)], check=True, timeout=300)
    return program


def _has_sanitizers(folder: Path) -> bool:
    probe = folder / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    if shutil.which("gcc") is None:
        return False
    command = ["gcc", "-fsanitize=address,undefined", str(probe), "-o", str(folder / "probe")]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Small files of every kind: sums, vectors, classes, categories, missing zeros, many edges."""
    folder = tmp_path_factory.mktemp("seeds")
    if not _has_sanitizers(folder):
        pytest.skip("no gcc with its sanitizers: apt-get install gcc libc6-dev")
    models: list[Binned] = [model_of(case.name) for case in ALONE]
    contents = sorted({model.ensemble() for model in models}, key=len)[:40]
    paths = [folder / f"{number}.bin" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


def _fuzz(program: Path, files: int, seeds: list[str], seed: int = 1) -> subprocess.CompletedProcess[str]:
    command = [str(program), str(files), str(seed), *seeds]
    return subprocess.run(command, capture_output=True, text=True, timeout=3_000, check=False)


def test_no_mutated_file_reaches_out_of_bounds(seeds: list[str], tmp_path: Path) -> None:
    done = _fuzz(_compiled(tmp_path), FILES, seeds)
    assert done.returncode == 0, done.stderr[:3_000]
    loaded, refused = (int(word) for word in done.stdout.split() if word.isdigit())
    assert loaded + refused == FILES
    assert min(loaded, refused) > FILES // 10  # both what is refused and what is let in was tried


@pytest.mark.parametrize("check", _CHECKS)
def test_the_sanitizers_tell_of_a_check_that_is_missing(seeds: list[str], tmp_path: Path, check: str) -> None:
    sources = tmp_path / "c"
    shutil.copytree(SOURCES, sources)
    text = (sources / "check.c").read_text()
    assert text.count(check) == 1
    (sources / "check.c").write_text(text.replace(check, f"(0 && ({check}))"))
    done = _fuzz(_compiled(tmp_path, sources), 200_000, seeds)
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr or "runtime error" in done.stderr
