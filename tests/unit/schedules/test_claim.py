"""Whether a job may start: one start a lease, and an end for every other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.recurrence import Frequency, Recurrence
from shared.schedules.claim import Claim, End, First, Spent, Start, Void, Wait, claim
from shared.schedules.fold import fold
from shared.schedules.job import Job, Status
from shared.schedules.model import (
    CatchUp,
    Definition,
    LiveJob,
    Overlap,
    Policy,
    Progress,
    Schedule,
)
from shared.schedules.plan import jitter_of

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
    assert taken.job.taken_over == 1, "counted in the row, with the lease"
    back = replace(taken.job, worker=None, lease_until=None)
    again = ask(schedule(back), now=62)
    assert isinstance(again, Start) and again.job.taken_over == 1, "its worker gave it back"


def test_a_job_waits_for_its_time() -> None:
    assert ask(schedule(JOB), now=-5) == Wait(START)


def test_workers_that_die_use_up_the_attempts() -> None:
    held = replace(JOB, attempt=3, worker="w0", lease_until=START)
    found = ask(schedule(held), now=1)
    assert isinstance(found, End) and found.job.status is Status.FAILED
    assert "attempt 3 of 3" in (found.job.error or "")
    assert found.job.taken_over == 1


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


# Overlap: the situations of a schedule whose jobs were due at 11:58, 11:59 (OTHER) and 12:00 (JOB)

EARLIER = LiveJob(id="n-20260301T115800Z", due_at=START - 2 * LEASE, available_at=START - 2 * LEASE)
NEXT = LiveJob(id="n-20260301T120030Z", due_at=START + LEASE / 2, available_at=START + LEASE / 2)
BACKING_OFF = replace(
    OTHER, worker=None, lease_until=None, available_at=START + timedelta(minutes=9), error="boom"
)
DIED = replace(OTHER, lease_until=START - timedelta(seconds=1))
QUEUEING = (Overlap.BUFFER_ONE, Overlap.BUFFER_ALL, Overlap.CANCEL_OTHER)


def under(overlap: Overlap, *live: LiveJob, **more: Any) -> Schedule:
    return schedule(*live, policy=Policy(overlap=overlap, **more))


def said(found: Claim) -> str:
    """The decision in a word."""
    match found:
        case End(_, job):
            return str(job.status)
        case Wait(_, after):
            return "wait" if after is None else "tells"
        case _:
            return type(found).__name__.lower()


@pytest.mark.parametrize("overlap", Overlap)
def test_with_none_before_it_a_run_starts(overlap: Overlap) -> None:
    assert said(ask(under(overlap, JOB))) == "start"
    ended_before = ask(under(overlap, OTHER, JOB), done={OTHER.id: ended(OTHER)})
    assert said(ended_before) == "start"


@pytest.mark.parametrize(
    ("overlap", "running", "backing_off", "died"),
    [
        (Overlap.SKIP, "skipped", "skipped", "skipped"),
        (Overlap.BUFFER_ONE, "wait", "wait", "wait"),
        (Overlap.BUFFER_ALL, "wait", "wait", "wait"),
        (Overlap.CANCEL_OTHER, "tells", "tells", "tells"),
        (Overlap.ALLOW_ALL, "start", "start", "start"),
    ],
)
def test_with_one_that_has_not_ended(
    overlap: Overlap, running: str, backing_off: str, died: str
) -> None:
    assert said(ask(under(overlap, OTHER, JOB))) == running
    assert said(ask(under(overlap, BACKING_OFF, JOB))) == backing_off
    assert said(ask(under(overlap, DIED, JOB))) == died


def test_one_that_a_person_asked_for_takes_no_place() -> None:
    asked = replace(NEXT, id=f"{NEXT.id}-abc")
    now = START + LEASE / 2
    one = under(Overlap.CANCEL_OTHER, JOB, asked)
    assert said(claim(one, JOB.id, {}, worker="w", now=now, lease=LEASE)) == "start"
    assert said(claim(one, asked.id, {}, worker="w", now=now, lease=LEASE)) == "wait"


@pytest.mark.parametrize("by", ["abc", "r1", "abcr2"])
@pytest.mark.parametrize("overlap", Overlap)
def test_a_run_that_a_person_asked_for_waits_its_turn(overlap: Overlap, by: str) -> None:
    asked = replace(JOB, id=f"{JOB.id}-{by}")
    word = "start" if overlap is Overlap.ALLOW_ALL else "wait"
    for other in (OTHER, BACKING_OFF, DIED, EARLIER):
        one = under(overlap, other, asked)
        assert said(claim(one, asked.id, {}, worker="w", now=START, lease=LEASE)) == word
    if overlap is Overlap.SKIP:
        found = claim(
            under(overlap, OTHER, asked), asked.id, {}, worker="w", now=START, lease=LEASE
        )
        assert found == Wait(START + timedelta(seconds=5))
    alone = under(overlap, NEXT, asked)
    assert said(claim(alone, asked.id, {}, worker="w", now=START, lease=LEASE)) == "start"
    behind = under(overlap, EARLIER, OTHER, asked)
    assert said(claim(behind, asked.id, {}, worker="w", now=START, lease=LEASE)) == word


@pytest.mark.parametrize(
    ("overlap", "first", "second", "last"),
    [
        (Overlap.SKIP, "start", "start", "start"),
        (Overlap.BUFFER_ONE, "start", "wait", "wait"),
        (Overlap.BUFFER_ALL, "start", "wait", "wait"),
        (Overlap.CANCEL_OTHER, "skipped", "skipped", "start"),
        (Overlap.ALLOW_ALL, "start", "start", "start"),
    ],
)
def test_of_several_that_wait_with_none_running_each_message_may_come_first(
    overlap: Overlap, first: str, second: str, last: str
) -> None:
    now = START + LEASE / 2
    earlier = replace(EARLIER, available_at=now)  # the tick has just handed it out
    one = under(overlap, NEXT, earlier, JOB)  # the row's order says nothing
    for job, word in ((earlier, first), (JOB, second), (NEXT, last)):
        assert said(claim(one, job.id, {}, worker="w", now=now, lease=LEASE)) == word


@pytest.mark.parametrize(
    ("overlap", "words"),
    [
        (Overlap.SKIP, ("skipped", "skipped")),
        (Overlap.BUFFER_ONE, ("wait", "skipped")),
        (Overlap.BUFFER_ALL, ("wait", "wait")),
        (Overlap.CANCEL_OTHER, ("skipped", "tells")),
        (Overlap.ALLOW_ALL, ("start", "start")),
    ],
)
def test_of_two_that_wait_behind_one_that_runs(overlap: Overlap, words: tuple[str, str]) -> None:
    one = under(overlap, NEXT, OTHER, JOB)
    now = START + LEASE / 2
    found = [said(claim(one, job.id, {}, worker="w", now=now, lease=LEASE)) for job in (JOB, NEXT)]
    assert tuple(found) == words


def test_one_that_is_to_come_is_not_in_the_way() -> None:
    for overlap in Overlap:
        assert said(ask(under(overlap, JOB, NEXT))) == "start"


def test_cancel_other_tells_the_running_one_once_and_waits() -> None:
    found = ask(under(Overlap.CANCEL_OTHER, OTHER, JOB))
    assert isinstance(found, Wait) and found.after is not None and not found.ended
    told = found.after.progress.find(OTHER.id)
    assert told is not None and told.cancel == f"{JOB.id} came due (cancel_other)"
    again = ask(found.after)
    assert isinstance(again, Wait) and again.after is None


@pytest.mark.parametrize("other", [BACKING_OFF, DIED])
def test_cancel_other_ends_one_that_nobody_runs_and_starts(other: LiveJob) -> None:
    found = ask(under(Overlap.CANCEL_OTHER, other, JOB))
    assert isinstance(found, Wait) and found.after is not None and found.until == START
    assert [(job.id, job.status) for job in found.ended] == [(OTHER.id, Status.CANCELLED)]
    assert found.after.progress.cancelled_count == 1
    assert said(ask(found.after)) == "start"


def test_cancel_other_never_stops_a_later_run_for_an_earlier_one() -> None:
    running = replace(NEXT, attempt=1, worker="w0", lease_until=START + 2 * LEASE)
    found = ask(under(Overlap.CANCEL_OTHER, running, JOB), now=40)
    assert isinstance(found, End) and found.job.status is Status.SKIPPED
    assert NEXT.id in (found.job.reason or "")


def test_cancel_other_stops_nothing_for_a_run_that_is_too_late_itself() -> None:
    running = replace(OTHER, lease_until=START + timedelta(hours=1))
    late = under(Overlap.CANCEL_OTHER, running, JOB)
    assert said(ask(late, now=901)) == "missed"
    told = under(Overlap.CANCEL_OTHER, replace(running, cancel="told"), JOB)
    assert said(ask(told, now=901)) == "wait"


@pytest.mark.parametrize("overlap", QUEUEING)
def test_waiting_for_its_own_schedule_costs_a_run_no_grace(overlap: Overlap) -> None:
    running = replace(OTHER, lease_until=START + timedelta(hours=1), cancel="told")
    assert said(ask(under(overlap, running, JOB), now=1800)) == "wait"
    # the one before it has ended just now: its row says so, or it is counted already
    end = replace(ended(OTHER), finished_at=START + timedelta(seconds=1800))
    assert said(ask(under(overlap, OTHER, JOB), now=1801, done={OTHER.id: end})) == "start"
    counted = under(overlap, JOB)
    counted = replace(counted, progress=fold(under(overlap, OTHER, JOB).progress, {end.id: end}))
    assert said(ask(counted, now=1801)) == "start"
    # from then on its grace counts
    assert said(ask(counted, now=1800 + 901)) == "missed"


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.ALLOW_ALL])
def test_where_none_waits_grace_counts_from_the_effective_time(overlap: Overlap) -> None:
    end = replace(ended(OTHER), finished_at=START + timedelta(seconds=1800))
    assert said(ask(under(overlap, OTHER, JOB), now=1801, done={OTHER.id: end})) == "missed"
    moved = replace(JOB, jitter=600, available_at=START + timedelta(seconds=600))
    assert said(ask(under(overlap, moved), now=1500)) == "start"
    assert said(ask(under(overlap, moved), now=1501)) == "missed"


@pytest.mark.parametrize("catch_up", [CatchUp.LATEST, CatchUp.ALL])
def test_with_catch_up_no_grace_counts(catch_up: CatchUp) -> None:
    one = schedule(JOB, policy=Policy(catch_up=catch_up))
    assert said(ask(one, now=1_000_000)) == "start"


@pytest.mark.parametrize("job", [JOB, replace(JOB, attempt=1, error="boom"), DIED])
def test_a_job_told_to_stop_ends_at_the_next_message(job: LiveJob) -> None:
    told = replace(job, id=JOB.id, cancel="a person cancelled it")
    for one in (schedule(told), under(Overlap.BUFFER_ALL, EARLIER, told)):
        found = ask(one)
        assert isinstance(found, End) and found.job.status is Status.CANCELLED
        assert found.job.reason == "a person cancelled it"


def test_a_job_told_to_stop_is_left_to_its_worker_while_its_lease_holds() -> None:
    held = replace(JOB, attempt=1, worker="w0", lease_until=START + LEASE, cancel="stop")
    assert ask(schedule(held), now=59) == Wait(START + LEASE)


def test_a_retry_goes_on_when_its_schedule_is_off_but_not_when_it_is_deleted() -> None:
    again = replace(JOB, attempt=1, error="boom")
    assert said(ask(schedule(again, enabled=False))) == "start"
    gone = ask(replace(schedule(again), deleted_at=START))
    assert isinstance(gone, End) and gone.job.status is Status.CANCELLED
    assert gone.job.reason == "its schedule was deleted"
    manual = replace(JOB, id=f"{JOB.id}-abc")
    left = replace(schedule(manual), deleted_at=START)
    assert said(claim(left, manual.id, {}, worker="w", now=START, lease=LEASE)) == "cancelled"


def test_a_paused_schedule_starts_nothing_and_says_why() -> None:
    one = schedule(JOB)
    paused = replace(one, progress=replace(one.progress, paused_reason="3 jobs failed"))
    found = ask(paused)
    assert isinstance(found, End) and found.job.status is Status.CANCELLED
    assert "paused: 3 jobs failed" in (found.job.reason or "")


def test_fewer_attempts_end_a_job_that_has_had_them() -> None:
    again = replace(JOB, attempt=2, error="boom")
    found = ask(schedule(again, policy=Policy(max_attempts=2)))
    assert isinstance(found, End) and found.job.status is Status.FAILED
    assert "boom" in (found.job.error or "")


def test_a_worker_that_dies_over_the_last_attempt_may_pause_the_schedule() -> None:
    held = replace(JOB, attempt=3, worker="w0", lease_until=START)
    found = ask(schedule(held, policy=Policy(pause_after_failures=1)), now=1)
    assert isinstance(found, End) and found.after.progress.paused_reason is not None
    assert [version.reason for version in found.versions] == ["paused"]


EACH_MINUTE = Recurrence(
    frequency=Frequency.INTERVAL, interval_seconds=60, start_time=START - timedelta(days=1)
)


def handed_out_ahead(minutes: int, **policy: Any) -> Schedule:
    """Of a schedule each minute, what was handed out for the minutes from 12:00 on."""
    dues = [START + timedelta(minutes=n) for n in range(minutes)]
    live = [LiveJob(id=f"n-{at:%Y%m%dT%H%M%SZ}", due_at=at, available_at=at) for at in dues]
    one = schedule(*live, policy=Policy(**policy))
    upcoming = START + timedelta(minutes=minutes)
    return replace(
        one,
        definition=replace(one.definition, recurrence=EACH_MINUTE),
        progress=replace(one.progress, next_run_at=upcoming),
    )


def after_an_outage(one: Schedule, seconds: float) -> list[str]:
    """What each of the jobs that were handed out is told so many seconds after the first's time."""
    now = START + timedelta(seconds=seconds)
    return [
        said(claim(one, job.id, {}, worker="w", now=now, lease=LEASE)) for job in one.progress.live
    ]


