"""Reading by pages, and that each task's query has its index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, func, select, text

from shared.data.database import writing
from shared.data.engines import Access, engine
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    BillingState,
    BillingStep,
    Commission,
    Cost,
    FeeStatus,
    NoShowFee,
    Owner,
    Pet,
    Reputation,
    Revenue,
    StepState,
    TenantBilling,
    UsageDay,
    Vaccination,
    VaccinationStatus,
)
from shared.data.pages import pages
from shared.settings import Secret
from tests.integration.data.conftest import is_sqlite

Query = Select[*tuple[Any, ...]]

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
TODAY = NOW.date()
ORDER = (Appointment.starts_at, Appointment.id)
QUERY = select(Appointment.id, Appointment.starts_at).where(Appointment.tenant_id == 1)


def book(url: Secret, *minutes: int) -> None:
    """Appointments so many minutes after NOW."""
    with writing(url) as session:
        for minute in minutes:
            at = NOW + timedelta(minutes=minute)
            planned = AppointmentStatus.PLANNED
            session.add(Appointment(tenant_id=1, pet_id=1, starts_at=at, status=planned))


def sizes(url: Secret, size: int) -> tuple[list[int], list[Any]]:
    """The sizes of the pages, and all rows."""
    found = list(pages(url, QUERY, ORDER, size=size))
    return [len(page) for page in found], [row for page in found for row in page]


@pytest.mark.parametrize(
    ("rows", "size", "found"),
    [(0, 3, []), (2, 3, [2]), (3, 3, [3]), (7, 3, [3, 3, 1]), (7, 1, [1] * 7), (7, 100, [7])],
)
def test_each_row_is_seen_once_and_in_order(
    url: Secret, rows: int, size: int, found: list[int]
) -> None:
    """Many have the same time: then by id."""
    book(url, *(n % 3 for n in range(rows)))
    counts, seen = sizes(url, size)
    assert counts == found
    assert seen == sorted(seen, key=lambda row: (row.starts_at, row.id))
    assert len({row.id for row in seen}) == rows


def test_what_is_changed_meanwhile_is_neither_seen_twice_nor_in_the_way(url: Secret) -> None:
    """Who reads may write to the same rows between two pages: no transaction is open."""
    book(url, *range(6))
    seen = []
    for page in pages(url, QUERY, ORDER, size=2):
        seen += [row.id for row in page]
        with writing(url) as session:
            for row in page:
                session.delete(session.get_one(Appointment, row.id))
        if len(seen) == 2:
            book(url, 100, -100)
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_by_the_id_alone(url: Secret) -> None:
    with writing(url) as session:
        for n in range(5):
            session.add(Owner(tenant_id=1, name=str(n), sms_opted_in=False))
    found = pages(url, select(Owner.id), (Owner.id,), size=4)
    assert [[row.id for row in page] for page in found] == [[1, 2, 3, 4], [5, 6]]


SOON = (Appointment.starts_at >= NOW, Appointment.starts_at < NOW + timedelta(hours=1))
QUERIES: dict[str, Query] = {
    "appointment_reminders": select(Appointment.id)
    .where(Appointment.tenant_id == 1, Appointment.status == AppointmentStatus.PLANNED, *SOON)
    .order_by(*ORDER)
    .limit(500),
    "no_show_detector": select(Appointment.id)
    .where(Appointment.tenant_id == 1, Appointment.status == AppointmentStatus.PLANNED)
    .where(Appointment.starts_at < NOW)
    .order_by(*ORDER)
    .limit(500),
    "no_show_detector, what is not invoiced": select(NoShowFee.id)
    .where(NoShowFee.tenant_id == 1, NoShowFee.status == FeeStatus.DUE)
    .order_by(NoShowFee.id)
    .limit(500),
    "billing, due fees of a tenant": select(NoShowFee.id, Owner.stripe_customer_id)
    .join(Owner, Owner.id == NoShowFee.owner_id)
    .join(Appointment, Appointment.id == NoShowFee.appointment_id)
    .where(NoShowFee.tenant_id == 1, NoShowFee.status == FeeStatus.DUE)
    .order_by(NoShowFee.id)
    .limit(500),
    "billing, steps of a fee": select(BillingStep.id)
    .where(BillingStep.tenant_id == 1, BillingStep.occasion == "no_show:1")
    .order_by(BillingStep.id),
    "billing, tenants with a step that is open": select(BillingStep.tenant_id)
    .where(BillingStep.state == StepState.OPEN)
    .distinct()
    .order_by(BillingStep.tenant_id),
    "billing, sums": select(
        NoShowFee.status, NoShowFee.currency, func.count(), func.sum(NoShowFee.amount_minor)
    ).group_by(NoShowFee.status, NoShowFee.currency),
    "billing, failed fees": select(NoShowFee.id)
    .where(NoShowFee.status == FeeStatus.FAILED)
    .limit(100),
    "billing, fees of some days": select(NoShowFee.id)
    .where(NoShowFee.created_at >= NOW)
    .order_by(NoShowFee.created_at, NoShowFee.id)
    .limit(500),
    "billing, tenants of a state": select(TenantBilling.tenant_id)
    .where(TenantBilling.state == BillingState.PAUSING)
    .order_by(TenantBilling.tenant_id)
    .limit(500),
    "vaccination_monitor": select(Vaccination.id)
    .where(Vaccination.tenant_id == 1, Vaccination.status == VaccinationStatus.VALID)
    .where(Vaccination.expires_on <= TODAY + timedelta(days=30))
    .order_by(Vaccination.expires_on, Vaccination.id)
    .limit(500),
    "vaccination_monitor, renewed": select(Vaccination.id)
    .where(Vaccination.pet_id == 1, Vaccination.kind == "rabies", Vaccination.expires_on > TODAY)
    .limit(1),
    "reputation_updater": select(Reputation.score)
    .where(Reputation.tenant_id == 1, Reputation.owner_id > 7)
    .order_by(Reputation.owner_id)
    .limit(500),
    "reputation_updater, no-shows of the week": select(Pet.owner_id, func.count())
    .join(Appointment, Appointment.pet_id == Pet.id)
    .where(Pet.owner_id.in_([1, 2, 3]), Appointment.no_show_at >= NOW - timedelta(days=7))
    .group_by(Pet.owner_id),
    "metrics_reset": select(UsageDay.id)
    .where(UsageDay.tenant_id == 1, UsageDay.closed_at.is_(None), UsageDay.day <= TODAY)
    .order_by(UsageDay.day, UsageDay.id)
    .limit(500),
    "cost_report, spend_guard": select(Cost.category, func.sum(Cost.amount_minor))
    .where(Cost.day == TODAY)
    .group_by(Cost.category),
    "cost_report, mean": select(Cost.category, func.sum(Cost.amount_minor))
    .where(Cost.day >= TODAY - timedelta(days=30), Cost.day < TODAY)
    .group_by(Cost.category),
    "cost_report, revenue": select(func.sum(Revenue.amount_minor)).where(Revenue.day == TODAY),
    "cost_report, partners": select(Commission.partner_id, func.sum(Commission.amount_minor))
    .where(Commission.day == TODAY)
    .group_by(Commission.partner_id),
    "a STOP": select(Owner.id).where(
        Owner.phone.in_(["+491511", "01511"]), Owner.sms_opted_in.is_(True)
    ),
    "a STOP, other spellings": select(Owner.phone)
    .where(Owner.sms_opted_in.is_(True), Owner.phone.is_not(None), Owner.id > 7)
    .order_by(Owner.id)
    .limit(5000),
    "owners of a tenant": select(Owner.id)
    .where(Owner.tenant_id == 1, Owner.id > 7)
    .order_by(Owner.id)
    .limit(500),
}


@pytest.mark.parametrize("task", QUERIES)
def test_the_query_of_each_task_is_answered_by_an_index(url: Secret, task: str) -> None:
    """No table is read whole, and no page is sorted that the index has in order."""
    with engine(url, Access.WRITE).begin() as connection:
        found = plan(connection, QUERIES[task], sqlite=is_sqlite(url))
    whole = [line for line in found if line.startswith("SCAN") or "Seq Scan" in line]
    assert [line for line in whole if "COVERING INDEX" not in line] == [], found
    sorts = [line for line in found if "TEMP B-TREE FOR ORDER" in line or "Sort Key" in line]
    grouped = "GROUP BY" in str(QUERIES[task])
    assert grouped or sorts == [], found


def plan(connection: Any, query: Query, *, sqlite: bool) -> Sequence[str]:
    compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
    if sqlite:
        return [row[-1] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))]
    # Of an empty table PostgreSQL would rather read the whole.
    for off in ("enable_seqscan", "enable_bitmapscan"):
        connection.execute(text(f"SET LOCAL {off} = off"))
    return [row[0] for row in connection.execute(text(f"EXPLAIN {compiled}"))]
