"""Makes the guarded client, by what the settings allow and what is Belfry's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared import tracing
from shared.clock import Clock
from shared.outgoing import Own, Post, Rules, allowed
from shared.settings import Settings, StorageAccount
from shared.storage.signing import parts

if TYPE_CHECKING:
    from shared.outgoing.client import Client


def outgoing(settings: Settings, clock: Clock) -> Client:
    """The one way to places that customers choose."""
    return _client(_rules(settings, settings.outgoing.ranges, "OUTGOING_RANGES"), clock)


def heartbeats(settings: Settings, clock: Clock) -> Post:
    """The way of heartbeats, to which HEARTBEAT_HOSTS opens further places."""
    places = (*settings.heartbeat.hosts, *settings.outgoing.ranges)
    rules = _rules(settings, places, "HEARTBEAT_HOSTS")
    return Post(_client(rules, clock), rules)


def _client(rules: Rules, clock: Clock) -> Client:
    from shared.outgoing.client import Client

    return Client(rules, clock, traced=tracing.call)


def _rules(settings: Settings, places: tuple[str, ...], setting: str) -> Rules:
    return Rules(
        allowed=allowed(places),
        ports=settings.outgoing.ports,
        own=Own.of(
            accounts=_account_names(settings),
            urls=_own_urls(settings),
            identity=settings.outgoing.identity,
        ),
        setting=setting,
    )


def accounts(settings: Settings) -> Iterator[StorageAccount]:
    """Belfry's own accounts."""
    yield settings.storage
    for one in settings.backup_destinations.values():
        yield one.account


def _account_names(settings: Settings) -> Iterator[str]:
    for one in accounts(settings):
        yield one.account_name
        yield parts(one.connection_string.reveal()).get("accountname", "")


def _own_urls(settings: Settings) -> Iterator[str]:
    """The URLs of what is Belfry's own: its storage, its databases, and where its code is put."""
    for one in accounts(settings):
        yield from (one.blob_url, one.queue_url, one.table_url)
        named = parts(one.connection_string.reveal())
        yield from (url for name, url in named.items() if name.endswith("endpoint"))
    urls = (settings.database_url, settings.postgres_url, settings.postgres_scratch_url)
    for url in (*urls, *settings.backup_sources.values()):
        yield url.reveal()
    if settings.secrets.vault_url:
        yield settings.secrets.vault_url
    if settings.access.on_azure:
        yield f"https://{settings.tracing.service}.scm.azurewebsites.net"
