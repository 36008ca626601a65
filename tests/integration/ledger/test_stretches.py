"""After a long outage: one tick starts the latest, one row stands for all that were missed, and
the ledger answers for each."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.core.pipeline.transport import RequestsTransport

from local.azurite import Azurite
from shared.engine.records.reconcile import Reconciled
from shared.errors import Conflict, NotFound
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status, job_id
from shared.schedules.ledger import Span, State
from shared.schedules.model import CatchUp, Schedule, Version
from shared.storage.queues.jobs import Message
from shared.storage.tables.changes import Change
from tests.integration.engine.conftest import START, Engine, make
from tests.integration.ledger.test_reconcile import turn
from tests.jobs import jobs_of
from tests.served import api

DAY = timedelta(days=1)
BEFORE = timedelta(microseconds=1)


def every(seconds: int) -> Recurrence:
    return Recurrence(
        frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=START + DAY / 24
    )


def after_outage(engine: Engine, seconds: int, length: timedelta, **policy: Any) -> Schedule:
    """A schedule that came due for the first time within an outage of that length."""
    made = engine.add(recurrence=every(seconds), **policy)
    assert engine.app.manager.get(made.id).progress.live == ()
    engine.messages()
    engine.clock.set(START + DAY / 24 + length)
    return made


def rows(engine: Engine, made: Schedule) -> list[Job]:
    return sorted(engine.app.table.jobs(made.id), key=lambda job: job.due_at)


def reconcile(engine: Engine, span: Span | None = None) -> Reconciled:
    return engine.app.ledger.reconcile(lambda: None, span)


def errors(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(one) for one in caplog.records if one.levelno == logging.ERROR]


@pytest.mark.parametrize(
    ("seconds", "length", "missed", "skipped"),
    [(1, DAY, 86_400 - 900, 900), (60, 30 * DAY, 43_200 - 15, 15)],
)
def test_one_tick_starts_the_latest_and_records_all_others_at_once(
    engine: Engine,
    caplog: pytest.LogCaptureFixture,
    seconds: int,
    length: timedelta,
    missed: int,
    skipped: int,
) -> None:
    made = after_outage(engine, seconds, length)
    now, first = engine.clock.now(), START + DAY / 24
    report = engine.tick()
    assert report.recorded == missed + skipped
    latest = job_id(made.id, now)
    assert latest == engine.messages()[0].job_ids[0]
    found = rows(engine, made)
    assert [(job.status, job.count) for job in found] == [
        (Status.MISSED, missed),
        (Status.SKIPPED, skipped),
    ]
    (alarm,) = errors(caplog)
    assert alarm["event"] == "job_missed" and alarm["fields"]["count"] == missed
    assert alarm["fields"]["job_id"] == job_id(made.id, first)
    progress = engine.app.manager.get(made.id).progress
    assert (progress.missed_count, progress.skipped_count) == (missed, skipped)

    span = Span(first - BEFORE, now)
    listed, total = engine.app.ledger.occurrences(made.id, span, 1, 100_000)
    assert total == missed + skipped + 1 == len(listed)
    assert Counter(one.state for one in listed) == Counter(
        {State.MISSED: missed, State.SKIPPED: skipped, State.QUEUED: 1}
    )
    step = timedelta(seconds=seconds)
    assert [one.due_at for one in listed] == [first + n * step for n in range(total)]
    assert all(one.job_id == job_id(made.id, one.due_at) for one in listed)
    some, _ = engine.app.ledger.occurrences(made.id, span, 7, 100)
    assert some == listed[600:700]
    told = reconcile(engine, Span(first - BEFORE, now))
    assert told.good and told.states == Counter(one.state for one in listed)
    (ran,) = engine.app.worker.work(Message((latest,), now))
    assert (ran.id, ran.status) == (latest, Status.SUCCEEDED)


class Counting(RequestsTransport):  # type: ignore[misc]
    """Counts the requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    def send(self, request: Any, **options: Any) -> Any:
        self.requests += 1
        return super().send(request, **options)


def test_the_reconciler_reads_a_stretch_once_however_long_it_is(
    engine: Engine, azurite: Azurite
) -> None:
    made = after_outage(engine, 1, 3 * DAY)
    engine.tick()
    now = engine.clock.now()
    transport = Counting()
    counted = make(azurite, engine.app.settings.prefix, transport=transport, clock=engine.clock)
    transport.requests = 0
    told = reconcile(counted, Span(now - timedelta(hours=26), now))
    assert told.good and told.states.total() == 26 * 3600
    assert transport.requests < 20  # 900 that were skipped lie on four pages
    assert told.states[State.MISSED] == 26 * 3600 - 901
    for hours in (1, 26, 71):
        span = Span(now - timedelta(hours=hours), now - timedelta(minutes=30))
        assert reconcile(counted, span).states == Counter(
            {State.MISSED: int((span.until - span.after).total_seconds())}
        )
    assert rows(engine, made)[0].count == 3 * 86_400 - 900


