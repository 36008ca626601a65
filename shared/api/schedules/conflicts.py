"""`/api/v1/schedules/conflicts`: where the schedules of a project meet (C16)."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from shared.api.deps import Asking, Provided
from shared.api.query import Number
from shared.api.shown import Shown, at
from shared.errors import Invalid
from shared.schedules.conflicts import Meeting, Works

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


class MemberOut(Shown):
    """A schedule that meets another."""

    schedule_id: str = at("schedule.id")
    name: str = at("schedule.definition.name")
    task_type: str = at("schedule.definition.task_type")
    seconds: float
    """How long its runs take: of the last 50 that succeeded, 95 % took no longer. Its timeout, if
    `learned` is false."""
    learned: bool


class SharedOut(Shown):
    """What both use."""

    kind: str
    """`task`, or the parameter that names the resource, such as `source`."""
    value: str


class ConflictOut(Shown):
    """Two schedules that are at work at the same time, on the same."""

    schedules: list[MemberOut]
    shares: list[SharedOut]
    first_at: datetime
    times: int
    """How many pairs of their runs meet in the week, of those that were compared."""


class BusyScheduleOut(Shown):
    schedule_id: str = at("id")
    name: str = at("definition.name")


class MinuteOut(Shown):
    """A minute in which runs come due."""

    at: datetime
    runs: int
    schedules: list[BusyScheduleOut]
    """Some of them, at most five."""


class ConflictsOut(Shown):
    """A project's coming week."""

    since: datetime
    until: datetime
    total_schedules: int
    """How many there are, without those of single runs."""
    looked_at: int
    """How many of them were looked at: the newest, 5,000 at most."""
    conflicts: list[ConflictOut]
    """Those that meet most often first, 500 at most."""
    complete: bool
    """Whether every run of the week was compared, of every schedule. If not, there may be more."""
    cut_schedules: int
    """Of so many schedules only the first runs of the week were compared, since all have too
    many."""
    busiest_minutes: list[MinuteOut]
    """The minutes in which the most runs come due; of equal ones the earliest."""
    uncounted_schedules: int
    """So many schedules are not among these, since they come due too often."""


@router.get("/conflicts")
def list_conflicts(app: Provided, by: Asking, project_id: Number | None = None) -> ConflictsOut:
    """Where the schedules of a project meet on the same task or resource in the coming week, by how
    long their runs really take; and the week's busiest minutes.

    Without `project_id`: those of the caller's one project or, for a caller of all projects, those
    that belong to none.
    """
    if project_id is None and by.projects is not None:
        if by.project is None:
            raise Invalid("project_id", "say which project; the key has several")
        project_id = by.project
    by.hold(project_id, f"project {project_id}")
    week = app().neighbours.week(project_id)
    return ConflictsOut(
        since=week.since,
        until=week.until,
        total_schedules=week.schedules,
        looked_at=week.looked_at,
        conflicts=[_conflict(one) for one in week.met.meetings],
        complete=week.met.complete and week.looked_at == week.schedules,
        cut_schedules=len(week.met.cut),
        busiest_minutes=[MinuteOut.model_validate(one) for one in week.busiest.minutes],
        uncounted_schedules=week.busiest.left_out,
    )


def _conflict(one: Meeting) -> ConflictOut:
    return ConflictOut(
        schedules=[_member(one.one), _member(one.other)],
        shares=[SharedOut.model_validate(each) for each in one.shares],
        first_at=one.first_at,
        times=one.times,
    )


def _member(works: Works) -> MemberOut:
    return MemberOut.model_validate(works)
