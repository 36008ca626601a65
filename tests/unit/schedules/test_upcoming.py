"""The next run that people are told of: the one that begins next, handed out already or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import job_id
from shared.schedules.model import Definition, LiveJob, Policy, Progress, Schedule
from shared.schedules.plan import jitter_of, plan
from shared.schedules.upcoming import Upcoming, upcoming

START = datetime(2026, 3, 1, 9, 5, 54, tzinfo=UTC)


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 3, 1, 9, minute, second, tzinfo=UTC)


def every_minute(**policy: Any) -> Schedule:
    when = Recurrence(frequency=Frequency.CRON, cron_expression="* * * * *")
    return Schedule(
        id="n",
        definition=Definition(name="n", task_type="t", recurrence=when),
        policy=Policy(**policy),
        created_at=START,
        updated_at=START,
    ).rescheduled(START)


def handed_out(schedule: Schedule, now: datetime) -> Schedule:
    return plan(schedule, now, now + timedelta(seconds=75)).after


def test_a_run_that_was_handed_out_ahead_is_the_next() -> None:
    made = handed_out(every_minute(), START)
    assert made.progress.handed_out == 2 and made.progress.next_run_at == at(8)
    assert upcoming(made, START) == Upcoming(at(6), at(6))
    assert upcoming(made, at(6)) == Upcoming(at(7), at(7))
    assert upcoming(made, at(7)) == Upcoming(at(8), at(8))


def test_one_that_began_that_is_cancelled_or_that_a_person_asked_for_is_not() -> None:
    made = handed_out(every_minute(), START)
    first, second = made.progress.live
    for other in (
        replace(first, attempt=1, started_at=START, worker="w"),
        replace(first, cancel="told"),
        LiveJob(id=f"{first.id}-k3f9", due_at=first.due_at, available_at=first.due_at),
    ):
        now = replace(made, progress=replace(made.progress, live=(second, other)))
        assert upcoming(now, START) == Upcoming(at(7), at(7))


def test_the_last_that_max_runs_allows_is_to_come_until_it_is_due() -> None:
    made = handed_out(every_minute(max_runs=1), START)
    assert made.progress.next_run_at is None
    assert upcoming(made, START) == Upcoming(at(6), at(6))
    assert upcoming(made, at(6)) is None


def test_what_is_owed_is_the_next() -> None:
    assert upcoming(every_minute(), at(30)) == Upcoming(at(6), at(6))


@pytest.mark.parametrize("change", ["off", "deleted", "paused"])
def test_a_schedule_that_is_off_has_none(change: str) -> None:
    made = handed_out(every_minute(), START)
    off = {
        "off": replace(made, definition=replace(made.definition, enabled=False)),
        "deleted": replace(made, deleted_at=START),
        "paused": replace(made, progress=replace(made.progress, paused_reason="3 jobs failed")),
    }
    assert upcoming(off[change], START) is None


def test_it_is_the_first_to_start_with_its_jitter() -> None:
    made = handed_out(every_minute(jitter_seconds=600), START)
    found = upcoming(made, START)
    assert made.progress.next_run_at is not None and found is not None
    due = [*(job.due_at for job in made.progress.live), made.progress.next_run_at]
    starts = {t + timedelta(seconds=jitter_of(made, job_id("n", t))): t for t in due}
    assert found == Upcoming(starts[min(starts)], min(starts))
    later = Progress(next_run_at=at(40))
    alone = upcoming(replace(made, progress=later), START)
    assert alone is not None and timedelta() <= alone.effective_at - at(40) < timedelta(minutes=11)
