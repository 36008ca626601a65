"""Makes the services of what customers may schedule. Each is imported when it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.app.stores import Stores
from shared.audit.port import Audit
from shared.audit.service import AuditTrail
from shared.clock import Clock
from shared.engine.records.lists import Lists
from shared.engine.records.reconcile import Ledger
from shared.listing.listing import Listing
from shared.notifications.port import NotificationService
from shared.outgoing import Outgoing
from shared.secrets.port import SecretStore
from shared.settings import Settings
from shared.tasks import Registry

if TYPE_CHECKING:
    from shared.exports.readers.findings import Findings
    from shared.exports.service import Exports
    from shared.resources.service import Resources


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


def exports(
    settings: Settings,
    at: Stores,
    clock: Clock,
    listing: Listing,
    lists: Lists,
    ledger: Ledger,
    audit: AuditTrail,
    notifications: Callable[[], NotificationService],
    findings: Findings | None = None,
) -> Exports:
    """`findings`: what analyses found; None: there is nothing that analyses."""
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
    }
    if findings is not None:
        readers[Data.FINDINGS] = lambda: FindingRows(findings)
    return Exports(
        Files(at.connection.blobs(at.names.exports), settings.storage.account_name),
        at.table,
        readers,
        notifications,
        clock,
    )
