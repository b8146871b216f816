"""hatchling's hook for wheels and editable installs: compile the extension where that can be done.

With it a wheel is for one platform and every Python from 3.11 on (cp311-abi3). Without a compiler it is for all, and
the builder is told what that leaves out.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_ROOM = "packager/binned"


class CompileHook(BuildHookInterface[Any]):
    """Adds the compiled extension to what is built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; `version` is `editable` where the source tree itself is what is installed."""
        del version
        compiling = _compiling(Path(self.root))
        try:
            library = compiling.compile_extension()
        except compiling.NoCompiler as error:
            self.app.display_warning(f"going on without the extension of binned trees: {error}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{_platform()}"
        build_data["artifacts"].append(f"{_ROOM}/{library.name}")


def _compiling(root: Path) -> ModuleType:
    """Load compile.py by its place: the package is not installed yet."""
    spec = importlib.util.spec_from_file_location("binned_compile", root / _ROOM / "compile.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{root / _ROOM / 'compile.py'} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _platform() -> str:
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
