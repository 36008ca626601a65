"""A company for the tests of its chores: a database, a clock, and recorders in the place of the
notifications and the billing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import MetaData, create_engine, event, select

from shared.billing.port import Collected, Coming
from shared.care.service import Care
from shared.clock import ManualClock
from shared.data.database import reading, writing
from shared.data.engines import Access, engine, parsed
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    Base,
    FeeStatus,
    NoShowFee,
    Owner,
    Pet,
    Reputation,
    Tenant,
    Vaccination,
    VaccinationStatus,
)
from shared.notifications.model import Entry, NotificationStatus
from shared.notifications.port import Message
from shared.settings import CareSettings, Secret, Settings, from_env
from shared.tasks import JobContext
from tests.context import RecordedNotifications, job_of
from tests.integration.finance.setup import Alerts

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
"""A Wednesday."""
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class Crash(Exception):
    """The process died."""


@dataclass(frozen=True)
class Outbox(RecordedNotifications):
    """Knows each message by its identity, as the real one does."""

    told: dict[tuple[int, int, str, str], Message] = field(default_factory=dict)
    failing: list[Exception] = field(default_factory=list)
    """Raised by the next calls of `send`, before it stores anything."""
    lost: list[Exception] = field(default_factory=list)
    """The same, after it has stored everything."""

    def send(self, messages: Sequence[Message]) -> Sequence[Entry]:
        if self.failing:
            raise self.failing.pop()
        self.messages.extend(messages)
        for one in messages:
            self.told.setdefault(identity(one), one)
        if self.lost:
            raise self.lost.pop()
        return [_entry(one) for one in messages]

    def rehearse(self, messages: Sequence[Message], now: datetime) -> Sequence[Entry]:
        del now
        return [_entry(one) for one in messages if identity(one) not in self.told]

    def about(self, kind: str) -> list[Message]:
        """The messages of that kind that were told, in order."""
        return [one for one in self.told.values() if one.kind == kind]


def identity(one: Message) -> tuple[int, int, str, str]:
    return one.tenant_id, one.owner_id, one.kind, one.occasion


def _entry(one: Message) -> Entry:
    return Entry(
        key=one.occasion,
        channel="sms",
        recipient=f"owner:{one.owner_id}",
        subject="",
        text="words",
        kind=one.kind,
        tenant_id=one.tenant_id,
        owner_id=one.owner_id,
        id="1",
        status=NotificationStatus.SENT,
        created_at=NOON,
        next_at=None,
    )


@dataclass
class Till:
    """A billing that invoices what is due, or fails."""

    url: Secret
    failing: list[Exception] = field(default_factory=list)
    collected: list[int] = field(default_factory=list)
    """The tenants, call by call."""

    def collect(
        self, job: JobContext, tenant_id: int, *, coming: Coming | None = None
    ) -> Collected:
        job.check()
        if job.dry_run:
            assert coming is not None
            return Collected(
                invoiced=coming.with_customer,
                amounts_minor={coming.currency: coming.amount_minor * coming.with_customer},
                waiting=coming.without_customer,
                would=({"fee_id": 7},),
            )
        self.collected.append(tenant_id)
        if self.failing:
            raise self.failing.pop()
        amounts: dict[str, int] = {}
        with writing(self.url) as session:
            due = select(NoShowFee).where(
                NoShowFee.tenant_id == tenant_id, NoShowFee.status == FeeStatus.DUE
            )
            fees = session.scalars(due).all()
            for fee in fees:
                fee.status = FeeStatus.INVOICED
                amounts[fee.currency] = amounts.get(fee.currency, 0) + fee.amount_minor
        return Collected(invoiced=len(fees), amounts_minor=amounts)

    def collect_begun(self, job: JobContext) -> Any:
        raise NotImplementedError

    def pause(
        self,
        job: JobContext,
        day: date,
        spent_minor: int,
        limit_minor: int,
        currency: str = "USD",
    ) -> Any:
        raise NotImplementedError

    def settle(self, job: JobContext) -> Any:
        raise NotImplementedError

    def failed_fees(self) -> tuple[int, str]:
        raise NotImplementedError

    def standing(self) -> Any:
        raise NotImplementedError

    def is_paused(self) -> bool:
        raise NotImplementedError


class Office:
    """The company. It has one tenant, with an owner and a pet; each has the id 1."""

    def __init__(self, url: Secret) -> None:
        self.url = url
        self.clock = ManualClock(NOON)
        self.outbox = Outbox()
        self.till = Till(url)
        self.alerts = Alerts()
        self.rules = CareSettings()
        self.timezone = "UTC"

    @property
    def settings(self) -> Settings:
        environ = {"AzureWebJobsStorage": "AccountName=x;AccountKey=eA=="}
        environ |= {"DATABASE_URL": self.url.reveal(), "TASK_TIMEZONE": self.timezone}
        return replace(from_env(environ), care=self.rules)

    @property
    def care(self) -> Care:
        return Care(self.settings, lambda: self.outbox, lambda: self.till, lambda: self.alerts)

    def job(self, due_at: datetime | None = None, *, dry_run: bool = False) -> JobContext:
        job = job_of(clock=self.clock)
        return replace(job, due_at=due_at or job.due_at, dry_run=dry_run)

    def at(self, now: datetime) -> Office:
        """The same, at that time."""
        self.clock.set(now)
        return self

    def remind_24h(self, **how: Any) -> Mapping[str, Any]:
        return self.care.remind_24h(self.job(**how))

    def remind_2h(self, **how: Any) -> Mapping[str, Any]:
        return self.care.remind_2h(self.job(**how))

    def vaccinations(self, **how: Any) -> Mapping[str, Any]:
        return self.care.check_vaccinations(self.job(**how))

    def no_shows(self, **how: Any) -> Mapping[str, Any]:
        return self.care.detect_no_shows(self.job(**how))

    def reputations(self, **how: Any) -> Mapping[str, Any]:
        return self.care.update_reputations(self.job(**how))

    def add(self, one: Base) -> int:
        """Add a row; its id."""
        with writing(self.url) as session:
            session.add(one)
            session.flush()
            found: int = one.id  # type: ignore[attr-defined]
            return found

    def tenant(self, **given: object) -> int:
        known: dict[str, object] = {
            "name": "Happy Tails",
            "timezone": "America/New_York",
            "language": "en",
            "currency": "USD",
            "sms_currency": "USD",
        }
        return self.add(Tenant(**known | given))

    def pet(self, tenant: int, **given: object) -> int:
        """A pet of a new owner, who gets text messages."""
        known: dict[str, object] = {
            "tenant_id": tenant,
            "name": "Ben",
            "phone": "+15551234567",
            "sms_opted_in": True,
        }
        owner = self.add(Owner(**known | given))
        return self.add(Pet(owner_id=owner, name="Rex"))

    def book(self, start: datetime, *, pet: int = 1, tenant: int = 1, **given: object) -> int:
        known: dict[str, object] = {"status": AppointmentStatus.PLANNED}
        known |= {"tenant_id": tenant, "pet_id": pet, "starts_at": start}
        return self.add(Appointment(**known | given))

    def vaccinate(self, expires_on: date, *, pet: int = 1, tenant: int = 1, **given: object) -> int:
        known: dict[str, object] = {"status": VaccinationStatus.VALID, "kind": "rabies"}
        known |= {"tenant_id": tenant, "pet_id": pet, "expires_on": expires_on}
        return self.add(Vaccination(**known | given))

    def know(self, owner: int, score: int, good_since: date) -> None:
        """Give an owner of the first tenant a reputation."""
        with writing(self.url) as session:
            row = Reputation(owner_id=owner, tenant_id=1, score=score, good_since=good_since)
            session.add(row)

    def change(self, model: type[Base], id: int, **to: object) -> None:
        with writing(self.url) as session:
            row = session.get_one(model, id)
            for name, value in to.items():
                setattr(row, name, value)

    def rows(self, model: type[Base], *columns: str) -> list[tuple[Any, ...]]:
        """These columns of all rows, by the primary key."""
        query = select(*(getattr(model, name) for name in columns))
        query = query.order_by(*model.__mapper__.primary_key)
        with reading(self.url) as session:
            return [tuple(row) for row in session.execute(query)]

    def dump(self) -> dict[str, list[str]]:
        """All rows of all tables."""
        reader = create_engine(parsed(self.url))
        with reader.connect() as connection:
            there = MetaData()
            there.reflect(connection)
            found = {
                name: sorted(map(repr, connection.execute(select(table))))
                for name, table in there.tables.items()
            }
        reader.dispose()
        return found

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The statements that are executed meanwhile; without those about the connection, and about
        the schema, which a process asks for once."""
        seen: list[str] = []
        words = ("set_config", "pg_catalog", "PRAGMA", "sqlite_master", "belfry_version", "BEGIN")

        def note(_c: object, _u: object, statement: str, *_rest: object) -> None:
            if not any(word in statement for word in words):
                seen.append(statement)

        engines = [engine(self.url, one) for one in (Access.READ, Access.WRITE)]
        for one in set(engines):
            event.listen(one, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            for one in set(engines):
                event.remove(one, "before_cursor_execute", note)

    @contextmanager
    def crash_at(self, step: int) -> Iterator[None]:
        """The process dies before its statement number `step` in a transaction that writes, or
        before it commits that."""
        left = [step]

        def count(*_: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Crash

        writer = engine(self.url, Access.WRITE)
        event.listen(writer, "before_cursor_execute", count)
        event.listen(writer, "commit", count)
        try:
            yield
        finally:
            event.remove(writer, "before_cursor_execute", count)
            event.remove(writer, "commit", count)


def bad_zone(office: Office, tenant: int) -> None:
    """Give the tenant a zone that does not exist, past the models."""
    from sqlalchemy import text

    with writing(office.url) as session:
        session.execute(
            text("UPDATE tenants SET timezone = 'Mars/Olympus' WHERE id = :id"), {"id": tenant}
        )
