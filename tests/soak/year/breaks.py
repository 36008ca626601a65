"""Ways to break the tasks and the notifications on purpose: what must the simulated year find?

pytest tests/soak/year --year-days 60 --year-break quiet
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import false

from shared.billing.vendor.account import StripeAccount
from shared.care import reminders as asking_reminders
from shared.care import reputation as weekly
from shared.care import requests, reviews
from shared.care import vaccinations as asking_vaccinations
from shared.care.rules import reminders, vaccinations
from shared.care.rules.reminders import Lead
from shared.data.models import Appointment, AppointmentStatus
from shared.errors import Unavailable
from shared.notifications import asking, attempts, budget, deciding, owners
from shared.notifications.consent import Consent
from shared.notifications.model import Uncertain
from shared.notifications.rules import caps, owner
from shared.notifications.rules.window import Window

_Patch = pytest.MonkeyPatch
_Break = Callable[[_Patch], None]
BREAKS: dict[str, _Break] = {}


def _break(how: _Break) -> _Break:
    BREAKS[how.__name__.strip("_")] = how
    return how


@_break
def _quiet(patch: _Patch) -> None:
    """There are no quiet hours."""
    patch.setattr(Window, "is_open", lambda *_: True)


@_break
def _place(patch: _Patch) -> None:
    """Quiet hours are those of the tenant's zone, not of the owner's."""
    real: Any = reviews.owner_of
    patch.setattr(reviews, "owner_of", lambda row: replace(real(row), timezone=row.tenant_timezone))


@_break
def _start(patch: _Patch) -> None:
    """The occasion has no start: an appointment that is moved is no other one."""
    real: Any = asking_reminders._messages

    def made(*given: Any) -> Iterator[Any]:
        for one in real(*given):
            yield replace(one, occasion=one.occasion.partition("@")[0])

    patch.setattr(asking_reminders, "_messages", made)


@_break
def _once(patch: _Patch) -> None:
    """A message has no identity."""
    real: Any = asking.to_owner
    patch.setattr(
        asking, "to_owner", lambda one: replace(real(one), key=f"{one.kind}:{secrets.token_hex()}")
    )


@_break
def _asked(patch: _Patch) -> None:
    """Neither the outbox nor the tasks know what was asked for."""
    _once(patch)
    patch.setattr(requests.Requests, "_new", lambda _self, messages: list(messages))


@_break
def _cap(patch: _Patch) -> None:
    """Caps allow one more."""
    real: Any = caps.granted

    def granted(cap: Any, used: Any, costs: Any) -> int:
        return int(min(len(costs), real(cap, used, costs) + 1))

    patch.setattr(caps, "granted", granted)


@_break
def _given_back(patch: _Patch) -> None:
    """What was not sent is not given back to the caps."""
    patch.setattr(budget.Budget, "give_back", lambda *_: None)


@_break
def _agreed(patch: _Patch) -> None:
    """Whether the owner agrees is asked when the message is made, and not when it is sent."""
    real: Any = owner.reachable
    patch.setattr(
        deciding, "reachable", lambda one, region: real(replace(one, opted_in=True), region)
    )


@_break
def _stop(patch: _Patch) -> None:
    """STOP is answered and forgotten."""
    patch.setattr(Consent, "withdrawn", lambda *_: 0)


@_break
def _late(patch: _Patch) -> None:
    """A message is sent also when nobody needs it any more."""
    patch.setattr(deciding, "too_late", lambda *_: None)
    patch.setattr(owners, "too_late", lambda *_: None)
    for module in (reminders, reviews, asking_reminders):
        patch.setattr(module, "useful_until", lambda lead, start: start + lead.ahead)


@_break
def _blind(patch: _Patch) -> None:
    """A message of which nobody knows whether it was sent is sent again."""
    real: Any = attempts.Attempts._send

    def send(self: Any, *given: Any) -> Any:
        said = real(self, *given)
        return Unavailable("twilio", "away") if isinstance(said, Uncertain) else said

    patch.setattr(attempts.Attempts, "_send", send)


@_break
def _wall(patch: _Patch) -> None:
    """The day before is 24 hours before, also when clocks change."""

    def due_at(lead: Lead, start: Any, _zone: Any) -> Any:
        return start - lead.ahead

    patch.setattr(reminders, "due_at", due_at)


@_break
def _booked(patch: _Patch) -> None:
    """Who has just booked is reminded at once."""
    real: Any = reminders.is_due
    patch.setattr(
        asking_reminders,
        "is_due",
        lambda lead, start, _booked, run, zone: real(lead, start, None, run, zone),
    )


@_break
def _missed(patch: _Patch) -> None:
    """A reminder is asked for by the run that is next to it, or by none."""
    real: Any = reminders.is_due

    def is_due(lead: Any, start: Any, booked_at: Any, run: Any, zone: Any) -> bool:
        due = reminders.due_at(lead, start, zone)
        hour = lead.ahead / lead.ahead.total_seconds() * 3600
        return bool(real(lead, start, booked_at, run, zone)) and run.due_at - due < hour

    patch.setattr(asking_reminders, "is_due", is_due)


@_break
def _threshold(patch: _Patch) -> None:
    """Of several thresholds that were passed, the first is told."""

    def first(expires_on: Any, today: Any, thresholds: Any) -> int | None:
        left = (expires_on - today).days
        return max((days for days in thresholds if 0 < left <= days), default=None)

    for module in (vaccinations, asking_vaccinations, reviews):
        patch.setattr(module, "threshold", first)


@_break
def _review(patch: _Patch) -> None:
    """Whether an appointment still takes place is not looked up again."""
    real: Any = reviews._found

    def found(*given: Any) -> Any:
        row = real(*given)
        if row is not None and isinstance(row[0], Appointment):
            row[0].status = AppointmentStatus.PLANNED
        return row

    patch.setattr(reviews, "_found", found)


@_break
def _renewed(patch: _Patch) -> None:
    """A vaccination that was renewed is told of all the same."""
    patch.setattr(asking_vaccinations, "renewed", lambda: false())


@_break
def _weeks(patch: _Patch) -> None:
    """Weeks that were missed are not made up for."""
    patch.setattr(weekly, "weeks", lambda _settled, last: [last])


@_break
def _fee(patch: _Patch) -> None:
    """Calls to Stripe have no key of ours, and are not looked for before they are made again."""
    real: Any = StripeAccount.make
    fresh = map(str, itertools.count())
    patch.setattr(
        StripeAccount, "make", lambda self, step, given, _key: real(self, step, given, next(fresh))
    )
    patch.setattr(StripeAccount, "find", lambda *_: None)


def apply(how: str, patch: _Patch) -> None:
    """Break it, as long as the test lasts. Raises `KeyError` for what is none of `BREAKS`."""
    BREAKS[how](patch)
