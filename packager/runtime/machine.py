"""What machine this is: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from packager.runtime.cgroup import cpu_limit

# What decides with which instructions matrices are multiplied: the speed depends on these, and int8's answers too.
_TOLD_FLAGS = (
    *("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "i8mm", "sve"),
)
_LIBRARIES = ("onnx", "onnxruntime", "numpy", "scikit-learn", "lightgbm", "skl2onnx", "azureml-inference-server-http")


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory and system as plain values."""
    cpu = _cpu_info()
    return {
        "processor": cpu.get("model name") or platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu_limit": cpu_limit(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "cpu_features": list(cpu_features()),
        "system": f"{platform.system()} {platform.release()}",
    }


def cpu_features() -> tuple[str, ...]:
    """Return those features of this processor that change what reduced precisions answer; none where it tells none."""
    cpu = _cpu_info()
    flags = cpu.get("flags", cpu.get("Features", "")).split()
    return tuple(flag for flag in _TOLD_FLAGS if flag in flags)


def library_versions() -> dict[str, str]:
    """Return the versions of this tool, Python and the libraries that decide the outcome."""
    from packager import __version__

    versions = {"packager": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _cpu_info() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
