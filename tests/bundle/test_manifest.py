"""The manifest: what lies in a bundle is what was written, no more, no less, not another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from packager.bundle.manifest import check_digests, read_manifest, write_manifest
from packager.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "model.onnx").write_bytes(b"model")
    (folder / "README.md").write_text("read me")
    write_manifest(folder, "fraud", "3", lineage={"source_sha256": "9f2c"})
    return folder


def test_a_whole_bundle_passes(bundle: Path) -> None:
    manifest = check_digests(bundle)
    assert [entry.path for entry in manifest.files] == ["README.md", "model/model.onnx"]
    assert (manifest.name, manifest.version, manifest.size_bytes) == ("fraud", "3", 12)
    assert manifest.lineage == {"source_sha256": "9f2c"}


def test_the_digest_covers_files_names_and_lineage(bundle: Path, tmp_path: Path) -> None:
    digests = {read_manifest(bundle).digest}
    digests.add(write_manifest(bundle, "fraud", "4", lineage={"source_sha256": "9f2c"}).digest)
    digests.add(write_manifest(bundle, "fraud", "3", lineage={}).digest)
    (bundle / "README.md").write_text("read mE")
    digests.add(write_manifest(bundle, "fraud", "3", lineage={"source_sha256": "9f2c"}).digest)
    assert len(digests) == 4


def _flip(bundle: Path) -> None:
    path = bundle / "model" / "model.onnx"
    path.write_bytes(b"mod\x65m")


def _link(bundle: Path) -> None:
    (bundle / "README.md").rename(bundle.parent / "README.md")
    (bundle / "README.md").symlink_to(bundle.parent / "README.md")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (_flip, "changed 'model/model.onnx'"),
    "longer": (lambda bundle: (bundle / "README.md").write_text("read me!"), "changed 'README.md'"),
    "missing": (lambda bundle: (bundle / "README.md").unlink(), "missing 'README.md'"),
    "extra": (lambda bundle: (bundle / "model" / ".hidden").touch(), "extra 'model/.hidden'"),
    "extra folder": (lambda bundle: (bundle / "code").mkdir(), "extra 'code'"),
    "extra link": (lambda bundle: (bundle / "loop").symlink_to(bundle), "extra 'loop'"),
    "a link in a file's place": (_link, "changed 'README.md'"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named(damage: str, bundle: Path) -> None:
    harm, message = DAMAGE[damage]
    harm(bundle)
    with pytest.raises(BundleError, match=message) as caught:
        check_digests(bundle)
    assert caught.value.exit_code == 8


def test_many_differences_are_told_shortly(bundle: Path) -> None:
    for index in range(100):
        (bundle / f"extra-{index:03}").touch()
    with pytest.raises(BundleError) as caught:
        check_digests(bundle)
    assert caught.value.message.endswith("extra 'extra-004', and 95 more")


def _edit(bundle: Path, **values: object) -> None:
    path = bundle / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


ENTRY = {"path": "README.md", "size": 7, "sha256": "0" * 64}
FORGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "another name": (lambda bundle: _edit(bundle, name="other"), "was changed"),
    "another lineage": (lambda bundle: _edit(bundle, lineage={}), "was changed"),
    "fewer files": (lambda bundle: _edit(bundle, files=[]), "was changed"),
    "another format": (lambda bundle: _edit(bundle, format_version=2), "not a manifest"),
    "a path outside": (lambda bundle: _edit(bundle, files=[{**ENTRY, "path": "../x"}]), "not a manifest"),
    "an absolute path": (lambda bundle: _edit(bundle, files=[{**ENTRY, "path": "/etc/passwd"}]), "not a manifest"),
    "a path twice": (lambda bundle: _edit(bundle, files=[ENTRY, ENTRY]), "not a manifest"),
    "a size that is none": (lambda bundle: _edit(bundle, files=[{**ENTRY, "size": True}]), "not a manifest"),
    "files that are none": (lambda bundle: _edit(bundle, files={}), "not a manifest"),
    "no JSON": (lambda bundle: (bundle / "manifest.json").write_text("{"), "not a manifest"),
    "deep JSON": (lambda bundle: (bundle / "manifest.json").write_text("[" * 100_000), "not a manifest"),
    "not UTF-8": (lambda bundle: (bundle / "manifest.json").write_bytes(b"\xff\xfe{"), "not a manifest"),
    "gone": (lambda bundle: (bundle / "manifest.json").unlink(), "has no manifest.json"),
    "huge": (lambda bundle: (bundle / "manifest.json").write_bytes(b" " * (2 << 20)), "too large"),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_manifest_is_refused(forgery: str, bundle: Path) -> None:
    forge, message = FORGED[forgery]
    forge(bundle)
    with pytest.raises(BundleError, match=message):
        check_digests(bundle)


def test_a_path_that_is_no_bundle(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(BundleError, match="is not a bundle"):
            check_digests(path)
