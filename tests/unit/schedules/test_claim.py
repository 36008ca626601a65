"""Whether a job may start: one start a lease, and an end for every other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.recurrence import Frequency, Recurrence
from shared.schedules.claim import Claim, End, Spent, Start, Void, Wait, claim
from shared.schedules.job import Job, Status
from shared.schedules.model import Definition, LiveJob, Overlap, Policy, Progress, Schedule

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=60)
JOB = LiveJob(id="n-20260301T120000Z", due_at=START, available_at=START)
OTHER = LiveJob(
    id="n-20260301T115900Z",
    due_at=START - LEASE,
    available_at=START - LEASE,
    attempt=1,
    started_at=START - LEASE,
    worker="w0",
    lease_until=START + LEASE,
)


def schedule(*live: LiveJob, enabled: bool = True, policy: Policy | None = None) -> Schedule:
    when = Recurrence(frequency=Frequency.HOURLY)
    return Schedule(
        id="n",
        definition=Definition(name="n", task_type="t", recurrence=when, enabled=enabled),
        policy=policy or Policy(),
        progress=Progress(live=live),
        created_at=START,
        updated_at=START,
    )


def ask(one: Schedule, *, now: float = 0, done: dict[str, Job] | None = None) -> Claim:
    instant = START + timedelta(seconds=now)
    return claim(one, JOB.id, done or {}, worker="w1", now=instant, lease=LEASE)


def ended(live: LiveJob, status: Status = Status.SUCCEEDED) -> Job:
    return Job(
        id=live.id,
        schedule_id="n",
        schedule_name="n",
        project_id=None,
        task_type="t",
        status=status,
        due_at=live.due_at,
        started_at=live.due_at,
    )


def test_a_queued_job_starts_under_a_lease() -> None:
    found = ask(schedule(JOB))
    assert isinstance(found, Start) and not found.taken_over
    held = found.after.progress.find(JOB.id)
    assert held is not None
    assert (held.worker, held.attempt, held.lease_until) == ("w1", 1, START + LEASE)


def test_a_job_that_nobody_committed_is_void() -> None:
    assert ask(schedule()) == Void()


def test_a_job_that_ended_is_spent_even_while_its_row_still_lists_it() -> None:
    assert ask(schedule(JOB), done={JOB.id: ended(JOB)}) == Spent()


def test_a_held_job_is_left_alone_until_its_lease_ends() -> None:
    held = replace(JOB, attempt=1, worker="w0", lease_until=START + LEASE)
    assert ask(schedule(held), now=59) == Wait(START + LEASE)
    taken = ask(schedule(held), now=61)
    assert isinstance(taken, Start) and taken.taken_over and taken.job.attempt == 2


def test_a_job_waits_for_its_time() -> None:
    assert ask(schedule(JOB), now=-5) == Wait(START)


def test_workers_that_die_use_up_the_attempts() -> None:
    held = replace(JOB, attempt=3, worker="w0", lease_until=START)
    found = ask(schedule(held), now=1)
    assert isinstance(found, End) and found.job.status is Status.FAILED
    assert "attempt 3 of 3" in (found.job.error or "")


def test_a_run_beside_a_running_one_is_skipped_unless_allowed() -> None:
    found = ask(schedule(OTHER, JOB))
    assert isinstance(found, End) and found.job.status is Status.SKIPPED
    assert OTHER.id in (found.job.reason or "")
    assert isinstance(ask(schedule(OTHER, JOB, policy=Policy(overlap=Overlap.ALLOW_ALL))), Start)


def test_one_that_ended_is_not_in_the_way_and_is_counted() -> None:
    found = ask(schedule(OTHER, JOB), done={OTHER.id: ended(OTHER)})
    assert isinstance(found, Start)
    assert found.after.progress.success_count == 1
    assert [job.id for job in found.after.progress.live] == [JOB.id]


def test_a_schedule_turned_off_starts_nothing_more() -> None:
    found = ask(schedule(JOB, enabled=False))
    assert isinstance(found, End) and found.job.status is Status.CANCELLED


def test_a_run_asked_for_by_a_person_starts_even_so() -> None:
    manual = replace(JOB, id=f"{JOB.id}-abc")
    one = schedule(manual, enabled=False)
    found = claim(one, manual.id, {}, worker="w1", now=START + timedelta(days=1), lease=LEASE)
    assert isinstance(found, Start)


def test_no_worker_free_within_the_grace_is_a_miss() -> None:
    found = ask(schedule(JOB), now=901)
    assert isinstance(found, End) and found.job.status is Status.MISSED


def test_a_retry_is_not_missed_however_late() -> None:
    again = replace(JOB, attempt=1, error="boom", available_at=START + timedelta(seconds=1000))
    assert isinstance(ask(schedule(again), now=1001), Start)
