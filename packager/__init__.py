"""Turn a registered scikit-learn or LightGBM model into a verified, benchmarked, deployable ONNX bundle."""

__version__ = "0.1.0"
