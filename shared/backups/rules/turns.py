"""Which copies are proved again today, so that each one is proved once within a period.

Each day these are a share of all copies by bytes, those with the oldest proof first, and in any
case those whose proof would be older than the period by the next day. Without shares, copies proved
on the same day would all be due on the same day again. Nothing is proved again within half of the
period.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.backups.store.entries import Backup, Copy

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """A verified copy, and when it was last proved."""

    backup: Backup
    copy: Copy
    at: datetime
    """When its last proof was, which read all of it."""

    @property
    def bytes(self) -> int:
        return self.copy.summary.bytes

    @property
    def restoring(self) -> timedelta:
        """How long its restore took last time; 0 if that is not known."""
        proof = self.backup.proof
        return timedelta(seconds=(proof.restore_seconds or 0) if proof is not None else 0)

    @property
    def name(self) -> str:
        return f"{self.backup.id} at {self.copy.destination}"


def turns(backups: Iterable[Backup]) -> list[Turn]:
    """Every verified copy, the oldest proof first."""
    found = [
        Turn(backup, copy, copy.proof.at)
        for backup in backups
        for copy in backup.good
        if copy.proof is not None
    ]
    return sorted(found, key=lambda one: (one.at, one.name))


def todays(
    found: list[Turn], period: timedelta, now: datetime, longest: timedelta = timedelta.max
) -> list[Turn]:
    """Which copies to prove again today, from all in the order of `turns`. Those whose restore
    takes longer than `longest` come last: one that never ends in time must not block the others."""
    share = sum(one.bytes for one in found) * (_DAY / period)
    chosen: list[Turn] = []
    taken = 0
    for one in found:
        age = now - one.at
        if age + _DAY < period and (age < period / 2 or taken >= share):
            break
        chosen.append(one)
        taken += one.bytes
    return sorted(chosen, key=lambda one: one.restoring > longest)


def overdue(found: Iterable[Turn], period: timedelta, now: datetime) -> list[Turn]:
    """The copies whose last proof is older than the period."""
    return [one for one in found if now - one.at > period]
