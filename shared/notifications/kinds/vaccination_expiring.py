"""To an owner: a pet's vaccination expires soon (P1)."""

from __future__ import annotations

from datetime import date

from pydantic import NonNegativeInt

from shared.notifications.kinds import SMS, Data, Kind, Name


class VaccinationExpiring(Data):
    """A vaccination that expires."""

    tenant: Name
    pet: Name
    vaccination: Name
    """What it protects against, as the tenant calls it."""
    expires_on: date
    """The first day on which it no longer counts, in the tenant's zone."""
    days_left: NonNegativeInt
    """From today, in the tenant's zone; 0: it expires today."""


KIND = Kind(
    channel=SMS,
    data=VaccinationExpiring,
    sample={
        "tenant": "Tierarztpraxis Müller",
        "pet": "Bella",
        "vaccination": "Rabies",
        "expires_on": "2026-12-15",
        "days_left": 14,
    },
)
