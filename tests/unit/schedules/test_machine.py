"""The engine's decisions as a whole, against every order of events that hypothesis can think of.

`machine.store` stands for Table Storage; everything between is the engine's own pure functions
(`machine.steps`), and `machine.promises` says what must hold. Messages arrive early, late, twice,
in any order.

It draws the same cases each time. To look further: `MACHINE_EXAMPLES=5000 make test ARGS="-k
machine"` draws as many of 80 steps each, others each time.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shared.engine.work.attempt import Stop
from shared.errors import Cancelled, Refused
from shared.recurrence import Recurrence
from shared.schedules.finish import finished
from shared.schedules.job import Status, job_id
from shared.schedules.model import LiveJob, Overlap, Policy, Schedule
from shared.schedules.plan import LIVE_CAP
from shared.schedules.record import ended_live
from tests.unit.schedules.machine.promises import Promises
from tests.unit.schedules.machine.store import LEASE, POLICIES, RECURRENCES, SECOND

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))


class Engine(Promises):
    """The rules are what can happen."""

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

    # -- time

    @rule(seconds=st.sampled_from([1, 5, 20, 30, 61, 200, 1000, 2000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(sure=st.integers(0, 9))
    def an_outage(self, sure: int) -> None:
        """So long that what is owed is recorded as a stretch."""
        if sure == 9:
            self.time_passes(6000)

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


TestEngine = Engine.TestCase
TestEngine.settings = settings(
    max_examples=EXAMPLES or 300,
    stateful_step_count=80,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
