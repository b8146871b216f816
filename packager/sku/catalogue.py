"""The instance types to choose from, dated, whose prices `--prices` replaces.

What the catalogue does not tell of a type is None, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from packager.azure.instance_types import InstanceType, Limits, document, instance_types, limits
from packager.sku.model import Prices


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
    prices = Prices(**{key: document()[key] for key in ("recorded_on", "currency", "region", "price", "source")})
    return Catalogue(instance_types(), prices, limits())
