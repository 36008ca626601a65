"""The health of schedules, from runs on real storage to alerts and the API (C15, N12)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.access import LOCAL
from shared.alerts.model import AlertState
from shared.alerts.port import AlertKind
from shared.health.monitor import Monitor
from shared.schedules.job import Job, Status, job_id
from shared.schedules.model import Band, Schedule
from tests.context import job_of
from tests.dying import Dying, Killed
from tests.integration.engine.conftest import START, Engine, make, store
from tests.integration.jobs.truth import pack, sweep
from tests.integration.schedules.conftest import Counter


def monitor(engine: Engine, most: int = 2000) -> Monitor:
    app = engine.app
    return Monitor(app.health, app.alerts(), app.meta, most=most)


def watch(engine: Engine, most: int = 2000) -> Mapping[str, object]:
    return monitor(engine, most).watch(job_of(clock=engine.clock))


def ran(engine: Engine, times: int = 1) -> None:
    """Let what is due run, and be filed and packed."""
    for _ in range(times):
        engine.later(60)
        engine.tick()
        engine.work()
    engine.later(100)
    sweep(engine.app)
    pack(engine.app)


def alerts(engine: Engine) -> dict[tuple[AlertKind, str], AlertState]:
    """The alerts about schedules' health."""
    kinds = (AlertKind.SCHEDULE_UNHEALTHY, AlertKind.RUN_UNUSUAL)
    current = engine.app.alerts()._book.current()
    return {(one.kind, one.about): one.state for one in current if one.kind in kinds}


def end(engine: Engine, one: Schedule, seconds: float, result: Mapping[str, object]) -> None:
    """A run that took so long, and gave that result."""
    due = engine.later(60).replace(microsecond=0)
    name = job_id(one.id, due)
    job = Job(
        id=name,
        schedule_id=one.id,
        schedule_name="test",
        project_id=None,
        task_type="works",
        status=Status.SUCCEEDED,
        due_at=due,
        attempt=1,
        started_at=due,
        first_started_at=due,
        finished_at=due + timedelta(seconds=seconds),
        worker="w",
        result=result,
    )
    assert engine.app.table.end([job]) == [True]


