"""The engine's decisions as a whole, against every order of events that hypothesis can think of.

The store is what Table Storage gives the engine, in memory: compare-and-set of one schedule's row,
and rows of ended jobs that can be inserted once. Everything between is the engine's own pure
functions, put together as `shared/engine` does. Messages arrive early, late, twice, in any order.

It draws the same cases each time. To look further: `MACHINE_EXAMPLES=5000 make test ARGS="-k
machine"` draws as many of 80 steps each, others each time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from shared.engine.attempt import Attempt, Stop
from shared.engine.outcome import Again, Ended, outcome
from shared.errors import Cancelled, Refused
from shared.recurrence import Frequency, Recurrence, next_run
from shared.schedules.claim import Claim, End, Start, Wait, claim
from shared.schedules.finish import finished
from shared.schedules.fold import fold
from shared.schedules.job import Job, Status, is_manual, job_id
from shared.schedules.model import (
    CatchUp,
    Definition,
    LiveJob,
    Overlap,
    Policy,
    Progress,
    Schedule,
    Version,
)
from shared.schedules.plan import LIVE_CAP, Plan, crowded, given_up, plan
from shared.schedules.record import ended_live

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
AHEAD = timedelta(seconds=75)
LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))

_Interval = Frequency.INTERVAL
RECURRENCES = [
    Recurrence(frequency=_Interval, interval_seconds=60, start_time=START),
    Recurrence(frequency=_Interval, interval_seconds=25, start_time=START),
    Recurrence(frequency=_Interval, interval_seconds=300, start_time=START),
    Recurrence(frequency=Frequency.HOURLY),
    Recurrence(
        frequency=_Interval,
        interval_seconds=60,
        start_time=START,
        end_time=START + timedelta(seconds=1800),
    ),
]
POLICIES = st.builds(
    Policy,
    misfire_grace_seconds=st.sampled_from([60, 900]),
    catch_up=st.sampled_from(CatchUp),
    catch_up_limit=st.sampled_from([3, 20]),
    overlap=st.sampled_from(Overlap),
    jitter_seconds=st.sampled_from([0, 0, 20, 100]),
    max_runs=st.sampled_from([None, None, None, 1, 5, 12]),
    pause_after_failures=st.sampled_from([None, 1, 2, 3]),
    max_attempts=st.integers(1, 3),
    max_retry_delay_seconds=st.just(120),
)


class Store:
    """One schedule's row, and the rows of its ended jobs."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = replace(schedule, etag="0")
        self.jobs: dict[str, Job] = {}
        self.versions: list[Version] = []

    def commit(
        self,
        before: Schedule,
        after: Schedule,
        jobs: tuple[Job, ...] = (),
        versions: tuple[Version, ...] = (),
    ) -> bool:
        if before.etag != self.schedule.etag or any(job.id in self.jobs for job in jobs):
            return False
        self.schedule = replace(after, etag=str(int(before.etag) + 1))
        self.jobs |= {job.id: job for job in jobs}
        self.versions += versions
        return True

    def end(self, job: Job) -> bool:
        return self.jobs.setdefault(job.id, job) is job

    def ended(self, schedule: Schedule, asked: str | None = None) -> dict[str, Job]:
        """What the worker reads: the begun ones, and the one asked for if it is not live."""
        wanted = {job.id for job in schedule.progress.live if job.begun}
        if asked is not None and schedule.progress.find(asked) is None:
            wanted.add(asked)
        return {one: self.jobs[one] for one in wanted if one in self.jobs}


@dataclass
class Run:
    """An attempt at work. One that is a zombie goes on although its lease has ended."""

    schedule: Schedule
    live: LiveJob
    asked: Stop | None = None


