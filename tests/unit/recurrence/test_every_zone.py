"""Promise 3: right in every IANA zone, across every change of offset from 1970 to 2037.

Twice: against the definition of the rule (`reference`), and against cronsim. Where cronsim differs,
the cause must be one of those that docs/recurrence.md explains, each a fault by the stated rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim

from shared.recurrence import Frequency, Recurrence, occurrences
from tests.unit.recurrence.reference import (
    Change,
    Match,
    changes,
    distinct_changes,
    expected,
    shown,
    utc,
    zones,
)

FIXED = [
    "30 2 * * *",
    "0 0 * * *",
    "0,30 1-3 * * *",
    "5 0,23 * * 0,1,6",
    "59 23 1-7,25-31 * *",
    "0-59 1 * * *",
    "10 4 * 3,10 SUN",
]
ELAPSED = [
    "*/15 * * * *",
    "0 * * * *",
    "*/15 3 * * *",
    "* 2 * * *",
    "45 */2 * * *",
    "*/20 0,23 * * 0",
    "*/20 1 * * *",
    "* */3 28 * *",
]
HALF_WINDOW = timedelta(hours=4)


def rule(expression: str, zone: str) -> Recurrence:
    return Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)


def test_every_zone_is_looked_at() -> None:
    names = [name for group in zones(1970, 2037).values() for name in group]
    assert len(names) == len(set(names))
    assert set(names) == available_timezones() - {"localtime", "Factory"}


def test_the_rule_holds_at_every_change_from_1970_to_2037() -> None:
    """Each change of each zone with one fixed and one elapsed expression, in rotation."""
    matches = {expression: Match(expression) for expression in FIXED + ELAPSED}
    found = distinct_changes(1970, 2037)
    for turn, (name, change) in enumerate(found):
        if not change.whole_minutes:  # Liberia until 1972 has its own, hand-written case
            assert name == "Africa/Monrovia"
            continue
        begin, end = change.at - HALF_WINDOW, change.at + HALF_WINDOW
        minutes = shown(ZoneInfo(name), begin, end)
        for expression in (FIXED[turn % len(FIXED)], ELAPSED[turn % len(ELAPSED)]):
            ours = list(occurrences(rule(expression, name), begin, end))
            assert ours == expected(matches[expression], minutes), (name, expression, change)
    assert len(found) > 2000


class NeverEndsError(Exception):
    """cronsim goes round in a circle."""


class Guarded(CronSim):
    """cronsim, stopped when it goes back in time or does not come to an end."""

    steps = 0

    def tick(self, seconds: int = 1) -> None:
        self.steps += 1
        if self.steps > 3000:
            raise NeverEndsError
        super().tick(seconds)

    def later_than(self, after: datetime, until: datetime) -> Iterator[datetime]:
        while after <= until:
            self.steps = 0
            found = next(self).astimezone(UTC)
            if found <= after:
                raise NeverEndsError
            after = found
            if found <= until:
                yield found


def by_cronsim(
    expression: str, zone: ZoneInfo, begin: datetime, end: datetime
) -> list[datetime] | None:
    """Its occurrences; None if it does not end."""
    try:
        return list(Guarded(expression, begin.astimezone(zone)).later_than(begin, end))
    except NeverEndsError:
        return None


def cause(
    match: Match,
    zone: ZoneInfo,
    change: Change,
    ours: list[datetime],
    theirs: list[datetime] | None,
) -> str:
    """Why cronsim differs: one of the explained causes, or `unexplained`."""
    if match.fixed:
        return "unexplained"
    if theirs is None:
        return "never ends"
    only_ours, only_theirs = set(ours) - set(theirs), set(theirs) - set(ours)
    whole_hours = not (change.after - change.before) % timedelta(hours=1)
    on_the_hour = not (change.at + change.before).minute
    skips = change.after > change.before
    start_of_gap = (change.at + change.before).replace(tzinfo=None)
    midnight_skipped = skips and start_of_gap.hour == start_of_gap.minute == 0
    if only_theirs and midnight_skipped and only_theirs == {change.at}:
        shown_then = change.at.astimezone(zone).replace(tzinfo=None)
        if not match(shown_then) and not only_ours:
            return "fires at a midnight that is skipped"
    if only_ours and not only_theirs:
        if midnight_skipped and whole_hours:
            return "loses the hour after a midnight that is skipped"
        if not (whole_hours and on_the_hour):
            return "hops over part of an hour that is cut"
    return "unexplained"


EXPLAINED = {
    "never ends",
    "fires at a midnight that is skipped",
    "loses the hour after a midnight that is skipped",
    "hops over part of an hour that is cut",
}


def test_cronsim_differs_for_explained_causes_only() -> None:
    """Every change from 2020 to 2037 in every zone. Where clocks change year by year, every other
    expression in turn, so that spring and autumn both meet each; elsewhere all of them."""
    named = [(each, Match(each)) for each in [*FIXED, *ELAPSED, "* 1 * * 0,5,6"]]
    causes: Counter[str] = Counter()
    unexplained: list[object] = []
    found = distinct_changes(2020, 2037)
    often = Counter(name for name, _ in found)
    for turn, (name, change) in enumerate(found):
        zone = ZoneInfo(name)
        of_this = named[turn // 2 % 2 :: 2] if often[name] > 4 else named
        for expression, match in of_this:
            half = timedelta(hours=26) if match.fixed else HALF_WINDOW
            begin, end = change.at - half, change.at + half
            ours = list(occurrences(rule(expression, name), begin, end))
            theirs = by_cronsim(expression, zone, begin, end)
            if ours != theirs:
                why = cause(match, zone, change, ours, theirs)
                causes[why] += 1
                if why == "unexplained":
                    unexplained.append((name, expression, change, ours, theirs))
    assert unexplained == []
    assert set(causes) == EXPLAINED


def test_cronsim_agrees_far_from_changes() -> None:
    """One zone of each offset there is, over a year, days and months included."""
    expressions = ["0 6 * * *", "30 12 L * *", "15 9 * * 1-5", "0 0 29 2 *", "20 14 1,15 * 5"]
    begin, end = utc("2027-01-01"), utc("2028-03-02")
    for found, (name, *_) in zones(2020, 2037).items():
        for expression in expressions if not found else expressions[:1]:
            zone = ZoneInfo(name)
            ours = list(occurrences(rule(expression, name), begin, end))
            assert ours == by_cronsim(expression, zone, begin, end), (name, expression)


def test_our_list_of_changes_is_the_zone_s() -> None:
    from shared.recurrence.zone import changes as ours

    begin, end = utc("1970-01-01"), utc("2038-01-01")
    for name in ("America/New_York", "Africa/Casablanca", "Pacific/Apia", "Africa/Monrovia"):
        zone = ZoneInfo(name)
        found = [(change.at, change.before, change.after) for change in ours(zone, begin, end)]
        assert found == [
            (change.at, change.before, change.after) for change in changes(zone, begin, end)
        ]