def test_three_failures_are_told_once_and_so_is_their_end(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    counter = Counter(engine)
    pack(engine.app)
    made = engine.add("refused", project_id=7)
    well = engine.add(project_id=8)
    ran(engine, 3)
    assert watch(engine)["schedules"] == [made.id]
    line = next(one for one in caplog.records if vars(one).get("event") == "schedules_critical")
    assert line.levelno == logging.WARNING and vars(line)["fields"]["critical"] == 1
    key = AlertKind.SCHEDULE_UNHEALTHY, made.id
    assert alerts(engine) == {key: AlertState.OPEN}
    assert engine.app.health.findings.ended() == []
    found = counter.told("GET", f"/schedules/{made.id}/health")
    assert found["verdict"] == "critical" and found["success_rate"] == 0.0
    assert [one["kind"] for one in found["reasons"]] == ["failing"]
    assert found["reasons"][0]["since"] is not None and found["since"] is not None
    assert counter.told("GET", f"/schedules/{well.id}/health")["verdict"] == "healthy"
    for query, ids in (
        ("", [made.id]),
        ("?project_id=7&verdict=critical", [made.id]),
        ("?project_id=8", []),
        ("?verdict=look", []),
    ):
        listed = counter.told("GET", f"/schedules/health/list{query}")
        assert [one["schedule_id"] for one in listed["schedules"]] == ids
        assert listed["total"] == len(ids)
    theirs, others = (replace(LOCAL, projects=frozenset({number})) for number in (7, 8))
    assert [one.schedule.id for one in engine.app.health.unwell(theirs, None)] == [made.id]
    assert engine.app.health.unwell(others, None) == []
    since = found["since"]
    ran(engine, 1)
    watch(engine)
    assert counter.told("GET", f"/schedules/{made.id}/health")["since"] == since
    store(
        engine.app,
        made.id,
        lambda one: replace(one, definition=replace(one.definition, task_type="works")),
    )
    ran(engine, 1)
    assert watch(engine)["critical"] == 0
    assert alerts(engine) == {key: AlertState.RESOLVED}
    assert engine.app.health.findings.all() == {}


def test_turned_off_is_over(engine: Engine) -> None:
    pack(engine.app)
    made, gone = engine.add("refused"), engine.add("refused")
    ran(engine, 3)
    assert watch(engine)["critical"] == 2
    engine.app.manager.enable(made.id, False)
    engine.app.manager.delete(gone.id)
    assert watch(engine)["critical"] == 0
    assert set(alerts(engine).values()) == {AlertState.RESOLVED}


def test_a_run_with_no_rows_is_told_and_so_is_the_next_usual_one(engine: Engine) -> None:
    counter = Counter(engine)
    made = engine.add(enabled=True)
    note = engine.app.health.findings.note
    for number in range(40):
        end(engine, made, 40.0, {"rows": 1000 + number % 5})
    end(engine, made, 0.1, {"rows": 0})
    note([made.id])
    watch(engine)
    key = AlertKind.RUN_UNUSUAL, made.id
    assert alerts(engine) == {key: AlertState.OPEN}
    found = counter.told("GET", f"/schedules/{made.id}/health")
    bands = {one["metric"]: one for one in found["bands"]}
    assert found["verdict"] == "look" and bands["rows"]["unusual"]
    assert bands["rows"]["last"] == 0 and 1000 <= bands["rows"]["usual"] <= 1004
    assert bands["duration_seconds"]["low"] > 0.1 and bands["duration_seconds"]["high"] > 40
    end(engine, made, 41.0, {"rows": 1001})
    note([made.id])
    watch(engine)
    assert alerts(engine) == {key: AlertState.RESOLVED}


def test_of_a_band_that_is_only_shown_nobody_is_told_and_one_that_is_off_says_nothing(
    engine: Engine,
) -> None:
    counter = Counter(engine)
    made = engine.add(band=Band.SHOW)
    key = AlertKind.RUN_UNUSUAL, made.id
    for number in range(40):
        end(engine, made, 40.0, {"rows": 1000 + number % 5})

    def unlike(band: str) -> dict[str, object]:
        counter.told("PATCH", f"/schedules/{made.id}", {"band": band})
        end(engine, made, 0.1, {"rows": 0})
        engine.app.health.findings.note([made.id])
        watch(engine)
        return counter.told("GET", f"/schedules/{made.id}/health")

    assert unlike("show")["verdict"] == "look" and alerts(engine) == {}
    assert unlike("alert")["verdict"] == "look" and alerts(engine) == {key: AlertState.OPEN}
    found = unlike("off")
    assert (found["verdict"], found["bands"]) == ("healthy", [])
    assert alerts(engine) == {key: AlertState.RESOLVED}
    assert engine.app.health.findings.all() == {}


def test_stale_is_found_in_the_round_over_all(engine: Engine) -> None:
    """No job ends, so nothing but the round can find it."""
    made = engine.add()
    store(
        engine.app,
        made.id,
        lambda one: replace(one, progress=replace(one.progress, last_run_at=START)),
    )
    engine.later(6.9 * 86400)
    watch(engine)
    assert made.id not in engine.app.health.findings.all()
    engine.later(86400)
    for _ in engine.app.table.shards:
        watch(engine)
    assert [one.kind for one in engine.app.health.findings.all()[made.id].reasons] == ["stale"]


def test_what_finds_no_room_in_a_run_is_examined_by_the_next(engine: Engine) -> None:
    pack(engine.app)
    made = {engine.add("refused").id for _ in range(4)}
    ran(engine, 3)
    findings = engine.app.health.findings
    findings.settle(findings.ended())
    first, second, *rest = made
    for some in ([first], [second], rest, [first]):
        findings.note(some)
        engine.later(1)
    for critical, left in ((1, 3), (2, 2), (4, 1), (4, 0)):
        assert watch(engine, most=1)["critical"] == critical
        assert len(findings.ended()) == left
    assert findings.all().keys() == made


def test_a_dry_run_changes_nothing(engine: Engine) -> None:
    pack(engine.app)
    engine.add("refused")
    ran(engine, 3)
    notes = engine.app.health.findings.ended()
    said = monitor(engine).watch(job_of(clock=engine.clock, dry_run=True))
    assert said["critical"] == 1 and notes
    assert engine.app.health.findings.ended() == notes
    assert engine.app.health.findings.all() == {} and alerts(engine) == {}


def test_killed_before_any_write_it_is_done_again_and_told_once(
    engine: Engine, azurite: Azurite
) -> None:
    pack(engine.app)
    made = engine.add("refused")
    ran(engine, 3)
    prefix, before = engine.app.settings.prefix, 1
    while True:
        dying = make(azurite, prefix, Dying(before - 1), clock=engine.clock, prepared=True)
        try:
            watch(dying)
            break
        except Killed:
            before += 1
    assert before > 4
    watch(engine)
    key = AlertKind.SCHEDULE_UNHEALTHY, made.id
    assert alerts(engine) == {key: AlertState.OPEN}
    told = [one for one in engine.app.alerts()._book.current() if one.about == made.id]
    assert [(one.count, one.tellings) for one in told] == [(1, 1)]
    assert engine.app.health.findings.all().keys() == {made.id}
    assert engine.app.health.findings.ended() == []


def test_packing_that_is_killed_leaves_the_note(engine: Engine, azurite: Azurite) -> None:
    """However it ends, what ended is noted before the feed forgets it."""
    pack(engine.app)
    made = engine.add("refused")
    for _ in range(3):
        engine.later(60)
        engine.tick()
        engine.work()
    engine.later(100)
    sweep(engine.app)
    prefix, before = engine.app.settings.prefix, 1
    while True:
        dying = make(azurite, prefix, Dying(before - 1), clock=engine.clock, prepared=True)
        try:
            pack(dying.app)
            break
        except Killed:
            before += 1
        noted = {one for note in engine.app.health.findings.ended() for one in note.schedule_ids}
        assert engine.app.jobs._feed.read().rows or made.id in noted
    assert watch(engine)["schedules"] == [made.id]
