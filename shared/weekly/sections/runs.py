"""Runs of all schedules, by how they ended: from the sums of the index of jobs, a number for each
day, task and status. So it takes no longer with a million jobs than with a thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol

from shared.jobs.counting import Counts
from shared.jobs.entry import Filter
from shared.schedules.job import Status
from shared.weekly.figures import Values, percent
from shared.weekly.port import Said
from shared.weekly.week import Week

_COUNTED = (
    Status.SUCCEEDED,
    Status.FAILED,
    Status.MISSED,
    Status.SKIPPED,
    Status.CANCELLED,
)


class Days(Protocol):
    """The index of jobs (`engine.records.job_index`)."""

    def days(self, wanted: Filter, first: date, last: date) -> Mapping[date, Counts]:
        """What ended, added up for each of these days."""


class Runs:
    """The section."""

    name = "runs"

    def __init__(self, jobs: Days) -> None:
        self._jobs = jobs

    def say(self, weeks: Sequence[Week], check: Callable[[], None]) -> Said:
        """As the port says."""
        check()
        found = self._jobs.days(Filter(), weeks[0].monday, weeks[-1].sunday)
        made = {
            week: values(one for day, one in found.items() if week.monday <= day <= week.sunday)
            for week in weeks
        }
        return Said(weeks=since_first(made, "runs.ended", "runs.missed", "runs.skipped"))


def values(days: Iterable[Counts]) -> Values:
    """The figures of some days. Pure."""
    whole = dict.fromkeys(_COUNTED, 0)
    backfilled = 0
    for day in days:
        backfilled += sum(day.backfilled.values())
        for status in _COUNTED:
            whole[status] += day.of(status)
    ended = whole[Status.SUCCEEDED] + whole[Status.FAILED]
    return {
        "runs.ended": ended,
        **{f"runs.{status.value}": count for status, count in whole.items()},
        "runs.failure_percent": percent(whole[Status.FAILED], ended),
        "runs.backfilled": backfilled,
    }


def since_first(weeks: Mapping[Week, Values], *names: str) -> Mapping[Week, Values]:
    """The weeks since the first that has anything of these, and the last: what was before the app
    ran is not known to be nothing. Pure."""
    order = sorted(weeks)
    some = (one for one in order if any(weeks[one].get(name) for name in names))
    first = next(some, order[-1])
    return {one: weeks[one] for one in order if one >= first}
