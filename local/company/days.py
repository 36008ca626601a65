"""What a day brings to the demo company, by (seed, day): so much of each that every task finds
something to do on it. What is before today has had its course; a demo knows its future already,
also what it will cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from local.company.chance import number, pick
from local.company.rows import (
    FEES,
    KINDS,
    PETS,
    TENANTS,
    Row,
    is_reached,
    owner_of,
    stays_away,
    tenant_of,
)
from shared.data.models import AppointmentStatus, FeeStatus, VaccinationStatus

SEED = 1
_ONE_DAY = timedelta(days=1)
_AHEAD = timedelta(days=30)
_TENANTS = range(1, len(TENANTS) + 1)
_PETS_OF = {
    n: [pet for pet in range(1, PETS + 1) if tenant_of(pet) == n and not stays_away(owner_of(pet))]
    for n in _TENANTS
}
_TIMES = [time(hour) for hour in range(8, 19)]
"""In the tenants' zones."""
_SURE = (1, 2, 5)
"""Tenants who together leave no hour of a day out, in summer and winter: what they have on the hour
is not cancelled, and its owner can be reminded."""
_REACHED_OF = {n: [pet for pet in _PETS_OF[n] if is_reached(owner_of(pet))] for n in _TENANTS}
_LATE = time(23, 50)
"""The first tenant's last appointment: when the day ends in between."""
_CATEGORIES = ("sms", "compute", "storage")
_COUNTERS = ("api_calls", "logins", "sms_sent")
TABLES = (
    *("appointments", "no_show_fees", "vaccinations", "costs", "revenues", "commissions"),
    "usage_days",
)


class Days:
    """Makes the rows of days. `ids`: the highest that each table has."""

    def __init__(self, today: date, ids: dict[str, int], seed: int = SEED) -> None:
        self._today = today
        self._seed = seed
        self._ids = {table: count(highest + 1) for table, highest in ids.items()}

    def of(self, day: date) -> dict[str, list[Row]]:
        """The rows of a day, by table."""
        kept = self._kept(day)
        fees = [self._fee(row) for row in kept if self._is_charged(row)]
        return {
            "appointments": kept,
            "no_show_fees": fees,
            "vaccinations": [self._vaccination(day, n) for n in _TENANTS],
            "costs": list(self._costs(day)),
            "revenues": [self._revenue(day, n) for n in _TENANTS],
            "commissions": [self._commission(day, n) for n in _TENANTS if n <= 3],
            "usage_days": list(self._usage(day)),
        }

    def _id(self, table: str) -> Row:
        return {"id": next(self._ids[table])}

    def _kept(self, day: date) -> list[Row]:
        kept = [self._appointment(day, tenant, at) for tenant in _TENANTS for at in _TIMES]
        return [*kept, self._appointment(day, 1, _LATE)]

    def _appointment(self, day: date, tenant: int, at: time) -> Row:
        place = (self._seed, day, tenant, at)
        zone = ZoneInfo(str(TENANTS[tenant - 1]["timezone"]))
        start = datetime.combine(day, at, zone).astimezone(UTC)
        sure = tenant in _SURE and at.minute == 0
        status = self._status(day, sure, *place)
        ahead = timedelta(hours=5) if at.hour == 12 else timedelta(days=1 + number(14, "b", *place))
        return self._id("appointments") | {
            "tenant_id": tenant,
            "pet_id": pick((_REACHED_OF if sure else _PETS_OF)[tenant], "pet", *place),
            "starts_at": start,
            "status": status,
            "booked_at": start - ahead,
            "cancelled_at": start - ahead / 2 if status is AppointmentStatus.CANCELLED else None,
            "no_show_at": start + _ONE_DAY if status is AppointmentStatus.NO_SHOW else None,
            "notes": None,
        }

    def _status(self, day: date, sure: bool, *place: object) -> AppointmentStatus:
        """Since yesterday, nobody has said which of the planned ones were kept."""
        chance = number(12, "status", *place) or int(sure)
        if chance == 0:
            return AppointmentStatus.CANCELLED
        if day > self._today or (day >= self._today - _ONE_DAY and chance < 5):
            return AppointmentStatus.PLANNED
        if day == self._today:
            return AppointmentStatus.ARRIVED if chance == 5 else AppointmentStatus.PLANNED
        return AppointmentStatus.NO_SHOW if chance == 11 else AppointmentStatus.DONE

    def _is_charged(self, appointment: Row) -> bool:
        missed = appointment["status"] is AppointmentStatus.NO_SHOW
        return missed and FEES[appointment["tenant_id"] - 1] is not None

    def _fee(self, appointment: Row) -> Row:
        tenant = appointment["tenant_id"]
        return self._id("no_show_fees") | {
            "tenant_id": tenant,
            "appointment_id": appointment["id"],
            "owner_id": owner_of(appointment["pet_id"]),
            "amount_minor": FEES[tenant - 1],
            "currency": TENANTS[tenant - 1]["currency"],
            "status": FeeStatus.DUE,
            "created_at": appointment["no_show_at"],
        }

    def _vaccination(self, day: date, tenant: int) -> Row:
        """Expires 30 days later; the monitor has not seen it on the day itself."""
        place = (self._seed, day, tenant)
        seen = day < self._today
        return self._id("vaccinations") | {
            "tenant_id": tenant,
            "pet_id": pick(_PETS_OF[tenant], "vaccination", *place),
            "kind": pick(KINDS, *place),
            "expires_on": day + _AHEAD,
            "status": VaccinationStatus.EXPIRING if seen else VaccinationStatus.VALID,
        }

    def _costs(self, day: date) -> Iterator[Row]:
        """More than 50 dollars a day, all together."""
        for tenant in _TENANTS:
            for category in _CATEGORIES:
                amount = 350 + number(200, "cost", self._seed, day, tenant, category)
                yield self._money("costs", day, tenant, amount) | {"category": category}

    def _revenue(self, day: date, tenant: int) -> Row:
        amount = 900 + number(900, "revenue", self._seed, day, tenant)
        return self._money("revenues", day, tenant, amount) | {"source": "subscription"}

    def _commission(self, day: date, tenant: int) -> Row:
        amount = 50 + number(150, "commission", self._seed, day, tenant)
        return self._money("commissions", day, tenant, amount) | {"partner_id": tenant}

    def _money(self, table: str, day: date, tenant: int, amount: int) -> Row:
        what = {"tenant_id": tenant, "day": day, "amount_minor": amount, "currency": "USD"}
        return self._id(table) | what

    def _usage(self, day: date) -> Iterator[Row]:
        """Yesterday is still open, as is every day that has not come."""
        closed = None
        if day < self._today - _ONE_DAY:
            closed = datetime.combine(day + _ONE_DAY, time(0, 5), UTC)
        for tenant in _TENANTS:
            for counter in _COUNTERS:
                value = number(5000, "usage", self._seed, day, tenant, counter)
                yield self._id("usage_days") | {
                    "tenant_id": tenant,
                    "counter": counter,
                    "day": day,
                    "value": value,
                    "closed_at": closed,
                }
