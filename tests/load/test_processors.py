"""The server and the load generator get processors of their own while there are enough, and what was is put back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from packager.errors import BenchmarkError
from packager.load.processors import running_on, split_processors, usable_processors


def test_the_client_takes_what_the_server_leaves() -> None:
    split = split_processors(2, frozenset({3, 5, 6, 9}))
    assert (split.server, split.client, split.is_shared) == ({3, 5}, {6, 9}, False)


def test_where_nothing_is_left_they_share() -> None:
    split = split_processors(2, frozenset({0, 1}))
    assert (split.server, split.client, split.is_shared) == ({0, 1}, {0, 1}, True)


def test_more_processors_than_there_are_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="not so many processors"):
        split_processors(3, frozenset({0, 1}))


def test_children_run_where_they_were_started() -> None:
    before = usable_processors()
    one = frozenset([min(before)])
    with running_on(one):
        command = [sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert {int(cpu) for cpu in told.split()} == one
    assert usable_processors() == before
