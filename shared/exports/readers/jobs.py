"""Jobs that ended, and what they cost: by schedule, and of each in the order of due times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from shared.archive.jobs import EndedJobs
from shared.exports.kinds import Row
from shared.exports.readers.schedules import schedule_ids
from shared.exports.reading import Wanted
from shared.exports.walking import windows
from shared.listing.listing import Listing
from shared.schedules.job import Job
from shared.schedules.spent import CostKind, priced
from shared.settings import Prices

_SECOND = timedelta(seconds=1)
_MICROS = Decimal(1_000_000)
_PLACES = Decimal("0.000000001")
_TEXT = 2_000
"""Characters of an error or a reason that are kept."""


class Jobs:
    """The jobs, read: in the table or in the archive."""

    def __init__(self, listing: Listing, ended: EndedJobs) -> None:
        self._listing = listing
        self._ended = ended

    def of(self, wanted: Wanted) -> Iterator[Job]:
        """Those that were due in the span, and had ended by `as_of`."""
        since, until = wanted.seconds
        ids = schedule_ids(self._listing, wanted)
        for number, one in enumerate(ids, start=1):
            found = windows(since, until, partial(self._window, wanted, one))
            yield from (job for job in found if _fits(job, wanted))
            wanted.progress(number, len(ids))

    def _window(
        self, wanted: Wanted, schedule_id: str, first: datetime, end: datetime
    ) -> Sequence[Job]:
        wanted.check()
        return self._ended.jobs(schedule_id, first, end - _SECOND)[::-1]


def _fits(job: Job, wanted: Wanted) -> bool:
    """A job keeps the project that its schedule had when it ended."""
    return (
        wanted.project_id in (None, job.project_id)
        and (job.finished_at is None or job.finished_at <= wanted.as_of)
        and wanted.has(job.status.value)
        and all(job.schedule_tags.get(name) == value for name, value in wanted.tags.items())
    )


class RunRows:
    """A row for each job."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def rows(self, wanted: Wanted) -> Iterator[Row]:
        """As `reading.Reader` has it."""
        for job in self._jobs.of(wanted):
            yield (
                *_of(job),
                job.status.value,
                job.due_at,
                job.started_at,
                job.finished_at,
                _decimal(job.duration_seconds),
                _decimal(job.lateness_seconds),
                job.attempt,
                job.count,
                _short(job.reason),
                _short(job.error),
            )


class CostRows:
    """A row for each job whose use was measured."""

    def __init__(self, jobs: Jobs, prices: Prices) -> None:
        self._jobs = jobs
        self._prices = prices

    def rows(self, wanted: Wanted) -> Iterator[Row]:
        """As `reading.Reader` has it."""
        for job in self._jobs.of(wanted):
            if job.spent is not None:
                yield self._row(job)

    def _row(self, job: Job) -> Row:
        assert job.spent is not None  # noqa: S101 (the caller looked)
        spent = job.spent
        micros = {one.kind: one.micros for one in priced(spent, self._prices)}
        compute, storage = micros[CostKind.COMPUTE], micros[CostKind.STORAGE]
        return (
            *_of(job),
            job.status.value,
            job.due_at,
            Decimal(repr(spent.gb_seconds)).quantize(_PLACES),
            spent.table_requests,
            spent.blob_requests,
            _money(compute),
            _money(storage),
            _money(compute + storage),
            self._prices.currency,
        )


def _of(job: Job) -> Row:
    return job.id, job.schedule_id, job.schedule_name, job.project_id, job.task_type


def _money(micros: Decimal) -> Decimal:
    return (micros / _MICROS).quantize(_PLACES)


def _decimal(seconds: float | None) -> Decimal | None:
    return None if seconds is None else Decimal(f"{seconds:.6f}")


def _short(text: str | None) -> str | None:
    return None if text is None else text[:_TEXT]
