"""The instance types to choose from: azure.yml, dated, whose prices `--prices` replaces.

What the file does not tell of a type is None, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from packager.sku.model import Prices

GIB = 1 << 30


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


@dataclass(frozen=True)
class Catalogue:
    """Instance types with their prices, and the limits of an endpoint."""

    types: tuple[InstanceType, ...]
    prices: Prices
    limits: Limits

    def find(self, name: str) -> InstanceType | None:
        """Return the type of that name, however its letters are cased."""
        return next((one for one in self.types if one.name.lower() == name.lower()), None)

    def acu_span(self) -> tuple[float, float]:
        """Return the least and the most that a core of any series does."""
        spans = [one.series.acu for one in self.types if one.series.acu is not None]
        return min(low for low, _ in spans), max(high for _, high in spans)

    def priced(self, types: tuple[InstanceType, ...], prices: Prices) -> Catalogue:
        """Return the catalogue with other types and prices."""
        return replace(self, types=types, prices=prices)


@cache
def azure() -> Catalogue:
    """Return the catalogue that comes with the program."""
    import yaml

    document: dict[str, Any] = yaml.safe_load(files("packager.sku").joinpath("azure.yml").read_text(encoding="utf-8"))
    types = tuple(
        InstanceType(series=_series(series), **one) for series in document["series"] for one in series["types"]
    )
    prices = Prices(**{key: document[key] for key in ("recorded_on", "currency", "region", "price", "source")})
    return Catalogue(types, prices, Limits(**document["limits"]))


def _series(document: dict[str, Any]) -> Series:
    return Series(
        document["name"],
        document["processors"],
        tuple(document["processor_models"]),
        tuple(document["cpu_features"]),
        tuple(document["acu"]),
    )
