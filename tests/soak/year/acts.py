"""What may happen: acts of people, faults of vendors, runs of tasks; each at its instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Booked(Act):
    appointment: int
    pet: int
    start: datetime
    booked_at: datetime | None
    """None: not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved(Act):
    appointment: int
    start: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancelled(Act):
    appointment: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived(Act):
    appointment: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Vaccinated(Act):
    """If it renews another, that is one of the same pet and kind."""

    vaccination: int
    pet: int
    kind: str
    expires_on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected(Act):
    """Somebody had typed the wrong day."""

    vaccination: int
    expires_on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Given(Act):
    """A pet has another owner."""

    pet: int
    owner: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped(Act):
    """Somebody answers STOP. Twilio blocks the number; our hook may be away."""

    number: str
    heard: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Restarted(Act):
    """Somebody answers START."""

    number: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreed(Act):
    """An owner agrees at the desk; Twilio hears nothing of it."""

    owner: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Broke(Act):
    """A tenant's row is broken: its zone is none."""

    tenant: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended(Act):
    tenant: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Capped(Act):
    """From now on a new setting holds: so many messages a day for all tenants together, and none
    for a single one; 0: none for all, and each tenant's own."""

    messages: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Away(Act):
    """`twilio` resets every connection; `throttled`: Twilio answers 429; `stripe` answers 503."""

    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Back(Act):
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost(Act):
    """Twilio and Stripe will do the next that they are asked for, and their answers are lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fresh(Act):
    """A host is started anew."""

    host: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran(Act):
    """A task runs, `at` some time after it was due."""

    task: str
    due_at: datetime
    hosts: tuple[int, ...]
    """One, or both at the same time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared(Act):
    """The hosts write their system schedules down: the engine's day begins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticked(Act):
    """Both hosts tick, and both work off every message: the engine runs what is due, once."""

    due_at: datetime
    tasks: tuple[str, ...]
    """What is due."""
