"""Simulated hours of everything that happens to schedules: all of it is explained afterwards."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.engine.records import reconcile as reconciling
from shared.engine.records.reconcile import Reconciled
from shared.recurrence import Frequency, Recurrence
from shared.schedules import record
from shared.schedules.job import Job, Status, job_id
from shared.schedules.ledger import Span, State
from shared.schedules.model import CatchUp, LiveJob, Overlap, Schedule
from shared.storage.tables import entities
from shared.storage.tables.batch import Delete, Merge
from tests.integration.engine.conftest import START, Engine
from tests.integration.ledger.conftest import write

STEP = 300
"""Seconds from one tick to the next: many occurrences are late."""


def every(minutes: int) -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60 * minutes, start_time=START)


def cron(expression: str) -> Recurrence:
    return Recurrence(
        frequency=Frequency.CRON, cron_expression=expression, timezone="America/New_York"
    )


def run(engine: Engine, steps: int, *, clock: bool = True, worker: bool = True) -> None:
    """Let time pass, with ticks or without, with a worker or without."""
    for _ in range(steps):
        engine.later(STEP)
        if clock:
            engine.tick()
        if worker:
            engine.work()


def reconcile(engine: Engine, span: Span | None = None) -> Reconciled:
    return engine.app.ledger.reconcile(lambda: None, span)


def turn(engine: Engine, schedule: Schedule, **changes: Any) -> None:
    """Change a schedule's definition."""
    engine.app.manager.change(
        schedule.id, lambda one: replace(one, definition=replace(one.definition, **changes))
    )


