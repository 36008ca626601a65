"""Asks for the reminders that are due (P4, P5): by pages of one index, tenant by tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, tzinfo
from typing import Any

from sqlalchemy import Row, Select, select

from shared.alerts.port import AlertService
from shared.care.requests import PAGE, Requests
from shared.care.rules.reminders import Lead, Run, is_due, starts, useful_until
from shared.care.tenants import Tenant, for_each
from shared.care.totals import Totals
from shared.data.models import Appointment, AppointmentStatus, Owner, Pet
from shared.data.pages import pages
from shared.notifications.port import Message
from shared.settings import Secret
from shared.tasks import JobContext, Result

ORDER = (Appointment.starts_at, Appointment.id)


def remind(
    url: Secret, alerts: Callable[[], AlertService], requests: Requests, job: JobContext, lead: Lead
) -> Result:
    """The work of the task of that lead."""
    totals = Totals.of("tenants_processed", "total_messages", "messages_sent", "total_errors")
    run = Run(due_at=job.due_at, now=job.clock.now())

    def work(tenant: Tenant, totals: Totals) -> None:
        zone = tenant.zone
        for page in pages(url, due(tenant.id, lead, run), ORDER, size=PAGE):
            job.check()
            requests.ask(list(_messages(page, tenant.id, zone, lead, run)), job, totals)

    for_each(url, alerts, job, totals, work)
    requests.forget(job)
    return totals.result(dry_run=job.dry_run)


def due(tenant_id: int, lead: Lead, run: Run) -> Select[*tuple[Any, ...]]:
    """The appointments of a tenant that may be due, whose owners want to be reminded. Somebody who
    opts in later is found by a later run."""
    first, last = starts(lead, run)
    return (
        select(Appointment.id, Appointment.starts_at, Appointment.booked_at, Pet.owner_id)
        .join(Pet, Pet.id == Appointment.pet_id)
        .join(Owner, Owner.id == Pet.owner_id)
        .where(
            Appointment.tenant_id == tenant_id,
            Appointment.status == AppointmentStatus.PLANNED,
            Appointment.starts_at > first,
            Appointment.starts_at <= last,
            Owner.sms_opted_in.is_(True),
            Owner.phone.is_not(None),
        )
    )


def _messages(
    page: Sequence[Row[Any]], tenant_id: int, zone: tzinfo, lead: Lead, run: Run
) -> Iterator[Message]:
    for row in page:
        if not is_due(lead, row.starts_at, row.booked_at, run, zone):
            continue
        start = row.starts_at.astimezone(UTC).isoformat()
        yield Message(
            kind=lead.kind,
            tenant_id=tenant_id,
            owner_id=row.owner_id,
            occasion=f"{row.id}@{start}",
            about={"appointment_id": row.id, "owner_id": row.owner_id, "starts_at": start},
            useful_until=useful_until(lead, row.starts_at),
        )
