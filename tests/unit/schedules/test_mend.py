"""What a clock that was ahead did is put right: what did run stays, and everything else runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status, job_id
from shared.schedules.ledger import State
from shared.schedules.mend import MOST, Mended, is_suspect, mended
from shared.schedules.model import CatchUp, LiveJob, Schedule
from shared.schedules.plan import AHEAD_CAP, plan
from tests.unit.schedules.test_ledger import START, Engine, at, every

LEASE = timedelta(seconds=60)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


class Mending(Engine):
    """An engine whose clock jumps, and which is put right."""

    steps = 0

    def jump(self, by: timedelta, *, work: int = 0, ticks: int = 1, look: int = 75) -> None:
        """Some ticks, half a minute apart, by a clock that is so far ahead."""
        self.now += by
        for _ in range(ticks):
            made = plan(self.schedule, self.now, self.now + timedelta(seconds=look))
            while made.changes:
                self._write(made.after, made.recorded, made.versions)
                made = plan(self.schedule, self.now, self.now + timedelta(seconds=look))
            self.work(Status.SUCCEEDED, work)
            self.now += 30 * SECOND
        self.now -= by

    def mend(self) -> None:
        """As `Mender`: step by step, until nothing is left."""
        while (step := self._step()) is not None:
            self.steps += 1
            self.rows |= {job.id: job for job in step.shortened}
            for gone in step.gone:
                assert self.rows[gone].attempt == 0
                del self.rows[gone]
            for version in step.ended:
                del self.versions[version.since]
            self._write(step.after, (), step.versions)
            self._sound()

    def run(self, until: datetime) -> None:
        """From now on all is well: a tick each minute, and a free worker."""
        while self.now < until:
            self.tick()
            self.work(Status.SUCCEEDED, 99)
            self.now += 30 * SECOND

    def due(self, status: Status, after: datetime = START) -> list[datetime]:
        found = (job for job in self.rows.values() if job.status is status)
        return sorted(job.due_at for job in found if job.due_at > after)

    def _step(self) -> Mended | None:
        jobs = [job for job in self.rows.values() if job.due_until > self.now]
        return mended(self.schedule, jobs, list(self.versions.values()), self.now, LEASE)

    def _sound(self) -> None:
        """Each step by itself leaves all explained."""
        made = self.account(self.now + 3 * HOUR)
        assert [one for one in made.occurrences if one.state is State.UNEXPLAINED] == []
        assert made.unexpected == ()


def engine(seconds: int = 60, **policy: Any) -> Mending:
    """One that has run for ten minutes."""
    made = Mending(every(seconds, **policy))
    made.run(START + 10 * MINUTE)
    return made


def minutes(*numbers: int) -> list[datetime]:
    return [START + number * MINUTE for number in numbers]


@pytest.mark.parametrize("catch_up", CatchUp)
def test_what_was_recorded_ahead_of_its_time_is_expected_again(catch_up: CatchUp) -> None:
    one = engine(catch_up=catch_up)
    before = one.schedule.progress
    one.jump(HOUR)
    assert one.schedule.progress != before
    assert is_suspect(one.schedule, one.now, LEASE)
    one.mend()
    progress = one.schedule.progress
    assert (progress.missed_count, progress.skipped_count) == (0, 0)
    assert one.due(Status.MISSED, one.now) == one.due(Status.SKIPPED, one.now) == []
    assert not is_suspect(one.schedule, one.now, LEASE)
    one.run(START + 80 * MINUTE)
    assert one.due(Status.SUCCEEDED) == minutes(*range(1, 80))


def test_what_ran_too_early_gets_no_second_job_and_those_before_it_run() -> None:
    one = engine()
    one.jump(HOUR, work=9)
    early = one.due(Status.SUCCEEDED)[-1]
    assert early == START + 70 * MINUTE
    one.mend()
    one.run(START + 80 * MINUTE)
    assert one.due(Status.SUCCEEDED) == minutes(*range(1, 80))


def test_a_jump_of_a_day_which_left_a_stretch_is_put_right() -> None:
    one = engine()
    one.jump(timedelta(days=1))
    assert one.schedule.progress.missed_count > 5 * MOST
    one.mend()
    assert one.due(Status.MISSED, one.now) == []
    assert one.schedule.progress.missed_count == len(one.due(Status.MISSED))
    one.run(START + 80 * MINUTE)
    assert one.due(Status.SUCCEEDED) == minutes(*range(1, 80))


def test_before_a_run_too_early_a_stretch_that_there_is_no_room_for_stays_missed() -> None:
    one = engine()
    one.jump(timedelta(days=1), work=9)
    one.mend()
    one.run(START + 200 * MINUTE)
    *ran, early = one.due(Status.SUCCEEDED)
    assert early == START + timedelta(days=1, minutes=10)
    assert ran == minutes(*range(1, 1 + len(ran)))
    assert len(ran) in (9, 10)
    assert one.schedule.progress.missed_count > AHEAD_CAP


def test_what_was_handed_out_far_ahead_makes_room() -> None:
    one = engine()
    one.jump(HOUR, work=9, look=86_400)
    one.mend()
    one.run(START + 80 * MINUTE)
    assert one.due(Status.SUCCEEDED) == minutes(*range(1, 80))


@pytest.mark.parametrize("work", [0, 9])
def test_max_runs_counts_what_ran_and_no_more(work: int) -> None:
    one = engine(max_runs=30)
    one.jump(HOUR, work=work, look=86_400)
    one.mend()
    one.run(START + 3 * HOUR)
    assert len(one.due(Status.SUCCEEDED)) == 30
    assert one.schedule.progress.handed_out == 30
    one._sound()


def test_a_single_run_that_was_passed_over_runs() -> None:
    schedule = every(60)
    when = Recurrence(frequency=Frequency.ONCE, start_time=at(1800))
    once = Mending(replace(schedule, definition=replace(schedule.definition, recurrence=when)))
    once.jump(HOUR)
    assert once.schedule.progress.next_run_at is None
    once.mend()
    once.run(START + HOUR)
    assert once.due(Status.SUCCEEDED) == [at(1800)]


def test_a_schedule_that_turned_since_keeps_its_records() -> None:
    one = engine()
    one.jump(HOUR)
    off = replace(one.schedule.definition, enabled=False)
    one.change(replace(one.schedule, definition=off))
    rows = dict(one.rows)
    one.mend()
    assert one.rows == rows and one.steps == 0
    one._sound()


def test_nothing_is_done_to_a_schedule_that_is_right() -> None:
    for seconds in (20, 60, 3600):
        one = engine(seconds)
        assert not is_suspect(one.schedule, one.now, LEASE)
        one.jump(timedelta(), look=86_400)  # a slow clock looks far ahead
        assert not is_suspect(one.schedule, one.now, LEASE)
        one.mend()
        assert one.steps == 0


def live(**changes: Any) -> LiveJob:
    base: dict[str, Any] = {"id": job_id("nightly", START), "due_at": START, "available_at": START}
    return LiveJob(**base | changes)


def held(*jobs: LiveJob, **policy: Any) -> Schedule:
    one = every(3600, **policy)
    return replace(one, progress=replace(one.progress, next_run_at=at(7200), live=jobs))


MANUAL = job_id("nightly", START + HOUR, "k3f9")


@pytest.mark.parametrize(
    ("job", "after"),
    [
        pytest.param(
            live(available_at=START + HOUR), live(available_at=at(60)), id="handed out too late"
        ),
        pytest.param(
            live(id=job_id("nightly", at(600)), due_at=at(600), available_at=START + HOUR),
            live(id=job_id("nightly", at(600)), due_at=at(600), available_at=at(600)),
            id="handed out too early",
        ),
        pytest.param(
            live(id=MANUAL, due_at=START + HOUR, available_at=START + HOUR),
            live(id=MANUAL, due_at=START + HOUR, available_at=at(60)),
            id="asked for",
        ),
        pytest.param(
            live(attempt=1, started_at=START, available_at=START + 2 * HOUR),
            live(attempt=1, started_at=START, available_at=at(60)),
            id="waits for its next attempt",
        ),
        pytest.param(
            live(attempt=1, started_at=START, worker="w", lease_until=START + HOUR),
            live(attempt=1, started_at=START, worker="w", lease_until=at(120)),
            id="leased",
        ),
    ],
)
def test_what_holds_a_job_back_too_long_is_brought_near(job: LiveJob, after: LiveJob) -> None:
    schedule = held(job)
    assert is_suspect(schedule, at(60), LEASE)
    step = mended(schedule, [], [], at(60), LEASE)
    assert step is not None
    assert step.after.progress.live == (after,) and step.send == (after,)
    assert mended(step.after, [], [], at(60), LEASE) is None
    off = replace(schedule, deleted_at=START)
    assert mended(off, [], [], at(60), LEASE) is not None


@pytest.mark.parametrize(
    "job",
    [
        live(available_at=at(75)),
        live(jitter=3000, available_at=at(3000)),
        live(attempt=1, started_at=START, available_at=at(900)),
        live(attempt=1, started_at=START, worker="w", lease_until=at(120)),
    ],
    ids=["late", "jitter", "pause", "lease"],
)
def test_what_holds_a_job_back_as_it_should_stays(job: LiveJob) -> None:
    assert not is_suspect(held(job), at(60), LEASE)
    assert mended(held(job), [], [], at(60), LEASE) is None


steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 400)),
        st.tuples(st.just("wait"), st.integers(0, 9000)),
        st.tuples(st.just("tick"), st.just(0)),
        st.tuples(st.just("succeed"), st.integers(1, 60)),
        st.tuples(st.just("fail"), st.integers(1, 3)),
        st.tuples(st.just("off"), st.just(0)),
        st.tuples(st.just("on"), st.just(0)),
        st.tuples(st.just("jump"), st.integers(1, 90_000)),
        st.tuples(st.just("jump and work"), st.integers(1, 9000)),
        st.tuples(st.just("mend"), st.just(0)),
        st.tuples(st.just("mend"), st.just(0)),
    ),
    max_size=20,
)


@given(
    seconds=st.integers(20, 4000),
    steps=steps,
    catch_up=st.sampled_from(CatchUp),
    grace=st.integers(1, 4000),
    jitter=st.sampled_from([0, 0, 90]),
    max_runs=st.none() | st.integers(1, 40),
    pause=st.none() | st.integers(1, 3),
    look=st.sampled_from([75, 86_400]),
)
def test_whatever_a_wrong_clock_did_all_of_it_is_explained_and_nothing_runs_twice(
    seconds: int,
    steps: Sequence[tuple[str, int]],
    catch_up: CatchUp,
    grace: int,
    jitter: int,
    max_runs: int | None,
    pause: int | None,
    look: int,
) -> None:
    """That nothing ends twice, or is handed out after its end, `Engine` holds to."""
    one = Mending(
        every(
            seconds,
            catch_up=catch_up,
            misfire_grace_seconds=grace,
            jitter_seconds=jitter,
            max_runs=max_runs,
            pause_after_failures=pause,
        )
    )
    for what, number in steps:
        schedule = one.schedule
        match what:
            case "wait":
                one.now += timedelta(seconds=number)
            case "tick":
                one.mend()
                one.tick()
            case "succeed":
                one.work(Status.SUCCEEDED, number)
            case "fail":
                one.work(Status.FAILED, number)
            case "off" | "on":
                definition = replace(schedule.definition, enabled=what == "on")
                resumed = schedule.resumed() if what == "on" else schedule
                one.change(replace(resumed, definition=definition))
            case "jump":
                one.jump(timedelta(seconds=number), ticks=2, look=look)
            case "jump and work":
                one.jump(timedelta(seconds=number), ticks=2, work=3, look=look)
            case "mend":
                one.mend()
    one.mend()
    one._sound()
    turned = [v for v in one.versions.values() if v.since > one.now and "max" not in v.reason]
    if one.schedule.is_on and not turned and one.schedule.runs_left != 0:
        _all_expected(one)


def _all_expected(one: Mending) -> None:
    """What is unrun and to come lies before something that ran, and found no room."""
    unrun = sorted([*one.due(Status.MISSED, one.now), *one.due(Status.SKIPPED, one.now)])
    ran = [job.due_at for job in one.rows.values() if job.attempt]
    ran += [job.due_at for job in one.rows.values() if job.status is Status.CANCELLED]
    ran += [job.due_at for job in one.schedule.progress.live if job.begun]
    assert not unrun or unrun[-1] < max(ran)
    assert not unrun or len(one.schedule.progress.live) >= AHEAD_CAP
