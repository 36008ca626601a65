"""What the tests of the finances put into the database, and the services that they pass on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert, select

from shared.alerts.port import AlertKind
from shared.billing.port import Collected, Pause, Paused
from shared.clock import ManualClock
from shared.data.database import reading, writing
from shared.data.models import (
    Base,
    BillingSwitch,
    Commission,
    Cost,
    Partner,
    Revenue,
    Tenant,
    UsageDay,
)
from shared.data.rows import insert_once
from shared.log import JobLog
from shared.settings import Secret
from shared.tasks import JobContext
from tests.integration.data.conftest import tenant

NOW = datetime(2026, 11, 29, 10, 0, 3, tzinfo=UTC)
TODAY = date(2026, 11, 29)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def job(
    due_at: datetime = datetime(2026, 11, 29, 10, tzinfo=UTC),
    *,
    now: datetime | None = None,
    dry_run: bool = False,
) -> JobContext:
    """A job that was due then, and runs a little later."""
    clock = ManualClock(now or due_at + timedelta(seconds=3))
    return JobContext(
        job_id=f"task-{due_at:%Y%m%dT%H%M%SZ}",
        schedule_id="task",
        due_at=due_at,
        attempt=1,
        clock=clock,
        log=JobLog(logging.getLogger("test"), {}, lambda: "t"),
        dry_run=dry_run,
        stop=threading.Event(),
    )


@dataclass(frozen=True)
class Kept:
    """The company's rows."""

    url: Secret

    def tenants(self, *zones: str) -> None:
        """More tenants, after the one that is there (1, Europe/Warsaw)."""
        with writing(self.url) as session:
            session.add_all([tenant(timezone=zone) for zone in zones])

    def cost(
        self, day: date, amount: int, category: str = "sms", currency: str = "USD", of: int = 1
    ) -> None:
        row = {"tenant_id": of, "day": day, "category": category}
        self._put(Cost, row | {"amount_minor": amount, "currency": currency})

    def revenue(self, day: date, amount: int, currency: str = "USD") -> None:
        row = {"tenant_id": 1, "day": day, "source": "subscription"}
        self._put(Revenue, row | {"amount_minor": amount, "currency": currency})

    def partner(self, name: str) -> None:
        self._put(Partner, {"name": name})

    def commission(
        self, partner: int, day: date, amount: int, currency: str = "USD", of: int = 1
    ) -> None:
        row = {"partner_id": partner, "tenant_id": of, "day": day}
        self._put(Commission, row | {"amount_minor": amount, "currency": currency})

    def used(self, day: date, value: int, counter: str = "logins", of: int = 1) -> None:
        row = {"tenant_id": of, "counter": counter, "day": day, "value": value}
        self._put(UsageDay, row)

    def used_much(self, days: Sequence[date], counters: Sequence[str], of: int = 1) -> None:
        """One of each counter on each day."""
        with writing(self.url) as session:
            session.add_all(
                [
                    UsageDay(tenant_id=of, counter=counter, day=day, value=1)
                    for day in days
                    for counter in counters
                ]
            )

    def _put(self, model: type[Base], row: Mapping[str, object]) -> None:
        with writing(self.url) as session:
            session.execute(insert(model).values(dict(row)))

    def usage(self) -> list[tuple[int, str, date, int, datetime | None]]:
        """(tenant, counter, day, value, closed at) of all."""
        keys = (UsageDay.tenant_id, UsageDay.counter, UsageDay.day, UsageDay.value)
        query = select(*keys, UsageDay.closed_at).order_by(UsageDay.day, UsageDay.id)
        with reading(self.url) as connection:
            return [row._tuple() for row in connection.execute(query)]

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """All rows of all tables."""
        with reading(self.url) as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
                for table in Base.metadata.sorted_tables
            }

    def switch(self, **values: object) -> None:
        """Set the billing's switch."""
        with writing(self.url) as session:
            insert_once(session, BillingSwitch, {"id": 1})
            found = session.get_one(BillingSwitch, 1)
            for name, value in values.items():
                setattr(found, name, value)

    def broken_zone(self, of: int) -> None:
        """A zone that no longer exists."""
        with writing(self.url) as session:
            session.connection().exec_driver_sql(
                f"UPDATE {Tenant.__tablename__} SET timezone = 'Mars/Olympus' WHERE id = {of}"
            )


class Killed(BaseException):
    """The process dies here."""


def nothing() -> None:
    """What happens between two steps, unless a test says otherwise."""


@dataclass
class Alerts:
    """An `AlertService` that keeps what people are told, each thing once."""

    told: list[tuple[str, AlertKind, str]] = field(default_factory=list)
    """(open, close or the key of an event; kind; text)."""
    opened: set[tuple[AlertKind, str]] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    before: Callable[[], None] = nothing
    """Called before each step."""
    after: Callable[[], None] = nothing

    def open(self, kind: AlertKind, about: str, text: str) -> None:
        self.before()
        if (kind, about) not in self.opened:
            self.opened.add((kind, about))
            self.told.append(("open", kind, text))
        self.after()

    def close(self, kind: AlertKind, about: str, text: str) -> None:
        self.before()
        if (kind, about) in self.opened:
            self.opened.discard((kind, about))
            self.told.append(("close", kind, text))
        self.after()

    def happened(self, kind: AlertKind, about: str, text: str, *, key: str) -> None:
        del about
        self.before()
        if key not in self.keys:
            self.keys.add(key)
            self.told.append((key, kind, text))
        self.after()

    @property
    def kinds(self) -> list[tuple[str, AlertKind]]:
        return [
            (what if what in ("open", "close") else "event", kind) for what, kind, _ in self.told
        ]


@dataclass
class Billing:
    """A `BillingService` that keeps its promises on the switch alone: Stripe is `stuck` or not."""

    kept: Kept
    stuck: Sequence[str] = ()
    calls: list[tuple[date, int, int]] = field(default_factory=list)
    before: Callable[[], None] = nothing
    after: Callable[[], None] = nothing
    """Called when the switch is set, and before Stripe is asked."""
    _done: bool = False

    def collect(self, job: JobContext, tenant_id: int) -> Collected:
        raise AssertionError(f"{job.job_id} collects nothing of {tenant_id}")

    def pause(self, job: JobContext, day: date, spent_minor: int, limit_minor: int) -> Paused:
        self.before()
        self.calls.append((day, spent_minor, limit_minor))
        with reading(self.kept.url) as connection:
            table = BillingSwitch.__table__
            row = connection.execute(select(table)).first()
        if row is not None and row.resumed_for == day:
            return Paused(outcome=Pause.RESUMED)
        new = row is None or row.paused_at is None
        if new:
            self._done = False
            self.kept.switch(
                paused_at=job.clock.now(),
                paused_for=day,
                spent_minor=spent_minor,
                limit_minor=limit_minor,
            )
        self.after()
        if self.stuck:
            return Paused(outcome=Pause.PARTLY, errors=tuple(self.stuck))
        already, self._done = self._done or not new, True
        return Paused(outcome=Pause.ALREADY if already else Pause.PAUSED, tenants_paused=1)

    def resume(self, day: date, by: str = "ana") -> None:
        self.kept.switch(paused_at=None, resumed_for=day, resumed_by=by)
