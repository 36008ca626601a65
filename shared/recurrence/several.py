"""Several cron expressions as one set of wall times, and what others take out of such a set.

What a month looks like depends on its number, its length and its first weekday only. So there are
91 months in all, and each is made once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time

from shared.recurrence.cron import Cron, month_length
from shared.recurrence.walls import Walls

_EVERY_MONTH_FROM, _EVERY_MONTH_TO = datetime.combine(date(2000, 1, 1), time()), 2027
"""Every one of the 91 months comes in these years."""


class Several(Walls):
    """The minutes that at least one of `named` names, and none of `excluded`."""

    __slots__ = ("_excluded", "_known", "_months", "_named")

    def __init__(self, named: Iterable[Cron], excluded: Iterable[Cron] = ()) -> None:
        self._named = [(cron, frozenset(cron.day_times())) for cron in named]
        self._excluded = [(cron, frozenset(cron.day_times())) for cron in excluded]
        self._months: dict[tuple[int, int, int], Mapping[int, Sequence[int]]] = {}
        self._known: dict[tuple[int, ...], Sequence[int]] = {}

    def days(self, year: int, month: int) -> Sequence[int]:
        return tuple(self._month(year, month))

    def times(self, year: int, month: int, day: int) -> Sequence[int]:
        return self._month(year, month).get(day, ())

    def day_times(self) -> Sequence[int]:
        return sorted(frozenset().union(*(times for _, times in self._named)))

    def is_empty(self) -> bool:
        """Whether nothing is left."""
        if not self._named or not self._excluded:
            return not self._named
        return self.next(_EVERY_MONTH_FROM, _EVERY_MONTH_TO) is None

    def _month(self, year: int, month: int) -> Mapping[int, Sequence[int]]:
        """The times of each day that has any, in order."""
        key = (month, month_length(year, month), date(year, month, 1).weekday())
        found = self._months.get(key)
        if found is None:
            found = self._months[key] = self._made(year, month)
        return found

    def _made(self, year: int, month: int) -> Mapping[int, Sequence[int]]:
        crons = [*self._named, *self._excluded]
        days = [frozenset(cron.days(year, month)) for cron, _ in crons]
        made: dict[int, Sequence[int]] = {}
        for day in sorted(frozenset().union(*days[: len(self._named)])):
            times = self._times_of(tuple(at for at, each in enumerate(days) if day in each))
            if times:
                made[day] = times
        return made

    def _times_of(self, matching: tuple[int, ...]) -> Sequence[int]:
        """The times of a day on which these expressions match; shared, since days are alike."""
        found = self._known.get(matching)
        if found is None:
            left: set[int] = set()
            for at in matching:
                if at < len(self._named):
                    left |= self._named[at][1]
                else:
                    left -= self._excluded[at - len(self._named)][1]
            found = self._known[matching] = tuple(sorted(left))
        return found


class Without(Walls):
    """The wall times of `inner`, without the minutes of `excluded`.

    A day of which everything is excluded costs nothing: what is left may come once in centuries.
    """

    __slots__ = ("_all", "_excluded", "_inner", "_known")

    def __init__(self, inner: Walls, excluded: Several) -> None:
        self._inner = inner
        self._excluded = excluded
        self._all = frozenset(inner.day_times())
        self._known: dict[int, tuple[frozenset[int], bool]] = {}

    @property
    def second(self) -> int:
        return self._inner.second

    def days(self, year: int, month: int) -> Sequence[int]:
        days = self._inner.days(year, month)
        return [day for day in days if not self._out(year, month, day)[1]]

    def times(self, year: int, month: int, day: int) -> Sequence[int]:
        times = self._inner.times(year, month, day)
        out, _ = self._out(year, month, day)
        return [time for time in times if time not in out] if out else times

    def _out(self, year: int, month: int, day: int) -> tuple[frozenset[int], bool]:
        """What is excluded on a day, and whether that is all that a day can have."""
        excluded = self._excluded.times(year, month, day)
        found = self._known.get(id(excluded))  # `Several` makes few of them, and keeps each
        if found is None:
            out = frozenset(excluded)
            found = self._known[id(excluded)] = out, self._all <= out
        return found

    def day_times(self) -> Sequence[int]:
        return self._inner.day_times()

    def later(self, year: int, month: int) -> tuple[int, int]:
        return self._inner.later(year, month)
