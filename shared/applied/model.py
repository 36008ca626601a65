"""What is kept of an apply, and what can differ from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MANAGED_BY, MANAGED_KEY = "managed_by", "managed_key"
"""The tags by which a schedule is known to be an owner's, and which one."""
MOST = 5000
"""The most schedules of an owner that are watched for one caller's projects."""
MOST_CALENDARS = 1000


def mark(owner: str) -> str:
    """The last line of the description of an owner's calendar."""
    return f"[{MANAGED_BY} {owner}]"


class Kind(StrEnum):
    """What was applied."""

    SCHEDULE = "schedule"
    CALENDAR = "calendar"


class Change(StrEnum):
    """What became of it since."""

    CHANGED = "changed"
    DELETED = "deleted"
    ADDED = "added"
    """It has the owner's mark, and was not applied."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """A schedule or a calendar that is there now."""

    kind: Kind
    id: str
    key: str
    """Its key in the file; of a calendar, its name."""
    project_id: int | None
    revision: int
    """Another number after each change by people. Of a calendar: its last change, in microseconds
    since 1970."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A schedule or a calendar that was applied."""

    kind: Kind
    key: str
    id: str
    project_id: int | None
    fields: Mapping[str, str]
    """By name, a digest of each field as it was then."""
    seen: int
    """The revision with which it was compared last."""
    differs: tuple[str, ...] = ()
    """The fields that differed then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """An apply by a caller of some projects or of all, without its entries."""

    owner: str
    projects: frozenset[int] | None
    """What the caller saw; None: everything."""
    applied_at: datetime
    applied_by: str
    schedules: int = 0
    calendars: int = 0
    looked: str = ""
    """What the owner had when it was last compared (`compare.state`); empty: it was not yet."""
    drifted: int = 0
    """How many differed then."""
    said: str = ""
    """Which, in words."""
    since: datetime | None = None
    """When the monitor first found that something differs."""
    parts: int = 0
    mark: str = ""
    etag: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Something that is not as it was applied."""

    change: Change
    kind: Kind
    key: str
    id: str
    project_id: int | None
    fields: tuple[str, ...] = ()
    """Of a changed one: what differs."""


@dataclass(frozen=True, slots=True)
class Extent:
    """For which projects an apply counts: those that its caller saw, without those that another has
    been applied to since."""

    projects: frozenset[int] | None
    without: frozenset[int] = frozenset()

    def covers(self, project_id: int | None) -> bool:
        """Whether it counts for what belongs to that project."""
        if project_id in self.without:
            return False
        return self.projects is None or project_id in self.projects
