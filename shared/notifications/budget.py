"""What all senders share about text messages: how many were sent today, and how fast they may go.

Each is one fact (`facts`) that is changed by compare-and-set, so all instances together stay below
a cap. A tenant has one fact; it holds the last days.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from shared.errors import Damaged, Unavailable
from shared.notifications.rules.caps import (
    Cap,
    Day,
    Days,
    Used,
    Wish,
    counted,
    given_back,
    with_day,
)
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Fact, Meta

T = TypeVar("T")

_TRIES = 50
_RATE = "sms.next"
_STRANGE = timedelta(hours=1)
"""A next send that is further ahead was written by a clock that was wrong."""


class Budget:
    """Counts and rate. Every method raises `Unavailable` or `Refused` if storage fails: then
    nothing may be sent."""

    def __init__(self, facts: Callable[[], Meta], per_second: int) -> None:
        """`per_second`: how many segments may go in a second; 0: any number."""
        self._facts = facts
        self._per_second = per_second

    def reserve(self, cap: Cap, wishes: Sequence[Wish], now: datetime) -> list[bool]:
        """Count as many of the next messages as the cap allows; which of them it allows."""

        def step(days: Days[Day]) -> tuple[list[bool], Days[Day]]:
            allowed, day = counted(cap, days.get(cap.day(now), Day()), wishes)
            return allowed, with_day(days, cap.day(now), day) if any(allowed) else days

        return self._change(_name(cap), step)

    def give_back(self, cap: Cap, wish: Wish, day: str) -> None:
        """Take back what was counted on that day, and what this sender did certainly not send."""

        def step(days: Days[Day]) -> tuple[None, Days[Day]]:
            return None, with_day(days, day, given_back(days[day], wish)) if day in days else days

        self._change(_name(cap), step)

    def used(self, cap: Cap, now: datetime) -> Used:
        """What was counted today."""
        return _days(self._facts().fact(_name(cap))).get(cap.day(now), Day()).used

    def slots(self, segments: Sequence[int], now: datetime, latest: datetime) -> list[datetime]:
        """When each of the next messages may go, so that no more than `per_second` segments go in
        a second; without those whose turn comes after `latest`."""
        if not self._per_second:
            return [now] * len(segments)
        facts = self._facts()

        def attempt() -> list[datetime] | None:
            fact = facts.fact(_RATE)
            at = _next(fact, now)
            found = []
            for count in segments:
                if at > latest:
                    break
                found.append(at)
                at += timedelta(seconds=max(count, 1) / self._per_second)
            if not found or facts.swap(_RATE, fact, at.isoformat()):
                return found
            return None

        return _settled(_RATE, attempt)

    def _change(self, name: str, step: Callable[[Days[Day]], tuple[T, Days[Day]]]) -> T:
        facts = self._facts()

        def attempt() -> list[T] | None:  # in a list, since the result may be None
            fact = facts.fact(name)
            days = _days(fact)
            result, after = step(days)
            if after == days:
                return [result]
            said = json.dumps({day: _written(count) for day, count in after.items()})
            return [result] if facts.swap(name, fact, said) else None

        return _settled(name, attempt)[0]


def _settled(name: str, attempt: Callable[[], T | None]) -> T:
    busy = partial(Unavailable, "table storage")
    return compare_and_set(name, attempt, tries=_TRIES, error=busy)


def _name(cap: Cap) -> str:
    return f"sms.day:{cap.name}"


def _written(it: Day) -> dict[str, object]:
    return asdict(it.used) | {"senders": dict(it.senders)}


def _days(fact: Fact | None) -> Days[Day]:
    try:
        said = {} if fact is None else json.loads(fact.value)
        return {
            day: Day(Used(one["messages"], one["micros"]), one.get("senders", {}))
            for day, one in said.items()
        }
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        said = f"{error!r:.200}"
        raise Damaged(f"the day's count of text messages cannot be read ({said})") from error


def _next(fact: Fact | None, now: datetime) -> datetime:
    at = now if fact is None else datetime.fromisoformat(fact.value)
    return at if now < at <= now + _STRANGE else now
