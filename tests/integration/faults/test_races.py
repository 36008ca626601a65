"""Conflicts: who loses decides anew, who won without being told finds it out."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from shared.schedules.job import Status
from shared.schedules.model import Schedule
from shared.storage import failures
from tests.faults import Fault, LoseAnswer, Reset
from tests.integration.faults.conftest import HANG, Faulty
from tests.integration.faults.test_away import Hired

_LOST = pytest.mark.parametrize("fault", [LoseAnswer(), Reset("after")], ids=["lost", "reset"])


def rename(faulty: Faulty, schedule_id: str) -> None:
    def step(one: Schedule) -> Schedule:
        return replace(one, definition=replace(one.definition, name="renamed"))

    faulty.calm.app.manager.change(schedule_id, step)


def test_a_transaction_of_many_of_which_one_is_refused_is_made_for_the_others(
    faulty: Faulty,
) -> None:
    made = sorted((faulty.add() for _ in range(12)), key=lambda one: one.id)
    far = [one for one in made if faulty.calm.app.table.shard(one.id) == "s000"]
    for one in made:  # nothing was handed out yet
        faulty.calm.app.manager.enable(one.id, False)
    faulty.later(-60)
    for one in made:
        faulty.calm.app.manager.enable(one.id, True)
    faulty.later(90)
    changed = far[0]
    with faulty.proxy.hold("before", operation="$batch", body=changed.id) as held:
        ticking = threading.Thread(target=faulty.engine.tick)
        ticking.start()
        assert held.arrived.wait(20)
        rename(faulty, changed.id)
    ticking.join(20)
    for one in made:
        assert faulty.live(one) == [faulty.due(one)]
    faulty.engine.tick()
    for one in made:
        (job,) = faulty.engine.app.worker.work(faulty.message(faulty.due(one)))
        assert job.status is Status.SUCCEEDED
    assert len(faulty.engine.calls.started) == 12


@_LOST
def test_a_lease_that_was_taken_unheard_and_written_over_is_still_ones_own(
    faulty: Faulty, fault: Fault
) -> None:
    made = faulty.add(max_attempts=1)
    faulty.later(31)
    with faulty.proxy.hold("after", operation="$batch", body="lease_until") as held:
        hired = Hired(faulty.engine.app.worker, faulty.message(faulty.due(made)))
        assert held.arrived.wait(20)
        rename(faulty, made.id)  # its mark is gone
        held.release(fault)
    hired.join()
    assert [(job.status, job.attempt) for job in hired.ended] == [(Status.SUCCEEDED, 1)]
    assert faulty.engine.calls.started == [faulty.due(made)]


@_LOST
def test_an_end_that_was_written_unheard_is_ones_own(faulty: Faulty, fault: Fault) -> None:
    """One that pauses its schedule, so that it is written with the schedule's row."""
    made = faulty.add("refused", pause_after_failures=1)
    faulty.later(31)
    with faulty.proxy.hold("after", operation="$batch", body='"status":"failed"') as held:
        hired = Hired(faulty.engine.app.worker, faulty.message(faulty.due(made)))
        assert held.arrived.wait(20)
        rename(faulty, made.id)
        held.release(fault)
    hired.join()
    assert [job.status for job in hired.ended] == [Status.FAILED]
    shown = faulty.calm.app.manager.get(made.id)
    assert shown.progress.failure_count == 1 and shown.progress.paused_reason


@_LOST
def test_a_tick_that_was_not_told_hands_out_nothing_twice(faulty: Faulty, fault: Fault) -> None:
    made = faulty.add()
    faulty.calm.app.manager.enable(made.id, False)
    faulty.later(-60)
    faulty.calm.app.manager.enable(made.id, True)
    faulty.later(90)
    with faulty.proxy.hold("after", operation="$batch") as held:
        ticking = threading.Thread(target=faulty.engine.tick)
        ticking.start()
        assert held.arrived.wait(20)
        rename(faulty, made.id)
        held.release(fault)
    ticking.join(20)
    assert faulty.live(made) == [faulty.due(made)]
    (job,) = faulty.engine.app.worker.work(faulty.message(faulty.due(made)))
    assert job.status is Status.SUCCEEDED


def test_a_write_that_comes_late_takes_nothing_back(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease whose request hung, and reached storage when another worker had run the job."""
    monkeypatch.setitem(failures.TIMEOUTS, "read_timeout", HANG)
    engine = faulty.behind()
    made = faulty.add()
    faulty.later(31)
    engine.clock.set(faulty.calm.clock.now())
    message = faulty.message(faulty.due(made))
    with faulty.proxy.hold("before", operation="$batch", body="lease_until") as held:
        hired = Hired(engine.app.worker, message)
        assert held.arrived.wait(20)
        hired.join()  # it gave up, or asked again and ran the job
        faulty.later(61)
        faulty.calm.app.worker.work(message)
    (job,) = faulty.jobs(made)
    started = engine.calls.started + faulty.calm.calls.started
    assert started == [job.id] and job.status is Status.SUCCEEDED
