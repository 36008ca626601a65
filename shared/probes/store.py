"""Reads and writes the history. A run reads two rows, and writes everything in one transaction. The
table is made when it is first used. Every method raises `Unavailable` or `Refused` if storage
fails, and `Damaged` for a row that cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from shared.errors import Skipped, Unavailable
from shared.probes import lateness, rows, states, summaries
from shared.probes.model import Change, Result, State, Thresholds
from shared.probes.rows import Check, Day
from shared.probes.tallies import Tally
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert, literal
from shared.storage.tables.compare_and_set import compare_and_set
from shared.threads import Pool

_SERVICE = "table storage"
_AT_ONCE = 8
_OFTEN, _OLD = 50, 90
"""With every 50th result of a check, up to 90 rows go that are too old: fewer come than can go."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a result."""

    check: Check
    result: Result
    change: Change | None = None
    """Only if this very call counted it."""


class Store:
    """The rows of all checks."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._open = connection.made_when_used(table)

    def known(self, project_id: int | None, schedule_id: str, job_id: str) -> Kept | None:
        """What the job's result was, if it was counted already."""
        row = self._row(project_id, schedule_id, rows.raw_key(schedule_id, job_id))
        check = self.check(project_id, schedule_id) if row is not None else None
        return None if row is None or check is None else Kept(check, rows.to_result(row))

    def keep(
        self,
        project_id: int | None,
        schedule_id: str,
        result: Result,
        thresholds: Thresholds,
        due_at: datetime | None = None,
    ) -> Kept:
        """Count a result, once: if the job has one already, that one stays. `due_at`: when its job
        was due; raises `Skipped` if another one has looked since (`lateness`), and it is late."""

        def attempt() -> Kept | None:
            before = self.check(project_id, schedule_id)
            if due_at is not None and before is not None:
                try:
                    lateness.hold(due_at, result.job_id, before.last, result.at)
                except Skipped:  # unless it was counted before that
                    if known := self.known(project_id, schedule_id, result.job_id):
                        return known
                    raise
            check, change = _stepped(before, schedule_id, result, thresholds)
            steps = self._steps(project_id, before, check, result, change)
            if self._transact(project_id, schedule_id, steps):
                return Kept(check, result, change)
            return self.known(project_id, schedule_id, result.job_id)

        return compare_and_set(schedule_id, attempt, error=partial(Unavailable, _SERVICE))

    def check(self, project_id: int | None, schedule_id: str) -> Check | None:
        row = self._row(project_id, schedule_id, rows.check_key(schedule_id))
        return None if row is None else rows.to_check(row)

    def checks(self, project_id: int | None, schedule_ids: Collection[str]) -> dict[str, Check]:
        """Those of these schedules that have run, by schedule."""
        with Pool(_AT_ONCE, "checks") as pool:
            read = pool.map(lambda one: self.check(project_id, one), schedule_ids)
        return {one.schedule_id: one for one in read if one is not None}

    def days(
        self, project_id: int | None, schedule_id: str, first: date, last: date, *, hours: bool
    ) -> list[Day]:
        """Those days that have results, in order; `hours`: with the sums of each hour."""
        span = (
            f"RowKey ge {literal(rows.day_key(schedule_id, first))} "
            f"and RowKey le {literal(rows.day_key(schedule_id, last))}"
        )
        select = None if hours else ("RowKey", "total")
        return [
            rows.to_day(row) for row in self._rows(project_id, schedule_id, span, select=select)
        ]

    def sums(
        self, project_id: int | None, schedule_id: str, now: datetime
    ) -> tuple[list[Day], Mapping[str, Tally]]:
        """(the days of the longest span, the sums of each span): two queries."""
        today = now.astimezone(UTC).date()
        yesterday = today - timedelta(days=1)
        first = summaries.first_day(now)
        days = self.days(project_id, schedule_id, first, today, hours=False)
        recent = self.days(project_id, schedule_id, yesterday, today, hours=True)
        return days, summaries.spans(days, recent, now)

    def results(
        self,
        project_id: int | None,
        schedule_id: str,
        first: datetime,
        end: datetime,
        most: int,
    ) -> list[Result]:
        """The results of jobs that were due from `first` until before `end`, oldest first."""
        span = row_keys.between(
            rows.raws_from(schedule_id, first), rows.raws_from(schedule_id, end)
        )
        found = self._rows(project_id, schedule_id, span, top=min(most, 1000))
        return [rows.to_result(row) for row in islice(found, most)]

    def changes(self, project_id: int | None, schedule_id: str, most: int) -> list[Change]:
        """The events, newest first."""
        events = row_keys.beginning(f"event:{schedule_id}-")
        found = self._rows(project_id, schedule_id, events, top=min(most, 1000))
        return [rows.to_change(row) for row in islice(found, most)]

    def _steps(
        self,
        project_id: int | None,
        before: Check | None,
        check: Check,
        result: Result,
        change: Change | None,
    ) -> list[Operation]:
        """All that one result writes. The check's own row comes with its ETag, so nobody else wrote
        what was read after it."""
        schedule_id, at = check.schedule_id, result.at.astimezone(UTC)
        key = rows.day_key(schedule_id, at.date())
        row = self._row(project_id, schedule_id, key)
        day = Day(day=at.date()) if row is None else rows.to_day(row)
        mine, said = rows.check_key(schedule_id), rows.check_row(check)
        return [
            Insert(mine, said) if before is None else Replace(mine, before.etag, said),
            Insert(rows.raw_key(schedule_id, result.job_id), rows.raw_row(result)),
            Upsert(key, rows.day_row(day.plus(at, result.measured))),
            *(
                [Upsert(rows.event_key(schedule_id, at), rows.event_row(change))]
                if change is not None
                else ()
            ),
            *(
                map(Delete, self._old(project_id, schedule_id, at))
                if check.runs % _OFTEN == 0
                else ()
            ),
        ]

    def _old(self, project_id: int | None, schedule_id: str, now: datetime) -> list[str]:
        """The keys of rows that are too old, at most `_OLD`."""
        first_day = rows.day_key(schedule_id, (now - rows.DAYS).date())
        raws, events = rows.raws_from(schedule_id, None), f"event:{schedule_id}-"
        spans = (
            (raws, rows.raws_from(schedule_id, now - rows.RAW)),
            (rows.event_key(schedule_id, now - rows.EVENTS), row_keys.after_all(events)),
            (f"day:{schedule_id}-", first_day),
        )
        found = (
            str(row["RowKey"])
            for first, end in spans
            for row in islice(
                self._rows(
                    project_id,
                    schedule_id,
                    row_keys.between(first, end),
                    top=_OLD,
                    select=("RowKey",),
                ),
                _OLD,
            )
        )
        return list(islice(found, _OLD))

    def _row(self, project_id: int | None, series: str, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._open().get(rows.partition(project_id, series), key)

    def _rows(
        self,
        project_id: int | None,
        series: str,
        span: str,
        *,
        top: int = 1000,
        select: Sequence[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        where = row_keys.of(rows.partition(project_id, series), span)
        with translated(_SERVICE):
            yield from self._open().query(where, top=top, select=select)

    def _transact(self, project_id: int | None, series: str, steps: Sequence[Operation]) -> bool:
        with translated(_SERVICE):
            return self._open().transact(rows.partition(project_id, series), steps).committed


def _stepped(
    before: Check | None, schedule_id: str, result: Result, thresholds: Thresholds
) -> tuple[Check, Change | None]:
    """The check after a result. One that is older than the last is counted, and changes nothing of
    how the target stands now."""
    if before is None:
        state, change = states.after(State(), result.measured, result.at, thresholds)
        made = Check(schedule_id=schedule_id, state=state, last=result, every=timedelta(), runs=1)
        return made, change
    if result.at < before.last.at:
        same = Check(
            schedule_id=schedule_id,
            state=before.state,
            last=before.last,
            every=before.every,
            runs=before.runs + 1,
        )
        return same, None
    state, change = states.after(before.state, result.measured, result.at, thresholds)
    after = Check(
        schedule_id=schedule_id,
        state=state,
        last=result,
        every=result.at - before.last.at,
        runs=before.runs + 1,
    )
    return after, change
