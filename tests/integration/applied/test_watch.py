"""Drift, from what people change to what the monitor tells, and what it reads for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from local.azurite import Azurite
from shared.access import LOCAL, Caller, Role
from shared.alerts.model import AlertState
from shared.alerts.port import AlertKind
from shared.applied.model import Change, Difference, Entry, Head
from shared.applied.rows import PARTITION, head_key, part_key
from shared.applied.service import Known
from shared.applied.watch import Watch
from shared.calendars.model import Definition
from shared.errors import Forbidden, Invalid, NotFound, Stale
from shared.recurrence import CalendarRule, DayOff
from shared.schedules.model import Schedule
from shared.storage.tables.batch import Delete, Upsert
from tests.context import job_of
from tests.dying import Dying, Killed
from tests.integration.engine.conftest import Engine, make

KIND = AlertKind.SCHEDULES_DRIFTED
ONE = Caller(name="one", role=Role.OPERATOR, projects=frozenset([1]))
TWO = Caller(name="two", role=Role.OPERATOR, projects=frozenset([2]))
BOTH = Caller(name="both", role=Role.OPERATOR, projects=frozenset([1, 2]))


def managed(engine: Engine, key: str, owner: str = "team", **more: Any) -> Schedule:
    return engine.add(tags={"managed_by": owner, "managed_key": key}, **more)


def put(engine: Engine, *schedules: Schedule, by: Caller = LOCAL, owner: str = "team") -> None:
    known = {
        one.definition.tags["managed_key"]: Known(one.id, now(engine, one).revision)
        for one in schedules
    }
    engine.app.applied.put(by, owner, known, {})


def now(engine: Engine, one: Schedule) -> Schedule:
    return engine.app.manager.get(one.id)


def change(engine: Engine, one: Schedule, **fields: Any) -> None:
    def step(before: Schedule) -> Schedule:
        return replace(before, definition=replace(before.definition, **fields))

    engine.app.manager.change(one.id, step)


def watch(engine: Engine, **job: Any) -> list[str]:
    """The owners whose schedules drifted, by the monitor."""
    engine.later(300)
    watching = Watch(engine.app.applied._looking, engine.app.alerts())
    found = watching.watch(job_of(clock=engine.clock, **job))
    assert isinstance(found["drifted"], list)
    return found["drifted"]


def said(engine: Engine, owner: str = "team", by: Caller = LOCAL) -> list[tuple[Any, ...]]:
    found = engine.app.applied.get(by, owner).differences
    return [_short(one) for one in found]


def _short(one: Difference) -> tuple[Any, ...]:
    return (one.change, one.key, *one.fields)


def alerts(engine: Engine) -> Mapping[str, tuple[AlertState, int]]:
    """By owner: the alert, and how often it was begun."""
    current = engine.app.alerts()._book.current()
    return {one.about: (one.state, one.count) for one in current if one.kind is KIND}


def test_drift_is_told_once_and_so_is_its_end(engine: Engine) -> None:
    same, changed, gone = (managed(engine, key) for key in ("same", "changed", "gone"))
    put(engine, same, changed, gone)
    assert watch(engine) == [] and alerts(engine) == {}
    change(engine, changed, description="by hand", enabled=False)
    engine.app.manager.delete(gone.id)
    new = managed(engine, "new")
    other = managed(engine, "x", "others")
    expected = [
        (Change.CHANGED, "changed", "description", "enabled"),
        (Change.DELETED, "gone"),
        (Change.ADDED, "new"),
    ]
    assert said(engine) == expected, "at once, not when the monitor has looked"
    assert engine.app.applied.get(LOCAL, "team").since is None
    for _ in range(3):
        assert watch(engine) == ["team"]
        assert alerts(engine) == {"team": (AlertState.OPEN, 1)}
    since = engine.app.applied.get(LOCAL, "team").since
    assert since is not None and said(engine) == expected
    (alert,) = (one for one in engine.app.alerts().all(100) if one.kind is KIND)
    assert "changed schedule changed" in alert.text and "description, enabled" in alert.text
    change(engine, changed, description="", enabled=True)
    engine.app.manager.delete(new.id)
    assert watch(engine) == ["team"], "one is gone for good"
    assert engine.app.applied.get(LOCAL, "team").since == since
    put(engine, same, changed)
    assert said(engine) == [] and watch(engine) == []
    assert alerts(engine) == {"team": (AlertState.RESOLVED, 1)}
    assert now(engine, other).revision == 1


def test_what_the_engine_does_is_no_drift(engine: Engine) -> None:
    one = managed(engine, "a", task_type="refused", pause_after_failures=1)
    put(engine, one)
    for _ in range(2):
        engine.later(60)
        engine.tick()
        engine.work()
    assert now(engine, one).progress.paused_reason is not None
    assert watch(engine) == []


def test_a_change_that_is_undone_is_no_drift_and_is_read_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = managed(engine, "a"), managed(engine, "b")
    put(engine, one, two)
    watch(engine)
    change(engine, one, description="x")
    change(engine, one, description="")
    read: list[str] = []
    entries: list[str] = []
    table, store = engine.app.applied._looking.table, engine.app.applied._store
    many, whole = table.many, store.entries

    def rows_of(_: object, ids: Sequence[str]) -> dict[str, Schedule]:
        read.extend(ids)
        return many(ids)

    def entries_of(_: object, head: Head) -> list[Entry]:
        entries.append(head.owner)
        return whole(head)

    monkeypatch.setattr(type(table), "many", rows_of)
    monkeypatch.setattr(type(store), "entries", entries_of)
    engine.app.listing.refresh()
    read.clear()
    assert watch(engine) == [] and (read, entries) == ([one.id], ["team"])
    read.clear()
    entries.clear()
    assert watch(engine) == [] and (read, entries) == ([], []), "nothing changed: one row each"
    engine.later(60)
    engine.tick()
    engine.work()
    assert watch(engine) == [] and entries == [], "runs are no change"


def test_the_owners_mark_removed_is_a_change(engine: Engine) -> None:
    one = managed(engine, "a")
    put(engine, one)
    change(engine, one, tags={})
    assert said(engine) == [(Change.CHANGED, "a", "tags")]
    assert watch(engine) == ["team"]


def test_a_calendar_is_watched_too(engine: Engine) -> None:
    calendars, day = engine.app.calendars, DayOff(engine.clock.now().date().replace(day=24), "x")
    what = Definition(name="Week", description="\n[managed_by team]", days=(day,))
    made = calendars.create(LOCAL, what)
    one = managed(engine, "a")
    observed = calendars.observance(["Week"], CalendarRule.SKIP, None)
    change(engine, one, recurrence=replace(one.definition.recurrence, calendar=observed))
    given = {"a": Known(one.id, now(engine, one).revision)}
    engine.app.applied.put(LOCAL, "team", given, {"Week": Known(made.id, made.version)})
    assert watch(engine) == []
    later = replace(day, day=day.day.replace(day=25))
    calendars.change(
        LOCAL, made.id, lambda it: replace(it, definition=replace(it.definition, days=(later,)))
    )
    assert now(engine, one).revision > given["a"].revision, "it follows its calendar"
    assert said(engine) == [(Change.CHANGED, "Week", "days")], "which is no change of its own"
    assert watch(engine) == ["team"]
    with pytest.raises(Stale, match="version 2"):
        engine.app.applied.put(LOCAL, "team", {}, {"Week": Known(made.id, 1)})
    calendars.create(LOCAL, replace(what, name="Other"))
    assert (Change.ADDED, "Other") in said(engine)


def test_what_was_changed_since_or_is_not_the_owners_is_refused(engine: Engine) -> None:
    one, plain = managed(engine, "a", project_id=1), engine.add(project_id=1)
    change(engine, one, description="x")
    applied = engine.app.applied
    for by, key, schedule, error in (
        (LOCAL, "a", Known(one.id, 1), Stale),
        (LOCAL, "b", Known(one.id, 2), Invalid),
        (LOCAL, "a", Known(plain.id, 1), Invalid),
        (LOCAL, "a", Known("nowhere", 1), NotFound),
        (TWO, "a", Known(one.id, 2), NotFound),
    ):
        with pytest.raises(error):
            applied.put(by, "team", {key: schedule}, {})
    assert applied.all(LOCAL) == []
    put(engine, one, by=ONE)
    engine.app.manager.delete(one.id)
    with pytest.raises(NotFound):
        applied.put(ONE, "team", {"a": Known(one.id, 3)}, {})
    assert said(engine, by=ONE) == [(Change.DELETED, "a")]


def test_each_caller_sees_its_projects_and_applies_to_them(engine: Engine) -> None:
    one, two = managed(engine, "a", project_id=1), managed(engine, "b", project_id=2)
    put(engine, one, two)
    change(engine, one, description="x")
    applied = engine.app.applied
    assert [it.owner for it in applied.all(ONE)] == ["team"]
    assert said(engine, by=ONE) == [(Change.CHANGED, "a", "description")]
    assert said(engine, by=TWO) == [] and applied.get(TWO, "team").schedules == 1
    none = replace(ONE, projects=frozenset([3]))
    assert applied.all(none) == []
    with pytest.raises(NotFound):
        applied.get(none, "team")
    with pytest.raises(NotFound):
        applied.remove(none, "team")
    with pytest.raises(Forbidden, match="more projects"):
        applied.remove(ONE, "team")
    put(engine, one, by=ONE)  # what it applies counts for its project
    assert said(engine) == [] and applied.get(LOCAL, "team").schedules == 2
    change(engine, two, description="y")
    assert said(engine, by=TWO) == [(Change.CHANGED, "b", "description")]
    assert watch(engine) == ["team"]
    put(engine, one, two, by=BOTH)
    assert watch(engine) == [] and said(engine, by=BOTH) == []
    assert len(applied._store.heads()) == 2, "that of project 1 counts for nothing any more"
    applied.remove(LOCAL, "team")
    assert applied._store.heads() == [] and watch(engine) == []
    with pytest.raises(NotFound):
        applied.get(LOCAL, "team")


def test_removing_ends_the_alert(engine: Engine) -> None:
    one = managed(engine, "a")
    put(engine, one)
    engine.app.manager.delete(one.id)
    assert watch(engine) == ["team"]
    engine.app.applied.remove(LOCAL, "team")
    assert watch(engine) == [] and alerts(engine)["team"][0] is AlertState.RESOLVED


def test_a_dry_run_tells_nobody_and_keeps_nothing(engine: Engine) -> None:
    one = managed(engine, "a")
    put(engine, one)
    change(engine, one, description="x")
    before = engine.app.applied._store.heads()
    assert watch(engine, dry_run=True) == ["team"]
    assert alerts(engine) == {} and engine.app.applied._store.heads() == before


def test_a_monitor_that_is_killed_tells_it_once_all_the_same(azurite: Azurite) -> None:
    """Killed at each of its writes in turn."""
    for write in range(1, 20):
        engine = make(azurite)
        one = managed(engine, "a")
        put(engine, one)
        watch(engine)
        change(engine, one, description="x")
        dying = make(
            azurite, engine.app.settings.prefix, Dying(write), clock=engine.clock, prepared=True
        )
        try:
            watch(dying)
            killed = False
        except Killed:
            killed = True
        assert watch(engine) == ["team"]
        assert alerts(engine) == {"team": (AlertState.OPEN, 1)}
        if not killed:
            assert write > 2
            return
    raise AssertionError("it never ends")


def test_entries_that_are_lost_are_said_and_hide_no_others(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    put(engine, managed(engine, "a"))
    put(engine, managed(engine, "a", "others"), owner="others")
    store = engine.app.applied._store
    (head,) = (one for one in store.heads() if one.owner == "team")
    assert store.write(head, replace(head, parts=0), store.entries(head))
    (head,) = (one for one in store.heads() if one.owner == "team")
    table = engine.app.connection.table(engine.app.settings.prefix + "schedules")
    table.transact(PARTITION, [Delete(part_key(head, 0))])
    assert [one.owner for one in engine.app.applied.all(LOCAL)] == ["others"]
    assert watch(engine) == []
    assert any(vars(one).get("event") == "applied_unreadable" for one in caplog.records)


def test_a_row_that_cannot_be_read_is_mended_by_the_next_apply(engine: Engine) -> None:
    one = managed(engine, "a")
    put(engine, one)
    (head,) = engine.app.applied._store.heads()
    table = engine.app.connection.table(engine.app.settings.prefix + "schedules")
    table.transact(PARTITION, [Upsert(head_key(head), {"owner": "team", "parts": "many"})])
    assert engine.app.applied.all(LOCAL) == [] and watch(engine) == []
    put(engine, one)
    assert engine.app.applied.get(LOCAL, "team").schedules == 1


def test_of_two_applies_at_once_one_is_kept_whole(engine: Engine) -> None:
    one, two = managed(engine, "a"), managed(engine, "b")
    put(engine, one)
    store = engine.app.applied._store
    (head,) = store.heads()
    entries = store.entries(head)
    put(engine, one, two)
    assert not store.write(head, head, entries), "it was replaced meanwhile"
    assert engine.app.applied.get(LOCAL, "team").schedules == 2
    assert not store.remove(head)
