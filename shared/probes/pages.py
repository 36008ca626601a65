"""A status page: what a project shows of its health checks to whoever knows its name. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.probes.model import Standing

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
    status: Standing
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
    status: Standing
    checks: tuple[PublicCheck, ...]
    updated_at: datetime | None
    """When the newest result was found."""


_ORDER = (Standing.DOWN, Standing.DEGRADED, Standing.UNKNOWN, Standing.UP)


def worst(some: list[Standing]) -> Standing:
    """The status of all together; `unknown` of none."""
    return next((one for one in _ORDER if one in some), Standing.UNKNOWN)


def new_slug() -> str:
    """One that nobody guesses: 125 bits."""
    letters = "abcdefghijkmnopqrstuvwxyz23456789"
    return "".join(secrets.choice(letters) for _ in range(25))


def is_slug(text: str) -> bool:
    return re.fullmatch(SLUG, text, re.ASCII) is not None


SAMPLE = Published(
    slug="sample",
    title="Shop <&>",
    description="How the shop is.",
    status=Standing.DEGRADED,
    checks=(
        PublicCheck(
            name='Orders "quick"',
            status=Standing.DEGRADED,
            uptime={"24h": 100.0, "7d": 99.95, "30d": 98.0, "90d": None},
            median_ms=120.4,
            days=tuple(
                (date(2030, 1, 1) + timedelta(days=n), (None, 100.0, 99.5)[n % 3])
                for n in range(90)
            ),
        ),
    ),
    updated_at=None,
)
"""A page with one of everything, for checks of its HTML."""
