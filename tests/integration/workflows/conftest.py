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

from local.azurite import Azurite
from shared.errors import Held, Refused
from shared.tasks import JobContext, Params, Result, Task, task
from shared.workflows.model import Call, Definition, Step
from shared.workflows.service import Asked
from shared.workflows.state import Run
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

        return [work, wait]


def step(number: int, step_id: str, task_type: str = "work", **how: Any) -> Step:
    """A step; `parameters` beside the fields of a step."""
    parameters = how.pop("parameters", {})
    if task_type == "work":
        parameters = {"name": step_id, **parameters}
    return Step(id=step_id, number=number, call=Call(task_type, parameters), **how)


class Flows:
    """Runs, as a test drives them."""

    def __init__(self, engine: Engine, calls: Calls) -> None:
        self.engine = engine
        self.calls = calls
        self.runs = engine.app.workflow_runs()
        self._known: dict[str, Definition] = {}
        object.__setattr__(self.runs.store, "definition", self._known.__getitem__)

    def start(self, *steps: Step, given: Mapping[str, object] | None = None, **how: Any) -> Run:
        """Start a run of these steps."""
        digest = f"d{len(self._known)}"
        definition = Definition(name="test", steps=steps, digest=digest, **how)
        self._known[digest] = definition
        asked = Asked(
            workflow_id="test",
            name="test",
            project_id=1,
            definition=definition,
            text=json.dumps({}),
        )
        return self.runs.start(asked, given or {}, key=digest)

    def work(self) -> None:
        """Do all that there is to do now."""
        while self.engine.work():
            pass

    def run(self, run: Run) -> Run:
        """The run as it is now."""
        return self.runs.get(run.id)


@pytest.fixture
def flows(azurite: Azurite) -> Iterator[Flows]:
    calls = Calls()
    engine = make(azurite, tasks=calls.tasks())
    tap(engine)
    yield Flows(engine, calls)
