"""Secrets in an Azure Key Vault that has nothing else in it.

A vault takes few requests in ten seconds for what a thousand runs would ask, so what was read is
kept in memory for a few minutes. That is never wrong: under one name there is one value, for ever
(`port`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import threading
from collections.abc import Iterator, Mapping
from typing import Protocol

from shared.clock import Clock
from shared.errors import Damaged
from shared.log import Event, event
from shared.projects import name_of, project_of
from shared.secrets.port import Kept, Owner
from shared.settings import Secret
from shared.storage.vault import Listed

_logger = logging.getLogger("belfry.secrets")
KEPT_SECONDS = 300.0
MOST = 1000
"""The secrets of so many resources are kept in memory."""


class Client(Protocol):
    """The vault (`storage.vault.Vault`)."""

    def set(self, name: str, value: str, tags: Mapping[str, str]) -> None: ...
    def get(self, name: str) -> str | None: ...
    def delete(self, name: str) -> None: ...
    def all(self) -> Iterator[Listed]: ...


class VaultSecrets:
    """The store (`port.SecretStore`)."""

    def __init__(self, vault: Client, prefix: str, clock: Clock) -> None:
        """`prefix`: that of the tables; others that use this vault have another."""
        self._vault = vault
        self._prefix = prefix
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Mapping[str, Secret]]] = {}

    def put(self, owner: Owner, values: Mapping[str, Secret]) -> str:
        ref = secrets.token_hex(8)
        plain = {name: one.reveal() for name, one in values.items()}
        said = json.dumps({"owner": str(owner), "values": plain}, ensure_ascii=False)
        tags = {
            "belfry": self._prefix,
            "kind": owner.kind,
            "id": owner.id,
            "project": name_of(owner.project_id),
        }
        self._vault.set(self._name(owner, ref), said, tags)
        return ref

    def get(self, owner: Owner, ref: str) -> Mapping[str, Secret] | None:
        name = self._name(owner, ref)
        now = self._clock.monotonic()
        with self._lock:
            until, values = self._known.get(name, (now, None))
        if values is not None and now < until:
            return values
        text = self._vault.get(name)
        if text is None:
            return None
        found = _read(text, owner)
        with self._lock:
            self._known.pop(name, None)
            while len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[name] = (now + KEPT_SECONDS, found)
        return found

    def remove(self, owner: Owner, ref: str) -> None:
        name = self._name(owner, ref)
        with self._lock:
            self._known.pop(name, None)
        self._vault.delete(name)

    def all(self) -> Iterator[Kept]:
        for one in self._vault.all():
            if one.tags.get("belfry") != self._prefix:
                continue
            try:
                yield _kept(one)
            except Damaged as error:  # one that cannot be read must not hide the others
                event(_logger, Event.SECRETS_UNREADABLE, level=logging.ERROR, error=str(error))

    @staticmethod
    def _name(owner: Owner, ref: str) -> str:
        """1 to 127 letters, digits and -; a resource's id may have other characters. It does not
        depend on the prefix: a restore into tables of another one finds them.
        https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates"""
        digest = hashlib.sha256(str(owner).encode()).hexdigest()[:32]
        return f"belfry-{digest}-{ref}"


def _read(text: str, owner: Owner) -> Mapping[str, Secret]:
    try:
        said = json.loads(text)
        whose, values = said["owner"], said["values"]
        found = {str(name): Secret(str(one)) for name, one in values.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Damaged(f"the secrets of {owner} in the key vault cannot be read") from None
    if whose != str(owner):
        raise Damaged(f"the secrets of {owner} in the key vault are those of another")
    return found


def _kept(one: Listed) -> Kept:
    """Raises `Damaged` if somebody changed its tags."""
    try:
        owner = Owner(
            kind=one.tags["kind"],
            id=one.tags["id"],
            project_id=project_of(one.tags["project"]),
        )
    except (LookupError, ValueError) as error:
        raise Damaged(f"the tags of the secret {one.name} cannot be read") from error
    return Kept(owner=owner, ref=one.name.rpartition("-")[2], at=one.created_at)