def test_a_row_of_its_own_within_a_stretch_is_looked_at_by_itself(engine: Engine) -> None:
    """There should be none; what somebody put there is told."""
    made = after_outage(engine, 60, DAY)
    engine.tick()
    stretch = rows(engine, made)[0]
    inside = stretch.due_at + timedelta(hours=5)
    assert engine.app.table.end(
        [
            replace(stretch, id=job_id(made.id, at), due_at=at, count=1, last_due_at=None)
            for at in (inside, inside + timedelta(seconds=7))
        ]
    ) == [True, True]
    told = reconcile(engine, Span(START, engine.clock.now()))
    assert told.named == [job_id(made.id, inside + timedelta(seconds=7))]
    assert told.unexplained == 0 and told.states.total() == 1441
    later = inside + timedelta(minutes=1)
    assert engine.app.manager.job(job_id(made.id, later)).stretch == stretch.id
    assert reconcile(engine, Span(later, engine.clock.now())).good


def test_people_turn_it_off_while_it_owes(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """`all`: the latest hundred would start; those that were not are cancelled, as one."""
    late = after_outage(engine, 1, DAY, catch_up=CatchUp.ALL)
    engine.app.manager.enable(late.id, False)
    found = rows(engine, late)
    assert [(job.status, job.count) for job in found] == [
        (Status.MISSED, 86_400 - 99),
        (Status.CANCELLED, 90),
    ]
    progress = engine.app.manager.get(late.id).progress
    assert (progress.missed_count, progress.cancelled_count) == (86_301, 90)
    assert len(progress.live) == 10 and progress.next_run_at is None
    assert [one["event"] for one in errors(caplog)] == ["job_missed"]
    now = engine.clock.now()
    told = reconcile(engine, Span(START, now))
    assert told.good and told.states == Counter(
        {State.MISSED: 86_301, State.CANCELLED: 90, State.QUEUED: 10}
    )
    engine.later(600)
    assert reconcile(engine, Span(START, engine.clock.now())).states == told.states


def test_what_it_owed_when_it_was_paused_is_cancelled_as_one(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    made = after_outage(engine, 1, DAY, catch_up=CatchUp.ALL)
    row = engine.app.table.get(made.id)
    assert row is not None
    now = engine.clock.now()
    progress = replace(row.progress, paused_reason="three failed", paused_at=now)
    paused = replace(row, progress=progress)
    off = Version(schedule_id=made.id, revision=1, since=now, recurrence=None, reason="paused")
    assert engine.app.table.commit([Change(row, paused, versions=(off,))]) == [True]
    engine.later(3600)
    report = engine.tick()
    assert (report.handed_out, report.recorded) == (0, 86_401)
    (one,) = rows(engine, made)
    assert (one.status, one.count) == (Status.CANCELLED, 86_401) and errors(caplog) == []
    assert reconcile(engine, Span(START, engine.clock.now())).states == Counter(
        {State.CANCELLED: 86_401}
    )


def test_a_change_of_its_times_leaves_the_stretch_as_it_was(engine: Engine) -> None:
    made = after_outage(engine, 1, DAY)
    turn(engine, made, recurrence=every(7))
    now = engine.clock.now()
    engine.later(600)
    engine.tick()
    told = reconcile(engine, Span(START, now))
    assert told.good and told.states.total() == 86_401
    assert engine.app.manager.job(job_id(made.id, now - timedelta(hours=3))).status is Status.MISSED


def test_each_of_them_has_its_job_and_can_be_run_again(engine: Engine) -> None:
    made = after_outage(engine, 60, DAY)
    engine.tick()
    stretch = rows(engine, made)[0]
    inside = stretch.due_at + timedelta(hours=5)
    name = job_id(made.id, inside)
    job = engine.app.manager.job(name)
    assert (job.id, job.due_at, job.count, job.stretch) == (name, inside, 1, stretch.id)
    assert (job.status, job.reason) == (Status.MISSED, stretch.reason)
    assert engine.app.manager.job(stretch.id) == stretch
    assert engine.app.manager.job(job_id(made.id, stretch.due_until)).stretch == stretch.id
    skipped = engine.app.manager.job(job_id(made.id, engine.clock.now() - timedelta(minutes=1)))
    assert skipped.status is Status.SKIPPED

    assert engine.app.control.retry(name).id == f"{name}-r1"
    assert engine.app.control.retry(name).id == f"{name}-r1"
    engine.work()
    assert engine.app.manager.job(f"{name}-r1").status is Status.SUCCEEDED
    assert engine.calls.started.count(f"{name}-r1") == 1
    with pytest.raises(Conflict, match="ended: missed"):
        engine.app.control.cancel(name)
    with pytest.raises(Conflict, match="policy"):
        engine.app.control.retry(skipped.id)


def test_what_was_run_again_hides_no_other(engine: Engine) -> None:
    """The rows of such jobs lie between the stretch's and what is asked for."""
    made = after_outage(engine, 60, DAY)
    engine.tick()
    stretch = rows(engine, made)[0]
    inside = stretch.due_at + timedelta(hours=5)
    for minute in range(12):
        engine.app.control.retry(job_id(made.id, inside - timedelta(minutes=minute)))
        engine.work()
    later = job_id(made.id, inside + timedelta(minutes=1))
    assert engine.app.manager.job(later).stretch == stretch.id
    span = Span(inside, inside + timedelta(hours=1))
    assert reconcile(engine, span).states == Counter({State.MISSED: 60})
    assert len(jobs_of(engine.app, made.id, span.after, span.until)) == 2


def test_what_is_no_occurrence_has_no_job_though_a_stretch_reaches_over_it(engine: Engine) -> None:
    made = after_outage(engine, 60, DAY)
    engine.tick()
    inside = rows(engine, made)[0].due_at + timedelta(hours=5)
    for name in (
        job_id(made.id, inside + timedelta(seconds=1)),
        f"{job_id(made.id, inside)}-r1",
        job_id(made.id, START),
        job_id("none", inside),
    ):
        for ask in (engine.app.manager.job, engine.app.control.cancel, engine.app.control.retry):
            with pytest.raises(NotFound):
                ask(name)


def test_the_list_has_a_stretch_as_one_and_wherever_it_reaches(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = after_outage(engine, 60, DAY)
    engine.tick()
    missed, skipped = rows(engine, made)

    def ids(since: datetime | None, until: datetime | None) -> list[str]:
        listed = jobs_of(engine.app, made.id, since, until)
        of_all = [job for job in jobs_of(engine.app, None, since, until) if job in listed]
        assert of_all == listed
        return [job.id for job in listed if job.status is not Status.QUEUED]

    inside = missed.due_at + timedelta(hours=5)
    assert ids(None, None) == ids(missed.due_at, None) == [skipped.id, missed.id]
    assert ids(inside, inside + timedelta(hours=1)) == [missed.id]
    assert ids(None, inside) == [missed.id]
    assert ids(missed.due_until, skipped.due_at) == [missed.id]
    assert ids(missed.due_until + timedelta(seconds=1), None) == [skipped.id]
    assert ids(None, missed.due_at) == []

    found = get(engine, f"jobs?schedule_id={made.id}&status=missed")
    (one,) = found["jobs"]
    assert found["total"] == 1
    assert (one["id"], one["count"], one["stretch_id"]) == (missed.id, 1440 - 15, None)
    assert datetime.fromisoformat(one["last_due_at"]) == missed.last_due_at
    shown = get(engine, f"jobs/{job_id(made.id, inside)}")
    assert (shown["count"], shown["last_due_at"], shown["stretch_id"]) == (1, None, missed.id)
    assert datetime.fromisoformat(shown["due_at"]) == inside
    span = f"from={inside:%Y-%m-%dT%H:%M:%SZ}&to={inside + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
    told = get(engine, f"schedules/{made.id}/occurrences?{span}")
    assert told["total"] == 120 and {each["state"] for each in told["occurrences"]} == {"missed"}


def get(engine: Engine, path: str) -> Any:
    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(api(lambda: engine.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(f"/api/v1/{path}")

    answer = asyncio.run(answered())
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_catch_up_all_starts_at_once_and_in_its_pace(engine: Engine) -> None:
    made = after_outage(engine, 60, DAY, catch_up=CatchUp.ALL, catch_up_limit=20)
    engine.tick()
    (missed,) = rows(engine, made)
    assert (missed.status, missed.count) == (Status.MISSED, 1441 - 20)
    first = engine.messages()[0].job_ids[0]
    assert first == job_id(made.id, missed.due_until + timedelta(minutes=1))


def test_a_few_are_a_job_each_and_one_line_for_all(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    made = after_outage(engine, 60, timedelta(minutes=30))
    engine.tick()
    assert [job.count for job in rows(engine, made)] == [1] * 30
    (alarm,) = errors(caplog)
    told = alarm["fields"]
    assert (told["count"], told["job_id"]) == (15, rows(engine, made)[0].id)
    assert told["last_due_at"] == "2026-03-01T13:14:00Z"
    caplog.clear()
    alone = after_outage(engine, 3600, timedelta(hours=1.7))
    engine.tick()
    (alarm,) = [one for one in errors(caplog) if one["fields"]["schedule_id"] == alone.id]
    assert "count" not in alarm["fields"] and "due_at" not in alarm["fields"]


def test_two_ticks_at_once_record_it_once(engine: Engine, azurite: Azurite) -> None:
    made = after_outage(engine, 1, DAY)
    others = [make(azurite, engine.app.settings.prefix, clock=engine.clock) for _ in range(3)]
    threads = [threading.Thread(target=one.tick) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(job.count for job in rows(engine, made)) == 86_400
    progress = engine.app.manager.get(made.id).progress
    assert progress.missed_count + progress.skipped_count == 86_400
    assert reconcile(engine, Span(START, engine.clock.now())).good
