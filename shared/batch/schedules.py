"""Operations on schedules: change, enable, disable, run. They go through `Manager`, as people's do:
it checks them, writes the audit's entry in the same transaction, and hands out what is due.

Each may be repeated: a second time finds the schedule as it is to be, or the job that was asked
for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shared.batch.operations import One, asked_by, caller, hold_role
from shared.batch.params import Operation
from shared.batch.port import Change, ChangeOf
from shared.batch.template import filled
from shared.calendars.service import Calendars
from shared.engine.commands.schedules import Manager
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.recurrence import Observance
from shared.schedules.job import job_id
from shared.schedules.model import Schedule
from shared.tasks import Registry


@dataclass(frozen=True, kw_only=True, slots=True)
class ToSchedules:
    """An operation on schedules of one project."""

    manager: Manager
    calendars: Calendars
    registry: Registry
    operation: Operation
    template: Mapping[str, object]
    change_of: ChangeOf
    batch: str
    project_id: int | None
    due_at: datetime

    @property
    def repeatable(self) -> bool:
        return True

    def do(self, one: One) -> Mapping[str, object]:
        schedule = self._own(one)
        by = caller(self.project_id, self.batch)
        match self.operation:
            case Operation.RUN:
                return self._run(one, schedule)
            case Operation.CHANGE:
                change = self._change(one, schedule)
                observed = self._observed(change, schedule)
                after = self.manager.change(
                    schedule.id, lambda it: change.apply(it, observed), still=self._hold, by=by
                )
                after = self.calendars.refreshed(after, by)
            case _:
                enabled = self.operation is Operation.ENABLE
                after = self.manager.enable(schedule.id, enabled, still=self._hold, by=by)
        return {"changed": after.revision != schedule.revision, "revision": after.revision}

    def rehearse(self, one: One) -> Mapping[str, object]:
        schedule = self._own(one)
        if self.operation is Operation.RUN:
            self._hold_runnable(schedule)
            return {"would": "run"}
        if self.operation is Operation.CHANGE:
            change = self._change(one, schedule)
            after = change.apply(schedule, self._observed(change, schedule))
        else:
            enabled = self.operation is Operation.ENABLE
            definition = replace(schedule.definition, enabled=enabled)
            after = replace(schedule.resumed() if enabled else schedule, definition=definition)
        self.manager.hold(schedule, after)
        return {"would": self.operation, "changes": after != schedule}

    def _run(self, one: One, schedule: Schedule) -> Mapping[str, object]:
        self._hold_runnable(schedule)
        asked = job_id(schedule.id, self.due_at, asked_by(self.batch, one.index))
        by = caller(self.project_id, self.batch)
        self.manager.run_now(schedule.id, force=True, agreed=lambda _: [asked], by=by)
        return {"job_id": asked}

    def _own(self, one: One) -> Schedule:
        """The schedule that the item names. Raises `NotFound`, also if it is another project's."""
        name = one.item.get("schedule_id", one.item.get("id"))
        if not isinstance(name, str):
            raise Invalid("id", "the item does not say which schedule: give `id` or `schedule_id`")
        schedule = self.manager.get(name)
        self._hold(schedule)
        hold_role(self.registry.find(schedule.definition.task_type))
        return schedule

    def _hold(self, schedule: Schedule) -> None:
        """Raise `NotFound` unless it is of the batch's project: no other exists for a batch."""
        if schedule.definition.project_id != self.project_id or schedule.deleted_at is not None:
            raise NotFound(f"there is no schedule {schedule.id!r}")

    def _hold_runnable(self, schedule: Schedule) -> None:
        task = self.registry.find(schedule.definition.task_type)
        if task is not None and task.name == "batch":
            raise Conflict("a batch does not run batches")
        if task is not None and task.on_request:
            raise Conflict(f"a person asks for {task.name} each time; a batch cannot")

    def _change(self, one: One, schedule: Schedule) -> Change:
        made = filled(dict(self.template), one.item, "change")
        change = self.change_of(made if isinstance(made, dict) else {})
        task = self.registry.find(schedule.definition.task_type)
        if (
            change.of_parameters
            and self.project_id is not None
            and task is not None
            and not task.for_projects
        ):
            raise Forbidden(
                f"{task.name} works for all projects, and a batch of one cannot say what it does"
            )
        return change

    def _observed(self, change: Change, schedule: Schedule) -> tuple[Observance | None] | None:
        named = change.calendars(schedule.definition.recurrence.calendar)
        return None if named is None else (self.calendars.observance(*named, self.project_id),)
