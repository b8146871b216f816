"""Features whose products come near a kernel: sampled frequencies, a sample of known rows, sketches of powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic.elementary import add, divide, is_equal, ones, times, where
from packager.convert.arithmetic.pairwise import emit_kernel
from packager.convert.arithmetic.sparse import product
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, beside, integers, vector

# scikit-learn's sampling intervals where none is given, by the number of steps.
_INTERVALS = {1: 0.8, 2: 0.5, 3: 0.4}


def emit_rbf_sampler(graph: Graph, features: str, model: Any) -> str:
    """Return cos(x @ weights + offset) * sqrt(2 / components)."""
    return _cosines(graph, features, model, (2.0 / model.n_components) ** 0.5)


def emit_skewed_chi2(graph: Graph, features: str, model: Any) -> str:
    """Return the same of log(x + skewedness)."""
    logarithm = graph.node("Log", add(graph, features, model.skewedness))
    return _cosines(graph, logarithm, model, float(np.sqrt(2.0) / np.sqrt(model.n_components)))


def emit_additive_chi2(graph: Graph, features: str, model: Any) -> str:
    """Return the sampled spectrum of the additive chi2 kernel, 2 * steps - 1 columns a column; 0 for 0."""
    interval = _INTERVALS.get(model.sample_steps) if model.sample_interval is None else model.sample_interval
    if interval is None:
        raise UnsupportedModel("it has no sample interval")
    is_zero = is_equal(graph, features, 0)
    logarithm = times(graph, graph.node("Log", where(graph, is_zero, 1, features)), interval)
    step = times(graph, times(graph, features, 2), interval)
    blocks = [graph.node("Sqrt", times(graph, features, interval))]
    for number in range(1, model.sample_steps):
        width = float(np.cosh(np.pi * number * interval))
        factor = graph.node("Sqrt", graph.node("Div", step, vector(graph, width)))
        angle = times(graph, logarithm, number)
        blocks += [times(graph, factor, graph.node(wave, angle)) for wave in ("Cos", "Sin")]
    return beside(graph, [where(graph, is_zero, 0, block) for block in blocks])


def emit_nystroem(graph: Graph, features: str, model: Any) -> str:
    """Return the kernel to the sampled rows times the normalization."""
    given = {**(model.kernel_params or {})}
    for name in ("gamma", "degree", "coef0"):
        if getattr(model, name) is not None:
            given[name] = getattr(model, name)
    kernel = emit_kernel(graph, features, model.components_, model.kernel, given)
    return product(graph, kernel, np.asarray(model.normalization_).T)


def emit_polynomial_sketch(graph: Graph, features: str, model: Any) -> str:
    """Return the circular convolution of `degree` count sketches, by way of their spectra; shape [rows, components].

    N. Pham and R. Pagh, Fast and scalable polynomial kernels via explicit feature maps (2013).
    """
    degree, components = model.degree, model.n_components
    scaled = times(graph, features, float(np.sqrt(model.gamma)))
    if model.coef0 != 0:
        scaled = beside(graph, [scaled, times(graph, ones(graph, features), float(np.sqrt(model.coef0)))])
    columns = np.arange(model.indexHash_.shape[1])
    hashes = np.zeros((len(columns), degree, components))
    for power in range(degree):
        hashes[columns, power, model.indexHash_[power]] = model.bitHash_[power]
    sketches = product(graph, scaled, hashes.reshape(len(columns), -1))
    signals = graph.node("Reshape", sketches, integers(graph, [-1, degree, components, 1]))
    size = integers(graph, components)
    spectra = graph.node("DFT", signals, size, integers(graph, 2))
    spectrum = _complex_part(graph, spectra, 0)
    for power in range(1, degree):
        spectrum = _complex_product(graph, spectrum, _complex_part(graph, spectra, power))
    # The inverse transform of z is the conjugate of that of its conjugate; the runtime's own divides in float32.
    conjugate = graph.node("Concat", spectrum[0], graph.node("Neg", spectrum[1]), axis=2)
    back = graph.node("DFT", conjugate, size, integers(graph, 1))
    return divide(graph, graph.node("Gather", back, integers(graph, 0), axis=2), components)


def _cosines(graph: Graph, features: str, model: Any, factor: float) -> str:
    projection = product(graph, features, model.random_weights_)
    angle = graph.node("Add", projection, vector(graph, np.atleast_2d(model.random_offset_)))
    return times(graph, graph.node("Cos", angle), factor)


def _complex_part(graph: Graph, spectra: str, power: int) -> tuple[str, str]:
    """Return one spectrum of [rows, degree, components, 2] as its real and its imaginary part."""
    one = graph.node("Gather", spectra, integers(graph, power), axis=1)
    real, imaginary = (graph.node("Gather", one, integers(graph, [part]), axis=2) for part in (0, 1))
    return real, imaginary


def _complex_product(graph: Graph, one: tuple[str, str], other: tuple[str, str]) -> tuple[str, str]:
    real = graph.node("Sub", times(graph, one[0], other[0]), times(graph, one[1], other[1]))
    return real, add(graph, times(graph, one[0], other[1]), times(graph, one[1], other[0]))


EMITTERS = {
    "sklearn.kernel_approximation.AdditiveChi2Sampler": Emitter(transform=emit_additive_chi2),
    "sklearn.kernel_approximation.Nystroem": Emitter(transform=emit_nystroem),
    "sklearn.kernel_approximation.PolynomialCountSketch": Emitter(transform=emit_polynomial_sketch),
    "sklearn.kernel_approximation.RBFSampler": Emitter(transform=emit_rbf_sampler),
    "sklearn.kernel_approximation.SkewedChi2Sampler": Emitter(transform=emit_skewed_chi2),
}
