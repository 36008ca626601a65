"""Tasks that steps call: that they exist, may be used here, and take these parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.access import Caller
from shared.errors import BelfryError, Forbidden, Invalid
from shared.tasks import Impact, Proposed, Registry, Services, Task
from shared.tasks.wording import in_words
from shared.workflows.expressions import expressions_in
from shared.workflows.model import APPROVAL, WORKFLOW, Call, Definition, Step
from shared.workflows.near import nearest
from shared.workflows.validation.problem import Problem, of_parameter, of_step

_PREFIX = "task_parameters."


@dataclass(frozen=True, slots=True)
class Where:
    """Whose workflow it is, and who saves it (None: nobody yet)."""

    project_id: int | None
    by: Caller | None = None


class Calling:
    """The check of calls."""

    def __init__(self, registry: Registry, services: Services) -> None:
        self._registry = registry
        self._services = services

    def problems(self, definition: Definition, where: Where) -> Iterator[Problem]:
        """What is wrong with calls."""
        for step in definition.steps:
            task = self._registry.find(step.call.task)
            if task is None:
                yield Problem(of_step(step, "task"), self._unknown(step.call.task))
            else:
                yield from self._of_task(of_step(step, "task"), task, where)
                yield from self._impact(step, task)
                for place, said in self._parameters(task, step.call, where):
                    yield Problem(of_parameter(step, *place), said)
            if step.compensate is not None:
                yield from self._compensate(step, step.compensate, where)

    def asks(self, step: Step) -> bool:
        """Whether a person is asked each time the step runs."""
        return step.call.task == APPROVAL or self.impact(step) is Impact.C

    def impact(self, step: Step) -> Impact:
        """The class of the step's jobs."""
        task = self._registry.find(step.call.task)
        return max(step.impact or Impact.A, Impact.A if task is None else task.impact)

    def _unknown(self, name: str) -> str:
        return (
            f"there is no task {name!r:.60}; {nearest(name, (one.name for one in self._registry))}"
        )

    def _of_task(self, field: str, task: Task, where: Where) -> Iterator[Problem]:
        if task.on_request:
            yield Problem(field, f"a person asks for {task.name} each time; no workflow can")
        if where.project_id is not None and not task.for_projects:
            said = f"{task.name} works for all projects, and this workflow is of one"
            yield Problem(field, said)
        if where.by is not None:
            try:
                where.by.needs(task.role)
            except Forbidden as error:
                yield Problem(field, f"{task.name}: {error}")

    def _impact(self, step: Step, task: Task) -> Iterator[Problem]:
        if step.impact is not None and step.impact < task.impact:
            said = f"{task.name} is of class {task.impact}; a step may raise that, and not lower it"
            yield Problem(of_step(step, "impact"), said)
        if step.foreach is not None and self.asks(step):
            said = (
                "a person would be asked for each item; let one step ask for the whole list first"
            )
            yield Problem(of_step(step, "foreach"), said)

    def _compensate(self, step: Step, call: Call, where: Where) -> Iterator[Problem]:
        task = self._registry.find(call.task)
        field = of_step(step, "compensate", "task")
        if task is None:
            yield Problem(field, self._unknown(call.task))
            return
        yield from self._of_task(field, task, where)
        for place, said in self._parameters(task, call, where):
            yield Problem(of_step(step, "compensate", "with", *place), said)

    def _parameters(
        self, task: Task, call: Call, where: Where
    ) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """What the task's model refuses. A parameter that holds an expression is checked when it
        is computed; that its name is known is checked here."""
        computed = {str(one.place[0]) for one in expressions_in(call.parameters)}
        if not computed and call.task != WORKFLOW:
            yield from self._whole(task, call, where)
            return
        try:
            task.params.model_validate(dict(call.parameters))
        except ValidationError as error:
            for item in error.errors():
                if _is_certain(item, computed):
                    yield in_words(item, task.params, tuple(item["loc"]), "parameter")

    def _whole(
        self, task: Task, call: Call, where: Where
    ) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """As for a schedule with these parameters: what they name must exist as well."""
        proposed = Proposed(new=call.parameters.keys(), project_id=where.project_id)
        try:
            task.fits(self._services, call.parameters, proposed)
        except Invalid as error:
            yield _place(error.field.removeprefix(_PREFIX)), error.message
        except BelfryError as error:
            if not error.permanent:
                raise
            yield (), str(error)


def _is_certain(item: Mapping[str, Any], computed: set[str]) -> bool:
    """Whether one of pydantic's errors holds whatever the expressions give."""
    place = tuple(item["loc"])
    if item["type"] in ("extra_forbidden", "missing"):
        return True
    return bool(place) and str(place[0]) not in computed


def _place(field: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdecimal() else part for part in field.split("."))
