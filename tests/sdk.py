"""Storage by Azure's own SDKs: a second opinion on what Belfry wrote, and a way to spoil it."""

from __future__ import annotations

from azure.data.tables import TableClient, TableServiceClient
from azure.storage.queue import QueueClient

from shared.app import App
from shared.storage.names import Names


def table(app: App, name: str | None = None) -> TableClient:
    """One table of the app's account; by default that of its schedules."""
    return tables(app).get_table_client(name or Names(app.settings.prefix).table)


def tables(app: App) -> TableServiceClient:
    """All tables of the app's account."""
    text = app.settings.storage.connection_string.reveal()
    return TableServiceClient.from_connection_string(text)


def queue(app: App, name: str) -> QueueClient:
    """One queue of the app's account."""
    text = app.settings.storage.connection_string.reveal()
    return QueueClient.from_connection_string(text, name)
