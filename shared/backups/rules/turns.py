"""Which copies are proved again today, so that each is within a period.

Each day a share of them by their bytes, the oldest proof first; and whatever would be older than
the period before the next day. A share, since what was proved on one day would come round on one
day too: but nothing is proved again within half of the period.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.backups.store.entries import Backup, Copy

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """A copy that may be relied upon, and since when."""

    backup: Backup
    copy: Copy
    at: datetime
    """Of its last proof: it was read whole."""

    @property
    def bytes(self) -> int:
        return self.copy.summary.bytes

    @property
    def restoring(self) -> timedelta:
        """How long its restore took the last time, as far as that is known."""
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
    """Those that are to be proved again today, of all in that order. Whose restore takes longer
    than `longest` come last, or one that never ends in time would keep all others from it."""
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
    """Those whose proof is older than the period."""
    return [one for one in found if now - one.at > period]