def alarms(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    """(event, schedule, due) of the alarms raised."""
    raised = [vars(one) for one in caplog.records if one.levelno == logging.ERROR]
    return [
        (one["event"], one["fields"]["schedule_id"], one["fields"]["due_at"])
        for one in raised
        if one.get("event", "").startswith("occurrence_")
    ]


def test_everything_that_was_expected_is_explained(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    plain = engine.add(recurrence=every(10))
    moved = engine.add(recurrence=cron("*/15 * * * *"))
    off_and_on = engine.add(recurrence=every(10))
    deleted = engine.add(recurrence=every(20), overlap=Overlap.BUFFER_ALL)
    failing = engine.add("fails", recurrence=every(10), max_attempts=1, pause_after_failures=3)
    few = engine.add(recurrence=every(10), max_runs=5)
    all_of_it = engine.add(recurrence=every(7), catch_up=CatchUp.ALL, catch_up_limit=12)
    latest = engine.add(recurrence=every(7), catch_up=CatchUp.LATEST, misfire_grace_seconds=60)
    spread = engine.add(recurrence=every(10), jitter_seconds=900)
    window = engine.add(recurrence=replace(every(10), end_time=START + timedelta(hours=3)))

    run(engine, 12)
    engine.app.manager.run_now(plain.id, force=True)
    engine.app.manager.enable(off_and_on.id, False)
    turn(engine, moved, recurrence=cron("5,25,45 * * * *"))
    run(engine, 12)
    engine.app.manager.enable(off_and_on.id, True)
    engine.app.manager.enable(failing.id, True)
    run(engine, 18, clock=False)
    turn(engine, moved, recurrence=every(11))
    turn(engine, all_of_it, recurrence=every(9))
    engine.app.manager.enable(few.id, False)
    run(engine, 6)
    run(engine, 8, worker=False)
    engine.app.manager.delete(deleted.id)
    engine.app.manager.change(
        few.id,
        lambda one: replace(
            one,
            definition=replace(one.definition, enabled=True),
            policy=replace(one.policy, max_runs=8),
        ),
    )
    run(engine, 12)

    made = reconcile(engine)
    assert made.named == [] and made.good and alarms(caplog) == []
    assert made.span.until == engine.clock.now() - timedelta(minutes=2)
    states = {State(one.value) for one in (Status.SUCCEEDED, Status.FAILED, Status.MISSED)}
    assert states | {State.SKIPPED, State.CANCELLED} <= set(made.states)
    for one in (plain, moved, off_and_on, deleted, failing, few, all_of_it, latest, spread, window):
        _counts_agree(engine, one)


def _counts_agree(engine: Engine, schedule: Schedule) -> None:
    """The ledger's sums of one schedule are those that the engine counted, one by one."""
    found = engine.app.table.get(schedule.id)
    assert found is not None
    progress = engine.app.manager.shown(found).progress
    whole = Span(START - timedelta(days=1), engine.clock.now() + timedelta(minutes=2))
    listed, total = engine.app.ledger.occurrences(schedule.id, whole, 1, 1000)
    assert len(listed) == total
    states = Counter(one.state for one in listed)
    manual = [job for job in engine.app.table.jobs(schedule.id) if job.manual]
    assert states[State.SUCCEEDED] == progress.success_count - len(manual)
    assert states[State.FAILED] == progress.failure_count
    assert states[State.SKIPPED] == progress.skipped_count
    assert states[State.MISSED] == progress.missed_count
    assert states[State.CANCELLED] == progress.cancelled_count
    assert states[State.UNEXPLAINED] == 0


def test_a_row_that_is_lost_is_named_and_nothing_else_is(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    schedules = [engine.add(recurrence=every(5)) for _ in range(3)]
    run(engine, 12)
    assert reconcile(engine).good
    victim = list(engine.app.table.jobs(schedules[1].id))[4]
    write(engine, victim.schedule_id, Delete(entities.job_key(victim.id)))
    for _ in range(2):
        caplog.clear()
        made = reconcile(engine)
        assert (made.unexplained, made.unexpected, made.named) == (1, 0, [victim.id])
        assert alarms(caplog) == [
            ("occurrence_unexplained", victim.schedule_id, f"{victim.due_at:%Y-%m-%dT%H:%M:%SZ}")
        ]


def stray(schedule: Schedule, due_at: datetime) -> Job:
    name = job_id(schedule.id, due_at)
    live = LiveJob(id=name, due_at=due_at, available_at=due_at)
    return record.ended_live(schedule, live, Status.SUCCEEDED, due_at, "a stray")


def test_a_job_that_nobody_expected_is_named(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    made = engine.add(recurrence=every(5))
    idle = engine.add(enabled=False)
    run(engine, 12)
    odd = stray(made, START + timedelta(minutes=7))
    other = stray(idle, START + timedelta(minutes=20))
    assert engine.app.table.end([odd, other]) == [True, True]
    told = reconcile(engine)
    assert (told.unexplained, told.unexpected) == (0, 2)
    assert sorted(told.named) == sorted([odd.id, other.id])
    assert {word for word, _, _ in alarms(caplog)} == {"occurrence_unexpected"}


def test_a_schedule_that_cannot_be_read_is_named_and_hides_no_other(engine: Engine) -> None:
    broken, good = engine.add(recurrence=every(5)), engine.add(recurrence=every(5))
    run(engine, 6)
    write(engine, broken.id, Merge(entities.schedule_key(broken.id), "*", {"policy": "{"}))
    made = reconcile(engine)
    assert (made.broken, made.named, made.good) == (1, [broken.id], False)
    assert made.states[State.SUCCEEDED] > 0
    victim = list(engine.app.table.jobs(good.id))[1]
    write(engine, good.id, Delete(entities.job_key(victim.id)))
    assert reconcile(engine).unexplained == 1


def test_what_had_not_ended_is_looked_at_again_however_long_ago(engine: Engine) -> None:
    engine.add(recurrence=every(10), overlap=Overlap.BUFFER_ALL)
    run(engine, 3, worker=False)
    first = reconcile(engine)
    assert first.states[State.QUEUED] == 1 and first.good
    opened = START + timedelta(minutes=10)
    engine.later(40 * 3600)
    second = reconcile(engine)
    assert second.span.after < opened <= second.span.after + timedelta(seconds=1)
    engine.tick()
    for _ in range(300):
        if not engine.work():
            break
    assert reconcile(engine).good
    engine.later(3600)
    engine.tick()
    third = reconcile(engine)
    assert third.span.after == engine.clock.now() - timedelta(hours=26)


def test_a_silent_engine_leaves_nothing_unexplained_but_scheduled(engine: Engine) -> None:
    made = engine.add(recurrence=every(10))
    run(engine, 24, clock=False, worker=False)
    told = reconcile(engine)
    assert told.good and told.states[State.SCHEDULED] == 11
    found = engine.app.table.get(made.id)
    assert found is not None and found.progress.next_run_at == START + timedelta(minutes=10)


def test_more_than_a_page_of_one_schedule_is_accounted_for(engine: Engine) -> None:
    made = engine.add(recurrence=every(1), catch_up=CatchUp.LATEST)
    for _ in range(15):  # so few at once that each has a row
        engine.later(60 * 40)
        engine.tick()
        engine.work()
    told = reconcile(engine)
    assert told.good and told.states.total() == 598
    victims = [list(engine.app.table.jobs(made.id))[n] for n in (5, 300, 590)]
    for victim in victims:
        write(engine, made.id, Delete(entities.job_key(victim.id)))
    assert sorted(reconcile(engine).named) == sorted(one.id for one in victims)


def test_the_task_succeeds_with_the_counts_and_fails_for_what_is_unexplained(
    engine: Engine,
) -> None:
    made = engine.add(recurrence=every(5))
    run(engine, 12)

    def ask() -> Job:
        asked = engine.app.manager.run_now("schedule_reconciler", force=True)
        engine.work()
        return engine.app.manager.job(asked.job_id)

    good = ask()
    assert good.status is Status.SUCCEEDED and good.result is not None
    assert (good.result["unexplained"], good.result["succeeded"]) == (0, 11)
    victim = list(engine.app.table.jobs(made.id))[3]
    write(engine, made.id, Delete(entities.job_key(victim.id)))
    engine.later(60)
    bad = ask()
    assert bad.status is Status.FAILED and bad.attempt == 1
    assert victim.id in (bad.error or "") and "1 are unexplained" in (bad.error or "")


def test_a_reader_in_the_middle_of_changes_raises_no_false_alarm(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    schedules = [engine.add(recurrence=every(1)) for _ in range(4)]
    over = threading.Event()
    failed: list[BaseException] = []

    def live() -> None:
        try:
            for number in range(40):
                engine.later(20)
                engine.tick()
                for one in schedules[number % 2 :: 2]:
                    engine.app.manager.enable(one.id, number % 8 > 3)
                turn(engine, schedules[3], recurrence=every(1 + number % 3))
                engine.work()
        except BaseException as error:
            failed.append(error)
        finally:
            over.set()

    changing = threading.Thread(target=live)
    changing.start()
    seen = 0
    while not over.is_set():
        soon = engine.clock.now() + timedelta(minutes=5)
        made = reconcile(engine, Span(START, soon))
        assert made.good, str(made)
        seen += 1
    changing.join()
    assert failed == [] and seen > 5
    assert reconcile(engine, Span(START, engine.clock.now())).good


def _idle(engine: Engine, monkeypatch: pytest.MonkeyPatch, many: int) -> list[Schedule]:
    """Schedules whose rows were written long before the span; the storage's time is the present."""
    engine.clock.set(datetime.now(UTC).replace(microsecond=0))
    start = engine.clock.now() + timedelta(days=20)
    seldom = Recurrence(
        frequency=Frequency.INTERVAL, interval_seconds=20 * 86_400, start_time=start
    )
    made = [engine.add(recurrence=seldom) for _ in range(many)]
    engine.later(10 * 86_400)
    monkeypatch.setattr(reconciling, "SLICE", many)
    return made


def test_idle_schedules_are_not_read_one_by_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _idle(engine, monkeypatch, 5)
    read: list[Any] = []
    monkeypatch.setattr(engine.app.table, "versions", read.append)
    monkeypatch.setattr(engine.app.table, "jobs", read.append)
    assert reconcile(engine).good and read == []


def test_a_next_run_that_was_written_too_late_is_found_though_nothing_was_written_since(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _idle(engine, monkeypatch, 3)[1]
    late = entities.stamp(engine.clock.now() + timedelta(days=365))
    write(engine, made.id, Merge(entities.schedule_key(made.id), "*", {"next_run_at": late}))
    engine.later(12 * 86_400)
    named: list[str] = []
    for _ in range(2):  # a slice ends with its shard, of which there are two
        named += reconcile(engine).named
        engine.later(3600)
    assert made.id in " ".join(named)


def test_an_occurrence_whose_due_entry_was_lost_keeps_the_span_open(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _idle(engine, monkeypatch, 3)[0]
    upcoming = made.progress.next_run_at
    assert upcoming is not None
    write(engine, made.id, Delete(entities.due_key(upcoming, made.id)))
    engine.clock.set(upcoming + timedelta(hours=3))
    found = reconcile(engine)
    assert found.states[State.SCHEDULED] == 3 and found.open_since == upcoming
    engine.app.sweep.sweep(engine.clock.now())
    assert [job.due_at for job in engine.app.table.jobs(made.id)] == [upcoming]
