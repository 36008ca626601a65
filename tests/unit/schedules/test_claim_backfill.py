"""Runs of a schedule's own go before a backfill's, and are not skipped for one that runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.schedules.claim import Claim, End, Start, Wait, claim
from shared.schedules.job import Job, Status
from shared.schedules.model import CatchUp, LiveJob, Overlap, Policy, Schedule
from tests.unit.schedules.test_claim import JOB, LEASE, START, ended, schedule

DAY = timedelta(days=1)
WAITS = LiveJob(id="n-20260228T120000Z-b3f9k2", due_at=START - DAY, available_at=START - LEASE)
RUNS = replace(
    WAITS,
    attempt=1,
    started_at=START - LEASE,
    first_started_at=START - LEASE,
    worker="w0",
    lease_until=START + DAY,
)
LATER = replace(JOB, id="n-20260301T120030Z", due_at=START + LEASE / 2)
ONE_AT_A_TIME = [one for one in Overlap if one is not Overlap.ALLOW_ALL]


def ask(
    one: Schedule, job: LiveJob, *, now: float = 0, done: dict[str, Job] | None = None
) -> Claim:
    at = START + timedelta(seconds=now)
    return claim(one, job.id, done or {}, worker="w1", now=at, lease=LEASE)


def with_overlap(overlap: Overlap, *live: LiveJob, grace: int = 900) -> Schedule:
    return schedule(*live, policy=Policy(overlap=overlap, misfire_grace_seconds=grace))


@pytest.mark.parametrize("overlap", ONE_AT_A_TIME)
def test_a_run_of_its_own_waits_for_a_backfills_job(overlap: Overlap) -> None:
    found = ask(with_overlap(overlap, RUNS, JOB), JOB)
    assert isinstance(found, Wait) and found.after is None, "and does not stop it"


@pytest.mark.parametrize("overlap", ONE_AT_A_TIME)
@pytest.mark.parametrize("catch_up", CatchUp)
def test_the_wait_uses_up_none_of_its_grace(overlap: Overlap, catch_up: CatchUp) -> None:
    over = replace(ended(RUNS), finished_at=START + timedelta(hours=3))
    one = with_overlap(overlap, RUNS, JOB, grace=30)
    one = replace(one, policy=replace(one.policy, catch_up=catch_up))
    found = ask(one, JOB, now=3 * 3600 + 4, done={over.id: over})
    assert isinstance(found, Start)


def test_without_a_backfill_that_late_a_run_is_missed() -> None:
    found = ask(with_overlap(Overlap.SKIP, JOB, grace=30), JOB, now=40)
    assert isinstance(found, End) and found.job.status is Status.MISSED


@pytest.mark.parametrize("overlap", ONE_AT_A_TIME)
def test_a_backfills_job_lets_what_is_due_go_first(overlap: Overlap) -> None:
    one = with_overlap(overlap, WAITS, JOB)
    assert isinstance(ask(one, WAITS), Wait)
    assert isinstance(ask(one, JOB), Start)
    asked = replace(JOB, id="n-20260301T120000Z-k3f9mnop5qa")
    assert isinstance(ask(with_overlap(overlap, WAITS, asked), asked), Start)
    assert isinstance(ask(with_overlap(overlap, WAITS), WAITS), Start)


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.BUFFER_ONE])
def test_one_run_waits_for_it_and_the_next_are_skipped(overlap: Overlap) -> None:
    found = ask(with_overlap(overlap, RUNS, JOB, LATER), LATER, now=30)
    assert isinstance(found, End) and found.job.status is Status.SKIPPED
    assert found.job.reason == f"{JOB.id} waits already (overlap: {overlap})"


def test_the_latest_replaces_the_others_that_wait() -> None:
    one = with_overlap(Overlap.CANCEL_OTHER, RUNS, JOB, LATER)
    found = ask(one, JOB, now=30)
    assert isinstance(found, End) and found.job.status is Status.SKIPPED
    assert isinstance(ask(one, LATER, now=30), Wait)


def test_with_allow_all_they_go_side_by_side() -> None:
    assert isinstance(ask(with_overlap(Overlap.ALLOW_ALL, RUNS, JOB), JOB), Start)
    assert isinstance(ask(with_overlap(Overlap.ALLOW_ALL, WAITS, JOB), WAITS), Start)


def test_it_is_neither_late_nor_stopped_by_a_schedule_that_is_off() -> None:
    assert isinstance(ask(schedule(WAITS, enabled=False), WAITS, now=10 * 86400), Start)
