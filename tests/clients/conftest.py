"""Drivers of the clients run on through a module of tests, and end with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .programs import end_drivers


@pytest.fixture(scope="module", autouse=True)
def drivers() -> Iterator[None]:
    yield
    end_drivers()
