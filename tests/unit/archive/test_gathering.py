"""Rows of several days, read at once: what finds room, and what becomes of the rest."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.archive import gathering
from shared.archive.gathering import Gathered, together
from shared.schedules.job import job_id
from shared.storage.tables.entities import job_key

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = [(FIRST + timedelta(days=number)).date() for number in range(4)]


def rows() -> list[dict[str, Any]]:
    """Of three schedules, each day one, in the order of keys."""
    found = [
        {"RowKey": job_key(job_id(name, FIRST + timedelta(days=day))), "log": "zürich\n" * 9}
        for name in ("a", "b", "c")
        for day in range(len(DAYS))
    ]
    return sorted(found, key=lambda row: row["RowKey"])


def go_on() -> None:
    """Nobody stops it."""


def of(day: date) -> list[dict[str, Any]]:
    return [row for row in rows() if f"{day:%Y%m%d}" in row["RowKey"]]


def test_each_day_has_its_rows_in_order_as_often_as_it_is_asked() -> None:
    with Gathered() as found:
        found.read(DAYS, rows(), go_on)
        assert found.days == DAYS
        for _ in range(2):
            assert [list(found.of_day(day)) for day in DAYS] == [of(day) for day in DAYS]


def test_what_does_not_fit_are_the_last_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_BYTES", 1_100)
    with Gathered() as found:
        found.read(DAYS, rows(), go_on)
        assert found.days == DAYS[:2]
        assert [list(found.of_day(day)) for day in found.days] == [of(day) for day in DAYS[:2]]
    monkeypatch.setattr(gathering, "MOST_BYTES", 10)
    with Gathered() as found:
        found.read(DAYS, rows(), go_on)
        assert found.days == []


@contextmanager
def _full(size: int) -> Iterator[None]:
    """A disk that is full as soon as a file has that size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 150, 300])
def test_on_a_full_disk_none_finds_room(size: int) -> None:
    with Gathered() as found:
        with _full(size):
            found.read(DAYS, rows(), go_on)
        assert found.days == []


def test_a_day_of_many_jobs_is_read_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_JOBS", 10)
    counts = dict(zip(DAYS, (11, 4, 6, 1), strict=True))
    assert together(DAYS, counts) == DAYS[:1]
    assert together(DAYS[1:], counts) == DAYS[1:3]
    assert together(DAYS[3:], counts) == DAYS[3:]
    monkeypatch.setattr(gathering, "MOST_DAYS", 1)
    assert together(DAYS[1:], counts) == DAYS[1:2]
