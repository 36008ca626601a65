"""The messages that cost something, by the outbox: those of the report's week alone, read one after
the other. What the weeks before had is in their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from shared import money
from shared.schedules.costs import Paid
from shared.weekly.figures import Values
from shared.weekly.port import Said
from shared.weekly.week import Week

_CHECKED = 1_000
_MICROS = 6
"""An amount of the outbox is in millionths of the currency."""


class Asked(Protocol):
    """The messages that cost something (`notifications.paid`)."""

    def between(self, since: datetime, until: datetime) -> Iterator[Paid]:
        """Those that were asked for in that time."""


class Messages:
    """The section."""

    name = "messages"

    def __init__(self, paid: Asked) -> None:
        self._paid = paid

    def say(self, weeks: Sequence[Week], check: Callable[[], None]) -> Said:
        """As the port says."""
        week = weeks[-1]
        found = _checked(self._paid.between(week.since, week.until), check)
        return Said(weeks={week: values(found)})


def values(paid: Iterable[Paid]) -> Values:
    """The figures of messages. Pure."""
    counts: Counter[str] = Counter(
        {"messages.asked": 0, "messages.segments": 0, "messages.unpriced": 0}
    )
    micros: Counter[str] = Counter()
    for one in paid:
        counts["messages.asked"] += 1
        counts["messages.segments"] += one.segments
        if one.micros is None:
            counts["messages.unpriced"] += 1
        elif money.is_currency(one.currency):
            micros[one.currency] += one.micros
    costs = {f"messages.cost.{code}": _minor(amount, code) for code, amount in micros.items()}
    return dict(counts) | costs


def _minor(micros: int, currency: str) -> int:
    return round(micros / 10.0 ** (_MICROS - money.digits(currency)))


def _checked(paid: Iterable[Paid], check: Callable[[], None]) -> Iterator[Paid]:
    for number, one in enumerate(paid):
        if number % _CHECKED == 0:
            check()
        yield one
