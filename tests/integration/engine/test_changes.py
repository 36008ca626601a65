"""What a change does to a job that is handed out ahead, queued or running: docs/policies.md."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from local.azurite import Azurite
from shared.api.schedules.shapes import ScheduleChange
from shared.recurrence import Calendar, CalendarRule, DayOff, Frequency, Observance, Recurrence
from shared.schedules.job import Job, Status, job_id
from shared.schedules.model import Band, CatchUp, LiveJob, Overlap, Policy, Schedule
from shared.schedules.plan import jitter_of
from shared.settings import Secret
from shared.storage.queues.jobs import Message
from shared.storage.tables.changes import Change
from shared.tasks import JobContext, Params, Result, task
from tests.integration.engine.conftest import START, Engine, WakingClock, Working, make, tap

Step = Callable[[Schedule], Schedule]
PAGE = Path(__file__).parents[3] / "docs" / "policies.md"
FIRST = START + timedelta(minutes=1)


class Noted(Params):
    note: str = "old"


@dataclass
class GatedEngine:
    """An engine with a task that waits for the test, and a schedule of it."""

    engine: Engine
    entered: threading.Event
    go: threading.Event
    fail: bool = False

    def add(self, **changes: Any) -> Schedule:
        return self.engine.add("notes", **changes)

    def change(self, made: Schedule, step: Step) -> None:
        self.engine.app.manager.change(made.id, step)

    def ask(self, name: str) -> list[Job]:
        return self.start(name).ended()

    def start(self, name: str) -> Working:
        return self.engine.start(Message((name,), self.engine.clock.now()))

    def live(self, made: Schedule) -> list[LiveJob]:
        row = self.engine.app.table.get(made.id)
        assert row is not None
        return list(row.progress.live)


@pytest.fixture
def gated(azurite: Azurite) -> Iterator[GatedEngine]:
    entered, go = threading.Event(), threading.Event()

    @task("notes", timeout_seconds=60)
    def notes(job: JobContext, params: Noted) -> Result:
        """Says what it was given, once the test lets it go."""
        entered.set()
        while not go.wait(0.005):
            job.check()
        if made.fail:
            raise OSError("boom")
        return {"note": params.note}

    engine = make(azurite, tasks=[notes], clock=WakingClock(START + timedelta(seconds=1)))
    tap(engine)
    made = GatedEngine(engine, entered, go)
    yield made
    go.set()


def policy(**changes: Any) -> Step:
    return lambda one: replace(one, policy=replace(one.policy, **changes))


def definition(**changes: Any) -> Step:
    return lambda one: replace(one, definition=replace(one.definition, **changes))


def times(**changes: Any) -> Step:
    def step(one: Schedule) -> Schedule:
        when = replace(one.definition.recurrence, **changes)
        return replace(one, definition=replace(one.definition, recurrence=when))

    return step


def ends(seconds: int) -> Step:
    return times(end_time=START + timedelta(seconds=seconds))


HOURLY = {"frequency": Frequency.HOURLY, "interval_seconds": None}
CRON = {"frequency": Frequency.CRON, "interval_seconds": None, "cron_expression": "30 * * * *"}


def observed(rule: CalendarRule) -> Observance:
    """A calendar by which the day is closed."""
    holiday = DayOff(START.date(), "a holiday")
    closed = Calendar(id="c1", name="closed", version=1, days=(holiday,))
    return Observance(rule=rule, calendars=(closed,))


SEVERAL = {
    "frequency": Frequency.CRON,
    "interval_seconds": None,
    "cron_expressions": ("30 * * * *", "45 * * * *"),
}
RULE = {
    "frequency": Frequency.RRULE,
    "interval_seconds": None,
    "rrule": "FREQ=HOURLY;INTERVAL=2",
    "start_time": START,
}

KEPT, BACK, AGAIN = "kept", "taken back", "handed out again"
RUNS, CANCELLED = "succeeded", "cancelled"


@dataclass(frozen=True)
class Row:
    """A change, and what it does to a job in each of the three states."""

    field: str
    step: Step | None
    ahead: str = KEPT
    queued: str = RUNS
    running: str = RUNS
    new: tuple[str, str] | None = None
    """Of a job's record: what the change shows in, before and after it."""
    when_due: Step | None = None
    """In the place of `step` when the job is due."""

    def apply(self, gated: GatedEngine, made: Schedule) -> None:
        due = gated.engine.clock.now() >= FIRST
        step = self.when_due if due and self.when_due is not None else self.step
        if step is None:
            gated.engine.app.manager.delete(made.id)
        else:
            gated.change(made, step)


