"""What is reported of silent clocks: (what was reported, which are silent, now) -> what to report.

A silence is logged when it is found, and then once an hour while it lasts. People are told twice:
when it is found, and when the clock ticks again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.engine.dispatch.facts import Facts
from shared.engine.dispatch.health import HTTP, Silent
from shared.storage.tables.facts import Fact

_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What was reported of one silence."""

    since: datetime
    """The clock's last tick, or when it became known; tells one silence of a clock from another."""
    logged: datetime
    """When it was last logged."""
    told: bool
    """Whether people were told. Also True if the silence may be intended, since they are not told
    of that."""
    back: datetime | None = None
    """When the clock ticked again, until people have been told so."""

    @property
    def settled(self) -> bool:
        """Whether people have nothing more to be told now."""
        return self.told and self.back is None


@dataclass(frozen=True, slots=True)
class News:
    """What to report, and the record of what was reported after that."""

    log: Sequence[Silent]
    """For the log: clocks that fell silent, or have been for another hour."""
    back: Sequence[str]
    """For the log: clocks that tick again."""
    after: Mapping[str, Said]


def news(said: Mapping[str, Said], silent: Sequence[Silent], facts: Facts, now: datetime) -> News:
    """What is new. A silence ends when its clock ticks, not when it is pardoned."""
    log = [one for one in silent if _is_due(said.get(one.clock), one, now)]
    after = {one.clock: _logged(said.get(one.clock), one, now, one in log) for one in silent}
    back: list[str] = []
    for clock, before in said.items():
        if clock in after or not (clock in facts.known or clock == HTTP):
            continue
        beat = facts.beats.get(clock)
        if before.back is not None or beat is None or beat <= before.since:
            after[clock] = before
            continue
        back.append(clock)
        if clock != HTTP:
            after[clock] = replace(before, back=beat)
    return News(log, back, after)


def _is_due(before: Said | None, one: Silent, now: datetime) -> bool:
    """Whether the log is told of it now."""
    if before is None or before.since != one.since:
        return True
    return not timedelta() <= now - before.logged < _AGAIN


def _logged(before: Said | None, one: Silent, now: datetime, is_due: bool) -> Said:
    if before is None or before.since != one.since:
        return Said(since=one.since, logged=now, told=one.is_warning)
    return replace(before, logged=now) if is_due else before


def parse(row: Fact | None) -> dict[str, Said]:
    """What was reported, according to the row; nothing if the row cannot be read, so that it is
    reported again."""
    try:
        stored = json.loads(row.value) if row is not None else {}
        return {clock: _said(*fields) for clock, fields in stored.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def written(said: Mapping[str, Said]) -> str:
    """The text of the row for what was reported."""
    return json.dumps({clock: _fields(one) for clock, one in sorted(said.items())})


def _fields(one: Said) -> tuple[str, str, bool, str]:
    back = one.back.isoformat() if one.back is not None else ""
    return one.since.isoformat(), one.logged.isoformat(), one.told, back


def _said(since: str, logged: str, told: bool, back: str) -> Said:
    return Said(
        since=datetime.fromisoformat(since),
        logged=datetime.fromisoformat(logged),
        told=told,
        back=datetime.fromisoformat(back) if back else None,
    )
