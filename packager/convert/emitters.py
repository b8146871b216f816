"""The table of estimators that we emit ourselves, by full class name: one module per family adds its rows.

Everything else goes through skl2onnx's own converters, one step at a time, and is verified like all the rest.
"""

from __future__ import annotations

from packager.convert.emitter import Emitter
from packager.convert.estimators import compose, impute, lightgbm, linear, preprocessing, trees

EMITTERS: dict[str, Emitter] = {
    **compose.EMITTERS,
    **impute.EMITTERS,
    **lightgbm.EMITTERS,
    **linear.EMITTERS,
    **preprocessing.EMITTERS,
    **trees.EMITTERS,
}
