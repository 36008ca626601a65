"""What the health summary is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from shared.alerts.kinds import Severity
from shared.engine.dispatch.facts import Facts
from shared.engine.dispatch.uptime import Life

T = TypeVar("T")


class Health(StrEnum):
    """How Belfry is, taken together."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """It does its work, and something needs a person."""
    UNHEALTHY = "unhealthy"
    """Something that it is there for does not happen."""

    @property
    def rank(self) -> int:
        """The worse, the higher."""
        return list(Health).index(self)


class Part(StrEnum):
    """What is looked at, each for itself: one that fails hides no other."""

    STORAGE = "storage"
    DATABASE = "database"
    QUEUES = "queues"
    NOTIFICATIONS = "notifications"
    ERRORS = "errors"
    CIRCUITS = "circuits"
    BACKUPS = "backups"
    ALERTS = "alerts"
    APPROVALS = "approvals"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why Belfry is not healthy."""

    part: str
    """A `Part`, or `clocks`."""
    status: Health
    text: str
    """What is wrong."""
    since: datetime | None
    """Since when, as far as is known."""
    what_to_do: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen(Generic[T]):
    """What a look at a part found."""

    value: T | None = None
    at: datetime | None = None
    """When the look began that found it."""
    problem: str | None = None
    """Why nothing newer is known; None: what is known counts."""
    since: datetime | None = None
    """Since when that is so, as this process saw it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signs:
    """What storage says of the clocks and of the service's life; and how fast it said so."""

    facts: Facts
    life: Life | None
    """None if its row cannot be read, or is not there."""
    latency_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """The company's database."""

    kind: str
    """`postgresql`, `sqlite`, or `none` if DATABASE_URL is not set."""
    connected: bool
    latency_ms: float | None = None
    problem: str | None = None
    """Why it is not connected, or does not fit this version of Belfry."""
    since: datetime | None = None
    """Since when it is not connected, as this process saw it."""
    checked: bool = True
    """Whether it was looked at; False if none is set."""


NO_DATABASE = Database(kind="none", connected=False, checked=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """Notifications in the outbox."""

    due: int
    waiting: int
    """For their time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """Jobs that were due within a span and have ended."""

    ended: int = 0
    """Succeeded or failed."""
    failed: int = 0

    @property
    def rate(self) -> float:
        """Which part of them failed, from 0 to 1; 0 if none ended."""
        return self.failed / self.ended if self.ended else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Errors:
    """How jobs ended lately."""

    last_hour: Ended
    last_24_hours: Ended


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCircuit:
    """A provider that failed, so that messages wait."""

    name: str
    opened_at: datetime | None
    next_probe_at: datetime | None
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupSeen:
    """How one database stands by a plan."""

    source: str
    database: str
    schedule_id: str
    last_good_at: datetime | None
    expected_by: datetime | None
    too_old: bool
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertSeen:
    """An alert that is open."""

    id: str
    kind: str
    about: str
    severity: Severity
    opened_at: datetime
    what_to_do: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """Approvals that wait for a person."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """All that is known at an instant."""

    storage: Seen[Signs] = field(default_factory=Seen)
    database: Seen[Database] = field(default_factory=Seen)
    queues: Seen[Mapping[str, int]] = field(default_factory=Seen)
    notifications: Seen[Outgoing] = field(default_factory=Seen)
    errors: Seen[Errors] = field(default_factory=Seen)
    circuits: Seen[Sequence[OpenCircuit]] = field(default_factory=Seen)
    backups: Seen[Sequence[BackupSeen]] = field(default_factory=Seen)
    alerts: Seen[Sequence[AlertSeen]] = field(default_factory=Seen)
    approvals: Seen[Pending] = field(default_factory=Seen)

    def of(self, part: Part) -> Seen[object]:
        """One part."""
        found: Seen[object] = getattr(self, part.value)
        return found
