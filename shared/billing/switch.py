"""Belfry's own switch: one row, changed in one write. It ends overage; what Stripe does follows it.

Of a pause and a resume at once, each decides on the row as the other left it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared.billing.port import Resumption, Standing
from shared.clock import Clock
from shared.data.database import reading, writing
from shared.data.models import BillingSwitch
from shared.data.rows import insert_once
from shared.errors import Conflict, Invalid
from shared.settings import Secret

FRESH = timedelta(seconds=5)
"""How long an answer of `is_paused` may be used."""
LONGEST = timedelta(days=7)
"""How far ahead a person's word may hold: longer would turn the guard off."""
_ROW = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """How it stands; see `BillingSwitch` for each field."""

    paused_at: datetime | None = None
    paused_for: date | None = None
    spent_minor: int | None = None
    limit_minor: int | None = None
    currency: str | None = None
    resumed_at: datetime | None = None
    resumed_by: str | None = None
    resumed_for: date | None = None

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    def is_resumed_for(self, day: date) -> bool:
        """Whether a person's word holds for that day: for the day they named, and those before."""
        return not self.is_paused and self.resumed_for is not None and day <= self.resumed_for


@dataclass(frozen=True, kw_only=True, slots=True)
class Spend:
    """What was spent on a day, and what may be."""

    day: date
    spent_minor: int
    limit_minor: int
    currency: str


def paused(before: Switch, why: Spend, now: datetime) -> Switch:
    """The switch after a wish to pause; the same if it is paused, or a person resumed it for that
    day. It stays paused for the day for which it was paused first."""
    if before.is_paused or before.is_resumed_for(why.day):
        return before
    return replace(
        before,
        paused_at=now,
        paused_for=why.day,
        spent_minor=why.spent_minor,
        limit_minor=why.limit_minor,
        currency=why.currency,
    )


def resumed(before: Switch, by: str, day: date, now: datetime) -> Switch:
    """The switch after a person resumed it; it holds for `day`, and for the day for which it was
    paused. The same if it was resumed for that day before. Raises `Conflict` if there is nothing
    to resume."""
    if before.is_resumed_for(day):
        return before
    if not before.is_paused:
        raise Conflict("billing is not paused, so there is nothing to resume")
    until = max(day, before.paused_for or day)
    return replace(before, paused_at=None, resumed_at=now, resumed_by=by, resumed_for=until)


def standing(switch: Switch) -> Standing:
    """How it stands, as people are told of it."""
    if switch.paused_at is not None:
        return Standing(paused_for=switch.paused_for or switch.paused_at.astimezone(UTC).date())
    at, by, day = switch.resumed_at, switch.resumed_by, switch.resumed_for
    if at is None or by is None or day is None:
        return Standing(paused_for=None)
    return Standing(paused_for=None, resumption=Resumption(by=by, at=at, day=day))


class SwitchRow:
    """The switch in the database. Every method raises as `reading` and `writing` do."""

    def __init__(self, url: Secret, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[bool, float] | None = None

    def read(self) -> Switch:
        """How it stands."""
        with reading(self._url) as session:
            row = session.execute(_query()).first()
        return Switch() if row is None else Switch(**row._mapping)

    def pause(self, why: Spend) -> tuple[Switch, bool]:
        """(the switch afterwards, whether this paused it)."""
        return self._change(lambda before: paused(before, why, self._clock.now()))

    def resume(self, by: str, day: date | None) -> tuple[Switch, bool]:
        """(the switch afterwards, whether this resumed it). Without a day: today, in UTC. Raises
        `Conflict` as `resumed` does, and `Invalid` for a day that is over or too far ahead."""
        now = self._clock.now()
        today = now.astimezone(UTC).date()
        until = day or today
        if not today <= until <= today + LONGEST:
            raise Invalid("day", f"give a day from today to {today + LONGEST}")
        return self._change(lambda before: resumed(before, by, until, now))

    def is_paused(self) -> bool:
        """Whether it is set, as it was at most `FRESH` ago."""
        with self._lock:
            now, known = self._clock.monotonic(), self._known
            if known is None or now >= known[1]:
                known = (self.read().is_paused, now + FRESH.total_seconds())
                self._known = known
            return known[0]

    def _change(self, change: Callable[[Switch], Switch]) -> tuple[Switch, bool]:
        with writing(self._url) as session:
            before = _held(session)
            after = change(before)
            if after != before:
                row = session.get_one(BillingSwitch, _ROW)
                for name, value in asdict(after).items():
                    setattr(row, name, value)
        with self._lock:
            self._known = None
        return after, after != before


def _held(session: Session) -> Switch:
    """The switch, which nobody else changes until the transaction ends."""
    insert_once(session, BillingSwitch, {"id": _ROW})
    row = session.execute(_query().with_for_update()).one()
    return Switch(**row._mapping)


def now_in(session: Session) -> bool:
    """Whether it is set, in a transaction that is under way."""
    query = select(BillingSwitch.paused_at).where(BillingSwitch.id == _ROW)
    return session.execute(query).scalar() is not None


def _query() -> Select[*tuple[Any, ...]]:
    columns = [getattr(BillingSwitch, one.name) for one in fields(Switch)]
    return select(*columns).where(BillingSwitch.id == _ROW)
