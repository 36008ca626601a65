"""Makes the weekly report, and what looks at how runs go. What they need is made when it is first
used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.alerts.port import LatenessMonitor, WorkflowMonitor, WorkflowRuns
from shared.app.around import Around
from shared.app.domains import Domains
from shared.tasks.services import once
from shared.weekly.port import ApprovalFigures, WeeklyService, WorkflowFigures

if TYPE_CHECKING:
    from shared.weekly.port import Section
    from shared.weekly.service import Weekly


class Looking:
    """The services."""

    def __init__(
        self,
        app: Around,
        domains: Domains,
        *,
        approvals: Callable[[], ApprovalFigures] | None = None,
        workflows: Callable[[], WorkflowFigures] | None = None,
        runs: Callable[[], WorkflowRuns] | None = None,
    ) -> None:
        """What is None is not there: then the report has no section of it, and there is no alert of
        it."""
        self._app = app
        self._domains = domains
        self._approvals = approvals
        self._workflows = workflows
        self._runs = runs
        self.weekly: Callable[[], Weekly] = once(self._weekly)

    def lateness(self) -> LatenessMonitor:
        """What sees whether runs begin late."""
        from shared.alerts.of_lateness import LatenessWatch
        from shared.jobs.totals import LATE

        jobs, meta = self._app.records.jobs, self._app.at.meta
        return LatenessWatch(
            lambda: jobs.totals(0)[0].late.counts, LATE, meta, self._domains.alerts
        )

    def failing(self) -> WorkflowMonitor:
        """What sees whether workflows fail."""
        from shared.alerts.of_workflows import WorkflowWatch

        return WorkflowWatch(self._runs, self._domains.alerts)

    def _weekly(self) -> Weekly:
        from shared.weekly.service import Weekly
        from shared.weekly.store import Store

        app, at = self._app, self._app.at
        account = app.settings.storage.account_name
        store = Store(lambda: at.connection.container(at.names.reports), account)
        return Weekly(self._sections(), app.records.jobs, store)

    def _sections(self) -> Sequence[Section]:
        from shared.notifications.paid import PaidMessages
        from shared.weekly.sections.backups import Backups
        from shared.weekly.sections.company import Company
        from shared.weekly.sections.messages import Messages
        from shared.weekly.sections.people import Approvals, Workflows
        from shared.weekly.sections.runs import Runs

        app, at = self._app, self._app.at
        found: list[Section] = [
            Runs(app.records.jobs),
            Company(app.settings.database_url),
            Messages(PaidMessages(at.connection, at.names.notifications)),
            Backups(self._domains.backups),
        ]
        if self._approvals is not None:
            found.append(Approvals(self._approvals))
        if self._workflows is not None:
            found.append(Workflows(self._workflows))
        return found


def services_of(made: Callable[[], Looking]) -> Mapping[type[Any], Callable[[], Any]]:
    """What makes each of the services that tasks may ask for."""
    return {
        LatenessMonitor: lambda: made().lateness(),
        WeeklyService: lambda: made().weekly(),
        WorkflowMonitor: lambda: made().failing(),
    }
