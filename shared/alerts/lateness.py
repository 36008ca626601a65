"""Whether too many runs begin late: a pure function of (what was seen before, the counts now).

Counts of how late runs began only ever grow, so what was between two looks is a difference. A look
that saw fewer than `ENOUGH` runs goes on for up to an hour. Late is a run that began more than a
minute after it should: no queue, no start of an instance takes that long when all is well.

1. More than `SHARE` of the runs late, in two looks one after the other: people are told.
2. It is over with the first look in which no more than half of that share are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

LATE_AFTER = 60
"""Seconds; a bound of the buckets."""
ENOUGH = 20
SHARE = 0.1
LOOKS = 2
_LONGEST = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What is kept between two looks."""

    at: str
    """When the counts were these, by ISO 8601."""
    counts: tuple[int, ...]
    bad: int = 0
    """How many looks one after the other saw too many late runs."""

    def encode(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def decode(text: str) -> Look | None:
        """None of what is none: then it begins anew."""
        try:
            said = json.loads(text)
            datetime.fromisoformat(said["at"])
            counts = tuple(int(one) for one in said["counts"])
            return Look(at=said["at"], counts=counts, bad=int(said["bad"]))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a look found."""

    after: Look
    runs: int = 0
    late: int = 0
    late_now: bool | None = None
    """Whether people are to be told that runs are late; None: nothing can be said yet."""


def look(
    before: Look | None, counts: Sequence[int], bounds: Sequence[float], now: datetime
) -> Seen:
    """What is seen now; `bounds` are the buckets' upper bounds in seconds."""
    fresh = Look(at=now.isoformat(), counts=tuple(counts))
    if before is None or len(before.counts) != len(counts):
        return Seen(after=fresh)
    grown = [max(0, one - then) for one, then in zip(counts, before.counts, strict=True)]
    first = sum(1 for bound in bounds if bound <= LATE_AFTER)
    runs, late = sum(grown), sum(grown[first:])
    if runs < ENOUGH:
        waits = now - datetime.fromisoformat(before.at) < _LONGEST
        quiet = replace(fresh, bad=before.bad if late else 0)
        over = False if not waits and not late else None
        return Seen(after=before if waits else quiet, runs=runs, late=late, late_now=over)
    if late > SHARE * runs:
        bad = before.bad + 1
        said = True if bad >= LOOKS else None
        return Seen(after=replace(fresh, bad=bad), runs=runs, late=late, late_now=said)
    if late > SHARE / 2 * runs and before.bad:
        return Seen(after=replace(fresh, bad=before.bad), runs=runs, late=late)
    return Seen(after=fresh, runs=runs, late=late, late_now=False)
