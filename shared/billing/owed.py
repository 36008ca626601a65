"""The fees that are due, as the database has them, and which of them are invoiced by themselves.

Only a fee is that is young, or whose first step is written down. All others were due before there
was Stripe, or for very long, so the company may have collected them itself: a person releases them,
which writes the first step down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, and_, cast, exists, func, literal, select

from shared.billing import words
from shared.data.database import reading
from shared.data.models import Appointment, BillingStep, FeeStatus, NoShowFee, Owner, Tenant
from shared.settings import Secret

_OCCASION = "no_show:"


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee that is due, with all that its invoice needs."""

    id: int
    tenant_id: int
    owner_id: int
    occasion: str
    amount_minor: int
    currency: str
    customer: str
    line: str

    def listed(self) -> Mapping[str, object]:
        """As a dry run lists it."""
        names = ("tenant_id", "owner_id", "amount_minor", "currency")
        return {"fee_id": self.id} | {name: getattr(self, name) for name in names}


def too_old(oldest: datetime) -> ColumnElement[bool]:
    """Whether a fee that is due was made before that, and Stripe was never asked for it."""
    occasion = literal(_OCCASION) + cast(NoShowFee.appointment_id, String)
    begun = exists().where(
        BillingStep.tenant_id == NoShowFee.tenant_id, BillingStep.occasion == occasion
    )
    return and_(NoShowFee.created_at <= oldest, ~begun)


def left(url: Secret, tenant_id: int, oldest: datetime) -> tuple[int, int, int]:
    """(How many of a tenant's fees are due; of these, how many are too old; of how many others
    Stripe does not know the owner.) Raises as `reading` does."""
    old = too_old(oldest)
    unknown = func.count().filter(~old, Owner.stripe_customer_id.is_(None))
    query = (
        select(func.count(), func.count().filter(old), unknown)
        .select_from(NoShowFee)
        .join(Owner, Owner.id == NoShowFee.owner_id)
        .where(NoShowFee.tenant_id == tenant_id, NoShowFee.status == FeeStatus.DUE)
    )
    with reading(url) as session:
        due, old_ones, without = session.execute(query).one()
    return due, old_ones, without


def by_itself(tenant_id: int, oldest: datetime) -> Select[*tuple[Any, ...]]:
    """Those of a tenant that no person needs to release."""
    of_tenant = invoiceable().where(NoShowFee.tenant_id == tenant_id)
    return of_tenant.where(~too_old(oldest))


def invoiceable() -> Select[*tuple[Any, ...]]:
    """The fees that are due and whose owner Stripe knows, with what an invoice needs."""
    return (
        select(
            NoShowFee.id,
            NoShowFee.tenant_id,
            NoShowFee.owner_id,
            NoShowFee.appointment_id,
            NoShowFee.amount_minor,
            NoShowFee.currency,
            Owner.stripe_customer_id,
            func.coalesce(Owner.language, Tenant.language).label("language"),
            Appointment.starts_at,
            Tenant.timezone,
        )
        .join(Owner, Owner.id == NoShowFee.owner_id)
        .join(Appointment, Appointment.id == NoShowFee.appointment_id)
        .join(Tenant, Tenant.id == NoShowFee.tenant_id)
        .where(NoShowFee.status == FeeStatus.DUE, Owner.stripe_customer_id.is_not(None))
    )


def of(row: Row[*tuple[Any, ...]]) -> Fee:
    """The fee. Raises `Invalid` as `words.line` does."""
    return Fee(
        id=row.id,
        tenant_id=row.tenant_id,
        owner_id=row.owner_id,
        occasion=f"{_OCCASION}{row.appointment_id}",
        amount_minor=row.amount_minor,
        currency=row.currency.upper(),  # as somebody wrote it into their own table
        customer=row.stripe_customer_id,
        line=words.line(row.language, row.starts_at, row.timezone),
    )
