"""Counts messages against the caps of their tenants and of all, before they are sent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.errors import Invalid
from shared.log import Event, event
from shared.notifications.budget import Budget
from shared.notifications.deciding import Prepared
from shared.notifications.port import Owner
from shared.notifications.problems import Problems, told
from shared.notifications.rules.caps import Cap, Used, Wish, granted
from shared.notifications.rules.owner import AGAIN
from shared.notifications.rules.price import micros_of
from shared.notifications.rules.verdict import Hold, Skip, until_useful
from shared.recurrence import zone
from shared.settings import SmsSettings

_logger = logging.getLogger("belfry.notifications")

Refused = tuple[Prepared, Hold | Skip]
_ID = 12
"""So much of a message's digest tells it from the others of the day."""
_REMEMBERED = 2_000
"""How many caps that were told of are remembered."""


@dataclass(frozen=True, slots=True)
class Capped:
    """A message that was counted."""

    prepared: Prepared
    caps: tuple[tuple[Cap, str], ...]
    """Those that it was counted against, and on which day."""
    at: datetime
    """When its turn comes by the rate."""


@dataclass(slots=True)
class Counted:
    """What became of some messages."""

    granted: list[Capped] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    too_fast: bool = False
    """Whether some are left, since their turn by the rate comes too late."""


