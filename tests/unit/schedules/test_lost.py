"""Which jobs a message is missing for: those that a worker would do something about now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.schedules.lost import OVERDUE, lost
from shared.schedules.model import CatchUp, LiveJob, Overlap, Policy, Schedule
from tests.unit.schedules.test_claim import JOB, LEASE, NEXT, OTHER, START, ended, schedule

LATE = START + OVERDUE


def test_one_that_was_handed_out_and_that_nobody_began_is_lost() -> None:
    assert lost(schedule(JOB), {}, LATE) == [JOB.id]


def test_a_free_worker_has_some_seconds_for_it() -> None:
    assert lost(schedule(JOB), {}, LATE - timedelta(microseconds=1)) == []


def test_one_whose_lease_ended_is_lost_and_one_under_a_lease_is_not() -> None:
    held = replace(JOB, attempt=1, started_at=START, worker="w", lease_until=START + LEASE)
    assert lost(schedule(held), {}, START + LEASE) == []
    assert lost(schedule(held), {}, START + LEASE + OVERDUE) == [JOB.id]


def test_one_that_ended_is_not_lost_though_its_row_says_it_is_held() -> None:
    held = replace(JOB, attempt=1, started_at=START, worker="w", lease_until=START + LEASE)
    assert lost(schedule(held), {JOB.id: ended(held)}, START + timedelta(hours=1)) == []


@pytest.mark.parametrize("overlap", [Overlap.BUFFER_ONE, Overlap.BUFFER_ALL])
def test_one_that_waits_for_another_of_its_schedule_is_not_lost(overlap: Overlap) -> None:
    one = schedule(OTHER, JOB, policy=Policy(overlap=overlap))
    assert lost(one, {}, LATE) == []


def test_one_that_still_has_to_stop_another_is_lost() -> None:
    one = schedule(OTHER, JOB, policy=Policy(overlap=Overlap.CANCEL_OTHER))
    assert lost(one, {}, LATE) == [JOB.id]


def test_of_those_that_come_one_after_another_the_first_is_asked_for() -> None:
    policy = Policy(catch_up=CatchUp.ALL, overlap=Overlap.ALLOW_ALL)
    assert lost(schedule(NEXT, JOB, policy=policy), {}, LATE + LEASE) == [JOB.id]


def test_one_that_ends_here_is_asked_for_as_well() -> None:
    off = schedule(JOB, enabled=False)
    assert lost(off, {}, LATE) == [JOB.id]


def back_off(seconds: float) -> Schedule:
    job: LiveJob = replace(
        JOB, attempt=1, started_at=START, available_at=START + timedelta(seconds=seconds)
    )
    return schedule(job)


def test_one_that_waits_for_its_next_attempt_is_not_lost_before_that() -> None:
    assert lost(back_off(60), {}, LATE) == []
    assert lost(back_off(60), {}, LATE + timedelta(seconds=60)) == [JOB.id]
