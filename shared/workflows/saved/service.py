"""What people do with workflows: save, read, turn on and off, delete."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from shared.access import Caller
from shared.audit.port import Action, Audit, Subject
from shared.clock import Clock
from shared.engine.commands.agreed import Agreed, afresh
from shared.errors import Conflict, Invalid, NotFound
from shared.log import Event, event
from shared.storage.tables.compare_and_set import compare_and_set
from shared.workflows.interval import ScheduleConfig
from shared.workflows.model import Definition
from shared.workflows.reading import Read, read
from shared.workflows.saved.model import MOST, MOST_VERSIONS, RESERVED, Version, Workflow
from shared.workflows.saved.store import SavedWorkflows, missing
from shared.workflows.service import Asked
from shared.workflows.validation import Checks, Problem
from shared.workflows.validation.calling import Where
from shared.workflows.validation.children import Known

_logger = logging.getLogger("belfry.workflows")
Still = Callable[[Workflow], None]


def _any(_: Workflow) -> None:
    """Whatever the workflow is, it may be changed."""


class WorkflowBook:
    """The commands. Every method raises `Unavailable` or `Refused` if storage fails.

    `busy`: raises `Conflict` if a workflow has runs that have not ended.
    """

    def __init__(
        self,
        store: SavedWorkflows,
        checks: Checks,
        audit: Audit,
        clock: Clock,
        busy: Still = _any,
    ) -> None:
        self._store = store
        self._checks = checks
        self._audit = audit
        self._clock = clock
        self._busy = busy

    def all(self, by: Caller, project_id: int | None = None) -> list[Workflow]:
        """The workflows that the caller sees, or those of one project, by their ids."""
        found = self._store.all(by.among(project_id))
        return sorted(found, key=lambda one: one.id)

    def get(self, by: Caller, workflow_id: str) -> Workflow:
        """One workflow. Raises `NotFound`."""
        found = self._store.get(workflow_id)
        if found is None or not by.sees(found.project_id):
            raise missing(workflow_id)
        return found

    def definition(self, workflow: Workflow) -> Definition:
        """What it does. Raises `Damaged`."""
        return self._store.definition(workflow)

    def text(self, workflow: Workflow) -> str:
        """Its definition's canonical JSON."""
        return self.version(workflow, workflow.digest).text

    def versions(self, workflow: Workflow) -> list[Version]:
        """Its versions without their texts, the newest first."""
        return self._store.versions(workflow)[:MOST_VERSIONS]

    def version(self, workflow: Workflow, digest: str) -> Version:
        """One version. Raises `NotFound`."""
        found = self._store.version(workflow, digest)
        if found is None:
            raise missing(f"{workflow.id} in version {digest}")
        return found

    def problems(
        self, by: Caller, workflow_id: str, wanted: Read, project_id: int | None
    ) -> list[Problem]:
        """What would be refused."""
        where = Where(project_id, by)
        return self._checks.problems(workflow_id, wanted.definition, where, self._known(project_id))

    def create(
        self,
        by: Caller,
        workflow_id: str,
        wanted: Read,
        project_id: int | None,
        *,
        is_active: bool = True,
        schedule: ScheduleConfig | None = None,
        agreed: Agreed = afresh,
    ) -> Workflow:
        """Make a workflow. Raises `Invalid`, `Conflict` if its id is taken, and `NotFound` if it is
        by a workflow that the caller does not see.

        `agreed`: if the command was given before, returns what was made then.
        """
        (token,) = agreed(lambda: [secrets.token_hex(8)])
        there = self._store.of_project(workflow_id, project_id)
        if there is not None and there.made_by == token:
            return there
        self._hold_new(by, workflow_id, there, project_id)
        self._hold(by, workflow_id, wanted, project_id)
        now = self._clock.now()
        made = Workflow(
            id=workflow_id,
            project_id=project_id,
            name=wanted.definition.name,
            digest=wanted.definition.digest,
            is_active=is_active,
            schedule=schedule or ScheduleConfig(),
            saved_by=by.name,
            created_at=now,
            updated_at=now,
            made_by=token,
        )
        with self._audit.changing(by, Action.CREATE, _subject(made)) as change:
            made = self._added(made, _version(wanted, by, now))
            change.after = shown(made)
        self._tell(made, by)
        return made

    def save(
        self, by: Caller, workflow: Workflow, wanted: Read, *, still: Still = _any
    ) -> Workflow:
        """Save a new version of its definition. `still` is called with the very workflow that is to
        be changed, and may raise. Raises `NotFound`, `Invalid`, `Conflict`."""
        self._hold(by, workflow.id, wanted, workflow.project_id)

        def step(before: Workflow) -> Workflow:
            said = wanted.definition
            return replace(before, name=said.name, digest=said.digest)

        version = _version(wanted, by, self._clock.now())
        return self._changed(by, workflow, step, still, version)

    def change(
        self,
        by: Caller,
        workflow_id: str,
        *,
        name: str | None = None,
        is_active: bool | None = None,
        schedule: Callable[[ScheduleConfig], ScheduleConfig] | None = None,
        still: Still = _any,
    ) -> Workflow:
        """Change what is given. Another name is another version. Raises as `save`."""
        workflow = self.get(by, workflow_id)

        def step(before: Workflow) -> Workflow:
            config = before.schedule if schedule is None else schedule(before.schedule)
            active = before.is_active if is_active is None else is_active
            return replace(before, is_active=active, schedule=config)

        if name is None or name == workflow.name:
            return self._changed(by, workflow, step, still, None)
        wanted = read({**json.loads(self.text(workflow)), "name": name})

        def renamed(before: Workflow) -> Workflow:
            if before.digest != workflow.digest:
                raise Conflict("its definition was changed meanwhile; give the name again")
            return replace(step(before), name=name, digest=wanted.definition.digest)

        version = _version(wanted, by, self._clock.now())
        return self._changed(by, workflow, renamed, still, version)

    def delete(self, by: Caller, workflow_id: str, *, still: Still = _any) -> None:
        """Delete a workflow; its versions stay, for the runs that began with them. Raises
        `NotFound`, and `Conflict` while it has runs that have not ended."""
        before = self.get(by, workflow_id)
        still(before)
        self._busy(before)
        with self._audit.changing(by, Action.DELETE, _subject(before), shown(before)):

            def attempt() -> bool | None:
                present = self.get(by, workflow_id)
                still(present)
                return self._store.remove(present) or None

            compare_and_set(f"workflow {workflow_id}", attempt)

    def due(self, now: datetime) -> list[tuple[Workflow, datetime]]:
        """The workflows that are to run by themselves now, each with its slot (O1)."""
        found = ((one, one.timing(now).due) for one in self._store.timed())
        return [(one, slot) for one, slot in found if slot is not None]

    def ran(self, workflow: Workflow, slot: datetime, run_id: str) -> Workflow | None:
        """Write down the run of a slot, once it is started; None if somebody else changed the
        workflow meanwhile, such as another host that started the same run."""
        after = replace(workflow, last_run_at=slot, last_run_id=run_id)
        return self._store.replace(workflow, after)

    def asked(self, by: Caller, workflow_id: str) -> Asked:
        """What a run that the caller starts is to be of. Raises `NotFound`, and `Conflict` if it is
        not active."""
        return self.asked_of_workflow(self.get(by, workflow_id))

    def asked_of(self, workflow_id: str, project_id: int | None) -> Asked:
        """What a run that a job of that project starts is to be of. Raises `NotFound`."""
        found = self._store.of_project(workflow_id, project_id)
        if found is None:
            raise missing(workflow_id)
        return self.asked_of_workflow(found)

    def asked_of_workflow(self, workflow: Workflow) -> Asked:
        """What a run of it is to be of. Raises `Conflict` if it is not active."""
        if not workflow.is_active:
            raise Conflict(f"workflow {workflow.id} is not active; set is_active to true")
        return Asked(
            workflow_id=workflow.id,
            name=workflow.name,
            project_id=workflow.project_id,
            definition=self._store.definition(workflow),
            text=self.text(workflow),
            saved_by=workflow.saved_by,
        )

    def _hold(self, by: Caller, workflow_id: str, wanted: Read, project_id: int | None) -> None:
        where = Where(project_id, by)
        self._checks.hold(workflow_id, wanted.definition, where, self._known(project_id))

    def _known(self, project_id: int | None) -> Known:
        """Finds definitions of that project's workflows, each once."""

        @lru_cache(None)
        def known(workflow_id: str) -> Definition | None:
            found = self._store.of_project(workflow_id, project_id)
            return None if found is None else self._store.definition(found)

        return known

    def _hold_new(
        self, by: Caller, workflow_id: str, there: Workflow | None, project_id: int | None
    ) -> None:
        if workflow_id in RESERVED:
            raise Invalid("id", f"{workflow_id} is a word of the API; give another")
        owner = self._store.owner(workflow_id)
        if owner is not None and not by.sees(owner[0]):
            raise NotFound(f"the id {workflow_id!r} cannot be had; give another")
        if there is not None or owner not in (None, (project_id,)):
            raise _taken(workflow_id)
        if len(self._of_one(project_id)) >= MOST:
            raise Conflict(f"there are {MOST} workflows; delete some")

    def _of_one(self, project_id: int | None) -> list[Workflow]:
        if project_id is not None:
            return self._store.all({project_id})
        return [one for one in self._store.all(None) if one.project_id is None]

    def _added(self, made: Workflow, version: Version) -> Workflow:
        if not self._store.claim(made.id, made.project_id):
            raise _taken(made.id)
        added = self._store.add(made, version)
        if added is not None:
            return added
        there = self._store.of_project(made.id, made.project_id)
        if there is not None and there.made_by == made.made_by:
            return there
        raise _taken(made.id)

    def _changed(
        self,
        by: Caller,
        workflow: Workflow,
        step: Callable[[Workflow], Workflow],
        still: Still,
        version: Version | None,
    ) -> Workflow:
        still(workflow)

        def attempt() -> Workflow | None:
            before = self.get(by, workflow.id)
            still(before)
            after = before.stepped(step(before), by.name, self._clock.now())
            return before if after == before else self._store.replace(before, after, version)

        subject, before = _subject(workflow), shown(workflow)
        with self._audit.changing(by, Action.CHANGE, subject, before) as change:
            made = compare_and_set(f"workflow {workflow.id}", attempt)
            change.after = shown(made)
        self._tell(made, by)
        return made

    def _tell(self, workflow: Workflow, by: Caller) -> None:
        event(
            _logger,
            Event.WORKFLOW_CHANGED,
            workflow_id=workflow.id,
            version=workflow.digest[:12],
            revision=workflow.revision,
            by=by.name,
        )


def shown(workflow: Workflow) -> dict[str, Any]:
    """A workflow for the audit."""
    return {
        "name": workflow.name,
        "project_id": workflow.project_id,
        "version": workflow.digest,
        "is_active": workflow.is_active,
        "enabled": workflow.schedule.enabled,
        "interval_minutes": workflow.schedule.interval_minutes,
    }


def _version(wanted: Read, by: Caller, now: datetime) -> Version:
    return Version(
        digest=wanted.definition.digest, saved_by=by.name, saved_at=now, text=wanted.text
    )


def _subject(workflow: Workflow) -> Subject:
    return Subject("workflow", workflow.id, workflow.project_id)


def _taken(workflow_id: str) -> Conflict:
    return Conflict(
        f"the id {workflow_id!r} is taken; give another, or change that workflow by PUT"
    )