class Caps:
    """The caps, bound to the settings."""

    def __init__(
        self,
        budget: Budget,
        sms: SmsSettings,
        next_open: Callable[[Owner, datetime], datetime],
        problems: Problems,
    ) -> None:
        """`next_open`: the first instant from another on at which an owner may be told."""
        self._budget = budget
        self._sms = sms
        self._next_open = next_open
        self._problems = problems
        self._told: dict[str, None] = {}

    def count(self, ready: Sequence[Prepared], now: datetime, latest: datetime) -> Counted:
        """Count those that may be sent by `latest`. Raises `Unavailable` or `Refused`."""
        made = Counted()
        by_tenant: dict[int | None, list[Prepared]] = {}
        for one in ready:
            by_tenant.setdefault(one.entry.tenant_id, []).append(one)
        passed: list[tuple[Prepared, Cap | None]] = []
        for some in by_tenant.values():
            passed += self._of_tenant(some, now, made)
        total = self._total()
        if total is not None:
            allowed = self._reserve(total, [one for one, _ in passed], now, made)
            self._back([it for it, good in zip(passed, allowed, strict=True) if not good], now)
            passed = [it for it, good in zip(passed, allowed, strict=True) if good]
        self._take_turns(passed, total, now, latest, made)
        return made

    def give_back(self, unsent: Sequence[Capped]) -> None:
        """Take back what was certainly not sent. Raises `Unavailable` or `Refused`."""
        for one in unsent:
            for cap, day in one.caps:
                self._budget.give_back(cap, _wish(one.prepared), day)

    def foreseen(self, ready: Sequence[Prepared], now: datetime) -> Iterator[Refused]:
        """Those that `count` would refuse, if it were to count all of them now."""
        used: dict[str, Used] = {}
        for one in ready:
            cap = self._tenants(one.owner)
            if isinstance(cap, str):
                yield one, until_useful(one.entry, now + AGAIN, cap)
                continue
            caps = [it for it in (cap, self._total()) if it is not None]
            for it in caps:
                used.setdefault(it.name, self._budget.used(it, now))
            full = [it for it in caps if not granted(it, used[it.name], [one.cost])]
            if full:
                yield one, self._verdict(one, full[0], used[full[0].name], now)
                continue
            for it in caps:
                used[it.name] += Used(1, one.cost)

    def _of_tenant(
        self, some: Sequence[Prepared], now: datetime, made: Counted
    ) -> list[tuple[Prepared, Cap | None]]:
        cap = self._tenants(some[0].owner)
        if isinstance(cap, str):
            made.refused += [(one, until_useful(one.entry, now + AGAIN, cap)) for one in some]
            return []
        if cap is None:
            return [(one, None) for one in some]
        allowed = self._reserve(cap, some, now, made)
        return [(one, cap) for one, good in zip(some, allowed, strict=True) if good]

    def _reserve(
        self, cap: Cap, some: Sequence[Prepared], now: datetime, made: Counted
    ) -> list[bool]:
        """Which of the next messages the cap allows; the others are refused."""
        if not some:
            return []
        allowed = self._budget.reserve(cap, [_wish(one) for one in some], now)
        refused = [one for one, good in zip(some, allowed, strict=True) if not good]
        if refused:
            used = self._budget.used(cap, now)
            self._tell(cap, used, now)
            made.refused += [(one, self._verdict(one, cap, used, now)) for one in refused]
        return allowed

    def _take_turns(
        self,
        passed: Sequence[tuple[Prepared, Cap | None]],
        total: Cap | None,
        now: datetime,
        latest: datetime,
        made: Counted,
    ) -> None:
        turns = self._budget.slots([one.entry.segments for one, _ in passed], now, latest)
        for (one, cap), at in zip(passed, turns, strict=False):
            caps = tuple((it, it.day(now)) for it in (cap, total) if it is not None)
            made.granted.append(Capped(one, caps, at))
        for one, cap in passed[len(turns) :]:
            self._back([(one, cap), (one, total)], now)
            made.too_fast = True

    def _back(self, counted: Sequence[tuple[Prepared, Cap | None]], now: datetime) -> None:
        for one, cap in counted:
            if cap is not None:
                self._budget.give_back(cap, _wish(one), cap.day(now))

    def _verdict(self, one: Prepared, cap: Cap, used: Used, now: datetime) -> Hold | Skip:
        """It waits for the next day of the cap, and for the hours in which texts may go then."""
        until = self._next_open(one.owner, cap.next_day(now))
        return until_useful(one.entry, until, cap.reason(used))

    def _tell(self, cap: Cap, used: Used, now: datetime) -> None:
        """Tell of it, once a day."""
        key = f"{cap.name}:{cap.day(now)}"
        if key in self._told:
            return
        said = f"{cap.reason(used)}. Others wait for the next day, or are not sent."
        event(_logger, Event.CAP_REACHED, level=logging.WARNING, cap=cap.name, reason=said)
        if told(lambda: self._problems.cap_reached(cap.name, said, key=key)):
            self._told[key] = None
            for oldest in list(self._told)[:-_REMEMBERED]:
                del self._told[oldest]

    def _total(self) -> Cap | None:
        if not self._sms.daily_limit and not self._sms.daily_spend_minor:
            return None
        spend = self._sms.daily_spend_minor or None
        return self._cap("all", "UTC", self._sms.daily_limit or None, spend)

    def _tenants(self, owner: Owner) -> Cap | str | None:
        """The tenant's cap; None: it has none; a text: why it cannot be known."""
        limit, spend = owner.sms_daily_limit, owner.sms_daily_spend_minor
        if limit is None and spend is None:
            return None
        if spend is not None and owner.sms_currency != self._sms.currency:
            return (
                f"the tenant's cap is in {owner.sms_currency}, but SMS_SEGMENT_PRICE is in "
                f"{self._sms.currency}; set the tenant's sms_currency to {self._sms.currency}"
            )
        try:
            return self._cap(f"tenant:{owner.tenant_id}", owner.tenant_timezone, limit, spend)
        except Invalid as error:
            return f"the tenant's {error}"

    def _cap(self, name: str, timezone: str, messages: int | None, spend: int | None) -> Cap:
        currency = self._sms.currency
        return Cap(
            name=name,
            zone=zone.find(timezone),
            messages=messages,
            micros=None if spend is None else micros_of(spend, currency),
            amount="" if spend is None else f"{spend} minor units of {currency}",
        )


def _wish(one: Prepared) -> Wish:
    return Wish(one.entry.digest[:_ID], one.cost)
