"""How the billing stands: the switch, the tenants that are not as it says, the ledger's sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from shared.billing.owed import too_old
from shared.billing.switch import Switch
from shared.data.database import reading, writing
from shared.data.models import BillingState, FeeStatus, NoShowFee, TenantBilling
from shared.data.rows import update_if
from shared.settings import Secret

MOST = 100
"""Tenants, and fees that failed, that are listed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantLeft:
    """A tenant that is not as the switch says."""

    tenant_id: int
    state: BillingState
    error: str | None
    changed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FeeSum:
    """The fees of one status and currency."""

    status: FeeStatus
    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedFee:
    """A fee that a person must look at."""

    id: int
    tenant_id: int
    appointment_id: int
    amount_minor: int
    currency: str
    error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """All of it."""

    stripe: bool
    switch: Switch
    tenants_left: int
    tenants: Sequence[TenantLeft]
    """Of those, the first by their ids."""
    fees: Sequence[FeeSum]
    too_old: int
    """Fees that are due, and that a person releases (`fees`)."""
    failed: Sequence[FailedFee]
    """The first by their tenants and ids."""


def read(url: Secret, switch: Switch, oldest: datetime, *, stripe: bool) -> Overview:
    """`oldest`: of the fees that are invoiced by themselves. Raises as `reading` does."""
    there = BillingState.PAUSED if switch.is_paused else BillingState.ACTIVE
    others = [state for state in BillingState if state is not there]
    which = TenantBilling.state.in_(others)
    columns = (
        *(TenantBilling.tenant_id, TenantBilling.state),
        *(TenantBilling.error, TenantBilling.changed_at),
    )
    left = select(*columns).where(which).order_by(TenantBilling.tenant_id).limit(MOST)
    total = func.sum(NoShowFee.amount_minor)
    by = (NoShowFee.status, NoShowFee.currency)
    sums = select(*by, func.count(), total).group_by(*by).order_by(*by)
    failed = (
        select(
            *(NoShowFee.id, NoShowFee.tenant_id, NoShowFee.appointment_id),
            *(NoShowFee.amount_minor, NoShowFee.currency, NoShowFee.error),
        )
        .where(NoShowFee.status == FeeStatus.FAILED)
        .limit(MOST)
    )
    old = select(func.count()).where(NoShowFee.status == FeeStatus.DUE, too_old(oldest))
    with reading(url) as session:
        return Overview(
            stripe=stripe,
            switch=switch,
            tenants_left=session.execute(select(func.count()).where(which)).scalar_one(),
            tenants=[TenantLeft(**row._mapping) for row in session.execute(left)],
            fees=[
                FeeSum(status=status, currency=currency, count=count, amount_minor=int(amount))
                for status, currency, count, amount in session.execute(sums)
            ],
            too_old=session.execute(old).scalar_one(),
            failed=[FailedFee(**row._mapping) for row in session.execute(failed)],
        )


def failed(url: Secret) -> tuple[int, str]:
    """(How many fees failed, the first of them in words.) Raises as `reading` does."""
    that = NoShowFee.status == FeeStatus.FAILED
    words = select(NoShowFee.id, NoShowFee.tenant_id, NoShowFee.error).where(that)
    with reading(url) as session:
        count = session.execute(select(func.count()).where(that)).scalar_one()
        first = session.execute(words.limit(1)).first()
    if first is None:
        return 0, ""
    return count, f"fee {first.id} of tenant {first.tenant_id}: {first.error}"


def make_due(url: Secret, fee_id: int) -> bool:
    """A fee that failed is due again; False if it has not failed. Raises as `writing` does."""
    failed = {"id": fee_id, "status": FeeStatus.FAILED}
    with writing(url) as session:
        return update_if(session, NoShowFee, failed, {"status": FeeStatus.DUE, "error": None})
