"""To an owner: a pet has an appointment tomorrow (P4)."""

from __future__ import annotations

from pydantic import AwareDatetime

from shared.notifications.kinds import SMS, Data, Kind, Name, Timezone


class AppointmentReminder(Data):
    """An appointment, as the owner is reminded of it."""

    tenant: Name
    pet: Name
    starts_at: AwareDatetime
    timezone: Timezone
    """The tenant's: the time is told as it is at the place where the appointment is, with the
    zone's name."""


KIND = Kind(
    channel=SMS,
    data=AppointmentReminder,
    sample={
        "tenant": "Tierarztpraxis Müller",
        "pet": "Bella",
        "starts_at": "2026-12-01T13:30:00Z",
        "timezone": "Europe/Berlin",
    },
)
