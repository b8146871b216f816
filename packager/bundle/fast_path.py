"""The fast path of a bundle: its binned model, the library and script that run it, and the self-test that comes first.

A plan goes in; the files lie in the bundle, and what they must be to serve comes out. The ONNX model stands by.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from packager.bundle.manifest import Json
from packager.bundle.self_test import SelfTest, self_test
from packager.errors import BundleError
from packager.files import copy_hashed

if TYPE_CHECKING:
    from packager.bundle.plan import BundlePlan

BINNED_FILE = "model.binned"
# The files of code/ that the fast path needs: the scorer, the compiled library, rows with their raw scores.
SCORER_FILE, LIBRARY_FILE, SELF_TEST_FILE = "binned.py", "_binned.abi3.so", "self_test.bin"
# The header of every answer that tells which form gave it, and what it may say.
FORM_HEADER = "x-model-form"
_SETS, _REASONS = "avx512|avx2|plain", "platform|missing|changed|library|instructions|model|self-test"
KEY = "bundle.fast_path"
_NO_LIBRARY = "install packager where there is a C compiler, or leave bundle.fast_path out"


@dataclass(frozen=True)
class FileFacts:
    """By what a file is known again."""

    sha256: str
    size: int


@dataclass(frozen=True)
class FastPath:
    """What has to hold before the binned model serves: `system` and `machine` are those of Python's `platform`.

    `code`: the files beside score.py, by name. `self_test`: for each ensemble how many rows are stored, of how many
    features and with how many scores.
    """

    mode: Literal["prefer", "require"]
    system: str
    machine: str
    model: FileFacts
    code: dict[str, FileFacts]
    self_test: tuple[tuple[int, int, int], ...]

    @property
    def fits_here(self) -> bool:
        """Tell whether its library is for this kind of machine."""
        return (self.system, self.machine) == (platform.system(), platform.machine())

    @property
    def forms(self) -> str:
        """Return what answers may say of the form that gave them, as a pattern."""
        binned = f"binned ({_SETS})"
        return f"^{binned}$" if self.mode == "require" else f"^({binned}|onnx; ({_REASONS}))$"

    def document(self) -> dict[str, Json]:
        """Return what model_info.json holds of it."""
        return {
            "code": {name: dict(vars(facts)) for name, facts in sorted(self.code.items())},
            "machine": self.machine,
            "mode": self.mode,
            "model": {"file": BINNED_FILE, **vars(self.model)},
            "self_test": [list(shape) for shape in self.self_test],
            "system": self.system,
        }


def is_binned(form: str) -> bool:
    """Tell whether the binned model gave an answer, by the header that tells its form."""
    return form.startswith("binned ")


def fast_path_from(values: dict[str, Any]) -> FastPath:
    """Return what `document` made; ValueError, KeyError or TypeError where it did not make it."""
    if values["mode"] not in ("prefer", "require") or values["model"]["file"] != BINNED_FILE:
        raise ValueError("fast_path")
    return FastPath(
        mode=values["mode"],
        system=str(values["system"]),
        machine=str(values["machine"]),
        model=FileFacts(values["model"]["sha256"], values["model"]["size"]),
        code={str(name): FileFacts(**facts) for name, facts in values["code"].items()},
        self_test=tuple((int(rows), int(features), int(scores)) for rows, features, scores in values["self_test"]),
    )


def write_fast_path(plan: BundlePlan, folder: Path) -> FastPath | None:
    """Put the files of the fast path into a bundle that has its model/; None where the plan has no binned variant.

    BundleError where there is no compiled library here, or it does not repeat the self-test.
    """
    if plan.binned is None or plan.binned.path is None:
        return None
    target = folder / "model" / BINNED_FILE
    sha256 = copy_hashed(plan.binned.path, target)
    if plan.binned.sha256 not in (None, sha256):
        raise BundleError(f"{plan.binned.path.name} was changed on its way", measured=sha256, limit=plan.binned.sha256)
    library = compiled_library()
    ensembles = _ensembles(target.read_bytes())
    tests = [self_test(ensemble, one_of=len(ensembles)) for ensemble in ensembles]
    for ensemble, test in zip(ensembles, tests, strict=True):
        _require_repeated(library, ensemble, test)
    from packager.binned import scorer

    contents = {
        SCORER_FILE: Path(scorer.__file__).read_bytes(),
        LIBRARY_FILE: Path(library.__file__).read_bytes(),
        SELF_TEST_FILE: b"".join(test.tobytes() for test in tests),
    }
    return FastPath(
        mode=plan.settings.fast_path,
        system=platform.system(),
        machine=platform.machine(),
        model=FileFacts(sha256, target.stat().st_size),
        code={name: _write(folder / "code" / name, data) for name, data in contents.items()},
        self_test=tuple((*test.rows.shape, test.scores.shape[1]) for test in tests),
    )


def compiled_library() -> Any:
    """Return the module that scores; BundleError where there is none here."""
    from packager.binned.library import LibraryUnavailable, library

    try:
        return library()
    except LibraryUnavailable as error:
        raise BundleError(f"the variant binned can't be served: {error}", key=KEY, hint=_NO_LIBRARY) from None


def _write(path: Path, data: bytes) -> FileFacts:
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as stream:
        stream.write(data)
    return FileFacts(hashlib.sha256(data).hexdigest(), len(data))


def _ensembles(data: bytes) -> list[bytes]:
    """Return the bytes of the ensembles of a binned model."""
    from packager.binned.scorer import read_header

    try:
        return [data[one["offset"] : one["offset"] + one["size"]] for one in read_header(data)["ensembles"]]
    except ValueError as error:
        raise BundleError(f"The variant binned is no binned model: {error}") from None


def _require_repeated(library: Any, ensemble: bytes, test: SelfTest) -> None:
    """Hold each way in which this processor can score against the self-test."""
    for name in library.instruction_sets():
        raw = np.empty_like(test.scores)
        library.Model(ensemble, name).raw(np.ascontiguousarray(test.rows), raw)
        if raw.tobytes() != test.scores.tobytes():
            differing = int((raw.view(np.int64) != test.scores.view(np.int64)).any(axis=1).sum())
            message = f"the library does not repeat the self-test's raw scores with {name}"
            raise BundleError(message, measured=f"{differing} of {len(raw)} rows differ", limit="none", key=KEY)
