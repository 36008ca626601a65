"""A job that ends with its schedule's row: failures one after another pause the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence
from shared.schedules.finish import finished
from shared.schedules.fold import fold
from shared.schedules.job import Job, Status, job_id
from shared.schedules.model import Definition, LiveJob, Policy, Progress, Schedule
from shared.schedules.plan import plan

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVERY_MINUTE = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60, start_time=START)


def schedule(most: int | None = 2, **progress: object) -> Schedule:
    return Schedule(
        id="n",
        definition=Definition(name="n", task_type="t", recurrence=EVERY_MINUTE),
        policy=Policy(pause_after_failures=most),
        progress=Progress(**progress),  # type: ignore[arg-type]
        created_at=START,
        updated_at=START,
    )


def live(minute: int, *, begun: bool = True) -> LiveJob:
    due = START + minute * MINUTE
    at = due if begun else None
    return LiveJob(
        id=job_id("n", due), due_at=due, available_at=due, attempt=int(begun), started_at=at
    )


def job(minute: int, status: Status, *, ended: int | None = None) -> Job:
    """Due in that minute, and ended 10 s later or in that other minute."""
    due = START + minute * MINUTE
    end = due + timedelta(seconds=10) if ended is None else START + ended * MINUTE
    return Job(
        id=job_id("n", due),
        schedule_id="n",
        schedule_name="n",
        project_id=None,
        task_type="t",
        status=status,
        due_at=due,
        started_at=due,
        finished_at=end,
        attempt=1,
        error=f"boom {minute}" if status is Status.FAILED else None,
    )


def one_after_another(one: Schedule, statuses: Sequence[Status]) -> Schedule:
    for minute, status in enumerate(statuses):
        one = replace(one, progress=one.progress.put(live(minute)))
        one, _ = finished(one, job(minute, status), {}, START + minute * MINUTE)
    return one


@given(
    most=st.integers(1, 5),
    statuses=st.lists(
        st.sampled_from([Status.SUCCEEDED, Status.FAILED, Status.FAILED, Status.SKIPPED])
    ),
)
def test_it_is_paused_at_the_nth_failure_in_a_row_and_not_before(
    most: int, statuses: list[Status]
) -> None:
    row, one = 0, schedule(most)
    for minute, status in enumerate(statuses):
        row = 0 if status is Status.SUCCEEDED else row + (status is Status.FAILED)
        one = replace(one, progress=one.progress.put(live(minute)))
        one, versions = finished(one, job(minute, status), {}, START + minute * MINUTE)
        assert one.progress.failures_in_row == row
        paused = status is Status.FAILED and row >= most
        assert (one.progress.paused_reason is not None) == paused == bool(versions)
        if paused:
            return


def test_a_success_begins_the_count_anew_and_what_does_not_run_leaves_it() -> None:
    failed, succeeded = Status.FAILED, Status.SUCCEEDED
    assert one_after_another(schedule(2), [failed, succeeded, failed]).is_on
    assert not one_after_another(schedule(2), [failed, Status.SKIPPED, failed]).is_on
    assert not one_after_another(schedule(2), [failed, Status.MISSED, failed]).is_on
    assert not one_after_another(schedule(2), [failed, Status.CANCELLED, failed]).is_on


def test_the_reason_names_the_last_failure_and_is_kept() -> None:
    paused = one_after_another(schedule(2), [Status.FAILED, Status.FAILED])
    reason = paused.progress.paused_reason
    assert reason == "2 jobs failed one after another: boom 1"
    # a job that began before the pause and fails after it
    late = replace(paused, progress=paused.progress.put(live(5)))
    after, versions = finished(late, job(5, Status.FAILED), {}, START + 5 * MINUTE)
    assert after.progress.paused_reason == reason and versions == ()
    assert after.progress.failures_in_row == 3


def test_what_is_no_failure_never_pauses_even_if_the_limit_was_lowered_below_the_count() -> None:
    one = schedule(1, failures_in_row=4, live=(live(0),))
    after, versions = finished(one, job(0, Status.SKIPPED), {}, START)
    assert after.is_on and versions == ()
    after, _ = finished(one, job(0, Status.FAILED), {}, START)
    assert not after.is_on


def test_without_the_policy_failures_only_count() -> None:
    one = one_after_another(schedule(None), [Status.FAILED] * 9)
    assert one.is_on and one.progress.failures_in_row == 9


def test_jobs_count_in_the_order_in_which_they_ended() -> None:
    # the one due first fails last: the success lies between the two failures
    one = schedule(2, live=(live(0), live(1)), failures_in_row=1)
    done = {live(1).id: job(1, Status.SUCCEEDED, ended=5)}
    after, _ = finished(one, job(0, Status.FAILED, ended=9), done, START + 9 * MINUTE)
    assert after.is_on and after.progress.failures_in_row == 1


def test_a_pause_takes_back_what_was_handed_out_ahead_and_keeps_what_is_due() -> None:
    now = START + 3 * MINUTE + timedelta(seconds=30)
    due, ahead = live(3, begun=False), live(4, begun=False)
    one = schedule(1, live=(live(2), due, ahead), handed_out=5, next_run_at=START + 5 * MINUTE)
    after, (version,) = finished(one, job(2, Status.FAILED), {}, now)
    assert [left.id for left in after.progress.live] == [due.id]
    assert after.progress.handed_out == 4 and after.progress.next_run_at is None
    assert (version.since, version.recurrence, version.reason) == (now, None, "paused")


def test_what_is_owed_when_a_pause_begins_is_still_expected_and_left_to_the_tick() -> None:
    now = START + 9 * MINUTE  # no tick came for a while
    one = schedule(1, live=(live(2),), next_run_at=START + 4 * MINUTE)
    paused, (version,) = finished(one, job(2, Status.FAILED), {}, now)
    assert (version.since, version.recurrence) == (now, None)
    assert paused.progress.next_run_at == START + 4 * MINUTE and not paused.is_on
    ticked = plan(paused, now + MINUTE, now + 2 * MINUTE)
    assert [job.due_at for job in ticked.recorded] == [START + n * MINUTE for n in range(4, 10)]
    assert {job.status for job in ticked.recorded} == {Status.CANCELLED}
    assert not ticked.start and ticked.after.progress.next_run_at is None


def test_what_is_turned_on_again_runs_what_was_taken_back() -> None:
    now = START + timedelta(seconds=30)
    one = plan(schedule(1, next_run_at=START + MINUTE, live=(live(0),)), now, now + MINUTE).after
    assert len(one.progress.live) == 2
    paused, _ = finished(one, job(0, Status.FAILED), {}, now)
    resumed = replace(paused, progress=replace(paused.progress, paused_reason=None))
    assert resumed.rescheduled(now).progress.next_run_at == START + MINUTE


def test_one_that_ended_or_began_ahead_of_its_time_gets_no_second() -> None:
    now = START + timedelta(seconds=30)
    ahead = live(1, begun=False)
    one = schedule(None, live=(ahead,), next_run_at=START + 2 * MINUTE, handed_out=1)
    cancelled, _ = finished(one, replace(job(1, Status.CANCELLED), finished_at=now), {}, now)
    assert cancelled.rescheduled(now).progress.next_run_at == START + 2 * MINUTE
    begun = schedule(None, live=(live(1),), next_run_at=START + 2 * MINUTE, handed_out=1)
    again = begun.rescheduled(now)
    assert again.progress.next_run_at == START + 2 * MINUTE
    assert again.progress.live == begun.progress.live and again.progress.handed_out == 1


def test_a_run_that_a_person_asked_for_is_not_taken_back_by_a_clock_that_is_behind() -> None:
    asked = replace(live(1, begun=False), id=f"{live(1).id}-abc")
    one = schedule(None, live=(asked,), handed_out=1)
    again = one.rescheduled(START)
    assert again.progress.live == (asked,) and again.progress.handed_out == 1


@given(st.permutations(range(6)), st.integers(0, 6))
def test_counting_at_once_or_bit_by_bit_is_the_same(order: list[int], split: int) -> None:
    jobs = [
        job(minute, Status.FAILED if minute % 3 else Status.SUCCEEDED, ended=10 + place)
        for place, minute in enumerate(order)
    ]
    whole = Progress(live=tuple(live(minute) for minute in range(6)))
    at_once = fold(whole, {one.id: one for one in jobs})
    first = fold(whole, {one.id: one for one in jobs[:split]})
    assert fold(first, {one.id: one for one in jobs[split:]}) == at_once
    assert at_once.live == () and at_once.run_count == 6
