"""IsotonicRegression: a piecewise linear function of one column."""

from __future__ import annotations

from packager.convert.arithmetic.interpolation import isotonic
from packager.convert.emitter import Emitter

EMITTERS = {"sklearn.isotonic.IsotonicRegression": Emitter(predict=isotonic, transform=isotonic)}
