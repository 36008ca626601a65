"""Makes the services of what customers may schedule. Each is imported when it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.alerts.port import AlertService
from shared.analysis.port import AnalysisService
from shared.app.stores import Stores
from shared.audit.port import Audit
from shared.audit.service import AuditTrail
from shared.calendars.service import Calendars
from shared.clock import Clock
from shared.engine.commands.schedules import Manager
from shared.engine.records.lists import Lists
from shared.engine.records.reconcile import Ledger
from shared.engine.work.execute import Executor
from shared.engine.work.limits import Limits
from shared.listing.listing import Listing
from shared.notifications.port import NotificationService
from shared.outgoing import Outgoing
from shared.resources.port import ResourceService, ResourceUpkeep
from shared.secrets.port import SecretStore
from shared.settings import Settings
from shared.storage.tables.facts import RESTORING
from shared.tasks import Registry, Services

if TYPE_CHECKING:
    from shared.analysis.service import Analyses
    from shared.app.forgetting import Forgetting
    from shared.batch.service import Batches
    from shared.exports.service import Exports
    from shared.outgoing.client import Client
    from shared.resources.service import Resources
    from shared.sync.service import Syncs
    from shared.sync.store import SyncStore
    from shared.webhooks.service import Webhooks


def resources(
    settings: Settings,
    at: Stores,
    tasks: Registry,
    lists: Lists,
    audit: Audit,
    clock: Clock,
    outgoing: Callable[[], Outgoing],
) -> Resources:
    from shared.resources.service import Resources
    from shared.resources.store import Store
    from shared.resources.users import Users

    store = Store(at.connection, at.names.resources)
    users = Users(tasks, lists)
    return Resources(
        store, secrets(settings, at, clock), audit, clock, lambda url: outgoing().hold(url), users
    )


def upkeep(settings: Settings, at: Stores, clock: Clock) -> ResourceUpkeep:
    from shared.resources.orphans import Orphans
    from shared.resources.store import Store

    store = Store(at.connection, at.names.resources)
    return Orphans(
        store, secrets(settings, at, clock), lambda: at.meta.value(RESTORING) is not None
    )


def forgetting(
    at: Stores,
    exports: Callable[[], Exports],
    webhooks: Callable[[], Webhooks],
    syncs: SyncStore,
    resources: Callable[[], ResourceService],
) -> Forgetting:
    """What removes what is left of customers' tasks."""
    from shared.analysis import forgetting as of_analyses
    from shared.analysis.store import Store as Analyses
    from shared.app.forgetting import Forgetting
    from shared.batch import forgetting as of_batches
    from shared.batch.store import Store as Batches
    from shared.probes import forgetting as of_checks
    from shared.sync import forgetting as of_syncs

    names, made, known = at.names, at.connection, at.table.rows
    table = made.table(names.table)
    return Forgetting(
        {
            "exports": lambda: exports().forget,
            "deliveries": lambda: webhooks().forget_all,
            "health_checks": lambda: of_checks.Forgetting(made, names.probes, known),
            "syncs": lambda: of_syncs.Forgetting(syncs, known),
            "analyses": lambda: of_analyses.Forgetting(
                Analyses(table, made.blobs(names.analysis)), resources()
            ),
            "batches": lambda: of_batches.Forgetting(Batches(table, made.blobs(names.batches))),
        }
    )


def secrets(settings: Settings, at: Stores, clock: Clock) -> SecretStore:
    """Where secrets of customers are: the first store takes new ones."""
    from shared.secrets.choice import SEALED, VAULT, Secrets
    from shared.secrets.sealed import SealedSecrets
    from shared.secrets.sealing import Seal
    from shared.secrets.vault import VaultSecrets
    from shared.storage.vault import Vault

    stores: dict[str, SecretStore] = {}
    if settings.secrets.vault_url:
        vault = Vault(settings.secrets.vault_url, settings.secrets.client_id)
        stores[VAULT] = VaultSecrets(vault, settings.prefix, clock)
    if settings.secrets.key:
        seal = Seal.of(settings.secrets.key)
        stores[SEALED] = SealedSecrets(at.connection, at.names.secrets, seal, clock)
    return Secrets(stores)


