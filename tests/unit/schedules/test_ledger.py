"""The ledger: what was expected follows from the versions; each of it is in exactly one state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.recurrence import Frequency, Recurrence, occurrences
from shared.schedules import record
from shared.schedules.finish import finished
from shared.schedules.job import Job, Status, job_id
from shared.schedules.ledger import (
    Account,
    Span,
    State,
    account,
    expected,
    how_many,
    is_expected,
    last_left,
)
from shared.schedules.model import CatchUp, Definition, LiveJob, Policy, Progress, Schedule, Version
from shared.schedules.plan import given_up, jitter_of, plan

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
"""Half an hour before clocks change in Europe."""
AHEAD = timedelta(seconds=75)
ENDED = [State.SUCCEEDED, State.FAILED, State.SKIPPED, State.MISSED, State.CANCELLED]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def interval(seconds: int, start: int | None = None, end: int | None = None) -> Recurrence:
    return Recurrence(
        frequency=Frequency.INTERVAL,
        interval_seconds=seconds,
        start_time=None if start is None else at(start),
        end_time=None if end is None else at(end),
    )


def cron(expression: str, timezone: str = "UTC") -> Recurrence:
    return Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=timezone)


def every(seconds: int = 60, **policy: Any) -> Schedule:
    return Schedule(
        id="nightly",
        definition=Definition(name="n", task_type="t", recurrence=interval(seconds, 0)),
        policy=Policy(**policy),
        progress=Progress(next_run_at=START),
        created_at=START,
        updated_at=START,
    )


recurrences = st.one_of(
    st.none(),
    st.builds(interval, st.integers(7, 4000), st.none() | st.integers(-9000, 9000)),
    st.builds(interval, st.integers(7, 4000), st.just(-500), st.integers(0, 9000)),
    st.builds(
        cron,
        st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 * * * *", "5,50 1-3 * * *"]),
        st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"]),
    ),
)
chains = st.lists(st.tuples(st.integers(1, 4), st.integers(-9000, 9000), recurrences), max_size=6)


def versions_of(chain: Sequence[tuple[int, int, Recurrence | None]]) -> list[Version]:
    return [
        Version(schedule_id="nightly", revision=rev, since=at(since), recurrence=when, reason="")
        for rev, since, when in chain
    ]


@given(
    chain=chains,
    after=st.integers(-9000, 12_000),
    length=st.integers(0, 9000),
    limit=st.integers(0, 400),
)
def test_what_is_expected_is_what_the_versions_say_walked_one_by_one(
    chain: list[tuple[int, int, Recurrence | None]], after: int, length: int, limit: int
) -> None:
    assume(len({(rev, since) for rev, since, _ in chain}) == len(chain))
    versions = versions_of(chain)
    span = Span(at(after), at(after + length))
    naive: list[datetime] = []
    for one in versions:
        later = [v for v in versions if (v.revision, v.since) > (one.revision, one.since)]
        walked = occurrences(one.recurrence, one.since, span.until) if one.recurrence else []
        naive += [t for t in walked if t in span and not any(v.since < t for v in later)]
    assert expected(versions, span, limit) == sorted(naive)[:limit]
    assert how_many(versions, span) == len(naive)
    assert all(is_expected(versions, at) for at in naive[:20])
    assert is_expected(versions, span.until) == (span.until in naive) or length == 0
    assert len(naive) == len(set(naive))


def test_a_span_long_after_the_version_is_not_walked_to() -> None:
    old = [
        Version(
            schedule_id="nightly",
            revision=1,
            since=datetime(1990, 1, 1, tzinfo=UTC),
            recurrence=Recurrence(frequency=Frequency.INTERVAL, interval_seconds=1),
            reason="created",
        )
    ]
    assert expected(old, Span(at(0), at(5)), 100) == [at(n) for n in range(1, 6)]


def test_a_last_run_that_is_still_to_come_does_not_end_what_a_later_change_expects() -> None:
    """`max_runs` was reached by a run handed out ahead; then the schedule was changed."""
    versions = versions_of([(1, 0, interval(60, 0)), (1, 120, None), (2, 100, interval(45, 0))])
    assert expected(versions, Span(at(0), at(200)), 9) == [at(60), at(135), at(180)]


fates = st.lists(st.sampled_from([*ENDED, State.QUEUED, State.RUNNING]), min_size=1, max_size=12)


def situation(fates: Sequence[State], jitter: int) -> tuple[Schedule, list[Job]]:
    """A schedule each minute whose occurrences have those states; later ones are scheduled."""
    schedule = every(jitter_seconds=jitter)
    jobs: list[Job] = []
    for number, fate in enumerate(fates):
        due_at = at(60 * number)
        name = job_id(schedule.id, due_at)
        live = LiveJob(
            id=name, due_at=due_at, available_at=due_at, jitter=jitter_of(schedule, name)
        )
        began = live.effective_at + timedelta(seconds=3)
        begun = replace(live, attempt=1, started_at=began, first_started_at=began)
        if fate is State.QUEUED:
            schedule = replace(schedule, progress=schedule.progress.put(live))
        elif fate is State.RUNNING:
            running = replace(begun, worker="w", lease_until=due_at)
            schedule = replace(schedule, progress=schedule.progress.put(running))
        else:
            made = record.of_live(schedule, begun)
            jobs.append(replace(made, status=Status(fate.value), finished_at=due_at))
    upcoming = at(60 * len(fates))
    progress = replace(schedule.progress, next_run_at=upcoming)
    return replace(schedule, progress=progress), jobs


WHOLE = Span(at(-1), at(60 * 15))
DUE = [at(60 * n) for n in range(16)]


def states_of(made: Account) -> list[State]:
    return [one.state for one in made.occurrences]


@given(fates=fates, jitter=st.integers(0, 600))
def test_each_expected_occurrence_is_in_exactly_one_state(fates: list[State], jitter: int) -> None:
    schedule, jobs = situation(fates, jitter)
    made = account(schedule, DUE, WHOLE, jobs)
    assert [one.due_at for one in made.occurrences] == DUE
    assert states_of(made) == [*fates, *[State.SCHEDULED] * (16 - len(fates))]
    assert made.unexpected == ()
    for one in made.occurrences:
        assert one.effective_at - one.due_at == timedelta(seconds=jitter_of(schedule, one.job_id))
        begun = one.state not in (State.QUEUED, State.SCHEDULED)
        assert one.lateness_seconds == (3 if begun else None)


@given(fates=fates, data=st.data())
def test_what_is_taken_away_is_unexplained_and_nothing_else_is(
    fates: list[State], data: st.DataObject
) -> None:
    schedule, jobs = situation(fates, 0)
    lost = data.draw(st.integers(0, len(fates) - 1))
    name = job_id(schedule.id, at(60 * lost))
    kept = [job for job in jobs if job.id != name]
    without = replace(schedule, progress=schedule.progress.without(name))
    made = account(without, DUE, WHOLE, kept)
    assert [one.due_at for one in made.occurrences if one.state is State.UNEXPLAINED] == [
        at(60 * lost)
    ]
    assert Counter(states_of(made)) - Counter(fates) == Counter(
        {State.UNEXPLAINED: 1, State.SCHEDULED: 16 - len(fates)}
    )


@given(fates=fates, stray=st.integers(1, 899), status=st.sampled_from(ENDED), alive=st.booleans())
def test_a_stray_is_unexpected_and_changes_nothing_else(
    fates: list[State], stray: int, status: State, alive: bool
) -> None:
    assume(stray % 60)
    schedule, jobs = situation(fates, 0)
    name = job_id(schedule.id, at(stray))
    live = LiveJob(id=name, due_at=at(stray), available_at=at(stray))
    if alive:
        schedule = replace(schedule, progress=schedule.progress.put(live))
    else:
        jobs.append(replace(record.of_live(schedule, live), status=Status(status.value)))
    made = account(schedule, DUE, WHOLE, jobs)
    assert [one.job_id for one in made.unexpected] == [name]
    assert states_of(made)[: len(fates)] == fates


@pytest.mark.parametrize("by", ["k3f9", "r1", "k3f9r2"])
def test_what_a_person_asked_for_answers_for_nothing_and_is_no_stray(by: str) -> None:
    schedule, jobs = situation([State.FAILED, State.SUCCEEDED], 0)
    asked = replace(jobs[0], id=f"{jobs[0].id}-{by}", status=Status.SUCCEEDED)
    made = account(schedule, DUE, WHOLE, [asked, *jobs])
    assert made == account(schedule, DUE, WHOLE, jobs)
    assert states_of(account(schedule, DUE, WHOLE, [asked, jobs[1]]))[0] is State.UNEXPLAINED


def test_a_job_that_ended_is_ended_though_the_schedule_was_not_told() -> None:
    schedule, _ = situation([State.RUNNING], 0)
    ended = record.ended_live(schedule, schedule.progress.live[0], Status.FAILED, at(9), "why")
    first = account(schedule, DUE, WHOLE, [ended]).occurrences[0]
    assert (first.state, first.reason) == (State.FAILED, "why")


def test_what_is_outside_the_span_is_left_out() -> None:
    schedule, jobs = situation([State.SUCCEEDED, State.RUNNING, State.FAILED, State.QUEUED], 0)
    made = account(schedule, [], Span(at(0), at(59)), jobs)
    assert made.occurrences == () and made.unexpected == ()


def test_a_schedule_that_is_off_has_nothing_scheduled() -> None:
    schedule, jobs = situation([State.SUCCEEDED], 0)
    off = replace(schedule, progress=replace(schedule.progress, next_run_at=None))
    assert states_of(account(off, DUE[:2], WHOLE, jobs)) == [State.SUCCEEDED, State.UNEXPLAINED]


def few(left: int, upcoming: float, **recurrence: Any) -> Schedule:
    """A schedule each minute that has handed out two runs and may hand out `left` more."""
    schedule = every(60, max_runs=2 + left)
    when = replace(schedule.definition.recurrence, **recurrence)
    return replace(
        schedule,
        definition=replace(schedule.definition, recurrence=when),
        progress=Progress(next_run_at=at(upcoming), handed_out=2),
    )


def test_no_more_is_to_come_than_max_runs_leaves() -> None:
    assert last_left(few(1, 120), at(90), at(9000), 99) == at(120)
    assert last_left(few(3, 120), at(90), at(9000), 99) == at(240)
    assert last_left(few(3, 120), at(90), at(200), 99) == at(200)
    assert last_left(every(60), at(90), at(9000), 99) == at(9000)


def test_what_is_owed_is_expected_whatever_max_runs_leaves() -> None:
    assert last_left(few(1, 120), at(500), at(9000), 99) == at(500)
    assert last_left(few(9, 120), at(500), at(9000), 99) == at(120 + 8 * 60)


def test_a_schedule_with_an_end_has_none_after_it_to_count() -> None:
    assert last_left(few(9, 120, end_time=at(200)), at(90), at(9000), 99) == at(9000)
    none_left = replace(few(0, 120), progress=Progress(next_run_at=None, handed_out=2))
    assert last_left(none_left, at(90), at(9000), 99) == at(9000)


def test_more_runs_left_than_can_be_counted_are_refused_only_if_the_span_reaches_them() -> None:
    assert last_left(few(10**9, 120), at(90), at(120 + 98 * 60), 99) == at(120 + 98 * 60)
    with pytest.raises(Invalid, match="to: more than 99"):
        last_left(few(10**9, 120), at(90), at(120 + 100 * 60), 99)


def away(seconds: int = 60, count: int = 100, **policy: Any) -> tuple[Schedule, list[Job]]:
    """A schedule of which so many came due while nothing could start them, and their rows."""
    now = at(seconds * (count - 1))
    made = plan(every(seconds, **policy), now, now)
    return made.after, list(made.recorded)


def test_each_occurrence_of_a_stretch_is_answered_as_itself() -> None:
    schedule, jobs = away(misfire_grace_seconds=600)
    due = [at(60 * n) for n in range(100)]
    made = account(schedule, due, Span(at(-1), due[-1]), jobs)
    assert states_of(made) == [State.MISSED] * 89 + [State.SKIPPED] * 10 + [State.QUEUED]
    assert [one.job_id for one in made.occurrences] == [job_id(schedule.id, one) for one in due]
    assert [one.due_at for one in made.occurrences] == due
    assert {one.reason for one in made.occurrences} == {jobs[0].reason, jobs[1].reason, None}
    assert made.unexpected == () and made.stretch is None


@given(begin=st.integers(-5, 105), length=st.integers(0, 110))
def test_of_any_part_the_answers_are_those_of_the_whole(begin: int, length: int) -> None:
    schedule, jobs = away(misfire_grace_seconds=600)
    due = [at(60 * n) for n in range(100)]
    whole = account(schedule, due, Span(at(-1), due[-1]), jobs)
    span = Span(at(60 * begin), at(60 * (begin + length)))
    some = [one for one in due if one in span]
    reaching = [job for job in jobs if job.due_at in span or job.due_at <= span.after]
    made = account(schedule, some, span, reaching)
    assert made.occurrences == tuple(one for one in whole.occurrences if one.due_at in span)
    assert made.unexpected == ()
    beyond = [job for job in jobs if job.due_at <= span.until < job.due_until]
    assert made.stretch == (beyond[0] if beyond else None)


def test_a_row_of_its_own_wins_over_the_stretch_around_it() -> None:
    schedule, jobs = away()
    own = record.ended(schedule, at(600), Status.CANCELLED, "why", at(9000))
    due = [at(60 * n) for n in range(99)]
    made = account(schedule, due, Span(at(-1), due[-1]), [*jobs, own])
    assert (made.occurrences[10].state, made.occurrences[10].reason) == (State.CANCELLED, "why")
    assert states_of(made).count(State.CANCELLED) == 1 and made.unexpected == ()


def test_what_a_person_had_run_again_answers_for_nothing_of_a_stretch() -> None:
    schedule, jobs = away()
    again = replace(jobs[0], id=f"{job_id(schedule.id, at(600))}-r1", due_at=at(600), count=1)
    due = [at(60 * n) for n in range(99)]
    span = Span(at(-1), due[-1])
    assert account(schedule, due, span, [*jobs, again]) == account(schedule, due, span, jobs)


def test_a_stretch_with_an_end_that_nothing_expected_is_unexpected() -> None:
    schedule, (missed, *others) = away()
    due = [at(60 * n) for n in range(99)]
    span = Span(at(-1), due[-1])
    begun = replace(missed, id=job_id(schedule.id, at(-0.5)), due_at=at(-0.5))
    made = account(schedule, due, span, [begun, *others])
    assert [one.job_id for one in made.unexpected] == [begun.id]
    odd = replace(missed, last_due_at=missed.due_until + timedelta(seconds=7))
    made = account(schedule, due, span, [odd, *others])
    assert [one.due_at for one in made.unexpected] == [odd.last_due_at]


class Engine:
    """The engine's decisions without its stores: what it writes, in order."""

    def __init__(self, schedule: Schedule) -> None:
        self.now = START
        made = replace(schedule, created_at=self.now, updated_at=self.now).rescheduled(self.now)
        self.schedule = made
        self.versions = {self.now: Version.of(made, self.now, "created")}
        self.rows: dict[str, Job] = {}

    def tick(self) -> None:
        """As `Dispatcher.tick_one`: pass after pass while something is owed."""
        for _ in range(100):
            made = plan(self.schedule, self.now, self.now + AHEAD)
            if not made.changes:
                return
            self._write(made.after, made.recorded, made.versions)

    def change(self, wanted: Schedule) -> None:
        """As `Manager.change`."""
        self.tick()
        while self.schedule.owes(self.now):
            made = given_up(self.schedule, self.now, self.now, "was changed")
            self._write(made.after, made.recorded, ())
        step = replace(
            wanted,
            progress=replace(self.schedule.progress, paused_reason=wanted.progress.paused_reason),
            revision=self.schedule.revision + 1,
            updated_at=self.now,
        )
        after = step.rescheduled(self.now)
        since = self.schedule.floor(self.now)
        self._write(after, (), (Version.of(after, since, "changed"),))

    def work(self, status: Status, most: int) -> None:
        """End up to `most` of the jobs that may start."""
        ready = [job for job in self.schedule.progress.live if job.available_at <= self.now]
        for live in ready[:most]:
            if self.schedule.progress.find(live.id) is None:
                continue  # taken back by a pause
            begun = replace(live, attempt=1, started_at=self.now, worker="w")
            held = replace(self.schedule, progress=self.schedule.progress.put(begun))
            job = record.ended_live(held, begun, status, self.now, "")
            after, versions = finished(held, job, {}, self.now)
            self._write(after, (job,), versions)

    def _write(self, after: Schedule, jobs: Sequence[Job], versions: Sequence[Version]) -> None:
        for job in jobs:
            assert job.id not in self.rows, f"{job.id} ended twice"
            self.rows[job.id] = job
        live = [job.id for job in after.progress.live]
        assert len(live) == len(set(live)), f"handed out twice: {live}"
        assert not self.rows.keys() & set(live), "handed out after its end"
        self.schedule = after
        self.versions |= {version.since: version for version in versions}

    def account(self, until: datetime) -> Account:
        span = Span(START - timedelta(days=1), until)
        due = expected(self.versions.values(), span, 100_000)
        return account(self.schedule, due, span, self.rows.values())


steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 400)),
        st.tuples(st.just("wait"), st.integers(0, 40_000)),
        st.tuples(st.just("tick"), st.just(0)),
        st.tuples(st.just("tick"), st.just(0)),
        st.tuples(st.just("succeed"), st.integers(1, 60)),
        st.tuples(st.just("fail"), st.integers(1, 4)),
        st.tuples(st.just("interval"), st.integers(20, 4000)),
        st.tuples(st.just("off"), st.just(0)),
        st.tuples(st.just("on"), st.just(0)),
        st.tuples(st.just("max_runs"), st.integers(1, 12)),
    ),
    max_size=25,
)


@given(
    seconds=st.integers(20, 4000),
    steps=steps,
    catch_up=st.sampled_from(CatchUp),
    limit=st.integers(1, 120),
    grace=st.integers(1, 4000),
    jitter=st.sampled_from([0, 0, 90]),
    max_runs=st.none() | st.integers(1, 10),
    pause=st.none() | st.integers(1, 3),
)
def test_whatever_happens_to_a_schedule_all_of_it_is_explained(
    seconds: int,
    steps: list[tuple[str, int]],
    catch_up: CatchUp,
    limit: int,
    grace: int,
    jitter: int,
    max_runs: int | None,
    pause: int | None,
) -> None:
    engine = Engine(
        every(
            seconds,
            catch_up=catch_up,
            catch_up_limit=limit,
            misfire_grace_seconds=grace,
            jitter_seconds=jitter,
            max_runs=max_runs,
            pause_after_failures=pause,
        )
    )
    for what, number in steps:
        one = engine.schedule
        match what:
            case "wait":
                engine.now += timedelta(seconds=number, microseconds=number)
            case "tick":
                engine.tick()
            case "succeed":
                engine.work(Status.SUCCEEDED, number)
            case "fail":
                engine.work(Status.FAILED, number)
            case "interval":
                engine.change(
                    replace(one, definition=replace(one.definition, recurrence=interval(number)))
                )
            case "off" | "on":
                definition = replace(one.definition, enabled=what == "on")
                reason = None if what == "on" else one.progress.paused_reason
                progress = replace(one.progress, paused_reason=reason)
                engine.change(replace(one, definition=definition, progress=progress))
            case "max_runs":
                engine.change(replace(one, policy=replace(one.policy, max_runs=number)))
    made = engine.account(engine.now + timedelta(hours=3))
    assert [one for one in made.occurrences if one.state is State.UNEXPLAINED] == []
    assert made.unexpected == ()
    ran = {one.job_id for one in made.occurrences if one.state not in (State.SCHEDULED,)}
    assert engine.rows.keys() <= ran
    states, progress = Counter(states_of(made)), engine.schedule.progress
    assert states[State.MISSED] == progress.missed_count
    assert states[State.SKIPPED] == progress.skipped_count
    assert states[State.CANCELLED] == progress.cancelled_count
