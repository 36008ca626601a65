"""What a message to an owner is about, read again right before it is sent.

Each review is one query. Nothing heavy is imported before a message is there to review.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.care.rules.reminders import LEADS, Lead, useful_until
from shared.care.rules.vaccinations import day_of, threshold
from shared.errors import Misconfigured
from shared.notifications.port import Dropped, Owner, Ready, Review, Value
from shared.recurrence import InvalidRecurrence, zone
from shared.settings import Secret, Settings

if TYPE_CHECKING:
    from sqlalchemy import Row, Select

VACCINATION = "vaccination_expiring"
"""The kind of the messages about vaccinations."""
_GONE = "what it is about, its pet or its owner is no longer there"


def reviews(settings: Settings) -> Mapping[str, Review]:
    """The reviews of the pet-care messages, by kind."""
    url, thresholds = settings.database_url, settings.care.vaccination_thresholds

    def vaccination(about: Mapping[str, Value], now: datetime) -> Ready | Dropped:
        return _vaccination(url, thresholds, about, now)

    return {lead.kind: partial(_appointment, url, lead) for lead in LEADS} | {
        VACCINATION: vaccination
    }


def _appointment(
    url: Secret, lead: Lead, about: Mapping[str, Value], now: datetime
) -> Ready | Dropped:
    from shared.data.models import Appointment, AppointmentStatus

    row = _found(url, _query(Appointment, about["appointment_id"]))
    if row is None or row.owner_id != about["owner_id"]:
        return Dropped(reason=_GONE)
    found: Appointment = row[0]
    if found.status is not AppointmentStatus.PLANNED:
        return Dropped(reason=f"the appointment is {found.status.value}")
    if found.starts_at != datetime.fromisoformat(str(about["starts_at"])):
        return Dropped(reason=f"the appointment was moved to {found.starts_at.isoformat()}")
    if now >= useful_until(lead, found.starts_at):
        return Dropped(reason="it is too late to remind of the appointment")
    return Ready(
        owner=owner_of(row),
        data={
            "tenant": row.tenant,
            "pet": row.pet,
            "starts_at": found.starts_at.astimezone(UTC).isoformat(),
            "timezone": row.tenant_timezone,
        },
    )


def _vaccination(
    url: Secret, thresholds: tuple[int, ...], about: Mapping[str, Value], now: datetime
) -> Ready | Dropped:
    from shared.care.vaccinations import renewed
    from shared.data.models import Vaccination

    query = _query(Vaccination, about["vaccination_id"]).add_columns(renewed().label("renewed"))
    row = _found(url, query)
    if row is None or row.owner_id != about["owner_id"]:
        return Dropped(reason=_GONE)
    found: Vaccination = row[0]
    today = day_of(now, _zone(row))
    if row.renewed:
        return Dropped(reason="the vaccination was renewed")
    if found.expires_on != date.fromisoformat(str(about["expires_on"])):
        return Dropped(reason=f"the vaccination expires on {found.expires_on}")
    if found.expires_on <= today:
        return Dropped(reason="the vaccination has expired")
    if threshold(found.expires_on, today, thresholds) != about["threshold"]:
        return Dropped(reason=f"it is no longer {about['threshold']} days before")
    return Ready(
        owner=owner_of(row),
        data={
            "tenant": row.tenant,
            "pet": row.pet,
            "vaccination": found.kind,
            "expires_on": found.expires_on.isoformat(),
            "days_left": (found.expires_on - today).days,
        },
    )


def _query(model: Any, id: Value) -> Select[*tuple[Any, ...]]:
    """A row of a pet, with the pet, its owner, and the owner's tenant."""
    from sqlalchemy import select

    from shared.data.models import Owner, Pet, Tenant

    return (
        select(model, Pet.name.label("pet"), *owner_columns())
        .join(Pet, Pet.id == model.pet_id)
        .join(Owner, Owner.id == Pet.owner_id)
        .join(Tenant, Tenant.id == model.tenant_id)
        .where(model.id == id)
    )


def owner_columns() -> Sequence[Any]:
    """What `owner_of` reads of owners and their tenants."""
    from shared.data.models import Owner, Tenant

    return (
        Owner.id.label("owner_id"),
        Owner.phone,
        Owner.sms_opted_in,
        Owner.timezone,
        Owner.language,
        Tenant.id.label("tenant_id"),
        Tenant.name.label("tenant"),
        Tenant.timezone.label("tenant_timezone"),
        Tenant.language.label("tenant_language"),
        Tenant.sms_daily_limit,
        Tenant.sms_daily_spend_minor,
        Tenant.sms_currency,
    )


def _found(url: Secret, query: Select[*tuple[Any, ...]]) -> Row[Any] | None:
    from shared.data.database import reading

    with reading(url) as session:
        return session.execute(query).first()


def _zone(row: Row[Any]) -> tzinfo:
    """The tenant's. Raises `Misconfigured`."""
    return _known(row.tenant_timezone, f"tenant {row.tenant_id}")


def _known(name: str, whose: str) -> tzinfo:
    try:
        return zone.find(name)
    except InvalidRecurrence as error:
        raise Misconfigured(f"the timezone of {whose}: {error.message}") from None


def owner_of(row: Row[Any]) -> Owner:
    """The owner of a row with `owner_columns`. Raises `Misconfigured` if the zone by which quiet
    hours are counted is none."""
    _zone(row)
    if row.timezone:
        _known(row.timezone, f"owner {row.owner_id}")
    return Owner(
        tenant_id=row.tenant_id,
        owner_id=row.owner_id,
        phone=row.phone,
        opted_in=bool(row.sms_opted_in),
        language=row.language or row.tenant_language,
        timezone=row.timezone or row.tenant_timezone,
        sms_daily_limit=row.sms_daily_limit,
        sms_daily_spend_minor=row.sms_daily_spend_minor,
        sms_currency=row.sms_currency,
        tenant_timezone=row.tenant_timezone,
    )
