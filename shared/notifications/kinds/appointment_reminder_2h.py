"""To an owner: a pet has an appointment in two hours (P5)."""

from __future__ import annotations

from shared.notifications.kinds import SMS, Kind
from shared.notifications.kinds.appointment_reminder_24h import AppointmentReminder

KIND = Kind(
    channel=SMS,
    data=AppointmentReminder,
    sample={
        "tenant": "Happy Paws Clinic",
        "pet": "Max",
        "starts_at": "2026-12-01T19:30:00Z",
        "timezone": "America/New_York",
    },
)
