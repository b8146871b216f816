"""Laws of the directory registry: versions are immutable, whole, inside the root, and safe to write at once."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from packager.errors import RecipeError, SourceError
from packager.registry.directory import DirectoryRegistry, Facts
from packager.registry.entry import version_order


@pytest.fixture
def registry(tmp_path: Path) -> DirectoryRegistry:
    return DirectoryRegistry(tmp_path / "registry")


def artifact(folder: Path, content: bytes = b"model", name: str = "model.joblib") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def everything(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_what_is_registered_is_found(registry: DirectoryRegistry, tmp_path: Path) -> None:
    rows = artifact(tmp_path, b"rows", "rows.parquet")
    facts = Facts("scikit-learn", {"scikit-learn": "1.9.1", "numpy": "2.4.6"})
    made = registry.register(artifact(tmp_path), "fraud", version="3", data=rows, facts=facts)
    assert registry.get("fraud", "3") == made
    assert made.path.read_bytes() == b"model"
    assert made.sha256 == hashlib.sha256(b"model").hexdigest()
    assert made.size_bytes == 5
    assert [path.read_bytes() for path in made.data_files] == [b"rows"]
    assert made.framework == "scikit-learn"
    assert made.uri == "registry://fraud/3"
    assert everything(registry.root) == [
        "fraud", "fraud/3", "fraud/3/meta.json", "fraud/3/model.joblib", "fraud/3/rows.parquet",
    ]  # fmt: skip
    meta = json.loads((made.folder / "meta.json").read_text(encoding="utf-8"))
    assert meta["versions"] == {"numpy": "2.4.6", "scikit-learn": "1.9.1"}
    assert meta["data"][0]["sha256"] == hashlib.sha256(b"rows").hexdigest()
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o755


def test_the_next_version_is_the_next_number(registry: DirectoryRegistry, tmp_path: Path) -> None:
    first = registry.register(artifact(tmp_path), "fraud")
    registry.register(artifact(tmp_path), "fraud", version="9")
    registry.register(artifact(tmp_path), "fraud", version="beta")
    third = registry.register(artifact(tmp_path), "fraud")
    assert (first.version, third.version) == ("1", "10")


def test_the_same_content_again_changes_nothing(registry: DirectoryRegistry, tmp_path: Path) -> None:
    first = registry.register(artifact(tmp_path), "fraud", version="1")
    before = first.folder.stat().st_mtime_ns
    assert registry.register(artifact(tmp_path), "fraud", version="1") == first
    assert first.folder.stat().st_mtime_ns == before


@pytest.mark.parametrize("rows", [None, b"other rows"])
def test_a_version_never_changes(registry: DirectoryRegistry, tmp_path: Path, rows: bytes | None) -> None:
    registry.register(artifact(tmp_path), "fraud", version="1", data=artifact(tmp_path, b"rows", "rows.csv"))
    data = None if rows is None else artifact(tmp_path, rows, "rows.csv")
    with pytest.raises(SourceError, match="a version never changes"):
        registry.register(artifact(tmp_path), "fraud", version="1", data=data)
    with pytest.raises(SourceError, match="a version never changes"):
        registry.register(artifact(tmp_path, b"other"), "fraud", version="1")
    assert registry.get("fraud", "1").path.read_bytes() == b"model"
    assert not [path for path in registry.root.iterdir() if path.name.startswith(".")]


def test_registering_again_notices_a_changed_file(registry: DirectoryRegistry, tmp_path: Path) -> None:
    registry.register(artifact(tmp_path), "fraud", version="1").path.write_bytes(b"evil!")
    with pytest.raises(SourceError, match="changed after it was registered"):
        registry.register(artifact(tmp_path), "fraud", version="1")


def test_latest_is_the_highest_in_natural_order(registry: DirectoryRegistry, tmp_path: Path) -> None:
    for version in ("9", "10", "2"):
        registry.register(artifact(tmp_path), "fraud", version=version)
    assert registry.get("fraud").version == "10"
    assert registry.get("fraud", "latest").version == "10"
    assert [entry.version for entry in registry.list()] == ["2", "9", "10"]


def test_versions_are_ordered_as_people_read_them() -> None:
    versions = ["10", "2", "1.10", "1.9", "1", "v2", "v10"]
    assert sorted(versions, key=version_order) == ["v2", "v10", "1", "1.9", "1.10", "2", "10"]


def test_what_is_missing_is_told_with_what_is_there(registry: DirectoryRegistry, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="registry is empty"):
        registry.get("fraud")
    registry.register(artifact(tmp_path), "fraud", version="1")
    with pytest.raises(SourceError, match=r"no fruad in the registry(.|\n)*there: fraud") as caught:
        registry.get("fruad")
    assert caught.value.exit_code == 3
    with pytest.raises(SourceError, match=r"no version 2 of fraud(.|\n)*there: 1"):
        registry.get("fraud", "2")


@pytest.mark.parametrize("name", ["../up", "..", "a/b", "/etc", ".hidden", "", "a\nb", "-x", "a..b", "x" * 65])
def test_a_name_or_version_never_leads_out(registry: DirectoryRegistry, tmp_path: Path, name: str) -> None:
    with pytest.raises(RecipeError):
        registry.register(artifact(tmp_path), name)
    with pytest.raises(RecipeError):
        registry.get(name)
    if name:
        with pytest.raises(RecipeError):
            registry.register(artifact(tmp_path), "fraud", version=name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.joblib"]


def test_latest_is_no_version_to_register(registry: DirectoryRegistry, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="stands for the highest"):
        registry.register(artifact(tmp_path), "fraud", version="latest")


def test_links_out_of_the_registry_are_not_followed(registry: DirectoryRegistry, tmp_path: Path) -> None:
    outside = DirectoryRegistry(tmp_path / "outside")
    entry = outside.register(artifact(tmp_path), "fraud", version="1")
    registry.root.mkdir()
    (registry.root / "fraud").symlink_to(outside.root / "fraud")
    with pytest.raises(SourceError, match="no fraud in the registry"):
        registry.get("fraud")
    with pytest.raises(SourceError, match="is a link"):
        registry.register(artifact(tmp_path), "fraud", version="2")
    entry.path.unlink()
    entry.path.symlink_to("/etc/hostname")
    with pytest.raises(SourceError, match="is missing"):
        outside.get("fraud")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("artifact", "../../secret"),
        ("artifact", "/etc/hostname"),
        ("artifact", "meta.json"),
        ("sha256", "abc"),
        ("name", "other"),
        ("kind", "thing"),
        ("meta_version", 2),
        ("data", [{"file": "../x", "sha256": "0" * 64, "size_bytes": 1}]),
        ("data", [1]),
        ("versions", []),
        ("size_bytes", -1),
    ],
)
def test_a_forged_meta_is_refused(registry: DirectoryRegistry, tmp_path: Path, key: str, value: object) -> None:
    entry = registry.register(artifact(tmp_path), "fraud", version="1")
    meta = entry.folder / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), key: value}))
    with pytest.raises(SourceError, match=r"damaged: meta\.json cannot be read"):
        registry.get("fraud")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[" * 100_000, b"\xff", b'{"meta_version": 1}'])
def test_a_damaged_meta_is_refused(registry: DirectoryRegistry, tmp_path: Path, content: bytes) -> None:
    entry = registry.register(artifact(tmp_path), "fraud", version="1")
    (entry.folder / "meta.json").write_bytes(content)
    with pytest.raises(SourceError, match="damaged"):
        registry.get("fraud")


def test_only_plain_files_with_plain_names_are_registered(registry: DirectoryRegistry, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.joblib"):
        with pytest.raises(SourceError, match="a file is registered"):
            registry.register(path, "fraud")
    for name in ("meta.json", ".hidden", "a\nb"):
        with pytest.raises(SourceError, match="cannot be registered"):
            registry.register(artifact(tmp_path, name=name), "fraud")
    (tmp_path / "data").mkdir()
    with pytest.raises(SourceError, match="same file name"):
        registry.register(artifact(tmp_path), "fraud", data=artifact(tmp_path / "data"))
    assert registry.list() == ()


def test_an_unwritable_root_is_told(tmp_path: Path) -> None:
    (tmp_path / "registry").write_text("a file")
    with pytest.raises(SourceError, match=r"cannot write to the registry .*exists"):
        DirectoryRegistry(tmp_path / "registry").register(artifact(tmp_path), "fraud")


WRITER = """
import sys
from pathlib import Path
from packager.errors import SourceError
from packager.registry.directory import DirectoryRegistry
root, artifact, version = sys.argv[1:]
try:
    print(DirectoryRegistry(Path(root)).register(Path(artifact), "fraud", version=version or None).version)
