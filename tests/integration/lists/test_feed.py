"""The feed names each schedule that changes in a list, and costs an ordinary run nothing."""

from __future__ import annotations

from dataclasses import replace

from shared.access import LOCAL
from shared.schedules import audited
from shared.schedules.job import Status
from shared.schedules.listed import ScheduleState, state
from shared.schedules.model import Schedule
from shared.storage.tables.changed import PREFIX
from tests import sdk
from tests.integration.engine.conftest import Engine


def said(engine: Engine) -> dict[str, int]:
    """How often the feed names each schedule."""
    found: dict[str, int] = {}
    for row in sdk.table(engine.app, f"{engine.app.settings.prefix}schedules").list_entities():
        if row["RowKey"].startswith(PREFIX):
            schedule_id = row["RowKey"].split(":")[2]
            found[schedule_id] = found.get(schedule_id, 0) + 1
    return found


def heads(engine: Engine, made: Schedule) -> str:
    from shared.storage.tables.changed import ScheduleFeed

    feed = ScheduleFeed(engine.app.table._table, engine.app.table.shards)
    return feed.heads()[engine.app.table.shard(made.id)]


def run(engine: Engine) -> list[Status]:
    engine.later(60)
    engine.tick()
    return [job.status for job in engine.work()]


def stored(engine: Engine, made: Schedule) -> Schedule:
    found = engine.app.table.get(made.id)
    assert found is not None
    return found


def test_what_people_change_is_said(engine: Engine) -> None:
    made = engine.add()
    assert said(engine)[made.id] == 1
    before = heads(engine, made)
    manager = engine.app.manager
    manager.change(
        made.id, lambda one: replace(one, definition=replace(one.definition, description="x"))
    )
    assert said(engine)[made.id] == 2 and heads(engine, made) != before, "for who watches for drift"
    manager.change(made.id, lambda one: replace(one, policy=replace(one.policy, max_attempts=9)))
    assert said(engine)[made.id] == 3
    manager.enable(made.id, False)
    assert said(engine)[made.id] == 4
    manager.delete(made.id)
    assert said(engine)[made.id] == 5


def test_what_changes_nothing_is_not_said(engine: Engine) -> None:
    made = engine.add()
    before = heads(engine, made)
    engine.app.manager.change(made.id, lambda one: one)
    assert said(engine)[made.id] == 1 and heads(engine, made) == before


def test_runs_that_go_well_say_nothing(engine: Engine) -> None:
    made = engine.add()
    for _ in range(3):
        assert run(engine) == [Status.SUCCEEDED]
    assert said(engine)[made.id] == 1


def test_the_first_failure_is_said_and_stored_at_once_and_the_next_is_not(engine: Engine) -> None:
    made = engine.add("fails", max_attempts=1)
    assert run(engine) == [Status.FAILED]
    assert state(stored(engine, made)) is ScheduleState.FAILING
    assert said(engine)[made.id] == 2
    assert run(engine) == [Status.FAILED]
    assert said(engine)[made.id] == 2


def test_the_success_after_a_failure_is_said_at_once(engine: Engine) -> None:
    made = engine.add("fails", max_attempts=1)
    run(engine)
    engine.app.manager.change(
        made.id, lambda one: replace(one, definition=replace(one.definition, task_type="works"))
    )
    before = said(engine)[made.id]
    assert run(engine) == [Status.SUCCEEDED]
    assert state(stored(engine, made)) is ScheduleState.HEALTHY
    assert said(engine)[made.id] == before + 1
    assert run(engine) == [Status.SUCCEEDED]
    assert said(engine)[made.id] == before + 1


def test_many_that_fail_together_are_each_counted(engine: Engine) -> None:
    made = [engine.add("fails", max_attempts=1) for _ in range(7)]
    assert run(engine) == [Status.FAILED] * 7
    assert {state(stored(engine, one)) for one in made} == {ScheduleState.FAILING}
    assert {stored(engine, one).progress.failures_in_row for one in made} == {1}


def test_the_end_of_the_last_run_is_said(engine: Engine) -> None:
    made = engine.add(max_runs=1)
    assert state(stored(engine, made)) is ScheduleState.HEALTHY
    run(engine)
    assert state(stored(engine, made)) is ScheduleState.ENDED
    assert said(engine)[made.id] == 2


def test_a_row_that_is_discarded_is_said(engine: Engine) -> None:
    made = engine.add()
    told = audited.of_unreadable(LOCAL, made.id, engine.clock.now())
    engine.app.table.discard(made.id, told)
    assert said(engine)[made.id] == 2
