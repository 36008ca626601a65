"""All backups, put together from what lies at the destinations.

The containers are the only truth; there is no second list that could differ from them. A
destination that does not answer is reported as such, and does not hide what the others hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.backups.model import Summary
from shared.backups.store.destination import Destination
from shared.backups.store.entries import Backup, Copies, Copy, Lost
from shared.errors import BelfryError, Invalid, Misconfigured, NotFound, Refused, Unavailable
from shared.storage.blobs.stream import go_on
from shared.text import those
from shared.threads import Pool

Group = tuple[str, str, str, str]
DIGITS = 8
"""How many leading hex digits of a backup's id are enough to name it."""
_NO_KEY = "the keys of BACKUP_ENCRYPTION_KEY do not open"
_REMEMBERED = timedelta(minutes=1)
"""After a destination did not answer, a look with `now` does not ask it again for this long."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the destinations found."""

    backups: list[Backup]
    """Newest first."""
    away: Mapping[str, str]
    """Destinations that did not answer, and their errors."""
    strange: int
    """How many blobs belong to no backup, are encrypted with a key that is not set, or contradict
    the other copies of their backup."""
    locked_at: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By destination: the ids of encrypted backups that none of our keys opens."""
    lost: tuple[Lost, ...] = ()
    """The remains of backups that can no longer be read."""

    @property
    def locked(self) -> int:
        """The number of encrypted backups that none of our keys opens."""
        return len(frozenset().union(*self.locked_at.values()))

    @property
    def locked_out(self) -> str:
        """The same in words, for a person; empty if there are none."""
        if not self.locked:
            return ""
        backups = "1 encrypted backup" if self.locked == 1 else f"{self.locked} encrypted backups"
        return f"there {'is' if self.locked == 1 else 'are'} {backups} that {_NO_KEY}"

    def find(self, backup_id: str) -> Backup:
        """The backup with that id, or whose id starts with those digits (blobs' names show them).

        Raises `NotFound`; `Unavailable` if it may lie at a destination that did not answer;
        `Invalid` if several ids start like that.
        """
        begin = [one for one in self.backups if one.id.startswith(backup_id)]
        fitting = [one for one in begin if one.id == backup_id] or begin
        if len(fitting) > 1:
            ids = ", ".join(one.id for one in fitting)
            raise Invalid("backup_id", f"several begin so; give all 32 hex digits ({ids})")
        if fitting and len(backup_id) >= DIGITS:
            return fitting[0]
        if self.away:
            names = ", ".join(self.away)
            raise Unavailable("backup destinations", f"{names} did not answer; it may lie there")
        said = f"there is no backup {backup_id!r}"
        for lost in self.lost:
            if backup_id.startswith(lost.id) or lost.id.startswith(backup_id):
                raise NotFound(f"{said} that can be read; {lost.sentence}")
        raise NotFound(f"{said} that can be read; {self.locked_out}" if self.locked else said)

    def groups(self) -> dict[Group, list[Backup]]:
        """The backups by plan and database, each row newest first."""
        rows: dict[Group, list[Backup]] = {}
        for backup in self.backups:
            rows.setdefault(backup.group, []).append(backup)
        return rows


class Catalog:
    """The destinations together, by name."""

    def __init__(self, destinations: Iterable[Destination]) -> None:
        self._destinations = {one.name: one for one in destinations}
        self._silent: dict[str, tuple[datetime, BelfryError]] = {}
        """Destinations that did not answer: when they were asked last, and their error."""

    def __getitem__(self, name: str) -> Destination:
        """The destination. Raises `Misconfigured` if the settings have none of that name."""
        if name not in self._destinations:
            known = those(self._destinations)
            raise Misconfigured(
                f"there is no backup destination {name!r} (BACKUP_DESTINATIONS); {known}"
            )
        return self._destinations[name]

    @property
    def names(self) -> list[str]:
        return list(self._destinations)

    def wanted(self, names: Iterable[str]) -> list[Destination]:
        """The destinations named, in the settings' order; all of them if `names` is empty."""
        chosen = {self[name].name for name in names} or set(self._destinations)
        return [one for one in self._destinations.values() if one.name in chosen]

    def look(self, now: datetime | None = None, check: Callable[[], None] = go_on) -> Found:
        """List all destinations. Raises `Unavailable` or `Refused` if none answers, and whatever
        `check` raises, after which no further request is made.

        With `now`, for callers that only read and should not wait long, a destination that did not
        answer within the last minute is not asked, unless that is true of all of them.
        """
        away = self._away(now) if now is not None else {}
        rows: dict[str, list[Copy]] = {}
        locked: dict[str, frozenset[str]] = {}
        lost: list[Lost] = []
        strange = 0
        asked = [one for name, one in self._destinations.items() if name not in away]
        with Pool(len(asked), "belfry-catalog") as pool:
            looks = pool.map(lambda one: _copies(one, check), asked)
        for name, look in zip([one.name for one in asked], looks, strict=True):
            if isinstance(look, Unavailable | Refused):
                away[name] = look
                if now is not None:
                    self._silent[name] = now, look
                continue
            self._silent.pop(name, None)
            strange += look.strange
            locked[name] = look.locked
            lost += look.lost
            for copy in look:
                rows.setdefault(copy.summary.id, []).append(copy)
        if away and len(away) == len(self._destinations):
            raise next(iter(away.values()))
        backups = [Backup(_summary(found), found) for found in rows.values()]
        strange += sum(copy.summary != one.summary for one in backups for copy in one.copies)
        blobs = {copy.blob for one in backups for copy in one.copies}
        backups.sort(key=lambda one: (one.summary.started_at, one.id), reverse=True)
        return Found(
            backups,
            {name: str(away[name]) for name in self._destinations if name in away},
            strange,
            {name: ids - rows.keys() - blobs for name, ids in locked.items()},
            tuple(lost),
        )

    def _away(self, now: datetime) -> dict[str, BelfryError]:
        """Destinations that did not answer within the last minute; empty if that is all of them."""
        known = {
            name: error
            for name, (since, error) in self._silent.copy().items()
            if timedelta() <= now - since < _REMEMBERED
        }
        return known if len(known) < len(self._destinations) else {}


def _copies(at: Destination, check: Callable[[], None]) -> Copies | Unavailable | Refused:
    """The copies at a destination, or the error if it does not answer. Raises what `check` does."""
    try:
        return at.copies(check)
    except (Unavailable, Refused) as error:
        return error


def _summary(found: list[Copy]) -> Summary:
    """The summary of a verified copy if there is one, since anyone who can write to a container can
    change metadata; else of the first copy."""
    return next((copy for copy in found if copy.verified), found[0]).summary
