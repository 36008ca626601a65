"""What the jobs that fit a filter add up to, together and day by day.

The sums of whole chunks come from the directory. Only where jobs of the tail may be in a chunk as
well, that chunk is read. Jobs of backfills count apart: what was due on a day ran on that day, or
did not, whatever was run again later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from shared.jobs.directory import Group, Sums, summed
from shared.jobs.entry import Filter
from shared.jobs.packing import placed
from shared.jobs.paging import Jobs
from shared.schedules.job import RAN, Status, percent

_FIRST = date(1970, 1, 1)


@dataclass(slots=True)
class Counts:
    """Jobs that ended, counted by how they did. A stretch counts once for each occurrence."""

    occurrences: dict[Status, int] = field(default_factory=dict)
    timed: int = 0
    seconds: float = 0.0
    backfilled: dict[Status, int] = field(default_factory=dict)
    """The jobs of backfills, which count in nothing else."""

    def add(self, status: Status, sums: Sums, *, backfilled: bool = False) -> None:
        """Count more."""
        if backfilled:
            self.backfilled[status] = self.backfilled.get(status, 0) + sums.jobs
            return
        self.occurrences[status] = self.occurrences.get(status, 0) + sums.occurrences
        if status in RAN:
            self.timed += sums.timed
            self.seconds += sums.seconds

    @property
    def runs(self) -> int:
        """Jobs that succeeded or failed."""
        return sum(self.occurrences.get(status, 0) for status in RAN)

    @property
    def success_rate(self) -> float | None:
        """In percent, to one decimal place; None without a run."""
        return percent(self.of(Status.SUCCEEDED), self.runs)

    @property
    def mean_seconds(self) -> float | None:
        """How long a run took; None if that is known of none."""
        return self.seconds / self.timed if self.timed else None

    def of(self, status: Status) -> int:
        """How many ended that way."""
        return self.occurrences.get(status, 0)


def counted(jobs: Jobs, wanted: Filter) -> Counts:
    """All jobs of the wanted projects, tasks and status together."""
    made = Counts()
    for (_, project, task, status, backfilled), sums in _sums(jobs):
        if wanted.fits_group(project, task, status):
            made.add(status, sums, backfilled=backfilled)
    return made


def by_day(jobs: Jobs, wanted: Filter, first: date, last: date) -> Mapping[date, Counts]:
    """The same for each day from `first` to `last`, in order, by when jobs were due (UTC); of a
    stretch, the last of its occurrences."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    made = {day: Counts() for day in days}
    numbers = {(day - _FIRST).days: day for day in days}
    for (number, project, task, status, backfilled), sums in _sums(jobs):
        if number in numbers and wanted.fits_group(project, task, status):
            made[numbers[number]].add(status, sums, backfilled=backfilled)
    return made


def _sums(jobs: Jobs) -> Iterable[tuple[Group, Sums]]:
    """The sums of all jobs, in parts."""
    tail = placed(jobs.directory, jobs.tail.values())
    for section in jobs.directory.sections:
        yield from section.sums.items()
    for number, some in tail.items():
        sections = jobs.directory.sections[number : number + 1]
        chunks = [jobs.read(section.name) for section in sections]
        fresh = [one for one in some if not any(chunk.holds(one) for chunk in chunks)]
        yield from summed(fresh).items()
