"""Locks: who holds a name, and until when. A lock has one place, a semaphore several.

Each is a row `lock:{name}` among the facts (`facts`): JSON that maps each holder to the end of its
hold. A hold ends by itself, so a killed process keeps nobody waiting for long. A free lock's row
stays, and tells when the lock was last used.
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
"""Who holds a place, and until when; that time may have passed."""

_PREFIX = "lock:"
_TRIES = 50
_MOST = 500
"""The most places of one name: a property holds 32,000 characters."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lock as it was read."""

    holders: Holders
    row: Fact | None


class Locks:
    """The rows. Raises `Unavailable` or `Refused` when the storage does."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta

    def take(
        self, name: str, holder: str, now: datetime, until: datetime, *, places: int = 1
    ) -> bool:
        """Hold one of a name's places until `until`; False if others hold all of them. Whoever
        holds one already holds it until then."""

        def step(held: Holders) -> Holders | None:
            others = {who: end for who, end in held.items() if who != holder and end > now}
            return others | {holder: until} if len(others) < min(places, _MOST) else None

        return self._change(name, step)

    def renew(self, name: str, holder: str, until: datetime) -> bool:
        """Hold a place until `until` if it is still held; False if another has taken it."""
        return self._change(name, lambda held: {**held, holder: until} if holder in held else None)

    def release(self, name: str, holder: str) -> None:
        """Give the place back; harmless if it is not held."""
        self._change(name, lambda held: {who: held[who] for who in held if who != holder})

    def shorten(self, prefix: str, longest: datetime, to: datetime) -> None:
        """End at `to` every hold that lasts beyond `longest`, of the names with that prefix."""

        def step(held: Holders) -> Holders:
            return {who: end if end <= longest else to for who, end in held.items()}

        for key in self._meta.beginning(_PREFIX + prefix):
            self._change(key.removeprefix(_PREFIX), step)

    def holders(self, name: str, now: datetime) -> set[str]:
        """Who holds a place."""
        return {who for who, end in self.read(name).holders.items() if end > now}

    def read(self, name: str) -> Held:
        """The lock as it is; nobody holds one whose row cannot be read."""
        row = self._meta.fact(_PREFIX + name)
        try:
            said = {} if row is None else json.loads(row.value)
            return Held({who: datetime.fromisoformat(end) for who, end in said.items()}, row)
        except (ValueError, TypeError, AttributeError):
            return Held({}, row)

    def write(self, name: str, before: Held, holders: Holders) -> bool:
        """Let these hold it, if it still is as it was read; whether they do."""
        if holders == before.holders:
            return True
        said = json.dumps({who: end.isoformat() for who, end in holders.items()})
        return self._meta.swap(_PREFIX + name, before.row, said)

    def _change(self, name: str, step: Callable[[Holders], Holders | None]) -> bool:
        """Let those hold it that `step` makes of those who do; False if it makes None of them."""

        def attempt() -> bool | None:
            found = self.read(name)
            after = step(found.holders)
            return False if after is None else self.write(name, found, after) or None

        busy = partial(Unavailable, "table storage")
        return compare_and_set(_PREFIX + name, attempt, tries=_TRIES, error=busy)
