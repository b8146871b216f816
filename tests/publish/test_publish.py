"""Laws of publishing: only a bundle that passed, whole, unchanged, and never over another one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packager.artifact import Bundle
from packager.bundle.manifest import check_digests, write_manifest
from packager.errors import PublishError, RecipeError
from packager.publish.publish import Published, publish


def make(folder: Path, *, gate: str | None = "passed", model: bytes = b"onnx") -> Bundle:
    (folder / "model").mkdir(parents=True)
    (folder / "model/model.onnx").write_bytes(model)
    (folder / "README.md").write_text("read me", encoding="utf-8")
    lineage = {} if gate is None else {"gate": gate}
    return Bundle(folder, write_manifest(folder, "fraud", "3", lineage=dict(lineage)).digest)


def put(bundle: Bundle, to: str = "registry://fraud-onnx", *, dry_run: bool = False) -> Published:
    return publish(bundle, to, base=bundle.path.parent, environ={}, dry_run=dry_run)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make(tmp_path / "bundle")


def test_a_published_bundle_is_the_bundle(bundle: Bundle, tmp_path: Path) -> None:
    assert put(bundle) == Published("registry://fraud-onnx/3", bundle.digest, False)
    copy = tmp_path / "registry/fraud-onnx/3/bundle"
    assert tree(copy) == tree(bundle.path)
    assert check_digests(copy).digest == bundle.digest


def test_publishing_again_says_so(bundle: Bundle) -> None:
    put(bundle)
    assert put(bundle).already_there


def test_a_version_may_be_named(bundle: Bundle, tmp_path: Path) -> None:
    assert put(bundle, "registry://fraud-onnx/blue-7").uri == "registry://fraud-onnx/blue-7"
    assert (tmp_path / "registry/fraud-onnx/blue-7/meta.json").is_file()


def test_a_dry_run_writes_nothing(bundle: Bundle, tmp_path: Path) -> None:
    before = tree(tmp_path)
    assert not put(bundle, dry_run=True).already_there
    assert tree(tmp_path) == before
    assert not (tmp_path / "registry").exists()


@pytest.mark.parametrize("dry_run", [False, True])
def test_another_bundle_is_never_replaced(bundle: Bundle, tmp_path: Path, dry_run: bool) -> None:
    put(bundle)
    other = make(tmp_path / "other", model=b"other")
    with pytest.raises(PublishError, match="a version never changes") as caught:
        put(other, dry_run=dry_run)
    assert caught.value.exit_code == 9
    assert check_digests(tmp_path / "registry/fraud-onnx/3/bundle").digest == bundle.digest


def nothing_published(tmp_path: Path) -> bool:
    root = tmp_path / "registry"
    return not root.exists() or list(root.iterdir()) == []


@pytest.mark.parametrize("gate", ["failed", None])
def test_a_gate_that_did_not_pass_is_refused(tmp_path: Path, gate: str | None) -> None:
    with pytest.raises(PublishError, match="did not pass its gate"):
        put(make(tmp_path / "bundle", gate=gate))
    assert nothing_published(tmp_path)


def test_a_changed_file_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    (bundle.path / "model/model.onnx").write_bytes(b"onnX")
    with pytest.raises(PublishError, match="is not the file that the manifest states"):
        put(bundle)
    assert nothing_published(tmp_path)


def test_a_file_too_many_or_too_few_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    (bundle.path / "extra.py").write_text("")
    with pytest.raises(PublishError, match=r"extra\.py"):
        put(bundle)
    (bundle.path / "extra.py").unlink()
    (bundle.path / "README.md").unlink()
    with pytest.raises(PublishError, match=r"README\.md"):
        put(bundle)
    assert nothing_published(tmp_path)


def test_a_link_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("read me", encoding="utf-8")
    (bundle.path / "README.md").unlink()
    (bundle.path / "README.md").symlink_to(tmp_path / "README.md")
    with pytest.raises(PublishError, match="no plain file"):
        put(bundle)
    assert nothing_published(tmp_path)


def test_a_manifest_that_was_changed_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    manifest = bundle.path / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": "4"}))
    with pytest.raises(PublishError, match="was changed after it was checked"):
        put(bundle)
    assert nothing_published(tmp_path)


def test_a_whole_bundle_of_another_digest_is_refused(bundle: Bundle) -> None:
    with pytest.raises(PublishError, match="was changed after it was checked"):
        put(Bundle(bundle.path, "0" * 64))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"lineage": 1, "files": [1]}', b"\xff"])
def test_what_is_no_manifest_is_refused(bundle: Bundle, content: bytes) -> None:
    (bundle.path / "manifest.json").write_bytes(content)
    with pytest.raises(PublishError):
        put(bundle)


def test_a_damaged_copy_is_not_taken_for_the_bundle(bundle: Bundle, tmp_path: Path) -> None:
    put(bundle)
    (tmp_path / "registry/fraud-onnx/3/bundle/README.md").write_text("read mE")
    with pytest.raises(PublishError, match="damaged"):
        put(bundle)


def test_a_damaged_registry_is_a_publish_error(bundle: Bundle, tmp_path: Path) -> None:
    put(bundle)
    (tmp_path / "registry/fraud-onnx/3/meta.json").write_text("{}")
    with pytest.raises(PublishError, match="damaged"):
        put(bundle)


@pytest.mark.parametrize("to", ["models:/fraud", "azureml:fraud:1", "s3://b/k", "https://h/p", "dist/x", "file:///x"])
def test_a_scheme_without_a_publisher_is_named(bundle: Bundle, to: str) -> None:
    with pytest.raises(PublishError, match="is not available in this version"):
        put(bundle, to)


@pytest.mark.parametrize("to", ["s4://x", "registry://../x", "registry://a/latest"])
def test_a_malformed_target_is_the_authors(bundle: Bundle, to: str) -> None:
    with pytest.raises(RecipeError):
        put(bundle, to)
