"""What must hold after each step, and at the end."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from hypothesis.stateful import invariant

from shared.recurrence import next_run
from shared.schedules.fold import fold
from shared.schedules.job import Status, is_manual, job_id
from shared.schedules.model import CatchUp, Overlap, Version
from shared.schedules.plan import LIVE_CAP
from tests.unit.schedules.machine.steps import Steps
from tests.unit.schedules.machine.store import AHEAD, SECOND


class Promises(Steps):
    """The invariants."""

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
            known = name in live or name in self.store.answered
            assert known != (owed is not None and at >= owed), (name, owed)
        own = {name for name in live | self.store.answered if not is_manual(name)}
        assert own <= expected.keys(), own - expected.keys()

    @invariant()
    def what_has_not_ended_has_a_message(self) -> None:
        for job in self.schedule.progress.live:
            assert job.id in self.store.jobs or self.messages[job.id], job.id

    @invariant()
    def the_counts_are_those_of_the_rows(self) -> None:
        shown = fold(self.schedule.progress, self.store.jobs)
        by_status: Counter[Status] = Counter()
        for job in self.store.jobs.values():
            by_status[job.status] += job.count
        assert shown.success_count == by_status[Status.SUCCEEDED]
        assert shown.failure_count == by_status[Status.FAILED]
        assert shown.skipped_count == by_status[Status.SKIPPED]
        assert shown.missed_count == by_status[Status.MISSED]
        assert shown.cancelled_count == by_status[Status.CANCELLED]
        assert shown.handed_out == len(self.handed)
        assert shown.failures_in_row == self._failures_in_row()

    @invariant()
    def runs_do_not_overlap(self) -> None:
        if not self.allowed_all:
            begun = [job for job in self._others("") if job.begun]
            assert len(begun) <= 1

    @invariant()
    def buffer_one_holds_one(self) -> None:
        """Of those that came due while the one that runs did; with `catch_up: all`, what came due
        before waits as well."""
        others = self._others("")
        began = [job.first_started_at for job in others if job.first_started_at is not None]
        if self.schedule.policy.overlap is Overlap.BUFFER_ONE and began:
            all_of_them = self.schedule.policy.catch_up is not CatchUp.ALL
            waiting = {
                job.id
                for job in others
                if not job.begun
                and not is_manual(job.id)
                and (all_of_them or job.effective_at >= max(began))
            }
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
            if all(job_id("n", at) in self.store.answered for at in self._expected(until)):
                break
            self.now += 10 * SECOND
        else:
            raise AssertionError("it does not come to an end")
        self.the_counts_are_those_of_the_rows()
        for job in self.store.jobs.values():
            assert job.status not in (Status.QUEUED, Status.RUNNING)
