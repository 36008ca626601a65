"""Makes the services of what customers may schedule. Each is imported, and made, when it is first
used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from shared.analysis.port import AnalysisService
from shared.app import outgoing as places
from shared.app.around import Around
from shared.app.domains import Domains
from shared.batch.port import BatchService
from shared.exports.port import ExportService
from shared.mails.port import MailService
from shared.outgoing import Outgoing
from shared.probes.port import ProbeService
from shared.resources.port import CustomerUpkeep, ResourceService, ResourceUpkeep
from shared.storage.tables.facts import RESTORING
from shared.sync.port import SyncService
from shared.sync.store import SyncStore
from shared.tasks.services import once
from shared.webhooks.port import WebhookService

if TYPE_CHECKING:
    from shared.analysis.service import Analyses
    from shared.analysis.store import Store as AnalysisStore
    from shared.app.forgetting import Forgetting
    from shared.batch.service import Batches
    from shared.batch.store import Store as BatchStore
    from shared.exports.service import Exports
    from shared.mails.service import Mails
    from shared.outgoing.client import Client
    from shared.probes.publishing import StatusPages
    from shared.probes.service import Probes
    from shared.probes.store import Store as HealthChecks
    from shared.resources.orphans import Orphans
    from shared.resources.service import Resources
    from shared.resources.store import Store as ResourceStore
    from shared.secrets.port import SecretStore
    from shared.sync.service import Syncs
    from shared.webhooks.service import Webhooks


class Customers:
    """The services."""

    def __init__(self, app: Around, domains: Domains) -> None:
        self._app = app
        self._at = app.at
        self._domains = domains
        self.outgoing: Callable[[], Client] = once(lambda: places.outgoing(app.settings, app.clock))
        self.resources: Callable[[], Resources] = once(self._resources)
        self.health_checks: Callable[[], HealthChecks] = once(self._health_checks)
        self.status_pages: Callable[[], StatusPages] = once(self._status_pages)
        self.webhooks: Callable[[], Webhooks] = once(self._webhooks)
        self.analyses: Callable[[], Analyses] = once(self._analyses)
        self.exports: Callable[[], Exports] = once(self._exports)
        self.batches: Callable[[], Batches] = once(self._batches)
        self.sync_store = SyncStore(self._at.connection, self._at.names)
        self._secrets: Callable[[], SecretStore] = once(self._secret_store)
        self._resource_store: Callable[[], ResourceStore] = once(self._rows_of_resources)
        self._analysis_store: Callable[[], AnalysisStore] = once(self._rows_of_analyses)
        self._batch_store: Callable[[], BatchStore] = once(self._rows_of_batches)

    def _resources(self) -> Resources:
        from shared.resources.service import Resources
        from shared.resources.users import Users

        return Resources(
            self._resource_store(),
            self._secrets(),
            self._app.audit,
            self._app.clock,
            self.outgoing,
            Users(self._app.tasks, self._app.records.lists),
        )

    def orphans(self) -> Orphans:
        """What removes secrets that nothing refers to."""
        from shared.resources.orphans import Orphans

        meta = self._at.meta
        return Orphans(
            self._resource_store(), self._secrets(), lambda: meta.value(RESTORING) is not None
        )

    def _rows_of_resources(self) -> ResourceStore:
        from shared.resources.store import Store

        return Store(self._at.connection, self._at.names.resources)

    def _secret_store(self) -> SecretStore:
        """Where secrets of customers are: the first store takes new ones."""
        from shared.secrets.choice import SEALED, VAULT, Secrets
        from shared.secrets.sealed import SealedSecrets
        from shared.secrets.sealing import Seal
        from shared.secrets.vault import VaultSecrets
        from shared.storage.vault import Vault

        settings, clock = self._app.settings, self._app.clock
        stores: dict[str, SecretStore] = {}
        if settings.secrets.vault_url:
            vault = Vault(settings.secrets.vault_url, settings.secrets.client_id)
            stores[VAULT] = VaultSecrets(vault, settings.prefix, clock)
        if settings.secrets.key:
            seal = Seal.of(settings.secrets.key)
            name = self._at.names.secrets
            stores[SEALED] = SealedSecrets(self._at.connection, name, seal, clock)
        return Secrets(stores)

    def forgetting(self) -> Forgetting:
        """What removes what is left of customers' tasks."""
        from shared.analysis import forgetting as of_analyses
        from shared.app.forgetting import Forgetting
        from shared.batch import forgetting as of_batches
        from shared.probes import forgetting as of_checks
        from shared.sync import forgetting as of_syncs

        made, checks, known = self._at.connection, self._at.names.probes, self._at.table.rows
        return Forgetting(
            {
                "exports": lambda: self.exports().forget,
                "deliveries": lambda: self.webhooks().forget_all,
                "health_checks": lambda: of_checks.Forgetting(made, checks, known),
                "syncs": lambda: of_syncs.Forgetting(self.sync_store, known),
                "analyses": lambda: of_analyses.Forgetting(
                    self._analysis_store(), self.resources()
                ),
                "batches": lambda: of_batches.Forgetting(self._batch_store()),
            }
        )

    def _webhooks(self) -> Webhooks:
        from shared.webhooks.service import Webhooks
        from shared.webhooks.store import Store

        store = Store(self._at.connection, self._at.names.webhooks)
        app = self._app
        return Webhooks(
            store,
            self.outgoing,
            self.resources,
            self._domains.alerts,
            app.audit,
            app.meter,
            app.clock,
        )

    def _health_checks(self) -> HealthChecks:
        from shared.probes.store import Store

        return Store(self._at.connection, self._at.names.probes)

    def probes(self) -> Probes:
        """What looks at targets."""
        from shared.probes.itself import Itself
        from shared.probes.names import platform
        from shared.probes.reaching import Reaching
        from shared.probes.service import Probes

        clock = self._app.clock
        return Probes(
            self.health_checks(),
            Itself(self._at.meta, clock),
            lambda: Reaching(self.outgoing(), clock, resolve=platform),
            self.resources,
            self.outgoing,
            clock,
        )

    def _status_pages(self) -> StatusPages:
        from shared.probes.page_store import PageStore
        from shared.probes.publishing import StatusPages

        pages = PageStore(self._at.connection.table(self._at.names.table))
        return StatusPages(pages, self.health_checks(), self._app.audit, self._app.clock)

    def _analyses(self) -> Analyses:
        from shared.analysis.osv import Vulnerabilities
        from shared.analysis.service import Analyses

        said, store = self._app.settings.analysis, self._analysis_store()
        return Analyses(
            store=store,
            resources=self.resources,
            guarded=self.outgoing,
            vulnerabilities=Vulnerabilities(
                store.container, self.outgoing, said.osv_url, said.ecosystems
            ),
            allowed=said.hosts,
        )

    def _rows_of_analyses(self) -> AnalysisStore:
        from shared.analysis.store import Store

        made, names = self._at.connection, self._at.names
        return Store(made.table(names.table), made.blobs(names.analysis))

    def mails(self) -> Mails:
        """What sends the mails that customers write."""
        from shared.mails.service import Mails

        told, table = self._domains.notifications, self._at.table
        return Mails(told, self.exports, table, self._app.clock)

    def _batches(self) -> Batches:
        from shared.batch.files import Files
        from shared.batch.service import Batches
        from shared.batch.sources import Sources

        app, store = self._app, self._batch_store()
        files = Files(store, app.clock)
        return Batches(
            store=store,
            sources=Sources(app.records.listing, files, self.resources),
            files=files,
            manager=app.manager,
            calendars=app.calendars,
            registry=app.tasks,
            services=app.services,
            executor=app.executor,
            limits=app.limits,
            clock=app.clock,
            at_once=app.settings.jobs_per_project,
        )

    def _rows_of_batches(self) -> BatchStore:
        from shared.batch.store import Store

        made, names = self._at.connection, self._at.names
        return Store(made.table(names.table), made.blobs(names.batches))

    def syncs(self) -> Syncs:
        """What copies."""
        from shared.storage.outside.address import accounts_of
        from shared.sync.reach import Guarded
        from shared.sync.service import Syncs

        own = accounts_of(*places.accounts(self._app.settings))
        return Syncs(self.resources(), Guarded(self.outgoing()), self.sync_store, own)

    def _exports(self) -> Exports:
        from shared.audit.listing import Listing as Records
        from shared.audit.table import ChainTable
        from shared.exports.files import Files
        from shared.exports.kinds import Data
        from shared.exports.readers.audit import AuditRows
        from shared.exports.readers.findings import FindingRows
        from shared.exports.readers.jobs import CostRows, Jobs, RunRows
        from shared.exports.readers.occurrences import OccurrenceRows
        from shared.exports.readers.schedules import ScheduleRows
        from shared.exports.reading import Reader
        from shared.exports.service import Exports
        from shared.exports.shelf import Shelf

        app, made, names = self._app, self._at.connection, self._at.names
        jobs = Jobs(app.records.listing, self._at.ended)
        records = Records(ChainTable(made.table(names.audit)))
        readers: dict[Data, Callable[[], Reader]] = {
            Data.RUNS: lambda: RunRows(jobs),
            Data.COSTS: lambda: CostRows(jobs, app.settings.prices),
            Data.SCHEDULES: lambda: ScheduleRows(app.records.lists),
            Data.OCCURRENCES: lambda: OccurrenceRows(app.records.listing, app.records.ledger),
            Data.AUDIT: lambda: AuditRows(records, app.audit.chain),
            Data.FINDINGS: lambda: FindingRows(
                lambda project_id, since, until: self.analyses().findings(project_id, since, until)
            ),
        }
        account = app.settings.storage.account_name
        files = Files(made.blobs(names.exports), Shelf(made.table(names.table)), account)
        return Exports(files, self._at.table, readers, self._domains.notifications, app.clock)


def services_of(made: Callable[[], Customers]) -> Mapping[type[Any], Callable[[], Any]]:
    """What makes each of the services that tasks may ask for."""
    return {
        AnalysisService: lambda: made().analyses(),
        BatchService: lambda: made().batches(),
        CustomerUpkeep: lambda: made().forgetting(),
        ExportService: lambda: made().exports(),
        MailService: lambda: made().mails(),
        Outgoing: lambda: made().outgoing(),
        ProbeService: lambda: made().probes(),
        ResourceService: lambda: made().resources(),
        ResourceUpkeep: lambda: made().orphans(),
        SyncService: lambda: made().syncs(),
        WebhookService: lambda: made().webhooks(),
    }
