"""What the machine's rules are made of: the engine's steps, and what must hold at each.

They are the engine's own pure functions, put together as `shared/engine` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from shared.engine.work.attempt import Attempt
from shared.engine.work.judge import Again, Ended, outcome
from shared.recurrence import Recurrence
from shared.schedules.claim import Claim, End, First, Start, Wait, claim
from shared.schedules.finish import finished
from shared.schedules.fold import fold
from shared.schedules.job import Job, Status, is_manual
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
from shared.schedules.spent import NOTHING
from tests.unit.schedules.machine.store import (
    AHEAD,
    LEASE,
    POLICIES,
    RECURRENCES,
    SECOND,
    START,
    Run,
    Store,
)


class Steps(RuleBasedStateMachine):
    """A dispatcher, workers and people, each of whom does one thing at a time."""

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
            case First(older):
                self._send(asked)
                assert not isinstance(self._claim(older), First), "no one is first"
                self._carry_out(before, older, self._claim(older))
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

    def _failures_in_row(self) -> int:
        row = 0
        for job in list(self.store.jobs.values())[self.enabled_after :]:
            if job.status is Status.SUCCEEDED:
                row = 0
            row += job.status is Status.FAILED
        return row

    def _over(self, run: Run, failure: BaseException | None) -> None:
        self.now += SECOND
        attempt = SimpleNamespace(
            schedule=run.schedule,
            live=run.live,
            failure=failure,
            asked=run.asked,
            result={},
            log=SimpleNamespace(text=lambda: ""),
            meter=SimpleNamespace(spent=NOTHING),
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