def webhooks(
    at: Stores,
    outgoing: Callable[[], Outgoing],
    resources: Callable[[], ResourceService],
    alerts: Callable[[], AlertService],
    audit: Audit,
    clock: Clock,
) -> Webhooks:
    """The deliveries to webhooks."""
    from shared.webhooks.service import Webhooks
    from shared.webhooks.store import Store

    store = Store(at.connection, at.names.webhooks)
    return Webhooks(store, outgoing, resources, alerts, audit, clock)


def batches(
    settings: Settings,
    at: Stores,
    listing: Listing,
    manager: Manager,
    calendars: Calendars,
    registry: Registry,
    services: Services,
    executor: Executor,
    limits: Limits,
    clock: Clock,
    resources: Callable[[], ResourceService],
) -> Batches:
    """Does batches. The resources are asked for when a batch lists them."""
    from shared.batch.files import Files
    from shared.batch.service import Batches
    from shared.batch.sources import Sources
    from shared.batch.store import Store

    store = Store(at.connection.table(at.names.table), at.connection.blobs(at.names.batches))
    files = Files(store, clock)
    return Batches(
        store=store,
        sources=Sources(listing, files, resources),
        files=files,
        manager=manager,
        calendars=calendars,
        registry=registry,
        services=services,
        executor=executor,
        limits=limits,
        clock=clock,
        at_once=settings.jobs_per_project,
    )


def analyses(
    settings: Settings,
    at: Stores,
    resources: Callable[[], ResourceService],
    outgoing: Callable[[], Outgoing],
) -> Analyses:
    from shared.analysis.osv import Vulnerabilities
    from shared.analysis.service import Analyses
    from shared.analysis.store import Store

    container = at.connection.blobs(at.names.analysis)
    said = settings.analysis
    return Analyses(
        store=Store(at.connection.table(at.names.table), container),
        resources=resources,
        guarded=outgoing,
        vulnerabilities=Vulnerabilities(container, outgoing, said.osv_url, said.ecosystems),
        allowed=said.hosts,
    )


def syncs(
    settings: Settings,
    store: SyncStore,
    resources: Callable[[], Resources],
    outgoing: Callable[[], Client],
) -> Syncs:
    from shared.storage.outside.address import accounts_of
    from shared.sync.reach import Guarded
    from shared.sync.service import Syncs

    destinations = (one.account for one in settings.backup_destinations.values())
    own = accounts_of(settings.storage, *destinations)
    return Syncs(resources(), Guarded(outgoing()), store, own)


def exports(
    settings: Settings,
    at: Stores,
    clock: Clock,
    listing: Listing,
    lists: Lists,
    ledger: Ledger,
    audit: AuditTrail,
    notifications: Callable[[], NotificationService],
    analyses: Callable[[], AnalysisService],
) -> Exports:
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

    jobs = Jobs(listing, at.ended)
    records = Records(ChainTable(at.connection.table(at.names.audit)))
    readers: dict[Data, Callable[[], Reader]] = {
        Data.RUNS: lambda: RunRows(jobs),
        Data.COSTS: lambda: CostRows(jobs, settings.prices),
        Data.SCHEDULES: lambda: ScheduleRows(lists),
        Data.OCCURRENCES: lambda: OccurrenceRows(listing, ledger),
        Data.AUDIT: lambda: AuditRows(records, audit.chain),
        Data.FINDINGS: lambda: FindingRows(
            lambda project_id, since, until: analyses().findings(project_id, since, until)
        ),
    }
    return Exports(
        Files(at.connection.blobs(at.names.exports), settings.storage.account_name),
        at.table,
        readers,
        notifications,
        clock,
    )
