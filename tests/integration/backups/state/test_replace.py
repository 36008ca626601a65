"""The state restored among schedules that are there: what was done since stays done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.backups.source import Target
from shared.backups.state import write as state_write
from shared.errors import Conflict
from shared.recurrence import Recurrence
from shared.schedules.job import Status
from shared.schedules.model import Schedule
from shared.storage.tables.batch import Operation, Replace
from shared.storage.tables.table import Table
from shared.tasks import JobContext, Params, Result, task
from tests.integration.backups.state.setup import busy, dumped, every, prefix, reconciled, restored
from tests.integration.engine.conftest import Engine, make, tap
from tests.jobs import jobs_of


def test_among_schedules_that_went_on_since(engine: Engine, tmp_path: Path) -> None:
    """Definitions come back, what was done since stays done, and what is new stays."""
    engine.calls.hold.set()
    made = busy(engine)
    content, _ = dumped(engine, tmp_path)
    changed = engine.app.manager.change(
        made["minutely"].id, lambda one: _renamed(one, "changed", every(30))
    )
    engine.app.manager.delete(made["cron"].id)
    new = engine.add()
    for _ in range(3):
        engine.later(60)
        engine.tick()
        engine.work()
    started = list(engine.calls.started)
    restored(engine, tmp_path, content, Target(replace=engine.app.settings.prefix))
    back = engine.app.manager.get(changed.id)
    assert (back.definition.name, back.definition.recurrence) == ("test", every(60))
    assert back.revision > changed.revision
    assert engine.app.manager.get(made["cron"].id).is_on
    assert engine.app.manager.get(new.id).is_on
    engine.later(60)
    engine.tick()
    engine.work()
    again = engine.calls.started[len(started) :]
    assert {made["minutely"].id, made["cron"].id, new.id} <= {one.split("-")[0] for one in again}
    assert not set(again) & set(started)
    reconciled(engine)


def _renamed(one: Schedule, name: str, recurrence: Recurrence) -> Schedule:
    return replace(one, definition=replace(one.definition, name=name, recurrence=recurrence))


@task("hourly", cron="*/5 * * * *", timeout_seconds=60)
def hourly(job: JobContext, params: Params) -> Result:
    """A task with a time of its own, soon."""
    return {}


def lives(one: Engine) -> None:
    """Ten minutes of its life."""
    for _ in range(10):
        one.later(60)
        one.tick()
        one.work()


@pytest.mark.parametrize("hours", [1, 10])
def test_among_system_schedules_that_ran_on_the_empty_account(
    engine: Engine, azurite: Azurite, tmp_path: Path, hours: int
) -> None:
    """Both pasts are kept, and what nothing ran in between is accounted for, as a stretch if that
    is much."""
    first = make(azurite, engine.app.settings.prefix, clock=engine.clock, tasks=[hourly])
    tap(first)
    lives(first)
    ran = first.app.manager.get("hourly").progress.success_count
    assert ran == 2
    content, _ = dumped(engine, tmp_path)
    engine.later(3600 * hours)
    other = make(azurite, prefix(), clock=engine.clock, tasks=[hourly])
    tap(other)
    lives(other)
    with pytest.raises(Conflict, match="there is the schedule hourly"):
        restored(other, tmp_path, content)
    restored(other, tmp_path, content, Target(replace=other.app.settings.prefix))
    reconciled(other)
    engine.later(300)
    other.tick()
    other.work()
    reconciled(other)
    counted = other.app.manager.get("hourly").progress
    assert counted.success_count == 2 + ran + 1 and counted.cancelled_count >= 12 * hours - 1
    jobs = jobs_of(other.app, "hourly")
    assert max(job.count for job in jobs) == (1 if hours == 1 else counted.cancelled_count)
    assert [job.status for job in jobs].count(Status.SUCCEEDED) == counted.success_count


def test_a_schedule_that_runs_while_it_is_replaced(
    engine: Engine, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made anew on an empty account it had done nothing yet; by the time of the write it had."""
    first = make(azurite, engine.app.settings.prefix, clock=engine.clock, tasks=[hourly])
    tap(first)
    lives(first)
    content, _ = dumped(engine, tmp_path)
    engine.later(3600)
    other = make(azurite, prefix(), clock=engine.clock, tasks=[hourly])
    tap(other)
    transact = state_write.transact
    ran: list[str] = []

    def late(wire: Table, partition: str, operations: Sequence[Operation]) -> bool:
        replaced = [one.key for one in operations if isinstance(one, Replace)]
        if replaced == ["schedule:hourly"] and not ran:
            engine.later(300)
            other.tick()
            ran.extend(job.id for job in other.work())
        return transact(wire, partition, operations)

    monkeypatch.setattr(state_write, "transact", late)
    restored(other, tmp_path, content, Target(replace=other.app.settings.prefix))
    done = {job.id for job in jobs_of(other.app, "hourly") if job.status is Status.SUCCEEDED}
    assert ran and set(ran) < done
    assert other.app.manager.get("hourly").progress.success_count == len(done) == 2 + len(ran)
    reconciled(other)
