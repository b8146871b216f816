"""Load an artifact that was audited. This runs its author's code: in the source worker, after it was confined."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from packager.errors import SourceError

_TO_SAVE_AGAIN = "load it where it was trained and save it again"
_TO_IMPORT = "install its package where this command runs, put it on PYTHONPATH, or put it beside the recipe"
_SHOWN_MODELS = 5


def load_model(path: Path, file_format: str) -> Any:
    """Return the fitted estimator in `path`; `file_format` is the audit's "pickle", "joblib" or "lightgbm-text"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # version skew was judged before, from the bytes
        try:
            model = _read(path, file_format)
        except Exception as error:
            message = f"the artifact does not load: {type(error).__name__}: {str(error)[:300]}"
            hint = _TO_IMPORT if isinstance(error, ModuleNotFoundError) else _TO_SAVE_AGAIN
            raise SourceError(message, hint=hint) from error
    if not (hasattr(model, "predict") or hasattr(model, "transform")):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        message = f"the artifact holds a {kind}, not a model: it has neither predict nor transform"
        raise SourceError(message, hint=_way_out(model))
    return model


def _way_out(held: Any) -> str:
    """Return what to register in place of an object that answers nothing."""
    if getattr(held, "refit", True) is False:
        return "fit the search with refit=True, or register its best estimator fitted"
    if hasattr(held, "get_params"):
        return "it says nothing about rows that it was not fitted on: register a model that predicts or transforms"
    members = list(held.values()) if isinstance(held, dict) else list(held) if isinstance(held, list | tuple) else []
    models = [type(member).__name__ for member in members if hasattr(member, "predict") or hasattr(member, "transform")]
    if models:
        shown = ", ".join(models[:_SHOWN_MODELS]) + (", …" if len(models) > _SHOWN_MODELS else "")
        return f"register one model an artifact, a pipeline for several steps; this one holds {shown}"
    return "register the fitted estimator or pipeline itself"


def _read(path: Path, file_format: str) -> Any:
    if file_format == "lightgbm-text":
        import lightgbm

        return lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
    import joblib

    joblib.parallel_config("threading")  # the worker may not start processes

    return joblib.load(path)
