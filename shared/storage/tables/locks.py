"""Locks: who holds a name, and until when. A lock has one place; a semaphore has several.

Each is a row `lock:{name}` beside the facts (`facts`): JSON that maps each holder to the end of its
hold. A hold expires, so a killed process does not keep others waiting for long. The row of a free
lock remains, and shows when the lock was last used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias

from shared.errors import Unavailable
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Fact, Meta

Holders: TypeAlias = Mapping[str, datetime]
"""Who holds a place, and until when; holds that have expired may be among them."""

_PREFIX = "lock:"
_TRIES = 50
_MOST = 500
"""The most places of one lock: a property holds 32,000 characters."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lock as it was read."""

    holders: Holders
    row: Fact | None


class Locks:
    """The locks of a table. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta

    def take(
        self, name: str, holder: str, now: datetime, until: datetime, *, places: int = 1
    ) -> bool:
        """Take one of the lock's places until `until`; False if others hold all of them. A holder
        that already has a place keeps it, until `until`."""

        def step(held: Holders) -> Holders | None:
            others = {who: end for who, end in held.items() if who != holder and end > now}
            return others | {holder: until} if len(others) < min(places, _MOST) else None

        return self._change(name, step)

    def renew(self, name: str, holder: str, until: datetime) -> bool:
        """Extend the hold to `until`; False if another has taken the place."""
        return self._change(name, lambda held: {**held, holder: until} if holder in held else None)

    def release(self, name: str, holder: str) -> None:
        """Release the place; harmless if it is not held."""
        self._change(name, lambda held: {who: held[who] for who in held if who != holder})

    def shorten(self, prefix: str, longest: datetime, to: datetime) -> None:
        """Of the locks whose names begin with `prefix`, let each hold that lasts beyond `longest`
        end at `to`."""

        def step(held: Holders) -> Holders:
            return {who: end if end <= longest else to for who, end in held.items()}

        for key in self._meta.beginning(_PREFIX + prefix):
            self._change(key.removeprefix(_PREFIX), step)

    def holders(self, name: str, now: datetime) -> set[str]:
        """Who holds a place at `now`."""
        return {who for who, end in self.read(name).holders.items() if end > now}

    def read(self, name: str) -> Held:
        """The lock as it is now. If its row cannot be read, nobody holds it."""
        row = self._meta.fact(_PREFIX + name)
        try:
            said = {} if row is None else json.loads(row.value)
            return Held({who: datetime.fromisoformat(end) for who, end in said.items()}, row)
        except (ValueError, TypeError, AttributeError):
            return Held({}, row)

    def write(self, name: str, before: Held, holders: Holders) -> bool:
        """Make these its holders, if nobody changed it since `before` was read; whether they are
        its holders now."""
        if holders == before.holders:
            return True
        said = json.dumps({who: end.isoformat() for who, end in holders.items()})
        return self._meta.swap(_PREFIX + name, before.row, said)

    def _change(self, name: str, step: Callable[[Holders], Holders | None]) -> bool:
        """Replace the holders by what `step` makes of them; False if `step` returns None."""

        def attempt() -> bool | None:
            found = self.read(name)
            after = step(found.holders)
            return False if after is None else self.write(name, found, after) or None

        busy = partial(Unavailable, "table storage")
        return compare_and_set(_PREFIX + name, attempt, tries=_TRIES, error=busy)
