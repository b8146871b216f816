"""What a bundle says of itself, read once its digests were checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packager.bundle.golden import GoldenSet
from packager.bundle.manifest import Manifest
from packager.bundle.model_info import ModelInfo
from packager.validate.settings import Settings


@dataclass(frozen=True)
class Facts:
    """The bundle's folder, and what its manifest, its model and its deployment are."""

    bundle: Path
    manifest: Manifest
    info: ModelInfo
    golden: GoldenSet
    settings: Settings
