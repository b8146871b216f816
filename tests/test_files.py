"""Digests and atomic writes: whole and named, or not there, whatever happens in between."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from packager import files

FILL = """
import os, sys, time
from pathlib import Path
from packager.files import replaced_folder
with replaced_folder(Path(sys.argv[1])) as staging:
    (staging / "half").write_text("half")
    print("staged", flush=True)
    time.sleep(60)
"""


def write(target: Path, text: str) -> None:
    with files.replaced_folder(target) as staging:
        (staging / "a").write_text(text)
        (staging / "sub").mkdir()
        (staging / "sub" / "b").write_text(text)


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    write(tmp_path / "out" / "bundle", "one")
    assert (tmp_path / "out" / "bundle" / "sub" / "b").read_text() == "one"
    assert os.listdir(tmp_path / "out") == ["bundle"]


def test_an_error_leaves_the_earlier_folder_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    write(target, "one")
    with pytest.raises(FileNotFoundError), files.replaced_folder(target) as staging:
        (staging / "missing" / "a").write_text("two")
    assert (target / "a").read_text() == "one"
    assert os.listdir(tmp_path) == ["bundle"]


def test_a_killed_writer_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    write(target, "one")
    process = subprocess.Popen([sys.executable, "-c", FILL, str(target)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    write(target, "two")  # while it runs, its staging folder is left alone
    assert len(os.listdir(tmp_path)) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    write(target, "three")
    assert os.listdir(tmp_path) == ["bundle"]
    assert (target / "a").read_text() == "three"


def test_a_full_disk_leaves_the_earlier_folder(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    write(target, "one")
    script = f"""
import resource, sys
from pathlib import Path
from packager.files import replaced_folder
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with replaced_folder(Path({str(target)!r})) as staging:
        (staging / "a").write_bytes(b"x" * 100_000)
except OSError as error:
    print(error.errno)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "27"  # EFBIG
    assert (target / "a").read_text() == "one"
    assert os.listdir(tmp_path) == ["bundle"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_a_reader_never_meets_a_missing_folder(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    write(target, "0")
    wrong: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                folder = os.open(target, os.O_RDONLY)
            except FileNotFoundError:
                wrong.append("there is no folder")
                continue
            names = set(os.listdir(folder))
            os.close(folder)
            if not names <= {"a", "sub"}:  # fewer are left where the earlier folder goes while it is read
                wrong.append(str(names))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(200):
            write(target, str(turn))
    finally:
        stop.set()
        reader.join()
    assert wrong == []


def test_copying_hashes_what_is_copied(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    digest = files.copy_hashed(tmp_path / "a", tmp_path / "b")
    assert digest == files.sha256_file(tmp_path / "b")
    with pytest.raises(FileExistsError):
        files.copy_hashed(tmp_path / "a", tmp_path / "b")


def test_canonical_json_has_one_form_and_refuses_nan() -> None:
    assert files.canonical_json({"b": 1, "a": "é"}) == files.canonical_json({"a": "é", "b": 1})
    with pytest.raises(ValueError, match="JSON"):
        files.canonical_json(float("nan"))


def test_a_text_file_is_whole_or_the_earlier_one(tmp_path: Path) -> None:
    files.write_text(tmp_path / "sub" / "a.txt", "one")
    with pytest.raises(UnicodeEncodeError):
        files.write_text(tmp_path / "sub" / "a.txt", "two \ud800")
    assert (tmp_path / "sub" / "a.txt").read_text() == "one"
    assert os.listdir(tmp_path / "sub") == ["a.txt"]
