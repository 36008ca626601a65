"""What the rules of sending say of a notification."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.notifications.content import Content
from shared.notifications.model import Entry


@dataclass(frozen=True, slots=True)
class Hold:
    """It waits until then."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Skip:
    """It must not be sent any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Keep:
    """It cannot be sent, and stays for a person to read."""

    reason: str
    content: Content


Verdict = Hold | Skip | Keep


def until_useful(entry: Entry, until: datetime, reason: str) -> Hold | Skip:
    """It waits until then, unless nobody needs it by then."""
    if entry.useful_until is not None and until >= entry.useful_until:
        return Skip(f"{reason}; it would arrive after {entry.useful_until:%Y-%m-%d %H:%M} UTC")
    return Hold(until, reason)