@pytest.mark.parametrize("catch_up", [CatchUp.NONE, CatchUp.LATEST])
@pytest.mark.parametrize("overlap", Overlap)
def test_of_what_was_handed_out_before_an_outage_only_the_latest_starts(
    catch_up: CatchUp, overlap: Overlap
) -> None:
    one = handed_out_ahead(3, catch_up=catch_up, overlap=overlap)
    others = after_an_outage(one, 170)[:2]
    assert others == ["skipped", "skipped"]
    alone = replace(one, progress=replace(one.progress, live=one.progress.live[2:]))
    assert after_an_outage(alone, 170) == ["start"]
    assert after_an_outage(alone, 190) == ["skipped"]  # a later one is due, and the tick starts it


def test_one_that_is_beyond_its_grace_then_is_missed() -> None:
    one = handed_out_ahead(3, overlap=Overlap.ALLOW_ALL, misfire_grace_seconds=100)
    assert after_an_outage(one, 170) == ["missed", "missed", "start"]


def test_a_late_moment_is_no_outage() -> None:
    often = replace(EACH_MINUTE, interval_seconds=1)
    one = handed_out_ahead(1, overlap=Overlap.ALLOW_ALL)
    one = replace(one, definition=replace(one.definition, recurrence=often))
    assert after_an_outage(one, 5) == ["start"]
    assert after_an_outage(one, 5.1) == ["skipped"]


