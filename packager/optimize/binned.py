"""binned: trees over the ranks of thresholds, which our own extension scores; nothing of an answer is given up.

In: the fp64 form, whose trees hold every threshold and leaf in double. Out: one Variant; where it has no file, the
reason, and what can be done about it.
"""

from __future__ import annotations

from pathlib import Path

from packager.artifact import BINNED_SUFFIX, Precision, Signature, Status, Variant
from packager.binned.library import LibraryUnavailable, library
from packager.files import sha256_file
from packager.runtime.session import CPU_PROVIDER, NoKernel, open_session

PRECISION: Precision = "binned"


def bin_trees(fp64: Variant, signature: Signature, folder: Path) -> Variant:
    """Pack the trees of the fp64 form; the outcome is ok, not_applicable or failed, with its reason."""
    if fp64.path is None:
        return _without("not_applicable", f"it starts from the fp64 form, which is missing: {fp64.reason}")
    from packager.binned.model_file import NotApplicable, pack_model

    target = folder / f"{PRECISION}{BINNED_SUFFIX}"
    try:
        pack_model(fp64.path, target)
        library()
        session = open_session(target, signature)
    except (NotApplicable, LibraryUnavailable) as error:
        target.unlink(missing_ok=True)
        return _without("not_applicable", str(error))
    except NoKernel as error:
        return _without("failed", f"what was packed does not open: {error}")
    except Exception as error:  # noqa: BLE001 - a model that packing trips over is built without it, and told
        return _without("failed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    size_bytes, operators = target.stat().st_size, session.operators[CPU_PROVIDER]
    return Variant(PRECISION, PRECISION, "ok", None, target, size_bytes, sha256_file(target), operators)


def _without(status: Status, reason: str) -> Variant:
    return Variant(PRECISION, PRECISION, status, reason)
