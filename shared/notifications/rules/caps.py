"""Caps on text messages a day, in number and in money (P11): how many more may be sent.

A message is counted before it is sent, with its cost by the settings' price, so that a process that
is killed never exceeds a cap. What was certainly not sent is given back. What a killed process had
counted and not sent stays counted for that day: the cap may end a few messages early.

Two senders may be at one message, such as the task that asks for it and the next flush. Only one of
them will send it, so it is counted once: a message that another has counted needs no more room, and
is given back when nobody is at it any more. Otherwise near its end a cap would hold back what it
has room for.

The day of a tenant's cap is a day of the tenant's zone, and that of the cap for all is a day of
UTC, since the tenants have no day in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TypeVar

T = TypeVar("T")

_REMEMBERED = 100
"""Of so many messages a day remembers who counted them. Each sender is at eight at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cap:
    """A cap, and whose it is."""

    name: str
    """`all`, or a tenant's: `tenant:5`."""
    zone: tzinfo
    """Whose days count."""
    messages: int | None
    """A day; None: as many as there are."""
    micros: int | None
    """A day, in millionths of the currency of SMS_CURRENCY."""
    amount: str = ""
    """`micros` in words, such as 50.00 USD."""

    def day(self, now: datetime) -> str:
        """The day that `now` belongs to, such as 2026-11-29."""
        return now.astimezone(self.zone).date().isoformat()

    def next_day(self, now: datetime) -> datetime:
        """When the next day begins: the first instant whose date it is."""
        local = now.astimezone(self.zone)
        midnight = datetime.combine(local.date() + timedelta(days=1), time(), self.zone)
        return midnight.astimezone(UTC)

    def reason(self, used: Used) -> str:
        """Why no more may be sent."""
        whose = "all tenants together" if self.name == "all" else "the tenant"
        full = self.messages is not None and used.messages >= self.messages
        if full or self.micros is None:
            return f"the cap of {whose} is reached: {self.messages} text messages a day"
        return f"the cap of {whose} is reached: {self.amount} a day for text messages"


@dataclass(frozen=True, slots=True)
class Used:
    """What was counted."""

    messages: int = 0
    micros: int = 0

    def __add__(self, other: Used) -> Used:
        return Used(self.messages + other.messages, self.micros + other.micros)

    def __sub__(self, other: Used) -> Used:
        return Used(max(0, self.messages - other.messages), max(0, self.micros - other.micros))


@dataclass(frozen=True, slots=True)
class Wish:
    """A message that is to be counted."""

    id: str
    """Short, and another for each message."""
    micros: int
    """What it costs."""


@dataclass(frozen=True, slots=True)
class Day:
    """What was counted on a day."""

    used: Used = Used()
    senders: Mapping[str, int] = field(default_factory=dict)
    """Of the last messages, by their ids: how many senders have counted it and did not give it
    back."""


Days = Mapping[str, T]
"""What was counted on each day."""


def counted(cap: Cap, day: Day, wishes: Sequence[Wish]) -> tuple[list[bool], Day]:
    """(which of these may be sent, the day with them). After the first that the cap has no room
    for, only those may that were counted before."""
    used, senders = day.used, dict(day.senders)
    found, full = [], False
    for one in wishes:
        known = senders.pop(one.id, 0)
        full = full or not (known or granted(cap, used, [one.micros]))
        found.append(bool(known) or not full)
        if found[-1]:
            used += Used() if known else Used(1, one.micros)
            senders[one.id] = known + 1  # at the end: it is the latest
    return found, Day(used, dict(list(senders.items())[-_REMEMBERED:]))


def given_back(day: Day, wish: Wish) -> Day:
    """The day without that message, if no other sender has counted it. Of one that is not
    remembered that is not known: it stays counted."""
    left = day.senders.get(wish.id, 0) - 1
    if left < 0:
        return day
    senders = {id: count for id, count in day.senders.items() if id != wish.id}
    if left:
        return replace(day, senders=senders | {wish.id: left})
    return Day(day.used - Used(1, wish.micros), senders)


def granted(cap: Cap, used: Used, costs: Sequence[int]) -> int:
    """How many of the next messages, whose costs in micros these are, may be sent: the first of
    them, in their order."""
    for number, cost in enumerate(costs):
        used += Used(1, cost)
        if cap.messages is not None and used.messages > cap.messages:
            return number
        if cap.micros is not None and used.micros > cap.micros:
            return number
    return len(costs)


def with_day(days: Days[T], day: str, count: T) -> Days[T]:
    """The days with that day's count, and of the others the last before it and the first after it:
    near midnight, two instances may be on different days. A clock that was wrong may have written
    any number of later days."""
    known = {**days, day: count}
    order = sorted(known)
    at = order.index(day)
    return {one: known[one] for one in order[max(0, at - 1) : at + 2]}
