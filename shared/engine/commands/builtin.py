"""System schedules: one for each task that has a time of its own, with the task's name as its id.

Code gives the default time. Settings may change it (`<TASK>_SCHEDULE`, `_TIMEZONE`, `_ENABLED`),
and so may the API; the last change wins. The schedule remembers the values from code and settings.
Only values that changed there are applied, so all other changes through the API stay.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace

from shared.access import SETTINGS
from shared.audit.port import Action
from shared.engine.commands import configured
from shared.engine.commands.schedules import Manager
from shared.errors import Conflict, NotFound
from shared.log import Event, event
from shared.recurrence import Recurrence
from shared.schedules import audited
from shared.schedules.model import Definition, Policy, Schedule
from shared.settings import Settings
from shared.storage.tables.changes import Change
from shared.storage.tables.facts import SYSTEM, Meta
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks import Task

_BAND = "band"
"""The policy of which code and settings say nothing."""
_logger = logging.getLogger("belfry.schedules")


def policy(task: Task) -> Policy:
    """The policy that a task asks for."""
    return Policy(
        misfire_grace_seconds=task.misfire_grace_seconds,
        timeout_seconds=task.timeout_seconds,
        max_attempts=task.retry.attempts,
        retry_delay_seconds=task.retry.first_delay_seconds,
        max_retry_delay_seconds=task.retry.max_delay_seconds,
    )


def ensure(
    task: Task,
    present: Schedule | None,
    settings: Settings,
    table: ScheduleTable,
    manager: Manager,
    *,
    change: bool = True,
) -> None:
    """Create the task's system schedule if it is missing; `present` is what is stored of it.

    With `change`, a schedule that exists gets the values that changed in code and settings. If the
    schedule had been retired (`retire`), it gets all of their values.
    """
    said = _said(task, settings)
    if said is None:
        return
    if present is None:
        definition = Definition(
            name=task.name,
            description=task.summary,
            task_type=task.name,
            recurrence=said.recurrence,
            enabled=said.on,
            tags={"system": ""},
        )
        try:
            manager.create(
                definition,
                said.policy,
                schedule_id=task.name,
                configured=said.text,
                by=SETTINGS,
            )
        except Conflict:
            return  # another instance that starts at the same time was faster
        return
    if present.deleted_at is not None:
        back = replace(_retired(present), deleted_at=None, revision=present.revision + 1)
        told = audited.of_schedule(SETTINGS, Action.CREATE, present, back, manager.now())
        if not table.commit([Change(present, back, audits=(told,))])[0]:
            return  # another instance was faster here, too
    elif not change or present.configured == said.text:
        return
    manager.change(task.name, said.apply, by=SETTINGS)


def existing(names: Collection[str], table: ScheduleTable, meta: Meta) -> list[Schedule]:
    """The system schedules that exist, those of tasks that are gone among them; `names` are the
    tasks that have a time.

    A fact names those that ever were made, so that no start reads all schedules to find them.
    """
    known = meta.fact(SYSTEM)
    there = {one.id for one in table.configured()} if known is None else set(known.value.split())
    found = [one for one in table.many(there | set(names)).values() if one.configured]
    wanted = " ".join(sorted(set(names) | {one.id for one in found}))
    if known is None or known.value != wanted:
        meta.swap(SYSTEM, known, wanted)  # another instance that starts does the same
    return sorted((one for one in found if one.deleted_at is None), key=lambda one: one.id)


def retire(schedule_id: str, manager: Manager) -> None:
    """Turn off a system schedule whose task is gone, or has no time of its own any more.

    It becomes a schedule like any other, so it may be deleted.
    """
    with contextlib.suppress(NotFound):
        gone = manager.change(schedule_id, _retired, by=SETTINGS)
        event(
            _logger,
            Event.SCHEDULE_ORPHANED,
            level=logging.WARNING,
            schedule_id=schedule_id,
            task_type=gone.definition.task_type,
        )


def _retired(schedule: Schedule) -> Schedule:
    off = replace(schedule.definition, enabled=False)
    return replace(schedule, definition=off, configured="")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """The values from code and settings for a task's system schedule."""

    recurrence: Recurrence
    enabled: bool | None
    """None: they do not say, so the schedule is on."""
    policy: Policy

    @property
    def on(self) -> bool:
        return self.enabled is not False

    @property
    def text(self) -> str:
        """The text that is stored with the schedule (`configured`)."""
        return json.dumps(self._values, sort_keys=True)

    def apply(self, schedule: Schedule) -> Schedule:
        """The schedule with the values that changed in code and settings. All others stay, so that
        changes through the API are kept."""
        new = self._newly(schedule.configured) if schedule.configured else self._values.keys()
        one, definition = schedule, schedule.definition
        if new & {"cron", "timezone"}:
            definition = replace(definition, recurrence=self.recurrence)
        if "enabled" in new:
            one, definition = (
                one.resumed() if self.on else one,
                replace(definition, enabled=self.on),
            )
        fields = {name: value for name, value in asdict(self.policy).items() if name in new}
        policy = replace(one.policy, **fields)
        return replace(one, definition=definition, policy=policy, configured=self.text)

    def _newly(self, configured: str) -> set[str]:
        """The names of the values that changed; a value that was not stored before is not new.

        If `enabled` is no longer set, nothing changes: the default is on.
        """
        before = _read(configured)
        now = self._values
        if self.enabled is None and before.get("enabled") is True:
            now["enabled"] = True
        return {name for name, value in now.items() if name in before and before[name] != value}

    @property
    def _values(self) -> dict[str, object]:
        when = self.recurrence
        said = {"cron": when.cron_expression, "timezone": when.timezone, "enabled": self.enabled}
        return said | {name: one for name, one in asdict(self.policy).items() if name != _BAND}


def _said(task: Task, settings: Settings) -> _Said | None:
    """None if the task has no time of its own. Raises `Misconfigured`."""
    when = configured.recurrence(task, settings)
    if when is None:
        return None
    enabled = settings.override(task.name).enabled
    return _Said(recurrence=when, enabled=enabled, policy=policy(task))


def _read(configured: str) -> Mapping[str, object]:
    """The stored values; none if the text cannot be read."""
    try:
        before = json.loads(configured)
    except ValueError:
        return {}
    return before if isinstance(before, dict) else {}
