"""Secrets as encrypted rows of a table of their own.

| partition | row key | what |
|---|---|---|
| `p:{project}`, or `p:` for none | `{kind}:{id}:{ref}` | all secrets of a resource at one time |
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.clock import Clock
from shared.errors import Damaged
from shared.log import Event, event
from shared.projects import name_of, project_of
from shared.secrets.port import Kept, Owner
from shared.secrets.sealing import Seal, Sealed
from shared.settings import Secret
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Upsert
from shared.storage.tables.table import Table

_logger = logging.getLogger("belfry.secrets")
_SERVICE = "table storage"


class SealedSecrets:
    """The store (`port.SecretStore`)."""

    def __init__(self, connection: Connection, name: str, seal: Seal, clock: Clock) -> None:
        self._table: Table = connection.table(name)
        self._seal = seal
        self._clock = clock

    def put(self, owner: Owner, values: Mapping[str, Secret]) -> str:
        ref = secrets.token_hex(8)
        sealed = self._seal.close(values, bound(owner, ref))
        row = {"sealed": sealed.text, "key": sealed.key, "at": self._clock.now().isoformat()}
        with translated(_SERVICE):
            self._table.transact(name_of(owner.project_id), [Upsert(_key(owner, ref), row)])
        return ref

    def get(self, owner: Owner, ref: str) -> Mapping[str, Secret] | None:
        with translated(_SERVICE):
            row = self._table.get(name_of(owner.project_id), _key(owner, ref))
        if row is None:
            return None
        return self._seal.open(Sealed(str(row["key"]), str(row["sealed"])), bound(owner, ref))

    def remove(self, owner: Owner, ref: str) -> None:
        with translated(_SERVICE):
            self._table.transact(name_of(owner.project_id), [Delete(_key(owner, ref))])

    def all(self) -> Iterator[Kept]:
        with translated(_SERVICE):
            rows = self._table.query("", select=("PartitionKey", "RowKey", "at"))
            for row in rows:
                try:
                    yield _kept(row)
                except Damaged as error:  # one that cannot be read must not hide the others
                    event(_logger, Event.SECRETS_UNREADABLE, level=logging.ERROR, error=str(error))


def bound(owner: Owner, ref: str) -> str:
    """What secrets are bound to."""
    return f"{owner} {ref}"


def _key(owner: Owner, ref: str) -> str:
    return f"{owner.kind}:{owner.id}:{ref}"


def _kept(row: Mapping[str, Any]) -> Kept:
    """Raises `Damaged` if somebody wrote something else into the table."""
    try:
        kind, name, ref = str(row["RowKey"]).split(":")
        owner = Owner(kind=kind, id=name, project_id=project_of(str(row["PartitionKey"])))
        return Kept(owner=owner, ref=ref, at=datetime.fromisoformat(row["at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"the row {row['RowKey']} of secrets cannot be read") from error
