"""What a schedule owes: every expected occurrence is handed out or recorded, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence, occurrences
from shared.schedules.job import Status, job_id, parse_id
from shared.schedules.model import (
    CatchUp,
    Definition,
    LiveJob,
    Policy,
    Progress,
    Schedule,
    Version,
)
from shared.schedules.plan import CAP, LIVE_CAP, PACE, Plan, given_up, jitter_of, plan

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


def recorded(made: Plan) -> list[datetime]:
    """When what ended unrun was due; each of a stretch, which are as many as it says."""
    found: list[datetime] = []
    for job in made.recorded:
        due = occurrences(
            made.before.definition.recurrence, job.due_at - timedelta(seconds=1), job.due_until
        )
        found += due
        assert len(found[-job.count :]) == job.count and found[-job.count] == job.due_at
        assert (job.last_due_at is None) == (job.count == 1)
    counted = made.after.progress.skipped_count + made.after.progress.missed_count
    counted += made.after.progress.cancelled_count
    before = made.before.progress.skipped_count + made.before.progress.missed_count
    assert counted - before - made.before.progress.cancelled_count == len(found)
    return found


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


def test_what_is_many_is_recorded_as_one_and_the_latest_starts_in_the_same_pass() -> None:
    late = every(1, misfire_grace_seconds=60)
    now = at(86_400)
    made = plan(late, now, now + AHEAD)
    assert made.start[0].due_at == now and started(made)[1] == at(86_401)
    missed, skipped = made.recorded
    assert (missed.status, missed.due_at, missed.last_due_at) == (
        Status.MISSED,
        START,
        at(86_400 - 61),
    )
    assert (skipped.status, skipped.due_at, skipped.last_due_at) == (
        Status.SKIPPED,
        at(86_400 - 60),
        at(86_399),
    )
    assert (missed.count, skipped.count) == (86_400 - 60, 60)
    assert (missed.id, skipped.id) == (job_id("nightly", START), job_id("nightly", at(86_340)))
    progress = made.after.progress
    assert (progress.missed_count, progress.skipped_count) == (86_340, 60)
    assert progress.last_due_at == at(86_399)


def test_as_many_as_a_pass_takes_are_recorded_one_by_one() -> None:
    late = every(60, misfire_grace_seconds=60)
    made = plan(late, at(60 * CAP), at(60 * CAP))
    assert started(made) == [at(60 * CAP)]
    assert [(job.due_at, job.count) for job in made.recorded] == [
        (at(60 * n), 1) for n in range(CAP)
    ]
    more = plan(late, at(60 * CAP + 60), at(60 * CAP + 60))
    assert [job.count for job in more.recorded] == [CAP, 1] and started(more) == [at(60 * CAP + 60)]


def test_of_a_long_outage_that_no_grace_covers_nothing_starts_and_all_is_one() -> None:
    late = every(600, misfire_grace_seconds=60)
    now = 600 * 1000 + 61
    made = plan(late, at(now), at(now))
    assert started(made) == [] and statuses(made) == [Status.MISSED]
    assert len(recorded(made)) == 1001 and made.recorded[0].last_due_at == at(600_000)
    assert made.after.progress.next_run_at == at(600 * 1001)


def test_of_a_stretch_only_that_is_missed_which_no_jitter_keeps_in_its_grace() -> None:
    late = every(1, misfire_grace_seconds=60, jitter_seconds=500)
    made = plan(late, at(5000), at(5000))
    missed, skipped = made.recorded
    assert missed.last_due_at == at(5000 - 561) and skipped.due_at == at(5000 - 560)
    assert started(made) == [at(5000)] and len(recorded(made)) == 5000


def test_where_nothing_starts_nothing_is_told_that_another_runs_in_its_place() -> None:
    """By its jitter an earlier one may still be in its grace when the latest is not."""
    late = every(600, jitter_seconds=1500, misfire_grace_seconds=1)
    made = [plan(late, at(n), at(n)) for n in range(1200, 6000, 100)]
    assert any(one.start for one in made) and not all(one.start for one in made)
    for one in made:
        allowed = {Status.MISSED, Status.SKIPPED} if one.start else {Status.MISSED}
        assert set(statuses(one)) <= allowed


def test_a_cron_schedule_that_was_away_for_a_year() -> None:
    when = Recurrence(
        frequency=Frequency.CRON, cron_expression="* * * * *", timezone="Europe/Berlin"
    )
    schedule = every(60, catch_up=CatchUp.LATEST)
    schedule = replace(schedule, definition=replace(schedule.definition, recurrence=when))
    now = START + timedelta(days=365, seconds=30)
    made = plan(schedule, now, now)
    assert started(made) == [START + timedelta(days=365)]
    assert sum(job.count for job in made.recorded) == 365 * 1440


def test_a_first_that_the_recurrence_does_not_know_is_recorded_as_well() -> None:
    """What the row says is owed, whoever wrote it."""
    odd = every(60, next_run_at=at(7))
    assert [job.due_at for job in plan(odd, at(130), at(130)).recorded] == [at(7), at(60)]
    many = plan(odd, at(60 * 99), at(60 * 99))
    assert (many.recorded[0].due_at, sum(job.count for job in many.recorded)) == (at(7), 99)


def test_without_room_nothing_is_recorded_whose_place_nothing_takes() -> None:
    live = tuple(
        LiveJob(id=f"nightly-{n}", due_at=START, available_at=START) for n in range(LIVE_CAP)
    )
    full = every(1, catch_up=CatchUp.LATEST)
    full = replace(full, progress=replace(full.progress, live=live))
    assert not plan(full, at(1000), at(1000)).changes
    free = replace(full, progress=replace(full.progress, live=live[1:]))
    made = plan(free, at(1000), at(1000))
    assert started(made) == [at(1000)] and len(recorded(made)) == 1000


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
        seen += started(made) + recorded(made)
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


def passes(schedule: Schedule, now: float, most: int = 500) -> Iterator[Plan]:
    """Pass after pass at one instant, until one changes nothing."""
    for _ in range(most):
        made = plan(schedule, at(now), at(now) + AHEAD)
        if not made.changes:
            return
        yield made
        schedule = made.after
    raise AssertionError("no end")


def without_live(schedule: Schedule) -> Schedule:
    """As if all that was handed out had ended."""
    return replace(schedule, progress=replace(schedule.progress, live=()))


def test_catch_up_none_records_all_but_the_one_in_its_grace() -> None:
    late = every(600, misfire_grace_seconds=300)
    (made,) = passes(late, 2 * 600 + 299)
    assert started(made) == [at(1200)] and statuses(made) == [Status.MISSED] * 2
    (made,) = passes(late, 2 * 600 + 301)
    assert started(made) == [] and statuses(made) == [Status.MISSED] * 3


def test_catch_up_latest_starts_the_last_of_all_in_the_first_pass() -> None:
    late = every(60, catch_up=CatchUp.LATEST, misfire_grace_seconds=1)
    made = list(passes(late, 60 * 170 + 1))
    due = [when for one in made for when in started(one) if when <= at(60 * 170)]
    assert due == [at(60 * 170)] == started(made[0])[:1]
    assert [sum(job.count for job in one.recorded) for one in made] == [170]


def test_catch_up_all_lets_a_few_run_at_once_and_the_next_pass_hands_out_more() -> None:
    late = every(3600, catch_up=CatchUp.ALL)
    made = list(passes(late, 3600 * 24))
    assert [len(one.start) for one in made] == [PACE]
    after = made[-1].after
    four = replace(after, progress=replace(after.progress, live=after.progress.live[4:]))
    assert [started(one) for one in passes(four, 3600 * 24)] == [
        [at(3600 * hour) for hour in range(PACE, PACE + 4)]
    ]


@given(owed=st.integers(1, 400), limit=st.integers(1, 120), grace=st.integers(1, 10_000))
def test_catch_up_all_runs_the_latest_of_a_long_outage_and_records_the_others(
    owed: int, limit: int, grace: int
) -> None:
    schedule = every(600, catch_up=CatchUp.ALL, catch_up_limit=limit, misfire_grace_seconds=grace)
    now = 600 * (owed - 1) + 1
    run: list[datetime] = []
    missed: list[datetime] = []
    for _ in range(200):
        for made in passes(schedule, now):
            run += started(made)
            missed += recorded(made)
            assert not missed or run or len(made.recorded) <= CAP
            assert set(statuses(made)) <= {Status.MISSED}
            schedule = made.after
        assert sum(job.due_at <= at(now) for job in schedule.progress.live) <= PACE
        if schedule.progress.next_run_at == at(600 * owed):
            break
        schedule = without_live(schedule)
    cut = max(0, owed - limit)
    assert missed == [at(600 * n) for n in range(cut)]
    assert run == [at(600 * n) for n in range(cut, owed)]


@given(seconds=st.integers(0, 5000), offset=st.integers(0, 10_000))
def test_jitter_is_within_its_bounds_and_always_the_same(seconds: int, offset: int) -> None:
    schedule = every(3600, jitter_seconds=seconds)
    name = job_id("nightly", at(offset))
    found = jitter_of(schedule, name)
    assert 0 <= found <= seconds and jitter_of(schedule, name) == found
    assert jitter_of(schedule, f"{name}-abc") == 0  # a person asked for it


def test_jitter_spreads_over_all_its_range() -> None:
    schedule = every(60, jitter_seconds=5)
    found = {jitter_of(schedule, job_id("nightly", at(60 * n))) for n in range(100)}
    assert found == set(range(6))


def test_jitter_moves_the_effective_time_and_not_the_due_time() -> None:
    (made,) = passes(every(3600, jitter_seconds=1000), -10)
    (job,) = made.start
    moved = jitter_of(made.before, job.id)
    assert moved > 0 and job.due_at == START
    assert job.available_at == job.effective_at == at(moved)


def test_grace_counts_from_the_effective_time() -> None:
    schedule = every(86_400, jitter_seconds=1000, misfire_grace_seconds=60)
    moved = jitter_of(schedule, job_id("nightly", START))
    assert started(plan(schedule, at(60 + moved), at(60 + moved))) == [START]
    assert statuses(plan(schedule, at(61 + moved), at(61 + moved))) == [Status.MISSED]


def test_max_runs_ends_with_a_version_that_expects_nothing_after_the_last() -> None:
    made = list(passes(every(60, max_runs=2, catch_up=CatchUp.ALL), 600))
    assert [started(one) for one in made] == [[at(0), at(60)]]
    after = made[-1].after
    assert after.progress.next_run_at is None and after.progress.handed_out == 2
    (end,) = made[-1].versions
    assert (end.since, end.recurrence) == (at(60), None) and "max_runs (2)" in end.reason


def test_what_is_recorded_does_not_count_against_max_runs() -> None:
    late = every(60, max_runs=1, misfire_grace_seconds=30)
    (made,) = passes(late, 60 * 9 + 40)
    assert len(made.recorded) == 10 and started(made) == [at(600)]
    assert made.versions[0].since == at(600)


def test_a_schedule_that_may_run_no_more_loses_nothing_that_is_owed() -> None:
    schedule = every(60, max_runs=2)
    spent = replace(schedule, progress=replace(schedule.progress, handed_out=2))
    made = plan(spent, at(30), at(30))
    assert not made.start and made.after.progress.next_run_at is None
    # START is expected by no version: it is neither handed out nor recorded
    assert made.versions[0].since < START


def test_a_pass_leaves_room_for_what_is_live_already() -> None:
    schedule = every(1, catch_up=CatchUp.LATEST)
    many = tuple(
        LiveJob(id=f"nightly-{n}", due_at=at(-9), available_at=START) for n in range(LIVE_CAP - 3)
    )
    crowd = replace(schedule, progress=replace(schedule.progress, live=many))
    made = plan(crowd, at(-1), at(-1) + AHEAD)
    assert started(made) == [at(0), at(1), at(2)]
    full = made.after
    assert not plan(full, at(0), at(0) + AHEAD).changes


@given(
    seconds=st.sampled_from([7, 60, 61, 600, 5000]),
    policy=st.fixed_dictionaries(
        {
            "catch_up": st.sampled_from(CatchUp),
            "catch_up_limit": st.integers(1, 30),
            "misfire_grace_seconds": st.integers(1, 2000),
            "jitter_seconds": st.sampled_from([0, 30, 500]),
        }
    ),
    steps=st.lists(
        st.tuples(
            st.integers(0, 4000),  # seconds that pass
            st.one_of(st.none(), st.integers(0, 40)),  # max_runs from now on
            st.sampled_from(["pass", "pass", "pass", "turned", "changed"]),
            st.integers(0, LIVE_CAP),  # live jobs that end
        ),
        max_size=12,
    ),
)
def test_random_passes_hand_out_no_more_than_max_runs_and_account_for_everything(
    seconds: int, policy: dict[str, Any], steps: list[tuple[int, int | None, str, int]]
) -> None:
    schedule = every(seconds, **policy)
    seen: set[datetime] = set()
    handed: set[datetime] = set()
    expected: set[datetime] = set()
    since, now = at(-1), 0.0
    for gap, most, what, ends in steps:
        now += gap
        for made in passes(schedule, now):
            new = started(made) + recorded(made)
            assert not seen & set(new) and len(set(new)) == len(new)
            seen |= set(new)
            handed |= set(started(made))
            limit = made.before.policy.max_runs
            assert not made.start or limit is None or len(handed) <= limit
            schedule = made.after
            assert len(schedule.progress.live) <= LIVE_CAP
            for version in made.versions:
                assert version.recurrence is None and schedule.progress.next_run_at is None
                expected |= set(
                    occurrences(made.before.definition.recurrence, since, version.since)
                )
                since = at(10**9)
        due = [job for job in schedule.progress.live if job.due_at <= at(now)]
        live = tuple(job for job in schedule.progress.live if job not in due[:ends])
        schedule = replace(schedule, progress=replace(schedule.progress, live=live))
        if what == "pass":
            continue
        while schedule.owes(at(now)):
            made = given_up(schedule, at(now), at(now), "was changed")
            new = recorded(made)
            assert not seen & set(new) and not made.after.owes(at(now))
            seen |= set(new)
            schedule = made.after
        definition = replace(schedule.definition, enabled=what == "changed")
        turned = replace(
            schedule, definition=definition, policy=replace(schedule.policy, max_runs=most)
        ).rescheduled(at(now))
        version = Version.of(turned, schedule.floor(at(now)), what)
        if since < version.since:
            until = version.since
            expected |= set(occurrences(schedule.definition.recurrence, since, until))
        back = {job.due_at for job in live} - {job.due_at for job in turned.progress.live}
        assert all(due > at(now) for due in back)
        seen, handed, expected = seen - back, handed - back, expected - back
        schedule = turned
        since = version.since if version.recurrence else at(10**9)
        assert schedule.progress.handed_out == len(handed)
    upcoming = schedule.progress.next_run_at
    if upcoming is not None:
        until = upcoming - timedelta(seconds=1)
        expected |= set(occurrences(schedule.definition.recurrence, since, until))
    assert seen == expected


@pytest.mark.parametrize("minutes", [20, 70])
def test_what_a_paused_schedule_owes_is_cancelled_and_no_more_than_that(minutes: int) -> None:
    owing = every(60, catch_up=CatchUp.ALL)
    until = START + timedelta(minutes=minutes)
    progress = replace(owing.progress, paused_reason="three failed", paused_at=until)
    paused = replace(owing, progress=progress)
    now = until + timedelta(hours=5)
    made = plan(paused, now, now + AHEAD)
    assert made.start == () and made.after.progress.next_run_at is None
    assert recorded(made) == [START + timedelta(minutes=n) for n in range(minutes + 1)]
    assert set(statuses(made)) == {Status.CANCELLED}
    assert len(made.recorded) == (21 if minutes == 20 else 1)
