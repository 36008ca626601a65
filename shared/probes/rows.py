"""The history of health checks as rows of a table of its own. Each project has a partition, so what
a schedule did for one project is not seen by another, even if the schedule is given to it. A
check is a schedule's, or that of an item of its batch: then `{schedule}` is `{schedule}.{key}`.

| row key | what |
|---|---|
| `check:{schedule}` | how its target stands; written with anything else of it, under its ETag |
| `raw:{job}` | the result of a job: so a job counts once; kept for `RAW` |
| `day:{schedule}-{day}` | the sums of a day and of its hours (UTC); kept for `DAYS` |
| `event:{schedule}-{number}` | up, down or degraded; newest first; kept for `EVENTS` |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.errors import Damaged
from shared.probes.model import Change, Measured, Result, Standing, State
from shared.probes.tallies import Tally
from shared.projects import name_of

RAW, DAYS, EVENTS = timedelta(days=3), timedelta(days=400), timedelta(days=90)
_ENDLESS = 10**14
"""More milliseconds since 1970 than any instant has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A check as it is stored."""

    schedule_id: str
    state: State
    last: Result
    """The newest result."""
    every: timedelta
    """The time between the last two results."""
    runs: int
    """How many results there were in all."""
    etag: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """The sums of a day."""

    day: date
    total: Tally = field(default_factory=Tally)
    hours: Mapping[int, Tally] = field(default_factory=dict)

    def plus(self, at: datetime, measured: Measured) -> Day:
        """With one more result."""
        hour = at.hour
        more = {hour: self.hours.get(hour, Tally()).plus(measured)}
        return Day(day=self.day, total=self.total.plus(measured), hours={**self.hours, **more})


def partition(project_id: int | None, series: str = "") -> str:
    """Where a check's rows are. The items of a batch have a partition of their own: they may be
    many, and nobody lists them among the project's checks."""
    own = name_of(project_id)
    schedule_id, dot, _ = series.partition(".")
    return f"{own}.{schedule_id}" if dot else own


def check_key(schedule_id: str) -> str:
    return f"check:{schedule_id}"


def raw_key(series: str, job_id: str) -> str:
    """`job_id` begins with the schedule's id, which the series stands in the place of."""
    return f"raw:{series}-{job_id.partition('-')[2]}"


def raws_from(schedule_id: str, due: datetime | None) -> str:
    """Where the results of jobs begin that were due from then on; None: all."""
    return f"raw:{schedule_id}-{'' if due is None else f'{due.astimezone(UTC):%Y%m%dT%H%M%SZ}'}"


def day_key(schedule_id: str, day: date) -> str:
    return f"day:{schedule_id}-{day:%Y%m%d}"


def event_key(schedule_id: str, at: datetime) -> str:
    """Later ones sort first."""
    return f"event:{schedule_id}-{_ENDLESS - int(at.timestamp() * 1000):014d}"


def check_row(check: Check) -> dict[str, Any]:
    state = check.state
    said = [
        state.status.value,
        _stamp(state.since),
        state.failing,
        state.passing,
        state.slow,
        state.quick,
    ]
    return {
        "state": json.dumps(said),
        "last": json.dumps(_result(check.last)),
        "every": int(check.every.total_seconds()),
        "runs": check.runs,
    }


def to_check(row: Mapping[str, Any]) -> Check:
    """Raises `Damaged`."""
    try:
        status, since, failing, passing, slow, quick = json.loads(row["state"])
        return Check(
            schedule_id=str(row["RowKey"]).removeprefix(check_key("")),
            state=State(
                status=Standing(status),
                since=datetime.fromisoformat(since) if since else None,
                failing=int(failing),
                passing=int(passing),
                slow=int(slow),
                quick=int(quick),
            ),
            last=_to_result(json.loads(row["last"])),
            every=timedelta(seconds=int(row["every"])),
            runs=int(row["runs"]),
            etag=str(row["etag"]),
        )
    except _GARBLED as error:
        raise _damaged(row, error) from error


def raw_row(result: Result) -> dict[str, Any]:
    return {"result": json.dumps(_result(result))}


def to_result(row: Mapping[str, Any]) -> Result:
    """Raises `Damaged`."""
    try:
        return _to_result(json.loads(row["result"]))
    except _GARBLED as error:
        raise _damaged(row, error) from error


def day_row(day: Day) -> dict[str, Any]:
    hours = {f"h{hour:02d}": tally.text() for hour, tally in sorted(day.hours.items())}
    return {"total": day.total.text(), **hours}


def to_day(row: Mapping[str, Any]) -> Day:
    """Raises `Damaged`."""
    try:
        day = datetime.strptime(str(row["RowKey"])[-8:], "%Y%m%d").date()  # noqa: DTZ007
        hours = {int(name[1:]): Tally.of(row[name]) for name in row if _is_hour(name)}
        return Day(day=day, total=Tally.of(row["total"]), hours=hours)
    except _GARBLED as error:
        raise _damaged(row, error) from error


def event_row(change: Change) -> dict[str, Any]:
    return {
        "at": _stamp(change.at),
        "before": change.before.value,
        "after": change.after.value,
        "said": change.said,
    }


def to_change(row: Mapping[str, Any]) -> Change:
    """Raises `Damaged`."""
    try:
        return Change(
            at=datetime.fromisoformat(row["at"]),
            before=Standing(row["before"]),
            after=Standing(row["after"]),
            said=str(row["said"]),
        )
    except _GARBLED as error:
        raise _damaged(row, error) from error


_GARBLED = (ValueError, KeyError, TypeError, AttributeError)


def _is_hour(name: str) -> bool:
    return len(name) == 3 and name[0] == "h" and name[1:].isdigit()


def _result(one: Result) -> list[object]:
    what = one.measured
    return [
        one.job_id,
        _stamp(one.at),
        what.status.value,
        what.milliseconds,
        what.said,
        dict(what.facts),
    ]


def _to_result(said: list[Any]) -> Result:
    job_id, at, status, milliseconds, text, facts = said
    return Result(
        job_id=str(job_id),
        at=datetime.fromisoformat(at),
        measured=Measured(
            status=Standing(status),
            milliseconds=None if milliseconds is None else float(milliseconds),
            said=str(text),
            facts=dict(facts),
        ),
    )


def _stamp(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat()


def _damaged(row: Mapping[str, Any], error: Exception) -> Damaged:
    return Damaged(f"the row {row.get('RowKey')} cannot be read: {error!r:.200}")
