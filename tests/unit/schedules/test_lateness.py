"""Lateness is from when a run was to start to its first start, however often it is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.recurrence import Frequency, Recurrence
from shared.schedules import record
from shared.schedules.claim import Start, claim
from shared.schedules.job import Job, Status
from shared.schedules.model import Definition, LiveJob, Policy, Progress, Schedule

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=60)
JOB = LiveJob(id="n-20260301T120000Z", due_at=START, available_at=START)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def schedule(live: LiveJob) -> Schedule:
    when = Recurrence(frequency=Frequency.HOURLY)
    return Schedule(
        id="n",
        definition=Definition(name="n", task_type="t", recurrence=when),
        policy=Policy(max_attempts=9),
        progress=Progress(live=(live,)),
        created_at=START,
        updated_at=START,
    )


def started(live: LiveJob, now: datetime) -> LiveJob:
    found = claim(schedule(live), live.id, {}, worker="w", now=now, lease=LEASE)
    assert isinstance(found, Start)
    return found.job


def shown(live: LiveJob) -> Job:
    return record.ended_live(schedule(live), live, Status.SUCCEEDED, after(100), "")


def back(live: LiveJob, *, attempt: int) -> LiveJob:
    """As it waits for its next attempt."""
    return replace(live, attempt=attempt, worker=None, lease_until=None)


def test_a_run_that_is_tried_again_was_as_late_as_its_first_attempt() -> None:
    first = started(JOB, after(0.8))
    again = started(back(first, attempt=1), after(11.7))
    third = started(back(again, attempt=2), after(40))
    for live, last in ((first, 0.8), (again, 11.7), (third, 40)):
        job = shown(live)
        assert job.lateness_seconds == 0.8
        assert (job.first_started_at, job.started_at) == (after(0.8), after(last))
        assert job.duration_seconds == pytest.approx(100 - last)


def test_a_run_that_is_taken_over_was_as_late_as_its_first_attempt() -> None:
    killed = started(JOB, after(2))
    assert shown(started(killed, after(63))).lateness_seconds == 2


def test_an_attempt_that_was_given_back_does_not_count_and_is_the_start_all_the_same() -> None:
    given_back = back(started(JOB, after(1)), attempt=0)
    assert shown(given_back).lateness_seconds == 1
    again = started(given_back, after(90))
    assert (again.attempt, shown(again).lateness_seconds) == (1, 1)


def test_the_end_of_a_job_that_waits_is_not_the_end_of_an_attempt() -> None:
    waiting = back(started(JOB, after(1)), attempt=1)
    assert shown(waiting).duration_seconds is None and shown(waiting).lateness_seconds == 1


def test_it_counts_from_the_effective_time() -> None:
    assert shown(started(replace(JOB, jitter=20), after(23))).lateness_seconds == 3


def test_what_has_not_begun_and_what_a_person_asked_for_has_none() -> None:
    assert shown(JOB).lateness_seconds is None and shown(JOB).first_started_at is None
    manual = started(replace(JOB, id=f"{JOB.id}-abc"), after(5))
    assert shown(manual).lateness_seconds is None
    assert shown(manual).first_started_at == after(5)


def test_a_start_that_was_not_kept_is_not_made_up() -> None:
    """Of a second attempt in a row that an earlier version wrote."""
    old = replace(JOB, attempt=2, started_at=after(40))
    assert shown(started(old, after(90))).lateness_seconds is None