ROWS = [
    Row("name", definition(name="renamed"), new=("test", "renamed")),
    Row("description", definition(description="d")),
    Row("tags", definition(tags={"t": "u"})),
    Row("heartbeat_url", definition(heartbeat_url=Secret("https://heartbeat.invalid/check"))),
    Row("task_parameters", definition(task_parameters={"note": "new"}), new=("old", "new")),
    Row("enabled", definition(enabled=False), BACK, CANCELLED),
    Row("frequency", times(**HOURLY), BACK),
    Row("cron_expression", times(**CRON), BACK),
    Row("cron_expressions", times(**SEVERAL), BACK),
    Row("exclude_cron_expressions", times(**CRON, exclude_cron_expressions=("0-5 * * * *",)), BACK),
    Row("rrule", times(**RULE), BACK),
    Row("start_local", times(start_time=None, start_local=datetime(2026, 3, 1, 13)), BACK),
    Row("interval_seconds", times(interval_seconds=30), AGAIN),
    Row("interval_seconds", times(interval_seconds=7200), BACK),
    Row("timezone", times(timezone="Asia/Kathmandu"), AGAIN),
    Row("start_time", times(start_time=START + timedelta(hours=1)), BACK),
    Row("end_time", ends(45), BACK, when_due=ends(75)),
    Row("calendars", times(calendar=observed(CalendarRule.SKIP)), BACK),
    Row("calendar_rule", times(calendar=observed(CalendarRule.NEXT)), BACK),
    Row("misfire_grace_seconds", policy(misfire_grace_seconds=60)),
    Row("catch_up", policy(catch_up=CatchUp.ALL)),
    Row("catch_up_limit", policy(catch_up_limit=1)),
    *(Row("overlap", policy(overlap=overlap)) for overlap in Overlap if overlap != Overlap.SKIP),
    Row("jitter_seconds", policy(jitter_seconds=600)),
    Row("max_runs", policy(max_runs=1), AGAIN),
    Row("pause_after_failures", policy(pause_after_failures=1)),
    Row("timeout_seconds", policy(timeout_seconds=600)),
    Row("max_attempts", policy(max_attempts=1)),
    Row("retry_delay_seconds", policy(retry_delay_seconds=1)),
    Row("max_retry_delay_seconds", policy(max_retry_delay_seconds=1)),
    Row("band", policy(band=Band.OFF)),
    Row("delete", None, BACK, CANCELLED),
]
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.field)


def shown(job: Job) -> set[object]:
    return {job.schedule_name, (job.result or {}).get("note")}


@rows
def test_of_a_job_that_is_handed_out_ahead(gated: GatedEngine, row: Row) -> None:
    made = gated.add()
    (before,) = gated.live(made)
    gated.engine.later(29)
    gated.engine.messages()
    row.apply(gated, made)
    after = next((job for job in gated.live(made) if job.id == before.id), None)
    sent = {name for message in gated.engine.messages() for name in message.job_ids}
    if row.ahead == BACK:
        assert after is None and before.id not in sent
    else:
        assert after == before and (before.id in sent) == (row.ahead == AGAIN)
    gated.engine.later(31)
    gated.go.set()
    ended = gated.ask(before.id)
    assert [job.status for job in ended] == ([] if row.ahead == BACK else [Status.SUCCEEDED])
    assert row.new is None or row.new[1] in shown(ended[0])


@rows
def test_of_a_job_that_is_queued(gated: GatedEngine, row: Row) -> None:
    made = gated.add()
    gated.engine.later(60)
    name = job_id(made.id, FIRST)
    row.apply(gated, made)
    gated.go.set()
    gated.ask(name)
    job = gated.engine.app.manager.job(name)
    assert job.status == row.queued
    assert row.new is None or row.new[1] in shown(job)


@rows
def test_of_a_job_that_is_running(gated: GatedEngine, row: Row) -> None:
    made = gated.add()
    gated.engine.later(60)
    running = gated.start(job_id(made.id, FIRST))
    assert gated.entered.wait(20)
    row.apply(gated, made)
    gated.engine.later(6)  # the worker looks after it
    gated.go.set()
    (job,) = running.ended()
    assert job.status == row.running
    assert row.new is None or row.new[0] in shown(job)


