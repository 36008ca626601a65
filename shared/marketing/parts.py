"""Who of a campaign is held out, and the digest of its list: pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from shared.data.models import Part


def name_of(tenant_id: int, rule: str, week: str) -> str:
    """What a campaign is called wherever it must be the same again."""
    return f"{tenant_id}:{rule}:{week}"


def part_of(name: str, owner_id: int, hold_out_percent: int) -> Part:
    """In which part an owner is: by a hash of the campaign and the owner, so each campaign holds
    out others, and the same ones whenever it is asked."""
    digest = hashlib.sha256(f"{name}:{owner_id}".encode()).digest()
    bucket = int.from_bytes(digest[:8]) * 100 >> 64
    return Part.HELD_OUT if bucket < hold_out_percent else Part.WRITTEN_TO


class ListDigest:
    """SHA-256 of a campaign's name, its template, and its recipients in the order of their ids."""

    def __init__(self, name: str, template: str) -> None:
        self._hash = hashlib.sha256(f"{name}\n{template}\n".encode())

    def add(self, recipients: Iterable[tuple[int, Part]]) -> None:
        """The next ones: (owner, part)."""
        for owner, part in recipients:
            self._hash.update(f"{owner} {part.value}\n".encode())

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def ids_of(name: str) -> tuple[str, str]:
    """(its schedule's id, what its job's id ends in) of the one job of a campaign."""
    digest = hashlib.sha256(f"campaign:{name}".encode()).hexdigest()
    return f"s{digest[:11]}", f"c{digest[11:21]}"
