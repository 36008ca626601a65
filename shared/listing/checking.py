"""Checks the index against the rows, and repairs it: a slice of the schedules each time.

What differs is looked at again, since others write meanwhile, and counts if it differs each time.
It is repaired by a row of the feed, so that every process, and the next snapshot, reads the
schedule anew.

The state that a row says is checked too: a job that changes it is usually counted in the row when
it ends (`listed.changes_state`), but not if several ran at once, or if the schedule changed
meanwhile.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.listing.listing import Listing
from shared.log import Event, event
from shared.schedules.fold import fold
from shared.schedules.job import run_of
from shared.schedules.listed import listed, state
from shared.schedules.model import Schedule
from shared.storage.tables.changes import Change
from shared.storage.tables.facts import Meta

SLICE = 5000
"""How many rows one check reads; the next goes on where it ended."""
_PAGE = 500
_MARK = "index.checked"
_LOOKS = 3
_NAMED = 20
_logger = logging.getLogger("belfry.lists")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What a check found."""

    schedules: int
    counted: int
    """Schedules whose rows did not count a job that changes their state, and do now."""
    repaired: tuple[str, ...]
    """The schedules of which lists said something wrong."""

    def result(self) -> Mapping[str, object]:
        """As a task's result."""
        return {
            "schedules": self.schedules,
            "counted": self.counted,
            "repaired": len(self.repaired),
            "named": list(self.repaired[:_NAMED]),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """Rows of a shard that follow one another."""

    shard: str
    after: str
    """The id before the first; empty: they are the shard's first."""
    last: str
    """The id of the last; empty: they are the shard's last."""
    rows: Sequence[Schedule]


class Checking:
    """The check, bound to the index and to the fact that says where it ended."""

    def __init__(self, listing: Listing, meta: Meta) -> None:
        self._listing = listing
        self._table = listing.table
        self._meta = meta

    def slice(self, check: Callable[[], None], rows: int = SLICE) -> Checked:
        """Check about as many rows, from where the last check ended. `check` is called now and
        then, and may raise."""
        shard, after = self._place()
        return self._check(self._parts(shard, after, rows), check)

    def all(self, check: Callable[[], None]) -> Checked:
        """Check every row."""
        return self._check(self._parts(self._table.shards[0], "", None), check)

    def _check(self, parts: Iterator[_Part], check: Callable[[], None]) -> Checked:
        seen, counted, wrong = 0, 0, list[str]()
        for part in parts:
            check()
            seen += len(part.rows)
            counted += self._count(part.rows)
            wrong += self._repaired(part)
        if wrong:
            event(
                _logger,
                Event.INDEX_REPAIRED,
                level=logging.ERROR,
                repaired=len(wrong),
                named=", ".join(wrong[:_NAMED]),
            )
        return Checked(schedules=seen, counted=counted, repaired=tuple(wrong))

    def _parts(self, shard: str, after: str, most: int | None) -> Iterator[_Part]:
        """Parts from there on, over every shard at most once; with `most`, about as many rows, and
        the place is noted."""
        shards = self._table.shards
        ends = seen = 0
        while ends < len(shards) and (most is None or seen < most):
            rows, last = self._table.slice(shard, after, _PAGE)
            yield _Part(shard=shard, after=after, last=last, rows=rows)
            seen += len(rows)
            if not last:
                ends += 1
                shard = shards[(shards.index(shard) + 1) % len(shards)]
            after = last
            if most is not None:
                self._meta.put(_MARK, json.dumps([shard, after]))

    def _place(self) -> tuple[str, str]:
        """Where the last check ended; the beginning, if nobody can say."""
        try:
            shard, after = json.loads(self._meta.value(_MARK) or "[]")
        except (ValueError, TypeError):
            shard, after = "", ""
        known = isinstance(after, str) and shard in self._table.shards
        return (shard, after) if known else (self._table.shards[0], "")

    def _count(self, rows: Sequence[Schedule]) -> int:
        """Count ended jobs in the rows of schedules that then stand otherwise; how many did."""
        begun = [job.id for one in rows for job in one.progress.live if job.begun]
        ended = self._table.ended(begun)
        found = (
            (one, replace(one, progress=fold(one.progress, ended)))
            for one in rows
            if any(job.id in ended for job in one.progress.live)
        )
        changes = [Change(one, after) for one, after in found if state(one) != state(after)]
        return sum(self._table.commit(changes))

    def _repaired(self, part: _Part) -> list[str]:
        """Repair the schedules of the part of which the index says something wrong; their ids."""
        rows = {one.id: one for one in part.rows if run_of(one.id) is None}
        suspects = self._differing(rows.keys() | self._known(part), rows)
        for _ in range(_LOOKS - 1):
            if suspects:
                suspects = self._differing(suspects, self._table.many(suspects))
        if suspects:
            self._table.announce(part.shard, suspects)
        return sorted(suspects)

    def _known(self, part: _Part) -> set[str]:
        """The ids of the part's schedules, by the index."""
        return {
            one
            for one in self._listing.of_shard(part.shard)
            if one > part.after and (not part.last or one <= part.last)
        }

    def _differing(self, ids: Collection[str], rows: Mapping[str, Schedule]) -> set[str]:
        known = self._listing.among(ids)
        return {
            one for one in ids if known.get(one) != (listed(rows[one]) if one in rows else None)
        }
