"""ONNX and ONNX Runtime: graphs looked at, sessions opened and asked."""
