"""Whether what was spent is above the daily limit, and how people are told: pure (L5).

1. Looked at are the day on which the guard runs, as far as it has come, and the whole day before:
   what was spent after yesterday's look has been seen by nobody.
2. The limit is in one currency. What was spent in others is not converted, and not counted; it is
   told.
3. If both days are above the limit, the later one counts: a person's word for the earlier does not
   hold for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from shared import money
from shared.billing.switch import Switch
from shared.log import instant


@dataclass(frozen=True, slots=True)
class Limit:
    """What a day may cost: DAILY_SPEND_LIMIT in SPEND_CURRENCY."""

    minor: int
    currency: str

    def shown(self, minor: int) -> str:
        return money.shown(minor, self.currency)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What was found."""

    day: date
    limit: Limit
    spent_minor: int
    """On the day, so far."""
    day_before_minor: int
    not_counted: Mapping[str, int]
    """Of both days together, by currency."""

    @property
    def above(self) -> tuple[date, int] | None:
        """The later day that is above the limit, and what was spent on it."""
        if self.spent_minor > self.limit.minor:
            return self.day, self.spent_minor
        if self.day_before_minor > self.limit.minor:
            return day_before(self.day), self.day_before_minor
        return None


def day_before(day: date) -> date:
    return day - timedelta(days=1)


def judge(day: date, spent: Mapping[date, Mapping[str, int]], limit: Limit) -> Verdict:
    """The verdict on what was spent on `day` and the day before, by currency."""
    today, before = spent.get(day, {}), spent.get(day_before(day), {})
    others: dict[str, int] = {}
    for currency, amount in [*today.items(), *before.items()]:
        if currency != limit.currency:
            others[currency] = others.get(currency, 0) + amount
    return Verdict(
        day=day,
        limit=limit,
        spent_minor=today.get(limit.currency, 0),
        day_before_minor=before.get(limit.currency, 0),
        not_counted=dict(sorted(others.items())),
    )


def above_in_words(verdict: Verdict, switch: Switch) -> str:
    """That the limit was passed, and what that means for billing."""
    day, spent = verdict.above or (verdict.day, verdict.spent_minor)
    limit = verdict.limit
    far = " so far" if day == verdict.day else ""
    return (
        f"{day}: {limit.shown(spent)} spent{far}, above the limit of {limit.shown(limit.minor)}. "
        f"{_billing_in_words(day, switch)}{_not_counted(verdict)}"
    )


def below_in_words(verdict: Verdict, switch: Switch) -> str:
    """That neither day is above the limit."""
    limit = verdict.limit
    paused = " Billing stays paused until a person resumes it." if switch.is_paused else ""
    return (
        f"{verdict.day}: {limit.shown(verdict.spent_minor)} spent so far, and "
        f"{limit.shown(verdict.day_before_minor)} the day before; the limit is "
        f"{limit.shown(limit.minor)}.{paused}{_not_counted(verdict)}"
    )


def _billing_in_words(day: date, switch: Switch) -> str:
    if switch.paused_at is not None:
        return f"Billing is paused since {instant(switch.paused_at, 'minutes')}."
    if switch.is_resumed_for(day):
        return f"Billing goes on: {switch.resumed_by or 'a person'} resumed it."
    return "Billing is being paused."


def _not_counted(verdict: Verdict) -> str:
    """A sentence about other currencies, if there was anything in them."""
    told = [money.shown(amount, code) for code, amount in verdict.not_counted.items() if amount]
    return f" Not counted, being in another currency: {', '.join(told)}." if told else ""
