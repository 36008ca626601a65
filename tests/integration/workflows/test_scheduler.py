"""`workflow_scheduler` (O1): by its interval, once for all hosts, and as a command that goes on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

import functions
from functions.workflows.workflow_scheduler import workflow_scheduler
from local.azurite import Azurite
from shared.access import LOCAL
from shared.cli import command
from shared.errors import Damaged, Unavailable
from shared.schedules.job import Job, Status
from shared.workflows.interval import ScheduleConfig
from shared.workflows.reading import read
from shared.workflows.saved.model import Workflow
from shared.workflows.saved.service import WorkflowBook
from shared.workflows.scheduled import Scheduler
from shared.workflows.service import Asked
from tests.context import job_of
from tests.integration.engine.conftest import Engine, make, tap
from tests.integration.workflows.conftest import Calls
from tests.together import together

FLOW = {
    "name": "Flow",
    "steps": [{"id": "a", "wait": {"seconds": 90}}],
}


class Desk:
    """An app whose workflows run by themselves."""

    def __init__(self, engine: Engine, peer: Engine) -> None:
        self.engine = engine
        self.peer = peer
        self.book = engine.app.workflows()
        self.runs = engine.app.workflow_runs()

    def made(self, workflow_id: str, minutes: int, **more: Any) -> None:
        often = ScheduleConfig(enabled=True, interval_minutes=minutes)
        self.book.create(LOCAL, workflow_id, read(FLOW), 7, schedule=often, **more)

    def scheduled(self) -> Job:
        """The scheduler's job, done."""
        job_id = self.engine.app.manager.run_now("workflow_scheduler", force=True).job_id
        while self.engine.work():
            pass
        return self.engine.app.manager.job(job_id)

    def said(self, engine: Engine | None = None) -> Mapping[str, object]:
        """What the service says that a job of its host does now."""
        app = (engine or self.engine).app
        book, runs = app.workflows(), app.workflow_runs()
        scheduler = Scheduler(book, runs, book.asked_of_workflow)
        return scheduler.start_due(job_of(clock=self.engine.clock))

    def count(self, workflow_id: str = "flow") -> int:
        """How many runs of it there are."""
        return self.runs.roll.count(None, None, workflow_id=workflow_id)

    def ends(self) -> None:
        """Time passes until the run has ended."""
        self.engine.later(91)
        self.engine.app.sweep.sweep(self.engine.clock.now())
        while self.engine.work():
            pass


@pytest.fixture
def desk(azurite: Azurite) -> Iterator[Desk]:
    tasks = [*Calls().tasks(), workflow_scheduler]
    engine = make(azurite, tasks=tasks)
    tap(engine)
    name = engine.app.settings.prefix
    peer = make(azurite, name, tasks=tasks, clock=engine.clock, prepared=True)
    yield Desk(engine, peer)


def test_a_workflow_runs_by_its_interval_while_it_is_active_and_enabled(desk: Desk) -> None:
    desk.made("flow", 10)
    desk.made("off", 10, is_active=False)
    desk.book.create(LOCAL, "manual", read(FLOW), 7)
    began = desk.engine.clock.now()
    job = desk.scheduled()
    assert job.status is Status.SUCCEEDED, job
    assert job.result == {"started": 1, "still_running": 0, "failed": 0}
    found = desk.book.get(LOCAL, "flow")
    assert found.last_run_at == began
    assert desk.runs.get(found.last_run_id).requested_by == "task:workflow_scheduler"
    assert desk.said()["started"] == 0, "its interval has not passed"
    desk.engine.later(601)
    assert desk.said() == {"started": 0, "still_running": 1, "failed": 0}
    desk.ends()
    desk.said()
    assert desk.book.get(LOCAL, "flow").last_run_at == began + timedelta(minutes=10), "no drift"
    assert (desk.count(), desk.count("off"), desk.count("manual")) == (2, 0, 0)


def test_two_hosts_and_a_crash_between_two_writes_start_one_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.made("flow", 1)

    together(desk.said, lambda: desk.said(desk.peer))
    assert desk.count() == 1
    desk.ends()

    def killed(*_: object) -> None:
        raise Unavailable("table storage", "it is away")

    with monkeypatch.context() as broken:  # the run is started, and its slot not written down
        broken.setattr(WorkflowBook, "ran", killed)
        with pytest.raises(Unavailable):
            desk.said()
    assert desk.count() == 2
    desk.engine.later(61)  # the next call is of a later slot, and that run still goes on
    desk.said(desk.peer)
    assert desk.count() == 2, "a workflow whose last run has not ended is not started again"
    desk.ends()
    desk.said(desk.peer)
    assert desk.count() == 3
    found = desk.book.get(LOCAL, "flow")
    assert desk.runs.get(found.last_run_id).is_open


def test_a_workflow_that_cannot_be_started_holds_no_other_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.made("bad", 10)
    desk.made("flow", 10)
    real = WorkflowBook.asked_of_workflow

    def asked(book: WorkflowBook, one: Workflow) -> Asked:
        if one.id == "bad":
            raise Damaged("its definition is gone")
        return real(book, one)

    monkeypatch.setattr(WorkflowBook, "asked_of_workflow", asked)
    job = desk.scheduled()
    assert "its definition is gone" in str(job.error)
    assert (desk.count("bad"), desk.count("flow")) == (0, 1)


def test_the_loop_goes_on_each_60_s_until_ctrl_c(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.made("flow", 1)
    slept: list[timedelta] = []
    away = False

    def sleep(duration: timedelta) -> None:
        nonlocal away
        if duration < timedelta(seconds=60):  # the worker's own
            return
        slept.append(duration)
        desk.engine.clock.advance(duration)
        away = len(slept) == 2
        if len(slept) == 4:
            raise KeyboardInterrupt

    real = desk.engine.app.manager.run_now

    def run_now(*given: Any, **how: Any) -> Any:
        if away:
            raise Unavailable("table storage", "it is away")
        return real(*given, **how)

    monkeypatch.setattr(desk.engine.clock, "sleep", sleep)
    monkeypatch.setattr(desk.engine.app.manager, "run_now", run_now)
    monkeypatch.setattr(command, "by_hand", lambda _: desk.engine.app)
    monkeypatch.setenv("BELFRY_LOCAL_SETTINGS", "")
    monkeypatch.setattr(sys, "argv", ["functions", "workflow_scheduler", "--loop"])
    code = command.main(desk.engine.app.registry, functions.names())
    said = capsys.readouterr()
    assert (code, slept) == (130, [timedelta(seconds=60)] * 4), said.err
    assert "it is away" in said.err and said.err.endswith("Stopped.\n")
    results = [json.loads(one + "\n}")["result"] for one in said.out.split("\n}\n")[:-1]]
    assert [one["started"] for one in results] == [1, 0, 0], said.out
    assert [one["still_running"] for one in results] == [0, 1, 1]
