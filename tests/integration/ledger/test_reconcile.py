"""Simulated hours of everything that happens to schedules: all of it is explained afterwards."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.engine.records.reconcile import Reconciled
from shared.recurrence import Frequency, Recurrence
from shared.schedules import record
from shared.schedules.job import Job, Status, job_id
from shared.schedules.ledger import Span, State
from shared.schedules.model import CatchUp, LiveJob, Overlap, Schedule
from shared.storage.tables import entities
from shared.storage.tables.batch import Delete, Merge
from tests.integration.engine.conftest import START, Bench
from tests.integration.ledger.conftest import write

STEP = 300
"""Seconds from one tick to the next: many occurrences are late."""


def every(minutes: int) -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60 * minutes, start_time=START)


def cron(expression: str) -> Recurrence:
    return Recurrence(
        frequency=Frequency.CRON, cron_expression=expression, timezone="America/New_York"
    )


def run(bench: Bench, steps: int, *, clock: bool = True, worker: bool = True) -> None:
    """Let time pass, with ticks or without, with a worker or without."""
    for _ in range(steps):
        bench.later(STEP)
        if clock:
            bench.tick()
        if worker:
            bench.work()


def reconcile(bench: Bench, span: Span | None = None) -> Reconciled:
    return bench.app.ledger.reconcile(lambda: None, span)


def turn(bench: Bench, schedule: Schedule, **changes: Any) -> None:
    """Change a schedule's definition."""
    bench.app.manager.change(
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
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    plain = bench.add(recurrence=every(10))
    moved = bench.add(recurrence=cron("*/15 * * * *"))
    off_and_on = bench.add(recurrence=every(10))
    deleted = bench.add(recurrence=every(20), overlap=Overlap.BUFFER_ALL)
    failing = bench.add("fails", recurrence=every(10), max_attempts=1, pause_after_failures=3)
    few = bench.add(recurrence=every(10), max_runs=5)
    all_of_it = bench.add(recurrence=every(7), catch_up=CatchUp.ALL, catch_up_limit=12)
    latest = bench.add(recurrence=every(7), catch_up=CatchUp.LATEST, misfire_grace_seconds=60)
    spread = bench.add(recurrence=every(10), jitter_seconds=900)
    window = bench.add(recurrence=replace(every(10), end_time=START + timedelta(hours=3)))

    run(bench, 12)
    bench.app.manager.run_now(plain.id, force=True)
    bench.app.manager.enable(off_and_on.id, False)
    turn(bench, moved, recurrence=cron("5,25,45 * * * *"))
    run(bench, 12)
    bench.app.manager.enable(off_and_on.id, True)
    bench.app.manager.enable(failing.id, True)
    run(bench, 18, clock=False)
    turn(bench, moved, recurrence=every(11))
    turn(bench, all_of_it, recurrence=every(9))
    bench.app.manager.enable(few.id, False)
    run(bench, 6)
    run(bench, 8, worker=False)
    bench.app.manager.delete(deleted.id)
    bench.app.manager.change(
        few.id,
        lambda one: replace(
            one,
            definition=replace(one.definition, enabled=True),
            policy=replace(one.policy, max_runs=8),
        ),
    )
    run(bench, 12)

    made = reconcile(bench)
    assert made.named == [] and made.good and alarms(caplog) == []
    assert made.span.until == bench.clock.now() - timedelta(minutes=2)
    states = {State(one.value) for one in (Status.SUCCEEDED, Status.FAILED, Status.MISSED)}
    assert states | {State.SKIPPED, State.CANCELLED} <= set(made.states)
    for one in (plain, moved, off_and_on, deleted, failing, few, all_of_it, latest, spread, window):
        _counts_agree(bench, one)


def _counts_agree(bench: Bench, schedule: Schedule) -> None:
    """The ledger's sums of one schedule are those that the engine counted, one by one."""
    found = bench.app.table.get(schedule.id)
    assert found is not None
    progress = bench.app.manager.shown(found).progress
    whole = Span(START - timedelta(days=1), bench.clock.now() + timedelta(minutes=2))
    listed, total = bench.app.ledger.occurrences(schedule.id, whole, 1, 1000)
    assert len(listed) == total
    states = Counter(one.state for one in listed)
    manual = [job for job in bench.app.table.jobs(schedule.id) if job.manual]
    assert states[State.SUCCEEDED] == progress.success_count - len(manual)
    assert states[State.FAILED] == progress.failure_count
    assert states[State.SKIPPED] == progress.skipped_count
    assert states[State.MISSED] == progress.missed_count
    assert states[State.CANCELLED] == progress.cancelled_count
    assert states[State.UNEXPLAINED] == 0


def test_a_row_that_is_lost_is_named_and_nothing_else_is(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    schedules = [bench.add(recurrence=every(5)) for _ in range(3)]
    run(bench, 12)
    assert reconcile(bench).good
    victim = list(bench.app.table.jobs(schedules[1].id))[4]
    write(bench, victim.schedule_id, Delete(entities.job_key(victim.id)))
    for _ in range(2):
        caplog.clear()
        made = reconcile(bench)
        assert (made.unexplained, made.unexpected, made.named) == (1, 0, [victim.id])
        assert alarms(caplog) == [
            ("occurrence_unexplained", victim.schedule_id, f"{victim.due_at:%Y-%m-%dT%H:%M:%SZ}")
        ]


def stray(schedule: Schedule, due_at: datetime) -> Job:
    name = job_id(schedule.id, due_at)
    live = LiveJob(id=name, due_at=due_at, available_at=due_at)
    return record.ended_live(schedule, live, Status.SUCCEEDED, due_at, "a stray")


def test_a_job_that_nobody_expected_is_named(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    made = bench.add(recurrence=every(5))
    idle = bench.add(enabled=False)
    run(bench, 12)
    odd = stray(made, START + timedelta(minutes=7))
    other = stray(idle, START + timedelta(minutes=20))
    assert bench.app.table.end([odd, other]) == [True, True]
    told = reconcile(bench)
    assert (told.unexplained, told.unexpected) == (0, 2)
    assert sorted(told.named) == sorted([odd.id, other.id])
    assert {word for word, _, _ in alarms(caplog)} == {"occurrence_unexpected"}


def test_a_schedule_that_cannot_be_read_is_named_and_hides_no_other(bench: Bench) -> None:
    broken, good = bench.add(recurrence=every(5)), bench.add(recurrence=every(5))
    run(bench, 6)
    write(bench, broken.id, Merge(entities.schedule_key(broken.id), "*", {"policy": "{"}))
    made = reconcile(bench)
    assert (made.broken, made.named, made.good) == (1, [broken.id], False)
    assert made.states[State.SUCCEEDED] > 0
    victim = list(bench.app.table.jobs(good.id))[1]
    write(bench, good.id, Delete(entities.job_key(victim.id)))
    assert reconcile(bench).unexplained == 1


def test_what_had_not_ended_is_looked_at_again_however_long_ago(bench: Bench) -> None:
    bench.add(recurrence=every(10), overlap=Overlap.BUFFER_ALL)
    run(bench, 3, worker=False)
    first = reconcile(bench)
    assert first.states[State.QUEUED] == 1 and first.good
    opened = START + timedelta(minutes=10)
    bench.later(40 * 3600)
    second = reconcile(bench)
    assert second.span.after < opened <= second.span.after + timedelta(seconds=1)
    bench.tick()
    for _ in range(300):
        if not bench.work():
            break
    assert reconcile(bench).good
    bench.later(3600)
    bench.tick()
    third = reconcile(bench)
    assert third.span.after == bench.clock.now() - timedelta(hours=26)


def test_a_silent_engine_leaves_nothing_unexplained_but_scheduled(bench: Bench) -> None:
    made = bench.add(recurrence=every(10))
    run(bench, 24, clock=False, worker=False)
    told = reconcile(bench)
    assert told.good and told.states[State.SCHEDULED] == 11
    found = bench.app.table.get(made.id)
    assert found is not None and found.progress.next_run_at == START + timedelta(minutes=10)


def test_more_than_a_page_of_one_schedule_is_accounted_for(bench: Bench) -> None:
    made = bench.add(recurrence=every(1), catch_up=CatchUp.LATEST)
    for _ in range(15):  # so few at once that each has a row
        bench.later(60 * 40)
        bench.tick()
        bench.work()
    told = reconcile(bench)
    assert told.good and told.states.total() == 598
    victims = [list(bench.app.table.jobs(made.id))[n] for n in (5, 300, 590)]
    for victim in victims:
        write(bench, made.id, Delete(entities.job_key(victim.id)))
    assert sorted(reconcile(bench).named) == sorted(one.id for one in victims)


def test_the_task_succeeds_with_the_counts_and_fails_for_what_is_unexplained(
    bench: Bench,
) -> None:
    made = bench.add(recurrence=every(5))
    run(bench, 12)

    def ask() -> Job:
        asked = bench.app.manager.run_now("schedule_reconciler", force=True)
        bench.work()
        return bench.app.manager.job(asked.job_id)

    good = ask()
    assert good.status is Status.SUCCEEDED and good.result is not None
    assert (good.result["unexplained"], good.result["succeeded"]) == (0, 11)
    victim = list(bench.app.table.jobs(made.id))[3]
    write(bench, made.id, Delete(entities.job_key(victim.id)))
    bench.later(60)
    bad = ask()
    assert bad.status is Status.FAILED and bad.attempt == 1
    assert victim.id in (bad.error or "") and "1 are unexplained" in (bad.error or "")


def test_a_reader_in_the_middle_of_changes_raises_no_false_alarm(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    schedules = [bench.add(recurrence=every(1)) for _ in range(4)]
    over = threading.Event()
    failed: list[BaseException] = []

    def live() -> None:
        try:
            for number in range(40):
                bench.later(20)
                bench.tick()
                for one in schedules[number % 2 :: 2]:
                    bench.app.manager.enable(one.id, number % 8 > 3)
                turn(bench, schedules[3], recurrence=every(1 + number % 3))
                bench.work()
        except BaseException as error:
            failed.append(error)
        finally:
            over.set()

    changing = threading.Thread(target=live)
    changing.start()
    seen = 0
    while not over.is_set():
        soon = bench.clock.now() + timedelta(minutes=5)
        made = reconcile(bench, Span(START, soon))
        assert made.good, str(made)
        seen += 1
    changing.join()
    assert failed == [] and seen > 5
    assert reconcile(bench, Span(START, bench.clock.now())).good