except SourceError as error:
    print("refused", error)
"""


def writer(registry: DirectoryRegistry, path: Path, version: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(registry.root), str(path), version]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_writers_at_once_each_get_a_version(registry: DirectoryRegistry, tmp_path: Path) -> None:
    paths = [artifact(tmp_path, bytes([number]) * 2_000_000, f"model-{number}.joblib") for number in range(6)]
    versions = [process.communicate()[0].strip() for process in [writer(registry, path) for path in paths]]
    assert sorted(versions) == ["1", "2", "3", "4", "5", "6"]
    for version, path in zip(versions, paths, strict=True):
        assert registry.get("fraud", version).path.read_bytes() == path.read_bytes()


def test_of_two_contents_under_one_version_one_wins(registry: DirectoryRegistry, tmp_path: Path) -> None:
    paths = [artifact(tmp_path, bytes([number]) * 2_000_000, f"model-{number}.joblib") for number in range(4)]
    told = [process.communicate()[0] for process in [writer(registry, path, "1") for path in paths]]
    assert sum(text.startswith("1") for text in told) == 1
    assert sum("a version never changes" in text for text in told) == 3
    assert everything(registry.root / "fraud" / "1")


def test_a_killed_writer_leaves_no_entry_and_the_next_one_clears_up(
    registry: DirectoryRegistry, tmp_path: Path
) -> None:
    large = tmp_path / "large.joblib"
    with large.open("wb") as stream:
        stream.truncate(4 << 30)
    process = writer(registry, large, "1")
    for _ in range(2000):
        if list(registry.root.glob(".partial-*/large.joblib")):
            break
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert list(registry.root.glob(".partial-*"))
    assert registry.list() == ()
    registry.register(artifact(tmp_path), "fraud", version="1")
    assert everything(registry.root) == ["fraud", "fraud/1", "fraud/1/meta.json", "fraud/1/model.joblib"]
