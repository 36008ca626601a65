"""Looking how late runs begin (alert `runs_late`): the rules are in `lateness`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from shared.alerts import lateness
from shared.alerts.lateness import Look, Seen
from shared.alerts.port import AlertKind, AlertService
from shared.storage.tables.facts import Meta
from shared.tasks import JobContext

ABOUT = "schedules"
"""What the alert is about."""
_FACT = "lateness"


class LatenessWatch:
    """The service (`port.LatenessMonitor`)."""

    def __init__(
        self,
        counts: Callable[[], Sequence[int]],
        bounds: Sequence[float],
        meta: Meta,
        alerts: Callable[[], AlertService],
    ) -> None:
        """`counts`: how many runs ever began how late, by the buckets of `bounds`."""
        self._counts = counts
        self._bounds = bounds
        self._meta = meta
        self._alerts = alerts

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """As the port says. People are told before the look is kept: if the process is killed in
        between, the next look says it again, which tells nobody twice."""
        fact = self._meta.fact(_FACT)
        before = Look.decode(fact.value) if fact is not None else None
        seen = lateness.look(before, self._counts(), self._bounds, job.clock.now())
        if not job.dry_run:
            self._tell(seen, job)
            if seen.after != before:
                self._meta.swap(_FACT, fact, seen.after.encode())
        return {"runs": seen.runs, "late": seen.late, "alert": seen.late_now is True}

    def _tell(self, seen: Seen, job: JobContext) -> None:
        said = f"{seen.late:,} of {seen.runs:,} runs began more than {lateness.LATE_AFTER} s late"
        if seen.late_now:
            job.log(said, level=logging.WARNING)
            self._alerts().open(AlertKind.RUNS_LATE, ABOUT, f"{said}, and others before them.")
        elif seen.late_now is False:
            self._alerts().close(AlertKind.RUNS_LATE, ABOUT, f"{said} since the last look.")