def test_the_next_attempt_of_a_running_job_has_the_new_parameters(gated: GatedEngine) -> None:
    made = gated.add()
    gated.engine.later(60)
    name = job_id(made.id, FIRST)
    gated.fail = True
    running = gated.start(name)
    assert gated.entered.wait(20)
    gated.change(made, definition(task_parameters={"note": "new"}))
    gated.go.set()
    assert running.ended() == []
    gated.fail = False
    gated.engine.later(60)
    (job,) = gated.ask(name)
    assert job.attempt == 2 and job.result == {"note": "new"}


@pytest.mark.parametrize("field", ["task_type", "project_id"])
def test_what_cannot_change(field: str) -> None:
    with pytest.raises(ValidationError):
        ScheduleChange.model_validate({field: "works" if field == "task_type" else 1})


@pytest.mark.parametrize(
    ("step", "late", "status"),
    [
        (policy(misfire_grace_seconds=10), 20, Status.MISSED),
        (policy(misfire_grace_seconds=3600), 1000, Status.SUCCEEDED),
        (policy(catch_up=CatchUp.LATEST), 1000, Status.SUCCEEDED),
        (policy(), 1000, Status.MISSED),
    ],
)
def test_grace_and_catch_up_of_a_queued_job_are_the_new_ones(
    gated: GatedEngine, step: Step, late: int, status: Status
) -> None:
    first = START + timedelta(minutes=1)
    hourly = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=3600, start_time=first)
    made = gated.add(recurrence=hourly)
    gated.engine.later(59 + late)
    gated.change(made, step)
    gated.go.set()
    (job,) = gated.ask(job_id(made.id, FIRST))
    assert job.status is status


def test_overlap_of_a_queued_job_is_the_new_one(gated: GatedEngine) -> None:
    made = gated.add(overlap=Overlap.SKIP)
    gated.engine.later(60)
    running = gated.start(job_id(made.id, FIRST))
    assert gated.entered.wait(20)
    gated.engine.later(30)
    gated.engine.later(30)
    gated.engine.tick()
    gated.change(made, policy(overlap=Overlap.BUFFER_ALL))
    second = job_id(made.id, FIRST + timedelta(minutes=1))
    assert gated.ask(second) == []
    gated.go.set()
    running.ended()
    assert [job.status for job in gated.ask(second)] == [Status.SUCCEEDED]


def test_jitter_of_a_job_that_was_handed_out_stays_and_the_next_has_the_new(
    gated: GatedEngine,
) -> None:
    made = gated.add(jitter_seconds=600, schedule_id="jittered")  # jitter follows from the ids
    (before,) = gated.live(made)
    gated.change(made, policy(jitter_seconds=5))
    assert gated.live(made) == [before] and before.jitter == jitter_of(made, before.id) > 5
    gated.engine.later(60)
    gated.engine.tick()
    assert all(job.jitter <= 5 for job in gated.live(made) if job != before)


def test_max_runs_that_is_reached_takes_back_what_is_ahead_and_keeps_what_is_queued(
    gated: GatedEngine,
) -> None:
    made = gated.add()
    gated.engine.later(60)
    gated.engine.tick()
    assert len(gated.live(made)) == 2
    gated.change(made, policy(max_runs=1))
    row = gated.engine.app.manager.get(made.id).progress
    assert [job.due_at for job in row.live] == [FIRST]
    assert (row.handed_out, row.next_run_at) == (1, None)


@pytest.mark.parametrize(
    ("at_first", "then", "paused"), [(None, 1, False), (1, None, False), (1, 1, True)]
)
def test_pausing_of_a_running_job(
    gated: GatedEngine, at_first: int | None, then: int | None, paused: bool
) -> None:
    made = gated.add(pause_after_failures=at_first, max_attempts=1)
    gated.engine.later(60)
    gated.fail = True
    running = gated.start(job_id(made.id, FIRST))
    assert gated.entered.wait(20)
    gated.change(made, policy(pause_after_failures=then))
    gated.go.set()
    (job,) = running.ended()
    assert job.status is Status.FAILED
    after = gated.engine.app.manager.get(made.id)
    assert after.is_on != paused and after.progress.failures_in_row == 1
    gated.engine.later(60)
    gated.engine.tick()
    gated.ask(job_id(made.id, FIRST + timedelta(minutes=1)))
    assert gated.engine.app.manager.get(made.id).is_on == (then is None)


