"""IsotonicRegression: a piecewise linear function of one column."""

from __future__ import annotations

from packager.convert.emitter import Emitter
from packager.convert.interpolation import isotonic

EMITTERS = {"sklearn.isotonic.IsotonicRegression": Emitter(predict=isotonic, transform=isotonic)}
