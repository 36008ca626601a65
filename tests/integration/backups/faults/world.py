"""What the fault tests share: a shelf that a proxy stands before, clocks that go wrong, and what
must hold of containers whatever went wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from shared.backups.jobs.restore import verify
from shared.backups.params import VerifyOrder
from shared.backups.source import Source
from shared.backups.store.entries import Backup
from shared.clock import SystemClock
from shared.tasks.context import JobContext
from tests.context import job_of
from tests.faults import FaultProxy
from tests.integration.backups.setup import OFFSITE, PRIMARY, Given, Shelf

BOTH = {PRIMARY: "verified", OFFSITE: "verified"}
DAY = timedelta(days=1)
LATER = timedelta(minutes=1)
"""A job whose process was killed is tried again when its lease of a minute has ended."""


class Moved(SystemClock):
    """A clock that is wrong by so much, which may change."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return super().now() + self.by


def job(
    job_id: str = "nightly:2026",
    *,
    by: timedelta = timedelta(),
    attempt: int = 1,
    schedule_id: str = "nightly",
) -> JobContext:
    """A job at another time."""
    return job_of(job_id=job_id, schedule_id=schedule_id, attempt=attempt, clock=Moved(by))


def behind(shelf: Shelf, proxy: FaultProxy, *names: str) -> Shelf:
    """The same containers; those named (default: all) are reached by the proxy."""
    ways = dict.fromkeys(names or shelf.names, proxy.connection_string)
    return replace(shelf, reached_by=ways)


def inside(shelf: Shelf, name: str = PRIMARY) -> str:
    """A regular expression: the path of anything in that container."""
    return f"/{shelf.word}{name}[/?]"


def prove(shelf: Shelf, source: Source, backup_id: str, destination: str | None = None) -> None:
    """Verify again. Raises what that raises."""
    order = VerifyOrder(backup_id=backup_id, destination=destination)
    verify(Given(source), shelf.catalog, order, job("verify"))


def whole(shelf: Shelf) -> None:
    """Every copy has all that belongs to it, and nothing lies there that belongs to none."""
    found = shelf.catalog.look()
    assert (found.strange, found.away) == (0, {})
    for backup in found.backups:
        for copy in backup.copies:
            assert copy.stored is not None, copy
            assert copy.has_manifest, copy
            assert f"{copy.blob}.sha256" in copy.names, copy
            shelf.catalog[copy.destination].manifest(copy)
    at: dict[str, list[str]] = {name: [] for name in shelf.names}
    for backup in found.backups:
        for copy in backup.copies:
            at[copy.destination] += copy.names
    assert {name: sorted(shelf.everything(name)) for name in shelf.names} == {
        name: sorted(names) for name, names in at.items()
    }


def of_job(shelf: Shelf, job_id: str) -> list[Backup]:
    return [one for one in shelf.backups() if one.summary.job_id == job_id]


def scratch(path: Path) -> list[Path]:
    """What is left in a folder for copies."""
    return list(path.glob("belfry-*"))
