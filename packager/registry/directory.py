"""A registry that is a folder: NAME/VERSION/ holds an artifact or a bundle, its data files and meta.json.

Files and URIs go in, immutable entries come out: a version never changes once it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from packager.errors import PublishError, RecipeError, SourceError
from packager.files import copy_hashed, pretty_json
from packager.recipe.names import LATEST, SAFE_WORDS, is_safe
from packager.registry.contents import BundleContents, check_whole, copy_bundle
from packager.registry.entry import (
    BUNDLE_FOLDER,
    META,
    DataFile,
    Entry,
    Fetched,
    is_file_name,
    read_entry,
    version_order,
    visible,
)
from packager.registry.locate import Uri, is_latest
from packager.registry.staging import move_in, staging

# How many names or versions a hint lists.
_LISTED = 8


@dataclass(frozen=True)
class Facts:
    """What is known of an artifact without loading it: its framework and the versions that wrote it."""

    framework: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DirectoryRegistry:
    """The registry in the folder `root`, which is made when something is first put into it."""

    root: Path

    def register(
        self, artifact: Path, name: str, *, version: str | None = None, data: Path | None = None, facts: Facts = Facts()
    ) -> Entry:
        """Put an artifact and its verification rows in, and return the entry.

        `version` defaults to the next whole number. The same content under a version that exists changes nothing;
        other content is a SourceError.
        """
        _check_names(name, version)
        files = [artifact] if data is None else [artifact, data]
        _check_files(files)
        with staging(self.root, SourceError) as folder:
            version = version or self._next_version(name)
            digests = {file.name: copy_hashed(file, folder / file.name) for file in files}
            draft = Entry(
                kind="artifact",
                name=name,
                version=version,
                folder=folder,
                artifact=artifact.name,
                sha256=digests[artifact.name],
                size_bytes=(folder / artifact.name).stat().st_size,
                framework=facts.framework,
                versions=facts.versions,
                data=tuple(
                    DataFile(file.name, digests[file.name], (folder / file.name).stat().st_size) for file in files[1:]
                ),
            )
            there = self.find(name, version)
            if there is None:
                return self._put(draft)
            if not there.holds_same(draft):
                raise SourceError(f"{there.uri} holds other content, and a version never changes", hint=_another(name))
            check_whole(there)
            return there

    def put_bundle(self, contents: BundleContents, name: str, version: str) -> Entry:
        """Put a bundle in, byte for byte what its manifest says, and return the entry.

        The same bundle under a version that exists changes nothing; another one is a PublishError.
        """
        _check_names(name, version)
        with staging(self.root, PublishError) as folder:
            there = self.find(name, version)
            if there is not None:
                if there.kind != "bundle" or there.sha256 != contents.digest:
                    told = f"{there.uri} holds another {there.kind}, and a version never changes"
                    raise PublishError(told, measured=there.sha256, limit=contents.digest, hint=_another(name))
                contents.check_copy(there.path)
                return there
            size_bytes = copy_bundle(contents, folder / BUNDLE_FOLDER)
            return self._put(Entry("bundle", name, version, folder, BUNDLE_FOLDER, contents.digest, size_bytes))

    def get(self, name: str, version: str | None = None) -> Entry:
        """Return an entry, by default the highest version; SourceError lists what is there instead."""
        _check_names(name, None)
        versions = self.versions(name)
        wanted = versions[-1] if is_latest(version) and versions else version
        if wanted not in versions:
            raise _missing(self.root, name, wanted)
        return read_entry(self.root / name / wanted)

    def find(self, name: str, version: str) -> Entry | None:
        """Return an entry, or None if there is no such version."""
        return read_entry(self.root / name / version) if version in self.versions(name) else None

    def versions(self, name: str) -> list[str]:
        """Return the versions of `name`, the highest last; none if there is no such name."""
        return sorted(visible(self.root / name), key=version_order) if name in visible(self.root) else []

    def fetch(self, uri: Uri) -> Fetched:
        """Return the artifact that `uri` names; SourceError if it is not there or is a bundle."""
        entry = self.get(uri.name, uri.version)
        if entry.kind != "artifact":
            raise SourceError(f"{entry.uri} is a bundle, not an artifact", hint="name the artifact it was built from")
        return Fetched(entry.path, entry.data_files, entry.version, entry)

    def _put(self, draft: Entry) -> Entry:
        """Move a staged entry to its place, which must not exist."""
        target = self.root / draft.name / draft.version
        for path in (target.parent, target):
            if path.is_symlink():
                raise SourceError(f"{path} is a link; a registry keeps its entries itself")
        (draft.folder / META).write_text(pretty_json(draft.meta()), encoding="utf-8", newline="\n")
        move_in(draft.folder, target)
        return replace(draft, folder=target)

    def _next_version(self, name: str) -> str:
        numbers = [int(version) for version in self.versions(name) if version.isdecimal()]
        return str(max(numbers, default=0) + 1)

    def list(self) -> tuple[Entry, ...]:
        """Return every entry, by name and rising version."""
        names = visible(self.root)
        return tuple(read_entry(self.root / name / version) for name in names for version in self.versions(name))


def _missing(root: Path, name: str, version: str | None) -> SourceError:
    """Return the error that lists what is there instead."""
    names = visible(root)
    if name in names:
        listed = ", ".join(sorted(visible(root / name), key=version_order)[-_LISTED:])
        return SourceError(f"no version {version} of {name} in the registry {root}", hint=f"there: {listed}")
    message = f"no {name} in the registry {root}"
    if not names:
        hint = "the registry is empty: `package register ARTIFACT --name NAME` fills it, PACKAGE_REGISTRY names another"
        return SourceError(message, hint=hint)
    near = get_close_matches(name, names, n=_LISTED, cutoff=0.5) or names[:_LISTED]
    return SourceError(message, hint=f"there: {', '.join(near)}")


def _another(name: str) -> str:
    return f"choose another version of {name}"


def _check_names(name: str, version: str | None) -> None:
    for what, value in (("name", name), ("version", version)):
        if value is not None and not is_safe(value):
            raise RecipeError(f"not a {what} for a registry: expected {SAFE_WORDS}")
    if version == LATEST:
        raise RecipeError(f"'{LATEST}' is no version: it stands for the highest one")


def _check_files(files: list[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise SourceError(f"{file} is {'a folder' if file.is_dir() else 'not there'}; a file is registered")
        try:
            file.open("rb").close()
        except OSError as error:
            raise SourceError(f"cannot read {file}: {(error.strerror or 'unreadable').lower()}") from None
        if not is_file_name(file.name):
            raise SourceError(f"a file called {file.name!r} cannot be registered", hint="rename it")
    if len({file.name for file in files}) < len(files):
        raise SourceError("the artifact and its verification rows have the same file name", hint="rename one of them")
