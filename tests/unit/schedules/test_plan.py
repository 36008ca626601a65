"""What a schedule owes: every expected occurrence is handed out or recorded, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence, occurrences
from shared.schedules.job import Status, job_id, parse_id
from shared.schedules.model import CatchUp, Definition, Policy, Progress, Schedule
from shared.schedules.plan import CAP, Plan, plan

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
AHEAD = timedelta(seconds=75)


def every(seconds: int, *, next_run_at: datetime = START, **policy: object) -> Schedule:
    when = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=START)
    return Schedule(
        id="nightly",
        definition=Definition(name="n", task_type="t", recurrence=when),
        policy=Policy(**policy),  # type: ignore[arg-type]
        progress=Progress(next_run_at=next_run_at),
        created_at=START,
        updated_at=START,
    )


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def started(made: Plan) -> list[datetime]:
    return [job.due_at for job in made.start]


def statuses(made: Plan) -> list[Status]:
    return [job.status for job in made.recorded]


def test_a_run_that_is_near_is_handed_out_to_wait_for_its_second() -> None:
    made = plan(every(60), at(-20), at(-20) + AHEAD)
    assert [(job.due_at, job.available_at) for job in made.start] == [(START, START)]
    assert made.after.progress.next_run_at == at(60)


def test_nothing_due_changes_nothing() -> None:
    made = plan(every(3600), at(-100), at(-100) + AHEAD)
    assert not made.changes and not made.start and not made.recorded


def test_late_within_grace_starts_late() -> None:
    made = plan(every(86400, misfire_grace_seconds=900), at(899), at(899) + AHEAD)
    assert started(made) == [START]


def test_late_beyond_grace_is_missed() -> None:
    made = plan(every(86400, misfire_grace_seconds=900), at(901), at(901) + AHEAD)
    assert not made.start
    assert statuses(made) == [Status.MISSED]
    assert "misfire_grace_seconds (900)" in (made.recorded[0].reason or "")
    assert made.after.progress.missed_count == 1


def test_of_several_due_the_latest_runs_and_the_others_are_recorded() -> None:
    made = plan(every(60, misfire_grace_seconds=90), at(150), at(150))
    assert started(made) == [at(120)]
    assert statuses(made) == [Status.MISSED, Status.SKIPPED]


def test_catch_up_latest_starts_however_late() -> None:
    late = every(3600, misfire_grace_seconds=1, catch_up=CatchUp.LATEST)
    made = plan(late, at(7300), at(7300))
    assert started(made) == [at(7200)] and statuses(made) == [Status.MISSED] * 2


def test_catch_up_all_starts_every_one_oldest_first() -> None:
    late = every(3600, misfire_grace_seconds=1, catch_up=CatchUp.ALL)
    assert started(plan(late, at(7300), at(7300))) == [at(0), at(3600), at(7200)]


def test_a_pass_takes_at_most_its_cap_and_the_next_goes_on() -> None:
    late = every(60, misfire_grace_seconds=60)
    now = at(60 * 200)
    first = plan(late, now, now)
    assert len(first.recorded) == CAP and not first.start
    assert first.after.progress.next_run_at == at(60 * CAP)


@given(
    seconds=st.integers(1, 5000),
    now=st.integers(-100, 200_000),
    grace=st.integers(1, 5000),
    catch_up=st.sampled_from(CatchUp),
    ticks=st.lists(st.integers(1, 4000), min_size=1, max_size=8),
)
def test_every_occurrence_is_accounted_for_exactly_once(
    seconds: int, now: int, grace: int, catch_up: CatchUp, ticks: Sequence[int]
) -> None:
    schedule = every(seconds, misfire_grace_seconds=grace, catch_up=catch_up)
    seen: list[datetime] = []
    instant = at(now)
    for step in ticks:
        made = plan(schedule, instant, instant + AHEAD)
        seen += started(made) + [job.due_at for job in made.recorded]
        # what was handed out ends, so that the cap on live jobs does not hold the test up
        schedule = replace(made.after, progress=replace(made.after.progress, live=()))
        instant += timedelta(seconds=step)
    upcoming = schedule.progress.next_run_at
    assert upcoming is not None
    expected = occurrences(schedule.definition.recurrence, at(-1), upcoming - timedelta(seconds=1))
    assert sorted(seen) == list(expected)


@given(now=st.integers(-100, 10_000), seconds=st.integers(1, 500))
def test_deciding_twice_decides_the_same(now: int, seconds: int) -> None:
    schedule = every(seconds)
    assert plan(schedule, at(now), at(now) + AHEAD) == plan(schedule, at(now), at(now) + AHEAD)


def test_a_job_id_says_which_occurrence_it_is() -> None:
    assert job_id("nightly", START) == "nightly-20260301T120000Z"
    assert parse_id("nightly-20260301T120000Z-k3f9") == ("nightly", START)
