"""Makes the services of what customers may schedule. Each is imported when it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.alerts.port import AlertService
from shared.app.stores import Stores
from shared.audit.port import Audit
from shared.clock import Clock
from shared.engine.records.lists import Lists
from shared.outgoing import Outgoing
from shared.resources.port import ResourceService, ResourceUpkeep
from shared.secrets.port import SecretStore
from shared.settings import Settings
from shared.storage.tables.facts import RESTORING
from shared.tasks import Registry

if TYPE_CHECKING:
    from shared.resources.service import Resources
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
