"""At most so many alerts an hour go to one destination; the rest come in one digest.

A row for each destination and hour has the alerts that were given a place, and those that were not.
Both are remembered by what identifies them, so asking again, after a kill or from another process,
gives the same answer. Critical alerts have as many places again, so that a storm of lesser ones
keeps none of them back.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from shared.alerts.book import Book
from shared.alerts.routes import Destination
from shared.errors import Unavailable
from shared.storage.tables.batch import Insert, Replace
from shared.storage.tables.compare_and_set import compare_and_set

HOUR = timedelta(hours=1)
_SUBJECTS = 50
"""How many subjects a digest names."""
_REMEMBERED = 1000
"""How many alerts without a place are told apart. Beyond that, one that is asked about twice counts
twice in the digest."""
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Held:
    """The alerts that a destination had no place for in an hour."""

    key: str
    """Of the row."""
    destination: Destination
    hour: datetime
    count: int
    subjects: tuple[str, ...]
    """The first of them."""


class Places:
    """The places of all destinations."""

    def __init__(self, book: Book, each: int) -> None:
        """`each`: alerts that a destination gets in an hour."""
        self._book = book
        self._each = each

    def take(
        self, to: Destination, telling: str, subject: str, now: datetime, *, critical: bool
    ) -> bool:
        """Whether there is a place for a telling; if not, it is noted for the digest. `telling`
        identifies it."""
        limit = self._each * (2 if critical else 1)
        step = partial(self._step, to, _short(telling), subject, now, limit)
        error = partial(Unavailable, "table storage")
        return compare_and_set(f"the alerts to {to}", step, tries=_TRIES, error=error) == "sent"

    def held(self, now: datetime) -> Iterator[Held]:
        """The rows of hours that are over."""
        for row in list(self._book.rows("place:", f" and RowKey lt 'place:{_stamp(now)}'")):
            yield Held(
                row["RowKey"],
                Destination(row["channel"], row["recipient"]),
                datetime.fromisoformat(row["hour"]),
                row["count"],
                tuple(json.loads(row["subjects"])),
            )

    def _step(
        self, to: Destination, telling: str, subject: str, now: datetime, limit: int
    ) -> str | None:
        key = f"place:{_stamp(now)}:{_short(str(to))}"
        row = self._book.row(key)
        sent, held = _ids(row, "sent"), _ids(row, "held")
        if telling in sent:
            return "sent"
        if telling in held:
            return "held"
        fits = len(sent) < limit
        count = 0 if row is None else row["count"]
        subjects = [] if row is None else json.loads(row["subjects"])
        if fits:
            sent.append(telling)
        else:
            count += 1
            held = [*held, telling][-_REMEMBERED:]
            subjects = [*subjects, subject][:_SUBJECTS]
        mark = secrets.token_hex(6)
        after = {
            "channel": to.channel,
            "recipient": to.recipient,
            "hour": _hour(now).isoformat(),
            "sent": " ".join(sent),
            "held": " ".join(held),
            "count": count,
            "subjects": json.dumps(subjects),
            "mark": mark,
        }
        change = Insert(key, after) if row is None else Replace(key, row["etag"], after)
        if self._book.change([change], mark) is None:
            return None
        return "sent" if fits else "held"


def _ids(row: Mapping[str, Any] | None, name: str) -> list[str]:
    return [] if row is None else str(row[name]).split()


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _hour(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _stamp(now: datetime) -> str:
    return f"{_hour(now):%Y%m%dT%H}"
