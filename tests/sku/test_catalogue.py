"""The catalogue is whole: every type has a size, a price and a series that says what it runs on."""

from __future__ import annotations

import re
from datetime import date

from packager.sku.catalogue import azure


def test_every_type_is_told_once_with_everything() -> None:
    types = azure().types
    assert len({one.name for one in types}) == len(types) >= 40
    for one in types:
        assert re.fullmatch(r"Standard_[A-Z]+\d+[a-z]*(_v\d)?", one.name)
        assert one.vcpus > 0
        assert 1 <= one.memory_gib / one.vcpus <= 32
        assert 0.02 < one.usd_per_hour / one.vcpus < 0.12
        assert one.temp_disk_gib is not None
        assert one.network_mbps is not None
        assert one.series.acu is not None
        assert one.series.acu[0] <= one.series.acu[1]


def test_its_name_tells_the_number_of_processors() -> None:
    for one in azure().types:
        if not one.name.startswith("Standard_DS"):
            found = re.search(r"\d+", one.name)
            assert found is not None
            assert int(found[0]) == one.vcpus


def test_a_larger_type_of_a_series_costs_more() -> None:
    for one in azure().types:
        for other in azure().types:
            if one.series.name == other.series.name and one.vcpus < other.vcpus:
                assert one.usd_per_hour < other.usd_per_hour


def test_prices_are_dated_and_said_to_be_indicative() -> None:
    prices = azure().prices
    assert date.fromisoformat(prices.recorded_on) > date(2026, 1, 1)
    assert "indicative" in prices.price
    assert "day of the copies themselves is not known" in prices.source


def test_a_type_is_found_however_its_letters_are_cased() -> None:
    assert azure().find("STANDARD_ds3_V2") is not None
    assert azure().find("Standard_DS3") is None
