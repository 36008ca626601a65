"""Every backup there is, put together from what lies at the destinations.

The containers are the truth; there is no second list that could differ from them. A destination
that is away is told as such, and hides none of what the others hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.backups.destination import Destination
from shared.backups.entries import Backup, Copy
from shared.backups.model import Summary
from shared.errors import BelfryError, Misconfigured, NotFound, Refused, Unavailable

Group = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the destinations found."""

    backups: list[Backup]
    """Newest first."""
    away: Mapping[str, str]
    """Destinations that did not answer, and what they said."""
    strange: int
    """Blobs that are no backup's, are sealed with a key that is not set, or say of a backup what
    its other copies do not."""

    def find(self, backup_id: str) -> Backup:
        """Raises `NotFound`; `Unavailable` if it may lie where nobody answers."""
        for backup in self.backups:
            if backup.id == backup_id:
                return backup
        if self.away:
            names = ", ".join(self.away)
            raise Unavailable("backup destinations", f"{names} did not answer; it may lie there")
        raise NotFound(f"there is no backup {backup_id!r}")

    def groups(self) -> dict[Group, list[Backup]]:
        """The backups of each plan's databases, newest first."""
        rows: dict[Group, list[Backup]] = {}
        for backup in self.backups:
            rows.setdefault(backup.group, []).append(backup)
        return rows


class Catalog:
    """The destinations together, by name."""

    def __init__(self, destinations: Iterable[Destination]) -> None:
        self._destinations = {one.name: one for one in destinations}

    def __getitem__(self, name: str) -> Destination:
        """Raises `Misconfigured` if the settings have none of that name."""
        if name not in self._destinations:
            known = ", ".join(self._destinations)
            text = (
                f"there is no backup destination {name!r} (BACKUP_DESTINATIONS); there are {known}"
            )
            raise Misconfigured(text)
        return self._destinations[name]

    @property
    def names(self) -> list[str]:
        return list(self._destinations)

    def wanted(self, names: Iterable[str]) -> list[Destination]:
        """Those named, in the settings' order; all if none is."""
        chosen = {self[name].name for name in names} or set(self._destinations)
        return [one for one in self._destinations.values() if one.name in chosen]

    def look(self) -> Found:
        """List all destinations. Raises `Unavailable` or `Refused` if none answers."""
        away: dict[str, BelfryError] = {}
        rows: dict[str, list[Copy]] = {}
        strange = 0
        with ThreadPoolExecutor(max(1, len(self._destinations)), "belfry-catalog") as pool:
            looks = {name: pool.submit(one.copies) for name, one in self._destinations.items()}
        for name, look in looks.items():
            try:
                found, unknown = look.result()
            except (Unavailable, Refused) as error:
                away[name] = error
                continue
            strange += unknown
            for copy in found:
                rows.setdefault(copy.summary.id, []).append(copy)
        if away and len(away) == len(self._destinations):
            raise next(iter(away.values()))
        backups = [Backup(_summary(found), found) for found in rows.values()]
        strange += sum(copy.summary != one.summary for one in backups for copy in one.copies)
        backups.sort(key=lambda one: (one.summary.started_at, one.id), reverse=True)
        return Found(backups, {name: str(error) for name, error in away.items()}, strange)


def _summary(found: list[Copy]) -> Summary:
    """Of a proved copy, if there is one: metadata can be changed by whoever may write there."""
    return next((copy for copy in found if copy.verified), found[0]).summary
