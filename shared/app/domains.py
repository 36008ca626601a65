"""Makes the services of the domains. Each is imported, and made, when it is first used, because a
cold start pays for every import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from shared.alerts.of_notifications import NotificationAlerts
from shared.alerts.port import AlertMonitor, AlertService, DatabaseMonitor
from shared.app.around import Around
from shared.app.scaling import scaling
from shared.approvals.port import ApprovalService, ApprovalUpkeep
from shared.archive.port import ArchiveService
from shared.backups.port import BackupService
from shared.billing.port import BillingService
from shared.care.port import PetCare
from shared.engine.work.gates import Gate
from shared.engine.work.waking import Waking
from shared.finance.port import FinanceService
from shared.marketing.port import MarketingService
from shared.notifications.port import NotificationService
from shared.scaling.port import ScalingService
from shared.tasks.services import once

if TYPE_CHECKING:
    from shared.alerts.service import Alerts
    from shared.approvals.figures import Figures as ApprovalFigures
    from shared.approvals.gate import ApprovalGate
    from shared.approvals.service import Approvals
    from shared.archive.service import JobArchive
    from shared.backups.service import Backups
    from shared.billing.service import Billing
    from shared.finance.service import Finance
    from shared.marketing.service import Marketing
    from shared.notifications.service import Notifications
    from shared.scaling.service import Scaling
    from shared.workflows.people import People


class Domains:
    """The services."""

    def __init__(self, app: Around, people: Callable[[], People]) -> None:
        """`people`: of the runs of workflows."""
        self._app = app
        self._people = people
        self._at = app.at
        self.alerts: Callable[[], Alerts] = once(self._alerts)
        self.approvals: Callable[[], Approvals] = once(self._approvals)
        self.archive: Callable[[], JobArchive] = once(self._archive)
        self.backups: Callable[[], Backups] = once(self._backups)
        self.billing: Callable[[], Billing] = once(self._billing)
        self.finance: Callable[[], Finance] = once(self._finance)
        self.gate: Callable[[], Gate] = once(self._gate)
        self.marketing: Callable[[], Marketing] = once(self._marketing)
        self.notifications: Callable[[], Notifications] = once(self._notifications)
        self.scaling: Callable[[], Scaling] = once(self._scaling)

    def _alerts(self) -> Alerts:
        from shared.alerts.service import alerts_from
        from shared.backups.params import BackupPlan

        # the backup monitor tells of the jobs of plans
        app, at = self._app, self._at
        plans = [task for task in app.tasks if issubclass(task.params, BackupPlan)]
        covered = {name for task in plans for name in (task.name, *task.aliases)}
        told = self.notifications()
        return alerts_from(app.settings, at.connection, at.table, told, covered, app.clock)

    def database_watch(self) -> DatabaseMonitor:
        """What sees whether the company's database answers."""
        from shared.alerts.of_database import DatabaseWatch

        return DatabaseWatch(self._app.settings.database_url, self._at.meta, self.alerts)

    def _archive(self) -> JobArchive:
        from shared.archive.service import JobArchive

        at = self._at
        return JobArchive(
            table=at.connection.table(at.names.table),
            shards=at.table.shards,
            container=at.connection.blobs,
            name=at.names.history,
            files=at.files,
            retention=self._app.settings.job_retention,
        )

    def _approvals(self) -> Approvals:
        from shared.approvals.service import Approvals
        from shared.approvals.store import Store
        from shared.approvals.telling import Telling

        app, at = self._app, self._at
        return Approvals(
            store=Store(at.connection, at.names.approvals),
            table=at.table,
            waking=Waking(at.table, at.queue, app.clock),
            audit=app.audit,
            clock=app.clock,
            tell=Telling(self.notifications(), at.meta, app.settings.approvals),
        )

    def approval_figures(self) -> ApprovalFigures:
        """How many approvals there were, and are."""
        from shared.approvals.figures import Figures

        return Figures(self.approvals().store)

    def approval_upkeep(self) -> ApprovalUpkeep:
        """What looks after approvals."""
        from shared.approvals.upkeep import Upkeep

        return Upkeep(
            approvals=self.approvals(), alerts=self.alerts, settings=self._app.settings.approvals
        )

    def _gate(self) -> ApprovalGate:
        from shared.approvals.behind import Behind
        from shared.approvals.gate import ApprovalGate

        app = self._app
        return ApprovalGate(
            approvals=self.approvals(),
            services=app.services,
            clock=app.clock,
            settings=app.settings.approvals,
            behind=Behind(app.audit.entries_of),
            askers=lambda schedule_id: self._people().askers(schedule_id),
            deadline_of=lambda schedule_id: self._people().deadline(schedule_id),
        )

    def _backups(self) -> Backups:
        from shared.backups.service import Backups

        app = self._app
        return Backups(
            settings=app.settings,
            connection=self._at.connection,
            locks=self._at.locks,
            clock=app.clock,
            manager=app.manager,
            lists=app.records.lists,
            tasks=app.tasks,
            notifications=self.notifications(),
            alerts=self.alerts(),
            audit=app.audit,
        )

    def _billing(self) -> Billing:
        from shared.billing.service import Billing

        return Billing(self._app.settings.billing, self._app.clock)

    def care(self) -> PetCare:
        """The pet-care company's chores."""
        from shared.care.service import Care

        return Care(self._app.settings, self.notifications, self.billing, self.alerts)

    def _finance(self) -> Finance:
        from shared.finance.service import Finance

        return Finance(self._app.settings, self._at.connection, self.alerts)

    def _marketing(self) -> Marketing:
        from shared.marketing.proposing import Proposer
        from shared.marketing.service import Marketing

        app = self._app
        proposer = Proposer(app.manager, app.tasks, app.clock)
        return Marketing(app.settings, self.notifications, self.alerts, proposer, self._at.ended)

    def _notifications(self) -> Notifications:
        from shared.care import reviews as of_care
        from shared.marketing import reviews as of_campaigns
        from shared.notifications.service import notifications_from

        app = self._app
        return notifications_from(
            app.settings,
            self._at.connection,
            self._at.meta,
            app.clock,
            app.audit,
            reviews={**of_care.reviews(app.settings), **of_campaigns.reviews(app.settings)},
            problems=NotificationAlerts(self.alerts),
        )

    def _scaling(self) -> Scaling:
        app = self._app
        return scaling(app.settings.scaling, self._at, app.traffic, app.audit, self.alerts)


def services_of(made: Callable[[], Domains]) -> Mapping[type[Any], Callable[[], Any]]:
    """What makes each of the services that tasks may ask for."""
    return {
        AlertMonitor: lambda: made().alerts(),
        AlertService: lambda: made().alerts(),
        ApprovalService: lambda: made().approvals(),
        ApprovalUpkeep: lambda: made().approval_upkeep(),
        ArchiveService: lambda: made().archive(),
        BackupService: lambda: made().backups(),
        BillingService: lambda: made().billing(),
        DatabaseMonitor: lambda: made().database_watch(),
        FinanceService: lambda: made().finance(),
        MarketingService: lambda: made().marketing(),
        NotificationService: lambda: made().notifications(),
        PetCare: lambda: made().care(),
        ScalingService: lambda: made().scaling(),
    }
