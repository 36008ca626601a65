"""What a budget is, whose it is, and which day or month of it an instant is in. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from shared.recurrence import zone

MICROS = 10**6


class Of(StrEnum):
    """What has a budget."""

    PROJECT = "project"
    SCHEDULE = "schedule"


class Period(StrEnum):
    """How long a budget is for."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Whose budget it is."""

    of: Of
    id: str
    """The project's number, or the schedule's id."""

    @property
    def key(self) -> str:
        """Its name in storage, such as `project:5`."""
        return f"{self.of}:{self.id}"

    @property
    def path(self) -> str:
        """Where the API has its budget."""
        return f"/api/v1/budgets/{self.of}s/{self.id}"

    def __str__(self) -> str:
        return f"{self.of} {self.id}"

    @staticmethod
    def parsed(key: str) -> Scope:
        """The scope of such a key. Raises `ValueError`."""
        of, _, its_id = key.partition(":")
        return Scope(Of(of), its_id)


@dataclass(frozen=True, slots=True)
class Span:
    """One day or one month of a budget."""

    name: str
    """Such as `2026-11-30` or `2026-11`."""
    begin: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """How much may be spent in a period."""

    scope: Scope
    micros: Decimal
    """In millionths of the currency."""
    currency: str
    period: Period
    timezone: str = "UTC"
    """Whose days and months they are."""
    set_at: datetime
    set_by: str

    @property
    def kind(self) -> str:
        """What its counter counts. If this changes, the counter begins anew."""
        return f"{self.period}|{self.timezone}|{self.currency}"

    def span(self, at: datetime) -> Span:
        """The day or month that the instant is in."""
        local = at.astimezone(zone.find(self.timezone))
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.period is Period.DAY:
            after = midnight + timedelta(days=1)
            return Span(f"{midnight:%Y-%m-%d}", _utc(midnight), _utc(after))
        first = midnight.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        return Span(f"{first:%Y-%m}", _utc(first), _utc(after))


def _utc(midnight: datetime) -> datetime:
    """The instant of a midnight: the later one, if clocks go back or forward over it."""
    return max(midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def shown(micros: Decimal, currency: str) -> str:
    """An amount for people: `12.5 USD`, to a millionth."""
    amount = (micros / MICROS).quantize(Decimal("0.000001")).normalize()
    return f"{amount:,f} {currency}"
