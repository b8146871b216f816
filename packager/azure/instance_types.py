"""The instance types of managed endpoints: catalogue.yml, dated. What it does not tell of a type is None."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

GIB = 1 << 30
# Azure does not tell what its own containers take on an instance; it warns that the types with 3.5 and 4 GiB may be too
# small. So much memory has to stay free of workers.
PLATFORM_BYTES = 2 * GIB


@dataclass(frozen=True)
class Series:
    """What all types of a series share. `acu`: how much one core does, by Azure's own measure, from worst to best."""

    name: str
    processors: str
    processor_models: tuple[str, ...] = ()
    cpu_features: tuple[str, ...] = ()
    acu: tuple[float, float] | None = None


@dataclass(frozen=True)
class InstanceType:
    """One machine that can be rented."""

    name: str
    series: Series
    vcpus: int
    memory_gib: float
    usd_per_hour: float
    temp_disk_gib: float | None = None
    network_mbps: float | None = None


@dataclass(frozen=True)
class Limits:
    """What Azure allows an endpoint by default."""

    source: str
    advice: str
    bytes_per_s: float
    requests_per_s: float
    connections: float
    instances: int


@cache
def document() -> dict[str, Any]:
    """Return catalogue.yml as it is."""
    import yaml

    text = files("packager.azure").joinpath("catalogue.yml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(text)
    return read


@cache
def instance_types() -> tuple[InstanceType, ...]:
    """Return every type whose size and price are known."""
    return tuple(
        InstanceType(series=_series(series), **one) for series in document()["series"] for one in series["types"]
    )


@cache
def limits() -> Limits:
    """Return the default limits of an endpoint."""
    return Limits(**document()["limits"])


def find_type(name: str) -> InstanceType | None:
    """Return the type of that name, however its letters are cased."""
    return next((one for one in instance_types() if one.name.lower() == name.lower()), None)


@cache
def type_names() -> tuple[str, ...]:
    """Return the names of all types that managed endpoints take, those of unknown size too."""
    return (*(one.name for one in instance_types()), *document()["unsized"])


def _series(described: dict[str, Any]) -> Series:
    return Series(
        described["name"],
        described["processors"],
        tuple(described["processor_models"]),
        tuple(described["cpu_features"]),
        tuple(described["acu"]),
    )
