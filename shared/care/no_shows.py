"""Marks the appointments to which nobody came, and charges their fees (P3).

An appointment is marked and its fee recorded in one transaction, and only if it is still planned
then: somebody may mark it as arrived at the same instant. The fee is one row at most. Invoices are
made afterwards, for all fees that are due: so for those of earlier runs too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, func, select

from shared.alerts.port import AlertService
from shared.billing.port import BillingService, Coming
from shared.care.tenants import Tenant, for_each
from shared.care.totals import Totals
from shared.data.database import reading, writing
from shared.data.models import Appointment, AppointmentStatus, FeeStatus, NoShowFee, Owner, Pet
from shared.data.pages import pages
from shared.data.rows import insert_all_once, update_all_if
from shared.errors import Misconfigured
from shared.settings import CareSettings, Secret
from shared.tasks import JobContext, Result

ORDER = (Appointment.starts_at, Appointment.id)
_PAGE = 200
Query = Select[*tuple[Any, ...]]


def detect(
    url: Secret,
    alerts: Callable[[], AlertService],
    billing: Callable[[], BillingService],
    job: JobContext,
    rules: CareSettings,
) -> Result:
    """The work of the task."""
    totals = Totals.of(
        *("tenants_processed", "total_detected", "total_fees_applied", "total_too_old"),
        *("total_invoiced", "total_invoices_failed", "total_fees_waiting"),
        *("total_fees_too_old", "total_errors"),
        money=("fees_minor", "invoiced_minor"),
    )
    oldest = job.due_at - rules.no_show_max_age

    def work(tenant: Tenant, totals: Totals) -> None:
        last = job.due_at - grace(tenant, rules)
        fee = fee_of(tenant)
        coming = Coming(amount_minor=fee or 0, currency=tenant.currency)
        for page in pages(url, missed(tenant.id, oldest, last), ORDER, size=_PAGE):
            job.check()
            if job.dry_run:
                _list(page, tenant, fee, totals)
                coming = _more(coming, page) if fee else coming
            else:
                _mark(url, page, tenant, fee, last, job.clock.now(), totals)
        totals.counts["total_too_old"] += _count(url, too_old(tenant.id, oldest))
        _collect(url, billing, tenant.id, job, coming, totals)

    for_each(url, alerts, job, totals, work)
    return totals.result(dry_run=job.dry_run)


def grace(tenant: Tenant, rules: CareSettings) -> timedelta:
    """How late somebody may come."""
    if tenant.no_show_grace_minutes is None:
        return rules.no_show_grace
    return timedelta(minutes=tenant.no_show_grace_minutes)


def fee_of(tenant: Tenant) -> int | None:
    """What a no-show costs, in minor units; None: nothing. Raises `Misconfigured`."""
    fee = tenant.no_show_fee_minor
    if fee is not None and fee < 0:
        raise Misconfigured(f"its no_show_fee_minor is {fee}; use 1 or more, or none for no fee")
    return fee or None


def missed(tenant_id: int, oldest: datetime, last: datetime) -> Query:
    """The appointments of a tenant to which nobody came."""
    return (
        select(Appointment.id, Pet.owner_id, Owner.stripe_customer_id)
        .join(Pet, Pet.id == Appointment.pet_id)
        .join(Owner, Owner.id == Pet.owner_id)
        .where(
            Appointment.tenant_id == tenant_id,
            Appointment.status == AppointmentStatus.PLANNED,
            Appointment.starts_at > oldest,
            Appointment.starts_at <= last,
        )
    )


def too_old(tenant_id: int, oldest: datetime) -> Query:
    """How many are still planned that nobody is charged for any more."""
    return select(func.count()).where(
        Appointment.tenant_id == tenant_id,
        Appointment.status == AppointmentStatus.PLANNED,
        Appointment.starts_at <= oldest,
    )


def uncollected(tenant_id: int) -> Query:
    """One of a tenant's fees that are due."""
    due = (NoShowFee.tenant_id == tenant_id, NoShowFee.status == FeeStatus.DUE)
    return select(NoShowFee.id).where(*due).limit(1)


def _mark(
    url: Secret,
    page: Sequence[Row[Any]],
    tenant: Tenant,
    fee: int | None,
    last: datetime,
    now: datetime,
    totals: Totals,
) -> None:
    owners = {row.id: row.owner_id for row in page}
    same = [
        Appointment.id.in_(list(owners)),
        Appointment.status == AppointmentStatus.PLANNED,
        Appointment.starts_at <= last,
    ]
    to = {"status": AppointmentStatus.NO_SHOW, "no_show_at": now}
    with writing(url) as session:
        marked = update_all_if(session, Appointment, same, to)
        fees = [_fee(tenant, id, owners[id], fee, now) for id in marked] if fee else []
        charged = insert_all_once(session, NoShowFee, fees)
    totals.counts["total_detected"] += len(marked)
    _charged(charged, tenant, fee, totals)


def _charged(count: int, tenant: Tenant, fee: int | None, totals: Totals) -> None:
    if count and fee:
        totals.counts["total_fees_applied"] += count
        totals.pay("fees_minor", {tenant.currency: count * fee})


def _fee(
    tenant: Tenant, appointment: int, owner: int, amount: int, now: datetime
) -> dict[str, object]:
    return {
        "tenant_id": tenant.id,
        "appointment_id": appointment,
        "owner_id": owner,
        "amount_minor": amount,
        "currency": tenant.currency,
        "status": FeeStatus.DUE,
        "created_at": now,
    }


def _list(page: Sequence[Row[Any]], tenant: Tenant, fee: int | None, totals: Totals) -> None:
    totals.counts["total_detected"] += len(page)
    _charged(len(page), tenant, fee, totals)
    for row in page:
        totals.list(
            "charge" if fee else "mark",
            appointment_id=row.id,
            tenant_id=tenant.id,
            owner_id=row.owner_id,
            status=AppointmentStatus.NO_SHOW.value,
            fee_minor=fee,
            currency=tenant.currency if fee else None,
        )


def _more(coming: Coming, page: Sequence[Row[Any]]) -> Coming:
    """The fees that a dry run would have recorded, with those of another page."""
    known = sum(row.stripe_customer_id is not None for row in page)
    return replace(
        coming,
        with_customer=coming.with_customer + known,
        without_customer=coming.without_customer + len(page) - known,
    )


def _count(url: Secret, query: Query) -> int:
    with reading(url) as session:
        return int(session.execute(query).scalar_one())


def _collect(
    url: Secret,
    billing: Callable[[], BillingService],
    tenant_id: int,
    job: JobContext,
    coming: Coming,
    totals: Totals,
) -> None:
    """Have the tenant's fees invoiced, if there are any. `coming`: what a dry run would have
    recorded."""
    with reading(url) as session:
        due = session.execute(uncollected(tenant_id)).first()
    if due is None and not (coming.with_customer or coming.without_customer):
        return
    done = billing().collect(job, tenant_id, coming=coming)
    totals.counts["total_invoiced"] += done.invoiced
    totals.counts["total_invoices_failed"] += done.failed
    totals.counts["total_fees_waiting"] += done.waiting
    totals.counts["total_fees_too_old"] += done.too_old
    for one in done.would:
        totals.list("invoice", **one)
    totals.pay("invoiced_minor", done.amounts_minor or {})
