"""Entries that are sorted on disk are in order, each once, and take bounded memory."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.engine.records.sorting import sorting
from shared.jobs.chunk import ordered
from shared.jobs.entry import Entry, epoch
from shared.schedules.job import Status, job_id
from tests.unit.jobs.test_index import START
from tests.unit.jobs.test_totals import jobs


def in_order(entries: Iterator[Entry], run: int, block: int) -> list[Entry]:
    with sorting(run, block) as found:
        for entry in entries:
            found.add(entry)
        return list(found.in_order())


@given(jobs, st.integers(1, 9), st.integers(1, 4))
def test_whatever_comes_is_in_order_with_all_that_was_said(
    some: list[Entry], run: int, block: int
) -> None:
    found = in_order(iter(some), run, block)
    assert found == ordered(some)
    assert [one.row() for one in found] == [one.row() for one in ordered(some)]


@given(jobs, st.integers(1, 9), st.randoms())
def test_of_two_the_first_counts(some: list[Entry], run: int, chance: random.Random) -> None:
    """The table's row is read before the archive's."""
    again = [replace(one, status=Status.CANCELLED, taken_over=7) for one in some]
    chance.shuffle(again)
    found = in_order(iter([*some, *again]), run, 2)
    assert [one.row() for one in found] == [one.row() for one in ordered(some)]


def made(count: int) -> Iterator[Entry]:
    """As the table has them: by schedule, the newest first."""
    for schedule in range(10):
        for number in range(count // 10, 0, -1):
            due = START + timedelta(minutes=number)
            yield Entry(job_id(f"s{schedule}", due), Status.SUCCEEDED, "works", 1, epoch(due))


def peak(count: int) -> int:
    tracemalloc.start()
    try:
        with sorting(run=1_000, block=50) as found:
            for entry in made(count):
                found.add(entry)
            assert sum(1 for _ in found.in_order()) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_as_many_take_little_more_memory() -> None:
    peak(1_000)  # what is kept of ids once and for all
    assert peak(20_000) < 2.5 * peak(2_000)
