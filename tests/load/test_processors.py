"""The server and the load generator get processors of their own while there are enough, and what was is put back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from packager.errors import BenchmarkError
from packager.load.processors import most_processors, running_on, split_processors, usable_processors


def test_the_client_takes_what_the_server_leaves() -> None:
    split = split_processors(2, frozenset({3, 5, 6, 9}))
    assert (split.server, split.client, split.is_shared) == ({3, 5}, {6, 9}, False)


def test_where_nothing_is_left_they_share() -> None:
    split = split_processors(2, frozenset({0, 1}))
    assert (split.server, split.client, split.is_shared) == ({0, 1}, {0, 1}, True)


def test_more_processors_than_there_are_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="not so many processors"):
        split_processors(3, frozenset({0, 1}))


def test_a_quota_bounds_the_servers_processors() -> None:
    usable = frozenset(range(16))
    assert [most_processors(usable, quota) for quota in (None, 0.5, 1.0, 2.9, 64.0)] == [16, 1, 1, 2, 16]
    assert split_processors(1, usable, quota=0.5).server == {0}
    with pytest.raises(BenchmarkError, match="quota grants fewer processors") as caught:
        split_processors(3, usable, quota=2.5)
    assert (caught.value.measured, caught.value.limit) == ("2.5", "--cpus 3")


def test_children_run_where_they_were_started() -> None:
    before = usable_processors()
    one = frozenset([min(before)])
    with running_on(one):
        command = [sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert {int(cpu) for cpu in told.split()} == one
    assert usable_processors() == before
