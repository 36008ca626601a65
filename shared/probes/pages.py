"""A status page: what a project shows of its health checks to whoever knows its name. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.probes.model import Status

SLUG = r"[a-z0-9](?:[a-z0-9-]{1,58}[a-z0-9])"
"""What a page's name looks like, whole."""
MOST, MOST_CHECKS = 20, 30
"""The most pages of a project, and the most checks of a page."""
SPANS: Mapping[str, timedelta] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
"""For which spans uptime and percentiles are shown. The last 24 hours begin with a full hour, and
the longer spans with a day (UTC)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownCheck:
    """A check on a page."""

    schedule_id: str
    name: str
    """What the page calls it; the schedule's own name is not shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusPage:
    """A page, as people decided it."""

    slug: str
    """Its name in its URL. Whoever knows it may read the page."""
    project_id: int | None
    title: str
    description: str = ""
    checks: tuple[ShownCheck, ...] = ()
    revision: int = 1
    """Grows with each change."""
    created_at: datetime
    updated_at: datetime
    etag: str = ""

    @property
    def id(self) -> str:
        return self.slug


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicCheck:
    """What a page says of a check."""

    name: str
    status: Status
    """`unknown`: there is no recent result."""
    uptime: Mapping[str, float | None]
    """By span, in percent."""
    median_ms: float | None
    """How long half of the answers of the last 24 hours took at most."""
    days: tuple[tuple[date, float | None], ...]
    """The uptime of each of the last 90 days (UTC), oldest first; None: no result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What a page says."""

    slug: str
    title: str
    description: str
    status: Status
    checks: tuple[PublicCheck, ...]
    updated_at: datetime | None
    """When the newest result was found."""


_ORDER = (Status.DOWN, Status.DEGRADED, Status.UNKNOWN, Status.UP)


def worst(some: list[Status]) -> Status:
    """The status of all together; `unknown` of none."""
    return next((one for one in _ORDER if one in some), Status.UNKNOWN)


def new_slug() -> str:
    """One that nobody guesses: 125 bits."""
    letters = "abcdefghijkmnopqrstuvwxyz23456789"
    return "".join(secrets.choice(letters) for _ in range(25))


def is_slug(text: str) -> bool:
    return re.fullmatch(SLUG, text, re.ASCII) is not None
