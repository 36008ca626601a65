"""Until when an approval makes sense. Pure.

A schedule's next occurrence must not pile up behind one that still waits for a person: so the
approval ends a little before it is due.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.recurrence import next_run
from shared.schedules.job import is_manual
from shared.schedules.model import Schedule

LEAST_MARGIN, MOST_MARGIN = timedelta(seconds=5), timedelta(seconds=60)


def margin(interval: timedelta) -> timedelta:
    """How long before the next due time it ends: a tenth of the interval, from 5 s to a minute."""
    return max(LEAST_MARGIN, min(MOST_MARGIN, interval / 10))


def expires_at(
    now: datetime,
    limit: timedelta,
    following: datetime | None,
    interval: timedelta,
    deadline: datetime | None,
) -> datetime:
    """The deadline of what is asked for now. `limit`: of its class; `following`: when the schedule
    is due next, if it is; `interval`: from then to the time after; `deadline`: of its run."""
    ends = [now + limit]
    if following is not None:
        ends.append(following - margin(interval))
    if deadline is not None:
        ends.append(deadline)
    return min(ends)


def following(schedule: Schedule, now: datetime) -> tuple[datetime | None, timedelta]:
    """(when a schedule is due next, and how long after that once more). One that is behind counts
    from now on. None: it is not due again."""
    recurrence, upcoming = schedule.definition.recurrence, schedule.progress.next_run_at
    own = (job.due_at for job in schedule.progress.live if not is_manual(job.id))
    ahead = [at for at in own if at > now]  # handed out before it is due
    if upcoming is not None:
        ahead.append(upcoming)
    first = min(ahead, default=None)
    if first is not None and first <= now:
        first = next_run(recurrence, now)
    if first is None:
        return None, timedelta()
    second = next_run(recurrence, first)
    return first, (second - first if second is not None else first - now)