def test_attempts_and_delay_of_a_running_one_are_the_old_ones_then_the_new(
    gated: GatedEngine,
) -> None:
    made = gated.add(max_attempts=3, retry_delay_seconds=30)
    gated.engine.later(60)
    name = job_id(made.id, FIRST)
    gated.fail = True
    running = gated.start(name)
    assert gated.entered.wait(20)
    gated.change(made, policy(max_attempts=1, retry_delay_seconds=900, timeout_seconds=1))
    gated.engine.later(5)  # not timed out: its timeout is the old one
    gated.go.set()
    assert running.ended() == []
    (waiting,) = [job for job in gated.live(made) if job.id == name]
    wait = (waiting.available_at - gated.engine.clock.now()).total_seconds()
    assert waiting.error == "OSError: boom" and 24 <= wait <= 36
    gated.engine.later(60)
    (job,) = gated.ask(name)
    assert job.status is Status.FAILED and job.attempt == 1


def test_a_deleted_schedule_gives_its_running_job_no_further_attempt(gated: GatedEngine) -> None:
    made = gated.add()
    gated.engine.later(60)
    name = job_id(made.id, FIRST)
    gated.fail = True
    running = gated.start(name)
    assert gated.entered.wait(20)
    gated.engine.app.manager.delete(made.id)
    gated.go.set()
    assert running.ended() == []
    (job,) = gated.ask(name)
    assert (job.status, job.reason) == (Status.CANCELLED, "its schedule was deleted")


def test_a_schedule_that_is_off_gives_its_running_job_its_further_attempts(
    gated: GatedEngine,
) -> None:
    made = gated.add()
    gated.engine.later(60)
    name = job_id(made.id, FIRST)
    gated.fail = True
    running = gated.start(name)
    assert gated.entered.wait(20)
    gated.engine.app.manager.enable(made.id, False)
    gated.go.set()
    running.ended()
    gated.fail = False
    gated.engine.later(60)
    assert [job.status for job in gated.ask(name)] == [Status.SUCCEEDED]


def test_a_schedule_with_very_many_jobs_can_be_deleted(gated: GatedEngine) -> None:
    made = gated.add()
    row = gated.engine.app.table.get(made.id)
    assert row is not None
    names = [job_id(made.id, START, f"x{n}") for n in range(100)]
    many = tuple(LiveJob(id=name, due_at=START, available_at=START) for name in names)
    full = replace(row, progress=replace(row.progress, live=many))
    assert gated.engine.app.table.commit([Change(row, full)]) == [True]
    gated.engine.app.manager.delete(made.id)
    for name in names:
        if gated.engine.app.table.job(name) is None:
            gated.ask(name)
    ended = list(gated.engine.app.table.jobs(made.id))
    assert len(ended) == 100 and {job.status for job in ended} == {Status.CANCELLED}


def test_to_enable_begins_the_count_of_failures_anew(gated: GatedEngine) -> None:
    made = gated.add(max_attempts=1)
    gated.engine.later(60)
    gated.fail = True
    gated.go.set()
    gated.ask(job_id(made.id, FIRST))
    assert gated.engine.app.manager.get(made.id).progress.failures_in_row == 1
    gated.engine.app.manager.enable(made.id, True)
    after = gated.engine.app.manager.get(made.id).progress
    assert (after.failures_in_row, after.failure_count) == (0, 1)


def test_the_backlog_of_catch_up_all_is_cancelled_by_a_change_of_times(gated: GatedEngine) -> None:
    made = gated.add(catch_up=CatchUp.ALL)
    gated.engine.later(60 * 30)
    gated.change(made, times(interval_seconds=600))
    row = gated.engine.app.manager.get(made.id).progress
    assert len(row.live) == 10 and row.next_run_at == START + timedelta(seconds=2400)
    waiting = max(job.due_at for job in row.live)
    dropped = [job for job in gated.engine.app.table.jobs(made.id) if job.due_at > waiting]
    assert {job.status for job in dropped} == {Status.CANCELLED}
    assert len(dropped) == 20 and row.cancelled_count == 20
    _, onward = gated.engine.app.table.versions(made.id)
    assert onward.since == gated.engine.clock.now() and onward.recurrence is not None


def test_the_page_names_every_field_with_its_default() -> None:
    page = PAGE.read_text()
    stated = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE))
    assert stated == {
        one.name: "null" if one.default is None else str(one.default) for one in fields(Policy)
    }
    changes = page.partition("## What a change does")[2]
    known = {one for first in re.findall(r"^\| (`.*?) \|", changes, re.M) for one in _names(first)}
    tested = {row.field for row in ROWS if row.step is not None}
    assert known == tested | {"task_type", "project_id"}
    assert known >= ScheduleChange.model_fields.keys()
    assert known >= {one.name for one in fields(Recurrence)} - {"calendar"}


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)
