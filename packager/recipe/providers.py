"""The execution providers that a recipe may name, in one table: ONNX Runtime's name and the package that has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """`package` is what pip installs; None where only a build of one's own holds the provider."""

    name: str
    onnxruntime_name: str
    package: str | None


PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("cpu", "CPUExecutionProvider", "onnxruntime"),
        Provider("openvino", "OpenVINOExecutionProvider", "onnxruntime-openvino"),
        Provider("cuda", "CUDAExecutionProvider", "onnxruntime-gpu"),
        Provider("tensorrt", "TensorrtExecutionProvider", "onnxruntime-gpu"),
        Provider("directml", "DmlExecutionProvider", "onnxruntime-directml"),
        Provider("coreml", "CoreMLExecutionProvider", "onnxruntime"),
        Provider("qnn", "QNNExecutionProvider", "onnxruntime-qnn"),
        Provider("migraphx", "MIGraphXExecutionProvider", "onnxruntime-migraphx"),
        Provider("xnnpack", "XnnpackExecutionProvider", None),
        Provider("dnnl", "DnnlExecutionProvider", None),
    )
}
