"""The limits of parity: how far the answers of a variant may lie from the native ones, per precision."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from packager.artifact import Precision
from packager.recipe.fields import Fraction, NotNegative, Section

ToleranceField = Literal["atol", "rtol", "label_mismatch"]


class Tolerance(Section):
    """How far an answer may lie from the native one, atol and rtol in numpy's sense."""

    atol: NotNegative = Field(default=1e-6, description="absolute error that is always allowed")
    rtol: NotNegative = Field(default=1e-5, description="error allowed relative to the native value")
    label_mismatch: Fraction = Field(default=0.0, description="fraction of rows whose label may differ, 0 to 1")


class Fp16Tolerance(Tolerance):
    """Limits of the fp16 variant."""

    atol: NotNegative = Field(default=1e-3, description="absolute error that is always allowed")
    rtol: NotNegative = Field(default=1e-2, description="error allowed relative to the native value")
    label_mismatch: Fraction = Field(default=0.001, description="fraction of rows whose label may differ, 0 to 1")


class Int8Tolerance(Tolerance):
    """Limits of the int8 variant."""

    atol: NotNegative = Field(default=5e-2, description="absolute error that is always allowed")
    rtol: NotNegative = Field(default=1e-1, description="error allowed relative to the native value")
    label_mismatch: Fraction = Field(default=0.01, description="fraction of rows whose label may differ, 0 to 1")


class ToleranceOverride(Section):
    """Limits of one precision; what is not written is taken from the section above."""

    atol: NotNegative | None = Field(default=None, description="absolute error that is always allowed")
    rtol: NotNegative | None = Field(default=None, description="error allowed relative to the native value")
    label_mismatch: Fraction | None = Field(default=None, description="fraction of rows whose label may differ, 0 to 1")


class Parity(Tolerance):
    """How far the ONNX answers may lie from the native ones: |onnx - native| <= atol + rtol * |native|."""

    fp64: ToleranceOverride = Field(
        default=ToleranceOverride(), description="limits of the fp64 variant, where they differ"
    )
    fp32: ToleranceOverride = Field(
        default=ToleranceOverride(), description="limits of the fp32 variant, where they differ"
    )
    binned: ToleranceOverride = Field(
        default=ToleranceOverride(), description="limits of the binned variant, where they differ"
    )
    fp16: Fp16Tolerance = Field(default=Fp16Tolerance(), description="limits of the fp16 variant")
    int8: Int8Tolerance = Field(default=Int8Tolerance(), description="limits of the int8 variant")

    def tolerance(self, precision: Precision) -> Tolerance:
        """Return the limits for `precision`: its own section's where it has them, else the ones above."""
        own = getattr(self, precision)
        if isinstance(own, Tolerance):
            return own
        return Tolerance(
            atol=self.atol if own.atol is None else own.atol,
            rtol=self.rtol if own.rtol is None else own.rtol,
            label_mismatch=self.label_mismatch if own.label_mismatch is None else own.label_mismatch,
        )

    def tolerance_key(self, precision: Precision, field: ToleranceField) -> str:
        """Return the dotted key of the recipe that sets this limit of `precision`."""
        falls_back = getattr(getattr(self, precision), field) is None
        return f"verify.parity.{field}" if falls_back else f"verify.parity.{precision}.{field}"