class Engine(RuleBasedStateMachine):
    """The rules are what can happen; the invariants what must hold after each."""

    @initialize(recurrence=st.sampled_from(RECURRENCES), policy=POLICIES)
    def create(self, recurrence: Recurrence, policy: Policy) -> None:
        self.now = START + SECOND
        self.serial = 0
        self.messages: Counter[str] = Counter()
        self.runs: list[Run] = []
        self.handed: set[str] = set()
        self.allowed_all = policy.overlap is Overlap.ALLOW_ALL
        self.told_to_wait: set[str] = set()
        made = Schedule(
            id="n",
            definition=Definition(name="n", task_type="t", recurrence=recurrence),
            policy=policy,
            progress=Progress(),
            created_at=self.now,
            updated_at=self.now,
        ).rescheduled(self.now)
        self.store = Store(made)
        self.store.versions.append(Version.of(made, self.now, "created"))
        self.in_row = 0
        self.enabled_after = 0

    # -- what the machine is made of

    @property
    def schedule(self) -> Schedule:
        return self.store.schedule

    def _send(self, *job_ids: str) -> None:
        self.messages.update(job_ids)

    def _planned(self, schedule: Schedule, now: datetime) -> Plan:
        if not crowded(schedule):
            return plan(schedule, now, now + AHEAD)
        folded = fold(schedule.progress, self.store.ended(schedule))
        made = plan(replace(schedule, progress=folded), now, now + AHEAD)
        return replace(made, before=schedule)

    def _tick(self, made: Plan) -> bool:
        """Send, then commit."""
        self._send(*(job.id for job in made.start))
        if not made.changes or not self.store.commit(
            made.before, made.after, made.recorded, made.versions
        ):
            return False
        new = {job.id for job in made.start}
        assert not new & self.handed, "handed out twice"
        self.handed |= new
        most = self.schedule.policy.max_runs
        assert not new or most is None or len(self.handed) <= most, "max_runs exceeded"
        return True

    def _tick_all(self) -> None:
        for _ in range(200):
            owed = self.schedule.progress.next_run_at
            if owed is None or owed > self.now + AHEAD:
                return
            if not self._tick(self._planned(self.schedule, self.now)):
                return
        raise AssertionError("the tick finds no end")

    def _change(self, wanted: Callable[[Schedule], Schedule], *, turned: bool = True) -> None:
        self.now += SECOND
        if self.schedule.owes(self.now):
            self._tick_all()
        while turned and self.schedule.owes(self.now):
            full = len(self.schedule.progress.live) >= LIVE_CAP
            assert full or self.schedule.policy.catch_up is CatchUp.ALL
            made = given_up(self.schedule, self.now, self.now, "was changed")
            assert self.store.commit(made.before, made.after, made.recorded, ())
        before = self.schedule
        known = self.store.ended(before)
        folded = replace(before, progress=fold(before.progress, known))
        after = replace(wanted(folded), revision=before.revision + 1)
        versions: tuple[Version, ...] = ()
        if turned:
            after = after.rescheduled(self.now)
            versions = (Version.of(after, before.floor(self.now), "changed"),)
        assert self.store.commit(before, after, (), versions)
        self._taken_back(before)

    def _taken_back(self, before: Schedule) -> None:
        """What left the row without an end."""
        there = {job.id for job in self.schedule.progress.live} | self.store.jobs.keys()
        gone = {job.id for job in before.progress.live} - there
        assert all(job.due_at > self.now for job in before.progress.live if job.id in gone)
        self.handed -= gone

    # -- the dispatcher

    @rule()
    def tick(self) -> None:
        self._tick_all()

    @rule(skew=st.integers(-2, 2))
    def two_ticks_at_once(self, skew: int) -> None:
        first = self._planned(self.schedule, self.now)
        second = self._planned(self.schedule, self.now + skew * SECOND)
        won = self._tick(first)
        assert not (won and self._tick(second)), "both commits were won"

    @rule()
    def a_tick_dies_after_it_sent(self) -> None:
        self._send(*(job.id for job in self._planned(self.schedule, self.now).start))

    # -- the worker

    @precondition(lambda self: self.messages)
    @rule(pick=st.integers(0, 1_000), again=st.booleans(), race=st.booleans())
    def deliver(self, pick: int, again: bool, race: bool) -> None:
        """`again`: the message stays in the queue, though it was handled. `race`: a second worker
        decides at the same moment, on the same row."""
        ids = sorted(self.messages)
        self._deliver(ids[pick % len(ids)], again=again, race=race)

    @precondition(lambda self: self.messages)
    @rule()
    def deliver_all(self) -> None:
        for one in sorted(self.messages, key=lambda one: one[2:]):
            self._deliver(one)

    def _deliver(self, asked: str, *, again: bool = False, race: bool = False) -> None:
        self.now += SECOND
        if not again:
            self.messages[asked] -= 1
            self.messages = +self.messages
        for _ in range(3):
            before = self.schedule
            decision = self._claim(asked)
            if not self._carry_out(before, asked, decision):
                break
        if race:
            second = claim(
                before,
                asked,
                self.store.ended(before, asked),
                worker="too late",
                now=self.now,
                lease=LEASE,
            )
            if isinstance(second, Start | End):
                jobs = (second.job,) if isinstance(second, End) else ()
                assert not self.store.commit(before, second.after, jobs)

    def _claim(self, asked: str) -> Claim:
        self.serial += 1
        return claim(
            self.schedule,
            asked,
            self.store.ended(self.schedule, asked),
            worker=f"w{self.serial}",
            now=self.now,
            lease=LEASE,
        )

    def _carry_out(self, before: Schedule, asked: str, decision: Claim) -> bool:
        """Whether to ask once more at once."""
        match decision:
            case Wait(until, after, ended):
                if after is not None:
                    assert self.store.commit(before, after, ended)
                if until <= self.now:
                    return True
                self._send(asked)
                self._note_wait(asked)
            case End(after, job, versions):
                assert self.store.commit(before, after, (job,), versions)
                self._ended_in_row(before, job)
            case Start(after, live):
                self._check_start(before, asked)
                self._send(asked)
                assert self.store.commit(before, after)
                self.runs.append(Run(self.schedule, live))
        return False

    def _others(self, asked: str) -> list[LiveJob]:
        live = self.schedule.progress.live
        return [job for job in live if job.id != asked and job.id not in self.store.jobs]

    def _check_start(self, before: Schedule, asked: str) -> None:
        job = before.progress.find(asked)
        assert job is not None
        assert asked not in self.store.jobs, "started again after its end"
        assert job.lease_until is None or job.lease_until <= self.now, "started under a lease"
        assert job.available_at <= self.now
        if job.begun:
            return
        assert before.is_on or is_manual(asked)
        if before.policy.overlap is Overlap.ALLOW_ALL:
            return
        assert not any(other.begun for other in self._others(asked)), "overlap"
        if before.policy.overlap is Overlap.BUFFER_ALL:
            earlier = [
                other
                for other in self._others(asked)
                if not other.begun
                and other.available_at <= self.now
                and (other.effective_at, other.id) < (job.effective_at, asked)
            ]
            assert not earlier, "out of turn"

    def _note_wait(self, asked: str) -> None:
        job = self.schedule.progress.find(asked)
        begun = any(other.begun for other in self._others(asked))
        if job is not None and not job.begun and job.available_at <= self.now and begun:
            self.told_to_wait.add(asked)

    def _ended_in_row(self, before: Schedule, job: Job) -> None:
        """A job that ended together with its schedule's row."""
        paused = before.is_on and not self.schedule.is_on
        most = before.policy.pause_after_failures
        failed = job.status is Status.FAILED
        reached = most is not None and failed and self._failures_in_row() >= most
        assert paused == (before.is_on and reached)
        if paused:
            assert str(job.error) in str(self.schedule.progress.paused_reason)
            self._taken_back(before)

    # -- what becomes of runs

    @precondition(lambda self: self.runs)
    @rule(pick=st.integers(0, 100))
    def beat(self, pick: int) -> None:
        """The worker looks after its lease, and for whether it was told to stop."""
        run = self.runs[pick % len(self.runs)]
        held = self.schedule.progress.find(run.live.id)
        if held is None or held.worker != run.live.worker:
            run.asked = Stop.LOST
            return
        if held.cancel is not None:
            run.asked = run.asked or Stop.CANCEL
        longer = replace(held, lease_until=self.now + LEASE)
        before = self.schedule
        assert self.store.commit(before, replace(before, progress=before.progress.put(longer)))
        run.live = longer

    @precondition(lambda self: self.runs)
    @rule(pick=st.integers(0, 100))
    def succeed(self, pick: int) -> None:
        self._over(self.runs.pop(pick % len(self.runs)), None)

    @precondition(lambda self: self.runs)
    @rule(pick=st.integers(0, 100), permanent=st.booleans())
    def fail(self, pick: int, permanent: bool) -> None:
        failure = Refused("x", "no") if permanent else OSError("boom")
        self._over(self.runs.pop(pick % len(self.runs)), failure)

    @precondition(lambda self: self.runs)
    @rule(seconds=st.sampled_from([70, 400, 2000]))
    def fail_while_no_clock_ticks(self, seconds: int) -> None:
        self.time_passes(seconds)
        self._over(self.runs.pop(0), Refused("x", "no"))

    @precondition(lambda self: self.runs)
    @rule(pick=st.integers(0, 100))
    def drain(self, pick: int) -> None:
        """The instance goes down in good order."""
        run = self.runs.pop(pick % len(self.runs))
        run.asked = run.asked or Stop.DRAIN
        self._over(run, Cancelled("told to stop"))

    @precondition(lambda self: self.runs)
    @rule(pick=st.integers(0, 100))
    def die(self, pick: int) -> None:
        self.runs.pop(pick % len(self.runs))

    def _over(self, run: Run, failure: BaseException | None) -> None:
        self.now += SECOND
        attempt = SimpleNamespace(
            schedule=run.schedule,
            live=run.live,
            failure=failure,
            asked=run.asked,
            result={},
            log=SimpleNamespace(text=lambda: ""),
        )
        match outcome(cast(Attempt, attempt), self.now):
            case Ended(job):
                pauses = run.schedule.policy.pause_after_failures is not None
                if pauses and job.status is Status.FAILED:
                    self._end_with_schedule(job)
                else:
                    self.store.end(job)
            case Again(live):
                self._again(run, live)

    def _end_with_schedule(self, job: Job) -> None:
        before = self.schedule
        held = before.progress.find(job.id)
        known = self.store.ended(before)
        if held is None or held.worker != job.worker or job.id in known:
            return
        after, versions = finished(before, job, known, self.now)
        assert self.store.commit(before, after, (job,), versions)
        self._ended_in_row(before, job)

    def _again(self, run: Run, live: LiveJob) -> None:
        self._send(live.id)
        before = self.schedule
        held = before.progress.find(live.id)
        if held is None or held.worker != run.live.worker:
            return
        waiting = replace(live, cancel=held.cancel)
        assert self.store.commit(before, replace(before, progress=before.progress.put(waiting)))

    # -- people

    @rule()
    def run_now(self) -> None:
        if self.schedule.deleted_at is not None:
            return
        self.now += SECOND
        self.serial += 1
        asked = job_id("n", self.now, f"x{self.serial}")
        job = LiveJob(id=asked, due_at=self.now, available_at=self.now)
        self._send(asked)
        before = self.schedule
        if len(before.progress.live) < LIVE_CAP:
            assert self.store.commit(before, replace(before, progress=before.progress.put(job)))

    @precondition(lambda self: self.schedule.progress.live)
    @rule(pick=st.integers(0, 1000))
    def cancel(self, pick: int) -> None:
        """As `engine.control` does it."""
        self.now += SECOND
        before = self.schedule
        live = before.progress.live[pick % len(before.progress.live)]
        if live.id in self.store.jobs:
            return
        if live.lease_until is not None and live.lease_until > self.now:
            marked = replace(live, cancel=live.cancel or "a person cancelled it")
            after = replace(before, progress=before.progress.put(marked))
            assert self.store.commit(before, after)
            return
        record = ended_live(before, live, Status.CANCELLED, self.now, "a person cancelled it")
        after, versions = finished(before, record, self.store.ended(before), self.now)
        assert self.store.commit(before, after, (record,), versions)

    @rule(enabled=st.sampled_from([True, True, False]))
    def turn(self, enabled: bool) -> None:
        def step(one: Schedule) -> Schedule:
            progress = one.progress
            if enabled:
                progress = one.resumed().progress
            definition = replace(one.definition, enabled=enabled)
            return replace(one, definition=definition, progress=progress)

        if self.schedule.deleted_at is not None:
            return
        was_on = self.schedule.is_on
        self._change(step, turned=was_on != enabled)
        if enabled:
            self.enabled_after = len(self.store.jobs)

    @rule(recurrence=st.sampled_from(RECURRENCES))
    def change_recurrence(self, recurrence: Recurrence) -> None:
        if self.schedule.deleted_at is None:
            self._change(
                lambda one: replace(one, definition=replace(one.definition, recurrence=recurrence))
            )

    @rule(policy=POLICIES)
    def change_policy(self, policy: Policy) -> None:
        if self.schedule.deleted_at is not None:
            return
        turned = policy.max_runs != self.schedule.policy.max_runs
        self._change(lambda one: replace(one, policy=policy), turned=turned)
        self.allowed_all |= policy.overlap is Overlap.ALLOW_ALL
        self.told_to_wait.clear()

    @rule(sure=st.integers(0, 9))
    def delete(self, sure: int) -> None:
        if sure < 9 or self.schedule.deleted_at is not None:
            return
        self._change(lambda one: replace(one, deleted_at=self.now))

    @rule(seconds=st.sampled_from([1, 5, 20, 30, 61, 200, 1000, 2000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(deliver=st.booleans())
    def a_minute_passes(self, deliver: bool) -> None:
        self.time_passes(60)
        self._tick_all()
        if deliver:
            self.deliver_all()

    @rule(minutes=st.integers(1, 4), succeed=st.booleans(), fail=st.booleans())
    def all_goes_well(self, minutes: int, succeed: bool, fail: bool) -> None:
        """The usual course of things, so that the unusual finds something to disturb."""
        for _ in range(minutes):
            self.time_passes(60)
            self._tick_all()
            self.deliver_all()
            while self.runs and (succeed or fail):
                self._over(self.runs.pop(0), Refused("x", "no") if fail else None)

    # -- what must hold

    def _expected(self, until: datetime) -> list[datetime]:
        """By the versions alone: one that is written later holds from its instant on."""
        held: list[Version] = []
        for version in self.store.versions:
            held = [one for one in held if one.since < version.since] + [version]
        found: list[datetime] = []
        for version, following in zip(held, [*held[1:], None], strict=True):
            last = until if following is None else min(until, following.since)
            if version.recurrence is None:
                continue
            at = next_run(version.recurrence, version.since)
            while at is not None and at <= last:
                found.append(at)
                at = next_run(version.recurrence, at)
        return found

    @invariant()
    def every_expected_occurrence_is_there_once_and_no_other(self) -> None:
        progress = self.schedule.progress
        live = {job.id for job in progress.live}
        assert len(live) == len(progress.live) <= LIVE_CAP
        expected = {job_id("n", at): at for at in self._expected(self.now + AHEAD + SECOND)}
        owed = progress.next_run_at
        for name, at in expected.items():
            known = name in live or name in self.store.jobs
            assert known != (owed is not None and at >= owed), (name, owed)
        own = {name for name in live | self.store.jobs.keys() if not is_manual(name)}
        assert own <= expected.keys(), own - expected.keys()

    @invariant()
    def what_has_not_ended_has_a_message(self) -> None:
        for job in self.schedule.progress.live:
            assert job.id in self.store.jobs or self.messages[job.id], job.id

    @invariant()
    def the_counts_are_those_of_the_rows(self) -> None:
        shown = fold(self.schedule.progress, self.store.jobs)
        by_status = Counter(job.status for job in self.store.jobs.values())
        assert shown.success_count == by_status[Status.SUCCEEDED]
        assert shown.failure_count == by_status[Status.FAILED]
        assert shown.skipped_count == by_status[Status.SKIPPED]
        assert shown.missed_count == by_status[Status.MISSED]
        assert shown.cancelled_count == by_status[Status.CANCELLED]
        assert shown.handed_out == len(self.handed)
        assert shown.failures_in_row == self._failures_in_row()

    def _failures_in_row(self) -> int:
        row = 0
        for job in list(self.store.jobs.values())[self.enabled_after :]:
            if job.status is Status.SUCCEEDED:
                row = 0
            row += job.status is Status.FAILED
        return row

    @invariant()
    def runs_do_not_overlap(self) -> None:
        if not self.allowed_all:
            begun = [job for job in self._others("") if job.begun]
            assert len(begun) <= 1

    @invariant()
    def buffer_one_holds_one(self) -> None:
        others = self._others("")
        if self.schedule.policy.overlap is Overlap.BUFFER_ONE and any(job.begun for job in others):
            waiting = {job.id for job in others if not job.begun and not is_manual(job.id)}
            assert len(self.told_to_wait & waiting) <= 1

    @invariant()
    def what_is_off_expects_nothing(self) -> None:
        progress = self.schedule.progress
        if not self.schedule.is_on and progress.next_run_at is not None:
            # what it owed when it was paused, which the next tick records
            assert progress.paused_at is not None and progress.next_run_at <= progress.paused_at

    def teardown(self) -> None:
        """Let everything run to its end: what was expected by now has one final status."""
        if not hasattr(self, "store"):
            return
        until = self.now
        for _ in range(500):
            while self.runs:
                self._over(self.runs.pop(), None)
            self._tick_all()
            for one in sorted(self.messages, key=lambda one: one[2:]):
                self._deliver(one)
            self.every_expected_occurrence_is_there_once_and_no_other()
            if all(job_id("n", at) in self.store.jobs for at in self._expected(until)):
                break
            self.time_passes(10)
        else:
            raise AssertionError("it does not come to an end")
        self.the_counts_are_those_of_the_rows()
        for job in self.store.jobs.values():
            assert job.status not in (Status.QUEUED, Status.RUNNING)


TestEngine = Engine.TestCase
TestEngine.settings = settings(
    max_examples=EXAMPLES or 600,
    stateful_step_count=80,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
