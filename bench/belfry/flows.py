"""Workflows of the bench: the tasks that their steps call, and their definitions."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.flows import Shape
from shared.tasks import JobContext, Params, Registry, Result, task
from shared.workflows.reading import Read, read


class Link(Params):
    """Of a step of a chain, and of the first of a fan."""

    run: str
    number: int


class One(Params):
    """Of a step of a fan."""

    run: str
    number: int
    before: int


class Join(Params):
    """Of the step after a fan."""

    run: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class FlowJobs:
    """What the steps do: wait, and append a line to a file (bench/flows/ledger.py)."""

    path: Path | None = None
    seconds: float = 0.0

    def registry(self) -> Registry:
        """The tasks, alone."""
        append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        file = -1 if self.path is None else os.open(self.path, append)

        def step(job: JobContext, run: str, number: int) -> None:
            began = time.time()
            if self.seconds:
                job.stop.wait(self.seconds)
            if file >= 0:
                os.write(file, f"{run} {number} {began:.6f} {time.time():.6f}\n".encode())

        @task("link", timeout_seconds=60, for_projects=True)
        def link(job: JobContext, params: Link) -> Result:
            """A step of a chain, and the first of a fan."""
            step(job, params.run, params.number)
            return {"number": params.number + 1}

        @task("one", timeout_seconds=60, for_projects=True)
        def one(job: JobContext, params: One) -> Result:
            """A step of a fan."""
            step(job, params.run, params.number)
            return {"number": params.number * params.before}

        @task("join", timeout_seconds=60, for_projects=True)
        def join(job: JobContext, params: Join) -> Result:
            """The step after a fan."""
            step(job, params.run, params.number)
            return {"total": params.total}

        return Registry([link, one, join])


def definition(shape: Shape, width: int) -> Read:
    """The workflow of that shape."""
    steps = _chain(width) if shape == "chain" else _fan(width)
    return read({"name": f"{shape} of {width}", "inputs": {"run": {}}, "steps": steps})


def _chain(width: int) -> list[Mapping[str, object]]:
    """Each step is given what the one before returned."""
    steps: list[Mapping[str, object]] = [_call("s0", "link", number=0)]
    for number in range(1, width):
        before = f"s{number - 1}"
        given = f"${{{{ steps.{before}.result.number }}}}"
        steps.append(_call(f"s{number}", "link", number=given) | {"needs": [before]})
    return steps


def _fan(width: int) -> list[Mapping[str, object]]:
    """The join is given how many succeeded: that is what a `foreach` results in."""
    items = ", ".join(map(str, range(1, width + 1)))
    first = _call("first", "link", number=0)
    before = "${{ steps.first.result.number }}"
    many = _call("many", "one", number="${{ item }}", before=before)
    many |= {"needs": ["first"], "foreach": f"[{items}]", "max_parallel": 50}
    total = "${{ steps.many.result.succeeded }}"
    join = _call("join", "join", number=width + 1, total=total) | {"needs": ["many"]}
    return [first, many, join]


def _call(step_id: str, task_type: str, **given: object) -> dict[str, object]:
    return {"id": step_id, "task": task_type, "with": {"run": "${{ trigger.run }}", **given}}
