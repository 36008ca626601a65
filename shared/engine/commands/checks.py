"""Checks a schedule when it is created or changed, whoever does so.

The API, the command line and workflows all use `Manager`, which calls this.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.errors import Invalid
from shared.schedules.listed import is_once
from shared.schedules.model import Definition, Schedule
from shared.tasks import Proposed, Registry, Services


class Checks:
    """The check, bound to the tasks and to the services that their own checks use. `hold`
    raises `ValueError` for a URL to which heartbeats may not go."""

    def __init__(self, registry: Registry, services: Services, hold: Callable[[str], None]) -> None:
        self._registry = registry
        self._services = services
        self._hold = hold

    def __call__(self, before: Schedule | None, wanted: Schedule) -> None:
        """Check the parameters that are new. Also check that a schedule that comes due by itself
        has no task that a person must request each time.

        Raises `Invalid`, and what the task's check raises.
        """
        what = wanted.definition
        self._hold_heartbeat(before, what)
        known = before.definition.task_parameters if before is not None else {}
        given = what.task_parameters
        names = given.keys() | known.keys()
        new = {
            name
            for name in names
            if (name in given, given.get(name)) != (name in known, known.get(name))
        }
        moved = before is not None and before.definition.project_id != what.project_id
        if before is None or new or moved:
            proposed = Proposed(new=given.keys() if moved else new, project_id=what.project_id)
            self._registry.get(what.task_type).fits(self._services, given, proposed)
        task = self._registry.find(what.task_type)
        if task is not None and task.on_request and (what.enabled or not is_once(wanted)):
            text = f"a person asks for {task.name} each time; no schedule can"
            raise Invalid("task_type" if before is None else "enabled", text)

    def _hold_heartbeat(self, before: Schedule | None, what: Definition) -> None:
        """Raise `Invalid` if heartbeats may not go where they are newly to go."""
        url = what.heartbeat_url
        if not url or (before is not None and before.definition.heartbeat_url == url):
            return
        try:
            self._hold(url.reveal())
        except ValueError as error:
            raise Invalid("heartbeat_url", str(error)) from None
