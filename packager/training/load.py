"""Load an artifact that was audited. This runs its author's code: in the source worker, after it was confined."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from packager.errors import SourceError


def load_model(path: Path, file_format: str) -> Any:
    """Return the fitted estimator in `path`; `file_format` is the audit's "pickle", "joblib" or "lightgbm-text"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # version skew was judged before, from the bytes
        try:
            model = _read(path, file_format)
        except Exception as error:
            message = f"the artifact does not load: {type(error).__name__}: {str(error)[:300]}"
            raise SourceError(message, hint="load it where it was trained and save it again") from error
    if not (hasattr(model, "predict") or hasattr(model, "transform")):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        message = f"the artifact holds a {kind}, not a model: it has neither predict nor transform"
        raise SourceError(message, hint="register the fitted estimator or pipeline itself")
    return model


def _read(path: Path, file_format: str) -> Any:
    if file_format == "lightgbm-text":
        import lightgbm

        return lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
    import joblib

    joblib.parallel_config("threading")  # the worker may not start processes

    return joblib.load(path)
