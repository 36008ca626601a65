"""What the tests of the finances put into the database, and the services that they pass on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert, select

from shared.alerts.port import AlertKind
from shared.billing.port import Collected, Coming, Pause, Paused, Settled, Standing
from shared.billing.switch import Spend, SwitchRow, paused, standing
from shared.clock import ManualClock
from shared.data.database import reading, writing
from shared.data.models import (
    Base,
    Commission,
    Cost,
    Partner,
    Revenue,
    Tenant,
    UsageDay,
)
from shared.settings import Secret
from shared.tasks import JobContext
from tests.context import job_of
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
    return job_of(
        job_id=f"task-{due_at:%Y%m%dT%H%M%SZ}",
        schedule_id="task",
        due_at=due_at,
        clock=clock,
        dry_run=dry_run,
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
        with reading(self.url) as session:
            rows = session.execute(query)
            return [(of, counter, day, value, at) for of, counter, day, value, at in rows]

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """All rows of all tables."""
        with reading(self.url) as session:
            return {
                table.name: sorted(map(tuple, session.execute(select(table))), key=repr)
                for table in Base.metadata.sorted_tables
            }

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
    opened: dict[tuple[AlertKind, str], int] = field(default_factory=dict)
    """With how bad each is."""
    keys: set[str] = field(default_factory=set)
    before: Callable[[], None] = nothing
    """Called before each step."""
    after: Callable[[], None] = nothing

    def open(self, kind: AlertKind, about: str, text: str, *, level: int = 0) -> None:
        self.before()
        if self.opened.get((kind, about), -1) < level:
            self.opened[kind, about] = level
            self.told.append(("open", kind, text))
        self.after()

    def close(self, kind: AlertKind, about: str, text: str) -> None:
        self.before()
        if (kind, about) in self.opened:
            del self.opened[kind, about]
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
    """A `BillingService` whose switch is the real one, and whose Stripe is `stuck` or not."""

    kept: Kept
    clock: ManualClock
    stuck: Sequence[str] = ()
    """The tenants for whom Stripe fails, in words."""
    calls: list[Spend] = field(default_factory=list)
    before: Callable[[], None] = nothing
    after: Callable[[], None] = nothing
    """Called when the switch is set, and before Stripe is asked."""
    told_stripe: bool = False
    """Whether Stripe does what the switch says."""

    @property
    def switch(self) -> SwitchRow:
        return SwitchRow(self.kept.url, self.clock)

    def failed_fees(self) -> tuple[int, str]:
        raise NotImplementedError

    def standing(self) -> Standing:
        return standing(self.switch.read())

    def is_paused(self) -> bool:
        return self.switch.read().is_paused

    def collect(
        self, job: JobContext, tenant_id: int, *, coming: Coming | None = None
    ) -> Collected:
        del coming
        raise AssertionError(f"{job.job_id} collects nothing of {tenant_id}")

    def pause(
        self,
        job: JobContext,
        day: date,
        spent_minor: int,
        limit_minor: int,
        currency: str = "USD",
    ) -> Paused:
        why = Spend(day=day, spent_minor=spent_minor, limit_minor=limit_minor, currency=currency)
        self.calls.append(why)
        self.before()
        before = self.switch.read()
        if job.dry_run:
            switch, mine = paused(before, why, self.clock.now()), not before.is_paused
        else:
            switch, mine = self.switch.pause(why)
        if not switch.is_paused:
            return Paused(outcome=Pause.RESUMED)
        self.after()
        self.told_stripe = self.told_stripe and not mine
        if self.stuck:
            errors = tuple(self.stuck)
            return Paused(outcome=Pause.PARTLY, errors=errors, paused_for=switch.paused_for)
        did, self.told_stripe = not self.told_stripe, True
        outcome = Pause.PAUSED if mine or did else Pause.ALREADY
        return Paused(outcome=outcome, tenants_paused=int(did), paused_for=switch.paused_for)

    def settle(self, job: JobContext) -> Settled:
        assert not job.dry_run
        if self.stuck:
            return Settled(left=len(self.stuck), errors=tuple(self.stuck))
        self.told_stripe = self.told_stripe or self.is_paused()
        return Settled()
