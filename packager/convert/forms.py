"""The stage: the two forms that everything derives from, asked of the source worker.

fp64 is the baseline where the operators allow it; fp32 is what reduced precisions start from, and the baseline else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packager.artifact import Precision, Signature, Variant
from packager.errors import ConvertError
from packager.files import sha256_file
from packager.recipe.model import Convert
from packager.runtime.graph import operator_counts
from packager.runtime.session import NoKernel, open_session

Ask = Callable[..., Any]
_DTYPES: dict[Precision, str] = {"fp64": "float64", "fp32": "float32"}


@dataclass(frozen=True)
class Forms:
    """`baseline` is one of the two; the other may say why it does not exist."""

    fp64: Variant
    fp32: Variant

    @property
    def baseline(self) -> Variant:
        return self.fp64 if self.fp64.status == "ok" else self.fp32


def make_forms(ask: Ask, signature: Signature, settings: Convert, folder: Path) -> Forms:
    """Have the worker convert in double and in float; raise ConvertError when neither exists."""
    forms: dict[Precision, Variant] = {}
    errors: list[ConvertError] = []
    for precision, dtype in _DTYPES.items():
        path = folder / f"{precision}.onnx"
        opset = None if settings.opset == "auto" else settings.opset
        try:
            if settings.engine == "stock" and precision == "fp64":
                raise ConvertError("the stock converters are taken as they come, in float32")
            ask("convert", path=str(path), dtype=dtype, opset=opset, engine=settings.engine)
            open_session(path, signature)
        except ConvertError as error:
            errors.append(error)
            forms[precision] = Variant(precision, precision, "not_applicable", error.message)
        except NoKernel as error:
            reason = f"ONNX Runtime has no {dtype} kernel for it: {error}"
            errors.append(ConvertError(reason))
            forms[precision] = Variant(precision, precision, "not_applicable", reason)
        else:
            ops = operator_counts(path)
            forms[precision] = Variant(
                precision, precision, "ok", None, path, path.stat().st_size, sha256_file(path), ops
            )
    if all(form.status != "ok" for form in forms.values()):
        raise errors[-1]
    return Forms(forms["fp64"], forms["fp32"])