def test_catch_up_all_starts_as_many_as_its_limit_the_oldest_first() -> None:
    one = handed_out_ahead(5, overlap=Overlap.ALLOW_ALL, catch_up=CatchUp.ALL, catch_up_limit=3)
    now = START + timedelta(seconds=250)
    assert after_an_outage(one, 250)[:2] == ["missed", "missed"]
    left = replace(one, progress=replace(one.progress, live=one.progress.live[2:]))
    first, second, third = (
        claim(left, job.id, {}, worker="w", now=now, lease=LEASE) for job in left.progress.live
    )
    oldest = left.progress.live[0].id
    assert said(first) == "start" and second == First(oldest) and third == First(oldest)


def test_with_catch_up_all_one_that_is_on_time_overtakes_no_older_one() -> None:
    one = handed_out_ahead(3, overlap=Overlap.ALLOW_ALL, catch_up=CatchUp.ALL)
    oldest, _, latest = one.progress.live
    now = START + timedelta(seconds=121)
    assert claim(one, latest.id, {}, worker="w", now=now, lease=LEASE) == First(oldest.id)


@pytest.mark.parametrize(
    ("overlap", "overlapping"),
    [(Overlap.SKIP, "skipped"), (Overlap.BUFFER_ONE, "skipped"), (Overlap.BUFFER_ALL, "wait")],
)
@pytest.mark.parametrize("late", [0, 119])
def test_with_catch_up_all_only_what_came_due_before_the_one_that_runs_began_waits_its_turn(
    overlap: Overlap, overlapping: str, late: int
) -> None:
    """What came due after it began has met it, on time or late, and is treated as ever."""
    one = handed_out_ahead(2, overlap=overlap, catch_up=CatchUp.ALL)
    first, asked = one.progress.live
    now = asked.due_at + timedelta(seconds=late)

    def told(began: datetime) -> str:
        running = replace(
            OTHER, first_started_at=began, started_at=began, lease_until=now + timedelta(hours=1)
        )
        beside = replace(one, progress=replace(one.progress, live=(running, first, asked)))
        return said(claim(beside, asked.id, {}, worker="w", now=now, lease=LEASE))

    assert told(asked.due_at - timedelta(seconds=1)) == overlapping
    assert told(asked.due_at + timedelta(milliseconds=1)) == "wait"


