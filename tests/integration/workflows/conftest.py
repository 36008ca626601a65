"""Runs of an app of its own, on real Azurite, with tasks that note what they are asked to do."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from functions.workflows.workflow import workflow
from functions.workflows.workflow_event import workflow_event
from local.azurite import Azurite
from shared.engine.dispatch import sweep
from shared.errors import Held, Refused
from shared.schedules.job import Job, run_of
from shared.schedules.model import LiveJob
from shared.storage.names import Names
from shared.tasks import JobContext, Params, Result, Task, task
from shared.workflows.model import Call, Definition, Step
from shared.workflows.service import Asked
from shared.workflows.state import Run
from tests import sdk
from tests.integration.engine.conftest import Engine, make, tap


class Work(Params):
    name: str
    fail: bool = False
    value: object = None


class Wait(Params):
    seconds: int = 0


@dataclass
class Calls:
    """What the tasks were asked to do."""

    names: list[str] = field(default_factory=list)
    mended: bool = False
    """Whether nothing fails any more."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def most(self) -> int:
        """How often the same was done."""
        return max(Counter(self.names).values(), default=0)

    def tasks(self) -> list[Task]:
        @task("work", for_projects=True)
        def work(job: JobContext, params: Work) -> Result:
            """Notes that it ran."""
            with self._lock:
                self.names.append(params.name)
            if params.fail and not self.mended:
                raise Refused("vendor", f"no {params.name}")
            return {"name": params.name, "value": params.value}

        @task("workflow_wait", for_projects=True)
        def wait(job: JobContext, params: Wait) -> Result:
            """Waits."""
            until = job.due_at + timedelta(seconds=params.seconds)
            if job.clock.now() < until:
                raise Held(until, "the time has not come")
            return {"until": until.isoformat()}

        return [work, wait, workflow, workflow_event]


def step(number: int, step_id: str, task_type: str = "work", **how: Any) -> Step:
    """A step; `parameters` beside the fields of a step."""
    parameters = how.pop("parameters", {})
    if task_type == "work":
        parameters = {"name": step_id, **parameters}
    return Step(id=step_id, number=number, call=Call(task_type, parameters), **how)


class Flows:
    """Runs, as a test drives them. `also`: another app on the same rows, whose definitions and
    clock it shares."""

    def __init__(self, engine: Engine, calls: Calls, also: Flows | None = None) -> None:
        self.engine = engine
        self.calls = calls
        self.runs = engine.app.workflow_runs()
        self.known: dict[str, Definition] = also.known if also else {}
        object.__setattr__(self.runs.store, "definition", self.known.__getitem__)
        object.__setattr__(self.runs, "asked", lambda name, _: self.asked(self.known[name]))
        tap(engine)

    def define(self, *steps: Step, **how: Any) -> Definition:
        """A definition, which steps can run by its digest."""
        digest = f"d{len(self.known)}"
        self.known[digest] = Definition(name="test", steps=steps, digest=digest, **how)
        return self.known[digest]

    def asked(self, definition: Definition) -> Asked:
        """What a run of it is to be."""
        return Asked(
            workflow_id="test",
            name="test",
            project_id=1,
            definition=definition,
            text=json.dumps({}),
        )

    def start(self, *steps: Step, given: Mapping[str, object] | None = None, **how: Any) -> Run:
        """Start a run of these steps."""
        definition = self.define(*steps, **how)
        return self.begin(definition, definition.digest, given)

    def begin(
        self, definition: Definition, key: str, given: Mapping[str, object] | None = None
    ) -> Run:
        """Start the run of that key."""
        return self.runs.start(self.asked(definition), given or {}, key=key)

    def work(self) -> None:
        """Do all that there is to do now."""
        while self.engine.work():
            pass

    def run(self, run: Run | str) -> Run:
        """The run as it is now."""
        return self.runs.get(run if isinstance(run, str) else run.id)

    def ends(self, schedule_id: str) -> list[Job]:
        """The jobs of a step that ended."""
        return list(self.runs.advancing.table.jobs(schedule_id))

    def live(self, schedule_id: str) -> LiveJob:
        """The job of a step that has not ended."""
        found = self.runs.advancing.table.get(schedule_id)
        assert found is not None, f"there is no {schedule_id}"
        (live,) = found.progress.live
        return live

    def left(self, run: Run | str) -> list[str]:
        """The schedules of a run whose jobs have not ended."""
        table, run_id = self.runs.advancing.table, run if isinstance(run, str) else run.id
        own = [
            one for one in table.of_shard(table.shard(f"{run_id}_d")) if run_of(one.id) == run_id
        ]
        lives = {live.id: one.id for one in own for live in one.progress.live}
        return [one for live, one in lives.items() if table.job(live) is None]

    def heal(self, run: Run | str, rounds: int = 8) -> Run:
        """Do what an app does by itself, until the run has ended or the rounds are over: messages,
        the sweep, the packing of jobs that ended."""
        app = self.engine.app
        for _ in range(rounds):
            self.work()
            app.packing.pack(lambda: None)
            self.work()
            if not self.run(run).is_open and not self.left(run):
                break
            self.engine.later(181)
            sdk.queue(app, Names(app.settings.prefix).queue).clear_messages()
            app.sweep.sweep_if_needed(app.meta.fact(sweep.ROW), self.engine.clock.now())
        return self.run(run)


def opened(azurite: Azurite, also: Flows | None = None, **more: Any) -> Flows:
    """An app; with `also`, one more on its rows, as another process."""
    calls = also.calls if also else Calls()
    if also is not None:
        more |= {
            "prefix": also.engine.app.settings.prefix,
            "clock": also.engine.clock,
            "prepared": True,
        }
    return Flows(make(azurite, tasks=calls.tasks(), **more), calls, also)


@pytest.fixture
def flows(azurite: Azurite) -> Iterator[Flows]:
    yield opened(azurite)
