"""How long a restore for good took, and how long was expected. A wrong expectation is reported;
the time is noted beside the backup, so that the next expectation can use it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from shared.backups.model import Outcome, Report
from shared.backups.rules.restore_time import wrong_by
from shared.backups.store.destination import Destination
from shared.backups.store.entries import Copy
from shared.errors import BelfryError, Cancelled
from shared.log import Event, event
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")


@dataclass(frozen=True, slots=True)
class Took:
    """A restore that is done."""

    seconds: float
    """From the first byte read back to the last row counted."""
    read_seconds: float
    """The part of that spent reading the stored bytes back."""
    known: Report | None
    """The report that the expected time came from (as the source's sentence gives it)."""

    @property
    def expected(self) -> float | None:
        return self.known.restore_seconds if self.known is not None else None

    @property
    def wrong(self) -> str:
        """What to say if the expectation was wrong; else empty."""
        return wrong_by(self.expected, self.seconds) if self.expected is not None else ""

    @property
    def told(self) -> dict[str, object]:
        """The times as fields of a job's result."""
        told: dict[str, object] = {
            "restore_seconds": self.seconds,
            "read_seconds": self.read_seconds,
        }
        if self.expected is not None:
            told["expected_seconds"] = self.expected
        return told | ({"time_was_wrong": self.wrong} if self.wrong else {})


def note(destination: Destination, copy: Copy, took: Took, job: JobContext) -> None:
    """Log a wrong expectation, and note the time beside the copy. If it cannot be noted, that is
    only logged: the restore is done, and the container may accept nothing more."""
    if took.wrong:
        job.log("another time was expected", level=logging.WARNING, said=took.wrong)
        event(
            _logger,
            Event.RESTORE_TIME_WRONG,
            level=logging.WARNING,
            schedule_id=job.schedule_id,
            job_id=job.job_id,
            backup_id=copy.summary.id,
            seconds=took.seconds,
            expected_seconds=took.expected,
        )
    report = Report(
        backup_id=copy.summary.id,
        outcome=Outcome.RESTORED,
        at=copy.next_report(job.clock.now()),
        job_id=job.job_id,
        how="for good",
        restore_seconds=took.seconds,
        read_seconds=took.read_seconds,
    )
    try:
        destination.write_report(copy.blob, report, encrypted=copy.summary.encrypted)
    except Cancelled:
        raise
    except BelfryError as error:
        job.log("the time was not noted", destination=destination.name, error=str(error))
