"""What the demo company has had since its first day: every value is a function of its place, so
each build gives the same rows, with the same ids."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from local.company.chance import number, pick
from shared.data.models import (
    TOP_SCORE,
    AppointmentStatus,
    BillingState,
    Role,
    VaccinationStatus,
)

Row = dict[str, Any]

TENANTS: Sequence[Mapping[str, object]] = (
    {"name": "Pfötchen & Co.", "timezone": "Europe/Berlin", "language": "de", "currency": "EUR"},
    {"name": "Happy Tails", "timezone": "America/New_York", "language": "en", "currency": "USD"},
    {
        "name": "Clínica São Roque",
        "timezone": "America/Sao_Paulo",
        "language": "en",
        "currency": "BRL",
    },
    {"name": "Łapka", "timezone": "Europe/Warsaw", "language": "en", "currency": "PLN"},
    {"name": "犬猫病院", "timezone": "Asia/Tokyo", "language": "en", "currency": "JPY"},
)
FEES = (2500, 3000, 8000, 5000, None)
"""Of each tenant, for a no-show; the last has no policy of fees."""
KINDS = ("rabies", "distemper", "parvo")
OWNERS = 600
PETS = 900
_NAMES = ("Ana", "Björn", "Chloë", "Dmitri", "Eun-ji", "Fatima", "Günther", "Håkon", "Ines", "José")
_PETS = ("Luna", "Rex", "Mitzi", "O'Malley", "Ñoño", "Bella\nthe second", "Žofka", "Tom")
_START = datetime(2026, 1, 5, 8, tzinfo=UTC)
_ONE_DAY = timedelta(days=1)


def settings(tenant: int) -> Row:
    """Zone, language, fees and caps of a tenant, by its id."""
    return dict(TENANTS[tenant - 1]) | {
        "no_show_fee_minor": FEES[tenant - 1],
        "no_show_grace_minutes": 30 if tenant == 2 else None,
        "sms_daily_limit": 40 if tenant == 3 else None,
        "sms_daily_spend_minor": 200 if tenant == 3 else None,
        "sms_currency": "USD",
    }


def is_reached(owner: int) -> bool:
    """Whether an owner has a phone, and wants to be written to."""
    return owner % 17 != 0 and owner % 3 != 0


def stays_away(owner: int) -> bool:
    """Whether an owner has not come since the company's first months: whom the marketing cycle
    finds."""
    return owner // len(TENANTS) % 4 == 0


def owner_of(pet: int) -> int:
    return 1 + number(OWNERS, "pet", pet)


def tenant_of_owner(owner: int) -> int:
    return 1 + owner % len(TENANTS)


def tenant_of(pet: int) -> int:
    return tenant_of_owner(owner_of(pet))


def first(today: date) -> dict[str, list[Row]]:
    """By table, what it was the company's from the beginning; vaccinations as of today."""

    def vaccination(n: int) -> Row:
        pet = 1 + number(PETS, "vaccination", n)
        expires = (_START + timedelta(days=number(700, "expires", n))).date()
        status = VaccinationStatus.EXPIRED if expires < today else VaccinationStatus.VALID
        return {
            "tenant_id": tenant_of(pet),
            "pet_id": pet,
            "kind": pick(KINDS, n),
            "expires_on": expires,
            "status": status,
        }

    return {
        "tenants": _numbered(len(TENANTS), settings),
        "users": _numbered(40, _user),
        "owners": _numbered(OWNERS, _owner),
        "pets": _numbered(PETS, _pet),
        "vaccinations": _numbered(1800, vaccination),
        "appointments": _numbered(2400, _appointment),
        "costs": _numbered(1000, _cost),
    }


def later() -> dict[str, list[Row]]:
    """By table, the same for what was not kept in the first versions of the company."""
    partners = ("Tierfreunde eG", "Vets United", "Kaisha")
    tenants = range(1, len(TENANTS) + 1)
    known = [_reputation(owner) for owner in range(1, OWNERS + 1)]
    marked = [one for one in known if one["score"] != TOP_SCORE]
    return {
        "partners": _numbered(len(partners), lambda n: {"name": partners[n - 1], "email": None}),
        "tenant_billings": [{"tenant_id": n, "state": BillingState.ACTIVE} for n in tenants],
        "reputations": known,
        "reputation_changes": _numbered(len(marked), lambda n: _change(marked[n - 1])),
    }


def _numbered(count: int, make: Callable[[int], Row]) -> list[Row]:
    return [{"id": n} | make(n) for n in range(1, count + 1)]


def _user(n: int) -> Row:
    role = Role.SYSTEM_ADMIN if n <= 2 else Role.STAFF
    return {"tenant_id": 1 + n % 5, "email": f"user{n}@example.com", "role": role}


def _owner(n: int) -> Row:
    return {
        "tenant_id": tenant_of_owner(n),
        "name": f"{pick(_NAMES, 'owner', n)} {n}",
        "phone": None if n % 17 == 0 else f"+49151{10_000_000 + n}",
        "sms_opted_in": n % 3 != 0,
        "timezone": "Europe/Lisbon" if n % 50 == 0 else None,
        "language": "de" if n % 40 == 0 else None,
    }


def _pet(n: int) -> Row:
    avatar = hashlib.sha256(str(n).encode()).digest() if n % 4 else None
    return {"owner_id": owner_of(n), "name": pick(_PETS, "pet", n), "avatar": avatar}


def _appointment(n: int) -> Row:
    """Of the company's first months: all of them are over."""
    ends = (AppointmentStatus.DONE,) * 3 + (AppointmentStatus.NO_SHOW, AppointmentStatus.CANCELLED)
    pet = 1 + number(PETS, "appointment", n)
    start = _START + timedelta(minutes=30 * number(12_000, "starts", n))
    status = pick(ends, "state", n)
    notes = f"line one\nline two\twith a tab, a \\ and “quotes” #{n}"
    return {
        "tenant_id": tenant_of(pet),
        "pet_id": pet,
        "starts_at": start,
        "status": status,
        "booked_at": start - timedelta(days=1 + number(20, "booked", n)),
        "cancelled_at": start - _ONE_DAY if status is AppointmentStatus.CANCELLED else None,
        "no_show_at": start + _ONE_DAY if status is AppointmentStatus.NO_SHOW else None,
        "notes": None if n % 5 else notes,
    }


def _cost(n: int) -> Row:
    return {
        "tenant_id": 1 + n % 5,
        "day": (_START + timedelta(days=n % 200)).date(),
        "category": pick(("sms", "compute", "storage"), "service", n),
        "amount_minor": number(5000, "amount", n),
        "currency": "USD",
    }


def _reputation(owner: int) -> Row:
    since = _START + timedelta(days=number(250, "good since", owner))
    return {
        "owner_id": owner,
        "tenant_id": tenant_of_owner(owner),
        "score": TOP_SCORE - 10 * number(6, "score", owner),
        "good_since": since.date(),
    }


def _change(reputation: Row) -> Row:
    """How a score came to be below the top: by one bad week."""
    since, score = reputation["good_since"], reputation["score"]
    sunday = since + timedelta(days=6 - since.weekday())
    return {
        "owner_id": reputation["owner_id"],
        "week_on": sunday,
        "score_before": TOP_SCORE,
        "score_after": score,
        "no_shows": (TOP_SCORE - score) // 10,
        "recovered": 0,
        "created_at": datetime(sunday.year, sunday.month, sunday.day, tzinfo=UTC),
    }
