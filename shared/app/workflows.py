"""Makes the services of workflows. Each is imported, and made, when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.alerts.port import AlertKind
from shared.app.around import Around
from shared.app.domains import Domains
from shared.engine.commands.jobs import Control
from shared.engine.work.runs import Hands, Runs
from shared.engine.work.waking import Waking
from shared.errors import Conflict
from shared.jobs.entry import Entry
from shared.schedules.job import Job, run_of
from shared.tasks.services import once
from shared.workflows.port import WorkflowArchive, WorkflowScheduler, WorkflowService

if TYPE_CHECKING:
    from shared.workflows.advancing import Advancing
    from shared.workflows.archiving import Archive
    from shared.workflows.figures import Figures
    from shared.workflows.filed import Archived
    from shared.workflows.listing import RunRoll
    from shared.workflows.people import People
    from shared.workflows.saved.model import Workflow
    from shared.workflows.saved.service import WorkflowBook
    from shared.workflows.saved.store import SavedWorkflows
    from shared.workflows.service import Asked
    from shared.workflows.service import Runs as WorkflowRuns
    from shared.workflows.state import Run
    from shared.workflows.store import RunStore

_KEPT = timedelta(days=90)
"""How long runs that have ended stay in the table (O10)."""


@dataclass(frozen=True, slots=True)
class RunsOf:
    """The runs that `made` makes, when the first step ends."""

    made: Callable[[], Runs]

    def end(self, jobs: Sequence[Job], hands: Hands | None = None) -> list[Job]:
        """As `Runs.end`."""
        return self.made().end(jobs, hands)

    def step(self, schedule_id: str) -> None:
        """As `Runs.step`."""
        self.made().step(schedule_id)


class Workflows:
    """The services."""

    def __init__(self, app: Around, domains: Domains, control: Control) -> None:
        self._app = app
        self._at = app.at
        self._domains = domains
        self._control = control
        self.store: Callable[[], RunStore] = once(self._store)
        self.roll: Callable[[], RunRoll] = once(self._roll)
        self.advancing: Callable[[], Advancing] = once(self._advancing)
        self.runs: Callable[[], WorkflowRuns] = once(self._runs)
        self.archive: Callable[[], Archive] = once(self._archive)
        self.saved: Callable[[], SavedWorkflows] = once(self._saved)
        self.book: Callable[[], WorkflowBook] = once(self._book)

    def _store(self) -> RunStore:
        from shared.workflows.store import RunStore

        at = self._at
        return RunStore(at.connection.table(at.names.table), at.table, self._app.clock)

    def _roll(self) -> RunRoll:
        from shared.workflows.listing import RunRoll

        return RunRoll(self._at.connection.table(self._at.names.table))

    def _advancing(self) -> Advancing:
        from shared.workflows.advancing import Advancing
        from shared.workflows.looking import Jobs

        app, at = self._app, self._at
        return Advancing(
            runs=self.store(),
            table=at.table,
            jobs=Jobs(at.table, at.ended),
            queue=at.queue,
            tasks=app.tasks,
            clock=app.clock,
            waking=Waking(at.table, at.queue, app.clock),
            control=self._control,
            over=self._over,
            event_url=self._event_url,
        )

    def _event_url(self, run_id: str, name: str) -> str:
        from shared.workflows import links

        base = self._app.settings.approvals.url
        return base and base + links.path_of(self._at.meta.secret(links.KEY), run_id, name)

    def _over(self, run: Run) -> bool:
        self._alarm(run)
        return self.roll().turn(run)

    def _alarm(self, run: Run) -> None:
        """Tell people of a run that something is left of which could not be undone."""
        from shared.workflows.state import RunStatus

        if run.status is RunStatus.COMPENSATION_FAILED:
            text = f"Run {run.id} of {run.name}: {run.reason}. Not all of it could be undone."
            self._domains.alerts().happened(
                AlertKind.WORKFLOW_NOT_UNDONE, run.workflow_id, text, key=run.id
            )

    def _runs(self) -> WorkflowRuns:
        from shared.workflows.service import Runs as WorkflowRuns

        return WorkflowRuns(
            store=self.store(),
            roll=self.roll(),
            advancing=self.advancing(),
            tasks=self._app.tasks,
            clock=self._app.clock,
            asked=self._asked,
            archived=self._archived,
        )

    def _archived(self, run_id: str) -> Archived | None:
        return self.archive().read(run_id)

    def _archive(self) -> Archive:
        from shared.workflows.archiving import Archive

        container = self._at.connection.blobs(self._at.names.workflow_runs)
        return Archive(self.store(), self.roll(), self.advancing().jobs, container, _KEPT)

    def figures(self) -> Figures:
        """How many runs there were."""
        from shared.workflows.figures import Figures

        return Figures(self.roll())

    def people(self) -> People:
        """Who has to do with a run."""
        from shared.approvals.behind import Behind
        from shared.workflows.people import People

        return People(self.store(), Behind(self._app.audit.entries_of).persons)

    def scheduler(self) -> WorkflowScheduler:
        """What starts workflows by their interval."""
        from shared.workflows.scheduled import Scheduler

        return Scheduler(self.book(), self.runs(), self.book().asked_of_workflow)

    def follow(self, entries: Sequence[Entry], check: Callable[[], None]) -> None:
        """Look after the runs of jobs that ended."""
        if any(run_of(one.schedule_id) is not None for one in entries):
            self.advancing().follow(entries, check)

    def _saved(self) -> SavedWorkflows:
        from shared.workflows.saved.store import SavedWorkflows

        return SavedWorkflows(self._at.connection, self._at.names.workflows)

    def _book(self) -> WorkflowBook:
        from shared.workflows.saved.service import WorkflowBook
        from shared.workflows.validation import Checks

        app = self._app
        checks = Checks(app.tasks, app.services)
        return WorkflowBook(self.saved(), checks, app.audit, app.clock, self._hold_idle)

    def _hold_idle(self, workflow: Workflow) -> None:
        """Raise `Conflict` while a workflow has runs that have not ended."""
        projects = None if workflow.project_id is None else {workflow.project_id}
        count = self.roll().count(projects, {"open"}, workflow_id=workflow.id)
        if count:
            raise Conflict(f"{count} runs of {workflow.id} have not ended; cancel them, or wait")

    def _asked(self, workflow_id: str, project_id: int | None) -> Asked:
        """What a run of that project is to be of. Raises `NotFound`."""
        return self.book().asked_of(workflow_id, project_id)


def services_of(made: Callable[[], Workflows]) -> Mapping[type[Any], Callable[[], Any]]:
    """What makes each of the services that tasks may ask for."""
    return {
        WorkflowArchive: lambda: made().archive(),
        WorkflowScheduler: lambda: made().scheduler(),
        WorkflowService: lambda: made().runs(),
    }