def test_what_waits_for_another_of_its_schedule_is_not_late() -> None:
    running = replace(OTHER, lease_until=START + timedelta(hours=1))
    one = handed_out_ahead(3, overlap=Overlap.BUFFER_ALL)
    waiting = replace(one, progress=replace(one.progress, live=(running, *one.progress.live)))
    assert after_an_outage(waiting, 170)[1:] == ["wait", "wait", "wait"]


def test_a_job_that_a_person_asked_for_is_never_left_behind() -> None:
    asked = LiveJob(id=f"{JOB.id}-k3f9", due_at=START, available_at=START)
    one = handed_out_ahead(3, overlap=Overlap.ALLOW_ALL)
    with_it = replace(one, progress=replace(one.progress, live=(asked,)))
    assert after_an_outage(with_it, 3600) == ["start"]


def test_a_later_one_that_jitter_holds_back_takes_no_place() -> None:
    one = handed_out_ahead(2, overlap=Overlap.ALLOW_ALL, jitter_seconds=3600)
    first = one.progress.live[0]
    second = START + timedelta(minutes=1)
    start = second + timedelta(seconds=jitter_of(one, one.progress.live[1].id))
    only = replace(one, progress=replace(one.progress, next_run_at=None))
    assert start - second > timedelta(minutes=1)

    def told(at: datetime) -> str:
        return said(claim(only, first.id, {}, worker="w", now=at, lease=LEASE))

    assert told(second + timedelta(seconds=30)) == "start"
    assert told(start) == "skipped"


@pytest.mark.parametrize("over", [False, True])
def test_one_whose_place_a_later_one_took_does_not_wait_for_that_one(over: bool) -> None:
    """Its message came when the later one had begun, or had just ended."""
    one = handed_out_ahead(3, overlap=Overlap.CANCEL_OTHER)
    *_, older, latest = one.progress.live
    now = latest.due_at + timedelta(seconds=20)
    began = replace(latest, attempt=1, started_at=now, worker="w0", lease_until=now + LEASE)
    live = (older,) if over else (older, began)
    progress = replace(one.progress, live=live, ended_at=now if over else None)
    if over:
        progress = replace(progress, last_due_at=latest.due_at)
    found = claim(replace(one, progress=progress), older.id, {}, worker="w", now=now, lease=LEASE)
    assert said(found) in ("skipped", "missed")
