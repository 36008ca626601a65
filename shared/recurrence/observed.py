"""The occurrences of a recurrence that observes calendars.

A run is first due by the recurrence alone (`plain`). Then the calendars let it be, hold it back or
move it (`calendar`). An instant is an occurrence if some run is placed there, so this does not
depend on where one begins to look: to find the occurrences of a span, the runs are placed that lie
in it, and those beyond its ends that may be moved into it (`Observance.furthest`).

Runs that are placed at one instant are one occurrence. Occurrences lie within the recurrence's
window, and so do the runs: what would be moved out of the window is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from shared.recurrence.calendar import LONGEST_MOVE, CalendarRule, Observance, Placed, There

_RESOLUTION = datetime.resolution
_WIDTHS = (1, 7, 31, 366)
"""Days: how wide the spans are in which a moved run is looked for, one after the other."""
_FAR = timedelta(days=LONGEST_MOVE + 2)
_IN_VAIN = ((500, timedelta(days=9 * 366)), (20_000, timedelta(days=400)))
"""A search ends when this many runs in a row were held back, so long after the last day of which a
calendar says something particular. Every week is like the one before from then on, so a daily run
would have been found within days, and one on a day of the month within forty years."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """A recurrence's runs, and the calendars that it observes."""

    observance: Observance
    zone: tzinfo
    """The recurrence's."""
    plain: Callable[[datetime], datetime | None]
    """The recurrence's next run after an instant, without calendars."""
    begin: datetime | None
    end: datetime | None
    """The recurrence's window; both included."""
    elapsed: bool
    """It follows elapsed time: a time of day that clocks skip does not run."""
    alike: bool
    """It has the same times of day on every day, so a run that is moved meets another."""
    _known: dict[datetime, There] = field(default_factory=dict, init=False, compare=False)

    @property
    def stays(self) -> bool:
        """No run is moved to a time of its own: each is held back, or meets another."""
        return self.alike or self.observance.rule is CalendarRule.SKIP

    def next(self, after: datetime, until: datetime) -> datetime | None:
        """The first occurrence later than `after`, and not later than `until`."""
        return next(self.between(after, until), None)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Every occurrence later than `after` and not later than `until`, in order."""
        return self._kept(after, until) if self.stays else self._placed(after, until)

    def place(self, run: datetime) -> Placed:
        """What becomes of a run of the recurrence."""
        placed = self.observance.placed(run, self.zone, elapsed=self.elapsed, known=self._known)
        if placed.at is None or self._within(placed.at):
            return placed
        return Placed(None, placed.held)

    def runs(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The runs by the recurrence alone, later than `after` and not later than `until`."""
        at = self.plain(after)
        while at is not None and at <= until:
            yield at
            at = self.plain(at)

    def reach(self, after: datetime, until: datetime) -> tuple[datetime, datetime]:
        """The span in which every run lies that may be placed in the span given."""
        match self.observance.rule:
            case CalendarRule.NEXT:
                return self.observance.furthest(after, self.zone, forward=False), until
            case CalendarRule.PREVIOUS:
                return after, self.observance.furthest(until, self.zone, forward=True)
        return after, until

    def open_until(self, at: datetime) -> datetime:
        """Of an occurrence: an instant, later than it, before which every run stays where it is."""
        return max(self.observance.open_until(at, self.zone), at + _RESOLUTION)

    def _kept(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The runs that are not held back. A closed span is passed over in one step."""
        at, vain = self.plain(after), 0
        while at is not None and at <= until:
            held = self.observance.held(at, self.zone)
            if held is None:
                vain = 0
                yield at
                at = self.plain(at)
                continue
            vain += 1
            if self._in_vain(vain, after, at):
                return
            at = self.plain(max(held.until - _RESOLUTION, at))

    def _placed(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The instants at which runs are placed, span by span."""
        vain, width, begin = 0, 0, after
        while begin < until:
            wide = timedelta(days=_WIDTHS[width])
            end = begin + wide if until - begin > wide else until
            width = min(width + 1, len(_WIDTHS) - 1)
            reached = list(self.runs(*self.reach(begin, end)))
            found = {self.place(run).at for run in reached}
            here = sorted(at for at in found if at is not None and begin < at <= end)
            yield from here
            vain = 0 if here else vain + len(reached)
            following = self.plain(end)
            if following is None and not self._may_follow(end):
                return
            if self._in_vain(vain, after, end):
                return
            begin = end
            if not reached and following is not None:  # nothing happens for a long time
                begin = max(end, following - _FAR)

    def _may_follow(self, end: datetime) -> bool:
        """Whether a run up to `end` may be moved beyond it."""
        if self.observance.rule is not CalendarRule.NEXT:
            return False
        return any(True for _ in self.runs(*self.reach(end, end)))

    def _within(self, at: datetime) -> bool:
        early = self.begin is not None and at < self.begin
        return not early and (self.end is None or at <= self.end)

    def _in_vain(self, vain: int, after: datetime, at: datetime) -> bool:
        if vain <= _IN_VAIN[0][0]:
            return False
        ends = datetime.combine(self.observance.ends, datetime.min.time())
        since = at.replace(tzinfo=None) - max(after.replace(tzinfo=None), ends)
        return any(vain > most and since > long for most, long in _IN_VAIN)
