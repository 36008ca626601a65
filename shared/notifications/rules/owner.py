"""The rules for a message to an owner, in the order in which they are asked. All of them are asked
again right before each attempt, since any of what they ask for may have changed (P9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import Invalid
from shared.notifications.model import Entry
from shared.notifications.port import Owner
from shared.notifications.rules.phone import e164
from shared.notifications.rules.verdict import Hold, Skip, until_useful
from shared.notifications.rules.window import Window
from shared.recurrence import zone

AGAIN = timedelta(hours=1)
"""After which time what a person must mend is looked at again."""


@dataclass(frozen=True, slots=True)
class Reachable:
    """The owner may be told."""

    phone: str
    """E.164."""


def too_late(entry: Entry, now: datetime) -> Skip | None:
    """Nobody is told after `useful_until`."""
    if entry.useful_until is None or now < entry.useful_until:
        return None
    before = f"; before: {entry.error}" if entry.error else ""
    return Skip(f"it would arrive after {entry.useful_until:%Y-%m-%d %H:%M} UTC{before}")


def reachable(owner: Owner, region: str) -> Reachable | Skip:
    """Whether the owner may be told at all, and where. Raises `Misconfigured`."""
    if not owner.opted_in:
        return Skip("the owner has not agreed to text messages")
    try:
        return Reachable(e164(owner.phone, region))
    except Invalid as error:
        return Skip(error.message)


def quiet(entry: Entry, owner: Owner, hours: Window, now: datetime) -> Hold | Skip | None:
    """Outside the hours in which texts may go, it waits for them, unless nobody needs it then."""
    try:
        where = zone.find(owner.timezone)
    except Invalid as error:
        return until_useful(entry, now + AGAIN, f"the owner's {error}")
    opens = hours.next_open(now, where)
    if opens <= now:
        return None
    said = f"texts go from {hours} in {owner.timezone}, where it is {now.astimezone(where):%H:%M}"
    return until_useful(entry, opens, said)
