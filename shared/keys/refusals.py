"""Wrong keys: counted by address and in all, and an address that sent several has to wait
(`shared.access.patience`).

The wrong keys of an address are a row `wrong:{hash}` beside the keys, since an attacker reaches
one instance after the other. While an address waits, nothing is written for it, so that a flood of
wrong keys costs a read each at most. A key that came right from an address before, at this
instance, comes in all the same: a script with an old key must not lock its whole office out.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from shared.access.patience import FORGOTTEN, Wrong
from shared.clock import Clock
from shared.errors import BelfryError, TooMany, Unauthenticated, Unavailable
from shared.log import Event, event
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Fact, Meta
from shared.storage.tables.tally import Tally, counted

_logger = logging.getLogger("belfry.keys")

_K = TypeVar("_K")
_V = TypeVar("_V")

_ADDRESS, _ALL = "wrong:", "refused:"
_KNOWN = 10_000
"""The most addresses, and the most pairs of key and address, that an instance remembers."""
NO_ADDRESS = "unknown"


class Refusals:
    """The wrong keys, as this instance knows them."""

    def __init__(self, facts: Meta, clock: Clock) -> None:
        self._facts = facts
        self._clock = clock
        self._tally = Tally(_ALL, _uncounted)
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Wrong] = OrderedDict()
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._cleared: datetime | None = None

    def hold(self, address: str | None, key_id: str | None) -> None:
        """Raise `TooMany` if the address has to wait, unless the key of that id came right from it
        before."""
        place = _place(address)
        with self._lock:
            found = self._waiting.get(place)
            if found is None or (key_id is not None and (place, key_id) in self._right):
                return
        wait = found.waits(self._clock.now())
        if wait is not None:
            raise _too_many(wait)

    def right(self, address: str | None, key_id: str) -> None:
        """A key was right."""
        with self._lock:
            _keep(self._right, (_place(address), key_id), None)

    def wrong(self, address: str | None, reason: str) -> BelfryError:
        """Count a wrong key; the error to raise. Raises `Unavailable` or `Refused` if storage
        fails."""
        now, place = self._clock.now(), _place(address)
        event(_logger, Event.KEY_REFUSED, level=logging.WARNING, address=address, reason=reason)
        self._tally.add("keys", self._facts, now)
        before, after = self._count(place, now)
        self._clear(now)
        with self._lock:
            _keep(self._waiting, place, after)
        wait = before.waits(now)
        if wait is not None:
            return _too_many(wait)
        return Unauthenticated(f"this key does not count: {reason}", given=True)

    def _clear(self, now: datetime) -> None:
        """Once in a while, remove the rows of addresses that would begin anew anyway: whoever has
        many addresses must not fill the table."""
        with self._lock:
            if self._cleared is not None and now - self._cleared < FORGOTTEN:
                return
            self._cleared = now
        for name, row in self._facts.beginning(_ADDRESS).items():
            last = _stored(row).last
            if last is None or not abs(now - last) < FORGOTTEN:
                self._facts.remove(name)

    def count(self) -> int:
        """How many wrong keys came in all."""
        return counted(self._facts, _ALL).get("keys", 0)

    def _count(self, place: str, now: datetime) -> tuple[Wrong, Wrong]:
        """(what was stored of the address, what is stored now)."""
        name = _ADDRESS + hashlib.sha256(place.encode()).hexdigest()[:32]

        def attempt() -> tuple[Wrong, Wrong] | None:
            row = self._facts.fact(name)
            before = _stored(row)
            if before.waits(now) is not None:
                return before, before
            after = before.another(now)
            return (before, after) if self._facts.swap(name, row, _written(after)) else None

        return compare_and_set(name, attempt, tries=50, error=partial(Unavailable, "table storage"))


def _place(address: str | None) -> str:
    """What is counted together: an address, or a network of IPv6, of which one host has as many
    addresses as it likes."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return NO_ADDRESS
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _keep(known: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > _KNOWN:
        known.popitem(last=False)


def _too_many(wait: timedelta) -> TooMany:
    seconds = max(1, math.ceil(wait.total_seconds()))
    return TooMany(f"too many wrong keys came from this address; wait {seconds} s", seconds)


def _written(wrong: Wrong) -> str:
    return json.dumps(
        {
            "count": wrong.count,
            "last": wrong.last and wrong.last.isoformat(),
            "until": wrong.until and wrong.until.isoformat(),
        }
    )


def _stored(row: Fact | None) -> Wrong:
    """What a row says; nothing if there is none, or if it cannot be read."""
    try:
        said: Mapping[str, object] = json.loads(row.value) if row is not None else {}
        return Wrong(
            int(str(said.get("count", 0))), _instant(said, "last"), _instant(said, "until")
        )
    except (ValueError, TypeError, AttributeError):
        return Wrong()


def _instant(said: Mapping[str, object], name: str) -> datetime | None:
    text = said.get(name)
    return None if text is None else datetime.fromisoformat(str(text))


def _uncounted(error: BelfryError) -> None:
    event(_logger, Event.KEY_REFUSED, level=logging.WARNING, uncounted=str(error))
