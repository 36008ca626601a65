"""Each change by a person or a task is in the chain: by whom, from where, from what to what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.access import LOCAL, Caller
from shared.audit.entry import Entry, Outcome
from shared.audit.listing import Wanted
from shared.audit.port import Action, Subject
from shared.errors import Conflict
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status
from tests import sdk
from tests.integration.audit.conftest import ADMIN, ANNA, Office
from tests.integration.engine.conftest import make, tap


def entries(office: Office, schedule_id: str | None = None) -> list[Entry]:
    """What the chain has, oldest first."""
    found = office.audit.page(Wanted(schedule_id=schedule_id), ADMIN, 1, 1000)
    assert len(found.records) == found.total
    return [one.entry() for one in reversed(found.records)]


def test_a_schedules_life_is_in_the_chain(office: Office) -> None:
    app = office.engine.app
    made = office.engine.add()
    app.manager.change(
        made.id, lambda one: replace(one, policy=replace(one.policy, max_attempts=5)), by=ANNA
    )
    app.manager.enable(made.id, False, by=ANNA)
    app.manager.enable(made.id, True, by=ANNA)
    asked = app.manager.run_now(made.id, force=True, by=ANNA)
    app.control.cancel(asked.job_id, "not today", by=ANNA)
    again = app.control.retry(asked.job_id, by=ANNA)
    app.control.retry(asked.job_id, by=ANNA)  # asked twice, done once
    app.manager.change(made.id, lambda one: one, by=ANNA)  # nothing changes
    app.manager.delete(made.id, by=Caller.of_task("sweeper"))
    told = entries(office, made.id)
    assert [(one.by.name, one.action) for one in told] == [
        (LOCAL.name, Action.CREATE),
        ("anna", Action.CHANGE),
        ("anna", Action.DISABLE),
        ("anna", Action.ENABLE),
        ("anna", Action.EXECUTE),
        ("anna", Action.CANCEL),
        ("anna", Action.RETRY),
        ("task:sweeper", Action.DELETE),
    ]
    changed = told[1]
    assert (changed.by.key_id, changed.by.address, changed.by.request_id) == (
        "k1",
        "192.0.2.7",
        "req-1",
    )
    assert changed.before is not None and changed.after is not None
    assert changed.before["policy"]["max_attempts"] == 3  # type: ignore[index]
    assert changed.after["policy"]["max_attempts"] == 5  # type: ignore[index]
    assert told[4].after == {"job_ids": [asked.job_id], "insist": False}
    assert told[5].subject == Subject("job", asked.job_id)
    assert told[5].after == {"reason": "not today"}
    assert told[6].after == {"job_ids": [again.id], "insist": False}
    assert {one.schedule_id for one in told} == {made.id}
    assert office.verified().good


def test_an_ordinary_run_tells_nothing_and_a_pause_does(office: Office) -> None:
    engine = office.engine
    made = engine.add("refused", pause_after_failures=1, max_attempts=1)
    engine.later(120)
    engine.tick()
    assert Status.FAILED in {job.status for job in engine.work()}
    told = entries(office, made.id)
    assert [(one.by.name, one.action) for one in told] == [
        ("local", Action.CREATE),
        ("engine", Action.PAUSE),
    ]
    assert "paused_reason" in (told[1].after or {})


def test_system_schedules_are_changed_by_the_settings(azurite: Azurite) -> None:
    from functions.operations.audit_upkeep import audit_upkeep
    from functions.operations.schedule_cleanup import schedule_cleanup

    both = [audit_upkeep, schedule_cleanup]
    first = make(azurite, tasks=both)
    prefix, off = first.app.settings.prefix, {"SCHEDULE_CLEANUP_ENABLED": "false"}
    make(azurite, prefix, tasks=both, environ=off)
    make(azurite, prefix, tasks=[audit_upkeep])  # its task is gone
    office = Office(make(azurite, prefix, tasks=both))  # and back
    told = [(one.by.name, one.action) for one in entries(office, "schedule_cleanup")]
    assert told == [
        ("settings", Action.CREATE),
        ("settings", Action.CHANGE),
        ("settings", Action.CHANGE),
        ("settings", Action.CHANGE),
    ]
    assert len(entries(office, "audit_upkeep")) == 1


def test_a_task_that_ends_a_schedule_is_named(azurite: Azurite) -> None:
    from functions.operations.schedule_cleanup import schedule_cleanup

    engine = make(azurite, tasks=[schedule_cleanup])
    office = Office(engine)
    ends = Recurrence(frequency=Frequency.DAILY, end_time=engine.clock.now() + timedelta(days=2))
    made = engine.add(recurrence=ends)
    engine.later(3 * 86400)
    tap(engine)
    engine.app.manager.run_now("schedule_cleanup", force=True)
    assert Status.SUCCEEDED in {job.status for job in engine.work()}
    assert entries(office, made.id)[-1].by.name == "task:schedule_cleanup"
    assert entries(office, made.id)[-1].action is Action.DISABLE


def test_a_run_that_is_due_and_asked_for_is_told_once(office: Office) -> None:
    made = office.engine.add()
    office.engine.later(120)
    asked = office.engine.app.manager.run_now(made.id, force=False, by=ANNA)
    last = entries(office, made.id)[-1]
    assert (last.by.name, last.action) == ("anna", Action.EXECUTE)
    assert last.after == {"job_ids": [asked.job_id]}


def test_a_schedule_that_cannot_be_read_is_deleted_by_somebody(office: Office) -> None:
    made = office.engine.add()
    app = office.engine.app
    key, shard = f"schedule:{made.id}", app.table.shard(made.id)
    sdk.table(app).update_entity({"PartitionKey": shard, "RowKey": key, "policy": "garbled"})
    app.manager.delete(made.id, by=ANNA)
    last = entries(office, made.id)[-1]
    assert (last.by.name, last.action) == ("anna", Action.DELETE)
    assert last.after == {"deleted": True, "unreadable": True}


def test_secrets_are_not_kept(office: Office) -> None:
    hidden = {"url": "postgresql://u:topsecret@h/d", "api_key": "k-123", "word": "plain"}
    with office.audit.changing(ANNA, Action.CREATE, Subject("calendar", "c"), hidden) as change:
        change.after = {"nested": [{"password": "hunter2"}], "token": 5}
    (told,) = entries(office)[-1:]
    assert told.before == {"url": "postgresql://u:***@h/d", "api_key": "***", "word": "plain"}
    assert told.after == {"nested": [{"password": "***"}], "token": "***"}
    assert told.outcome is Outcome.DONE


def test_a_change_that_fails_says_so(office: Office) -> None:
    with (
        pytest.raises(Conflict),
        office.audit.changing(ANNA, Action.DELETE, Subject("calendar", "c")),
    ):
        raise Conflict("it is used")
    (told,) = entries(office)[-1:]
    assert (told.outcome, told.error) == (Outcome.FAILED, "Conflict: it is used")
