"""From the texts of a recurrence to the wall times that they name; each is made once and kept."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from datetime import tzinfo as TzInfo

from shared.recurrence import rrule, zone
from shared.recurrence.cron import parse
from shared.recurrence.invalid import InvalidRecurrence
from shared.recurrence.named import Named, nth_run
from shared.recurrence.repeated import Repeated
from shared.recurrence.several import Several, Without
from shared.recurrence.walls import Walls

_SECOND = timedelta(seconds=1)
_RAREST_YEARS = 400
"""The calendar repeats after so many years. A rule must come within them."""


@functools.lru_cache(maxsize=512)
def named(
    expressions: tuple[str, ...],
    excluded: tuple[str, ...],
    rule: str | None,
    anchor: datetime | None,
) -> Named:
    """What is named by cron expressions, or by a rule that starts at a wall time, without what is
    excluded."""
    if rule is not None and anchor is not None:
        walls: Walls = repeated(rule, anchor)
        if excluded:
            walls = Without(walls, Several(map(parse, excluded)))
        return _of_one(walls, fixed=rrule.parse(rule).freq.fixed)
    crons = [parse(each) for each in expressions]
    if len(crons) == 1 and not excluded:
        return _of_one(crons[0], fixed=crons[0].fixed)
    out = [parse(each) for each in excluded]
    fixed = Several((cron for cron in crons if cron.fixed), out)
    elapsed = Several((cron for cron in crons if not cron.fixed), out)
    if fixed.is_empty():
        return _of_one(elapsed, fixed=False)
    if elapsed.is_empty():
        return _of_one(fixed, fixed=True)
    return Named(fixed=fixed, elapsed=elapsed, both=Several(crons, out))


def _of_one(walls: Walls, *, fixed: bool) -> Named:
    return Named(fixed=walls if fixed else None, elapsed=None if fixed else walls, both=walls)


@functools.lru_cache(maxsize=512)
def repeated(rule: str, anchor: datetime) -> Repeated:
    """What a rule names that starts at a wall time."""
    return Repeated(rrule.parse(rule), anchor)


@functools.lru_cache(maxsize=1024)
def rule_end(rule: str, anchor: datetime, timezone: str, first: datetime) -> datetime | None:
    """The last instant that a rule's UNTIL or COUNT allows, in UTC; None if it has no end.

    COUNT counts runs from the start, including those that are left out later.
    """
    parsed, where = rrule.parse(rule), zone.find(timezone)
    if parsed.until is not None:
        return _until(parsed.until, where, fixed=parsed.freq.fixed)
    if parsed.count is None:
        return None
    walls = _of_one(repeated(rule, anchor), fixed=parsed.freq.fixed)
    return nth_run(walls, where, first, parsed.count)


def _until(until: datetime, where: TzInfo, *, fixed: bool) -> datetime:
    """A time by the clocks is when they first show it or, for what names times of day, skip it; the
    end of a day that they show twice is the second time for what follows elapsed time."""
    if until.tzinfo is not None:
        return until.astimezone(UTC)
    shown = zone.instants(until, where)
    if not shown and not fixed:
        return zone.first_instant(until, where) - _SECOND
    twice = not fixed and until.time() == rrule.END_OF_DAY
    return shown[-1] if twice else zone.first_instant(until, where)


def refuse_never(
    expressions: tuple[str, ...],
    excluded: tuple[str, ...],
    rule: str | None,
    anchor: datetime | None,
) -> None:
    """Raise `InvalidRecurrence` if nothing is named, or all of it is excluded."""
    if rule is None or anchor is None:
        if Several(map(parse, expressions), map(parse, excluded)).is_empty():
            raise InvalidRecurrence("exclude_cron_expressions", "they leave nothing to run")
        return
    last_year = min(anchor.year + _RAREST_YEARS, 9990)
    if repeated(rule, anchor).next(anchor.replace(second=0), last_year) is None:
        said = f"it never comes within {_RAREST_YEARS} years of its start, {anchor}"
        raise InvalidRecurrence("rrule", said)
    count = rrule.parse(rule).count
    over = None if count is None else repeated(rule, anchor).nth_from(anchor, count)
    if count is not None and (over is None or over.year > last_year):
        said = f"COUNT is reached in more than {_RAREST_YEARS} years; give a smaller one, or none"
        raise InvalidRecurrence("rrule", said)
    if excluded:
        left = Without(repeated(rule, anchor), Several(map(parse, excluded)))
        if left.next(anchor.replace(second=0), last_year) is None:
            raise InvalidRecurrence("exclude_cron_expressions", "they leave nothing to run")
