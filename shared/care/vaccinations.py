"""Updates the statuses of vaccinations, and asks for the messages about those that expire (P1,
P2). Each status is a range of one index, so what has expired costs nothing from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, select
from sqlalchemy.orm import aliased

from shared.alerts.port import AlertService
from shared.care.requests import PAGE, Requests
from shared.care.rules.vaccinations import day_of, threshold, useful_until
from shared.care.tenants import Tenant, for_each
from shared.care.totals import Totals
from shared.data.database import writing
from shared.data.models import Owner, Pet, Vaccination, VaccinationStatus
from shared.data.pages import pages
from shared.data.rows import update_all_if
from shared.notifications.port import Message
from shared.settings import Secret
from shared.tasks import JobContext, Result

ORDER = (Vaccination.expires_on, Vaccination.id)
Query = Select[*tuple[Any, ...]]


def check(
    url: Secret,
    alerts: Callable[[], AlertService],
    requests: Requests,
    job: JobContext,
    thresholds: Sequence[int],
    kind: str,
) -> Result:
    """The work of the task; `thresholds` in days, most first."""
    totals = Totals.of(
        *("tenants_processed", "total_status_updates", "total_messages"),
        *("messages_sent", "total_errors"),
    )
    now = job.clock.now()

    def work(tenant: Tenant, totals: Totals) -> None:
        # Statuses are those of the present: an old job that is tried again turns none back.
        _update(url, tenant, day_of(now, tenant.zone), thresholds[0], job, totals)
        today = day_of(job.due_at, tenant.zone)
        for query in expiring(tenant.id, today, thresholds[0], updated=not job.dry_run):
            for page in pages(url, query, ORDER, size=PAGE):
                job.check()
                wanted = _messages(page, tenant, today, thresholds, kind)
                messages = [one for one in wanted if one.useful_until > now]
                requests.ask(messages, job, totals)

    for_each(url, alerts, job, totals, work)
    requests.forget(job)
    return totals.result(dry_run=job.dry_run)


def status_of(expires_on: date, today: date, ahead: int) -> VaccinationStatus:
    """The status on a day; a vaccination is expiring for the last `ahead` days."""
    if expires_on <= today:
        return VaccinationStatus.EXPIRED
    if expires_on <= today + timedelta(days=ahead):
        return VaccinationStatus.EXPIRING
    return VaccinationStatus.VALID


def outdated(tenant_id: int, today: date, ahead: int) -> list[Query]:
    """The vaccinations of a tenant whose status is another today, also because somebody corrected
    a day."""
    soon = today + timedelta(days=ahead)
    day, state = Vaccination.expires_on, VaccinationStatus
    ranges: list[tuple[VaccinationStatus, ColumnElement[bool]]] = [
        (state.VALID, day <= soon),
        (state.EXPIRING, day <= today),
        (state.EXPIRING, day > soon),
        (state.EXPIRED, day > today),
    ]
    query = select(Vaccination.id, Vaccination.status, Vaccination.expires_on)
    query = query.where(Vaccination.tenant_id == tenant_id)
    return [query.where(Vaccination.status == of, where) for of, where in ranges]


def _update(
    url: Secret, tenant: Tenant, today: date, ahead: int, job: JobContext, totals: Totals
) -> None:
    for query in outdated(tenant.id, today, ahead):
        for page in pages(url, query, ORDER):
            job.check()
            for status in VaccinationStatus:
                rows = [one for one in page if status_of(one.expires_on, today, ahead) is status]
                if rows:
                    _set(url, rows, status, job, totals)


def _set(
    url: Secret,
    rows: Sequence[Row[Any]],
    status: VaccinationStatus,
    job: JobContext,
    totals: Totals,
) -> None:
    """Give them that status; all of them have the same one now."""
    if job.dry_run:
        for row in rows:
            totals.list(
                "update", vaccination_id=row.id, status=status.value, before=row.status.value
            )
        totals.counts["total_status_updates"] += len(rows)
        return
    same = [
        Vaccination.id.in_([row.id for row in rows]),
        Vaccination.status == rows[0].status,
        Vaccination.expires_on.in_({row.expires_on for row in rows}),
    ]
    with writing(url) as session:
        changed = update_all_if(session, Vaccination, same, {"status": status})
    totals.counts["total_status_updates"] += len(changed)


def expiring(tenant_id: int, today: date, ahead: int, *, updated: bool) -> list[Query]:
    """The vaccinations of a tenant that expire soon, were not renewed, and whose owners want to be
    told. `updated`: whether the statuses are those of today."""
    query = (
        select(Vaccination.id, Vaccination.expires_on, Pet.owner_id)
        .join(Pet, Pet.id == Vaccination.pet_id)
        .join(Owner, Owner.id == Pet.owner_id)
        .where(
            Vaccination.tenant_id == tenant_id,
            Vaccination.expires_on > today,
            Vaccination.expires_on <= today + timedelta(days=ahead),
            Owner.sms_opted_in.is_(True),
            Owner.phone.is_not(None),
            ~renewed(),
        )
    )
    states = [VaccinationStatus.EXPIRING, *([] if updated else [VaccinationStatus.VALID])]
    return [query.where(Vaccination.status == status) for status in states]


def renewed() -> ColumnElement[bool]:
    """Whether another vaccination of the same pet and kind expires later."""
    later = aliased(Vaccination)
    return exists().where(
        later.pet_id == Vaccination.pet_id,
        later.kind == Vaccination.kind,
        later.expires_on > Vaccination.expires_on,
    )


def _messages(
    page: Sequence[Row[Any]], tenant: Tenant, today: date, thresholds: Sequence[int], kind: str
) -> Iterator[Message]:
    for row in page:
        days = threshold(row.expires_on, today, thresholds)
        if days is None:
            continue
        expires = row.expires_on.isoformat()
        yield Message(
            kind=kind,
            tenant_id=tenant.id,
            owner_id=row.owner_id,
            occasion=f"{row.id}@{expires}-{days}",
            about={
                "vaccination_id": row.id,
                "owner_id": row.owner_id,
                "expires_on": expires,
                "threshold": days,
            },
            useful_until=useful_until(row.expires_on, days, thresholds, tenant.zone),
        )
