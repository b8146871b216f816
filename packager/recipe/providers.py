"""The execution providers that a recipe may name, in one table: ONNX Runtime's name, its package, what it needs.

A provider with a `requirement` runs in an environment of its own that holds exactly this package; one without runs in
the tool's own, or is not there. Versions are pinned: figures of another version are other figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Provider:
    """One row. `package` is what pip installs; None where only a build of one's own holds the provider.

    `requirement`: package and version of the environment that is made for it. `options` are ONNX Runtime's for this
    provider; `{threads}` stands for the target's. `systems` are those that there are wheels for, as `platform.system()`
    names them, all where empty. `driver`: a library or device file without which the provider can't run, so that
    gigabytes are not fetched in vain.
    """

    name: str
    onnxruntime_name: str
    package: str | None
    requirement: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    systems: tuple[str, ...] = ()
    driver: str | None = None

    def options_for(self, threads: int) -> dict[str, str]:
        """Return the provider's options on so many threads."""
        return {name: value.format(threads=threads) for name, value in self.options.items()}


_NVIDIA = "libcuda.so.1"
# The extras hold CUDA's and cuDNN's own libraries. TensorRT's have to be on the machine.
_GPU = "onnxruntime-gpu[cuda,cudnn]==1.31.1"

PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("cpu", "CPUExecutionProvider", "onnxruntime"),
        Provider(
            "openvino",
            "OpenVINOExecutionProvider",
            "onnxruntime-openvino",
            "onnxruntime-openvino==1.24.1",
            {"device_type": "CPU", "num_of_threads": "{threads}"},
            ("Linux", "Windows"),
        ),
        Provider(
            "cuda", "CUDAExecutionProvider", "onnxruntime-gpu", _GPU, {"device_id": "0"}, ("Linux", "Windows"), _NVIDIA
        ),
        Provider(
            "tensorrt",
            "TensorrtExecutionProvider",
            "onnxruntime-gpu",
            _GPU,
            {"device_id": "0"},
            ("Linux", "Windows"),
            _NVIDIA,
        ),
        Provider(
            "directml",
            "DmlExecutionProvider",
            "onnxruntime-directml",
            "onnxruntime-directml==1.24.4",
            {"device_id": "0"},
            ("Windows",),
        ),
        # Part of the ordinary wheel for macOS, and of no other.
        Provider("coreml", "CoreMLExecutionProvider", "onnxruntime", systems=("Darwin",)),
        Provider("qnn", "QNNExecutionProvider", "onnxruntime-qnn", "onnxruntime-qnn==2.7.0", systems=("Windows",)),
        Provider(
            "migraphx",
            "MIGraphXExecutionProvider",
            "onnxruntime-migraphx",
            "onnxruntime-migraphx==1.27.1",
            {"device_id": "0"},
            ("Linux",),
            "/dev/kfd",
        ),
        Provider("xnnpack", "XnnpackExecutionProvider", None),
        Provider("dnnl", "DnnlExecutionProvider", None),
    )
}
