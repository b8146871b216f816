"""Exact conversion: a fitted estimator in, an ONNX model out that scores like it, or a refusal that names the step."""
