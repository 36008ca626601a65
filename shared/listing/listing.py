"""The index of schedules of this process: loaded once, then kept in step by the feed.

1. Each request looks whether anything changed: one row for each shard (`changed`), and the epoch.
2. Of a shard that changed it reads the feed, from a minute before it last did: a transaction may be
   late. Every few minutes it reads from further back. It reads the schedules that are named, unless
   it has seen that row of the feed before.
3. A shard that it does not know, or did not look at for so long that rows of the feed may be gone,
   is loaded: from its snapshot and the feed since, or, if it is small or has none, from its rows.

So what a list says is at least as new as its request. If a process is killed, nothing is half done:
it only reads, and `upkeep` writes each snapshot whole, by compare-and-set.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.clock import Clock
from shared.listing import choice
from shared.listing.choice import Chosen, Counts, Tagged
from shared.listing.columns import Columns, Key
from shared.listing.snapshots import Snapshots
from shared.listing.wanted import Sort, Wanted
from shared.schedules.job import run_of
from shared.schedules.listed import Listed, listed
from shared.storage.tables.changed import LATE, ScheduleFeed, at_of, stamp
from shared.storage.tables.schedules import ScheduleTable
from shared.threads import Pool

PAGE = 1000
"""A shard with fewer schedules has no snapshot: its rows are read in one request."""
KEPT = timedelta(hours=1)
"""How long the feed's rows are kept."""
_OVERLAP = timedelta(minutes=1)
"""How late a transaction usually is at most: `failures.WHOLE` and the last attempt's answer."""
_WIDE_EVERY = timedelta(minutes=5)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_CHOICES = 8
"""How many lists' choices are kept, for their next pages."""
_AT_ONCE = 8


@dataclass(slots=True)
class Shard:
    """What this process knows of a shard."""

    head: str
    """The shard's row `changed`, when the feed was last read."""
    read_at: datetime
    wide_at: datetime
    """When the feed was last read from `LATE` back."""
    owed: bool = False
    """Whether it is to be read so once more: what is late may have been missed since."""
    seen: set[str] = field(default_factory=set)
    """Keys of the feed's rows that were read and may be read again."""
    etag: str | None = None
    """Of the snapshot that says the same."""
    kept_head: str | None = None
    """The head of that snapshot."""


class Listing:
    """The index. Several threads may use it at once.

    Every method raises `Unavailable` or `Refused` if storage fails.
    """

    def __init__(
        self,
        table: ScheduleTable,
        feed: ScheduleFeed,
        snapshots: Snapshots,
        clock: Clock,
        page: int = PAGE,
    ) -> None:
        self.table = table
        self.feed = feed
        self.snapshots = snapshots
        self.clock = clock
        self.page = page
        self.columns = Columns()
        self.shards: dict[str, Shard] = {}
        self.epoch: str | None = None
        self.lock = threading.RLock()
        self._begun = 0
        self._done = 0
        self._choices: dict[tuple[Wanted, Sort], list[int]] = {}
        self._chosen_of = -1

    def choose(
        self, wanted: Wanted, sort: Sort, size: int, *, start: int = 0, after: Key | None = None
    ) -> Chosen:
        """The page of a list that begins with number `start` (from 0), or right after a place."""
        self.refresh()
        with self.lock:
            found = self._fitting(wanted, sort)
            return choice.page(self.columns, found, sort, size, start=start, after=after)

    def ids(self, wanted: Wanted) -> list[str]:
        """The ids of all that are wanted, newest first."""
        self.refresh()
        with self.lock:
            return [self.columns.ids[slot] for slot in reversed(self._fitting(wanted))]

    def count(self, wanted: Wanted) -> Counts:
        """How many are wanted, by what the statistics tell (C9)."""
        self.refresh()
        with self.lock:
            return choice.counted(self.columns, self._fitting(wanted))

    def among(self, schedule_ids: Iterable[str]) -> dict[str, Listed]:
        """Of these schedules, what is known of those that exist, deleted or not."""
        self.refresh()
        with self.lock:
            found = ((one, self.columns.get(one)) for one in schedule_ids)
            return {schedule_id: one for schedule_id, one in found if one is not None}

    def tagged(self, name: str) -> dict[str, list[Tagged]]:
        """By the value of that tag, the schedules that have it, without those of single runs and
        those that were deleted. One pass over all."""
        self.refresh()
        with self.lock:
            return choice.tagged(self.columns, name)

    @property
    def size(self) -> int:
        """How many schedules it knows, the deleted ones among them."""
        return len(self.columns)

    def of_shard(self, shard: str) -> list[str]:
        """The ids of the shard's schedules, deleted or not, as they are known now."""
        with self.lock:
            return self.columns.of_shard(self.number(shard))

    def refresh(self) -> None:
        """Learn what changed until now. Who waits for another thread that began later is done."""
        arrived = self._begun
        with self.lock:
            if self._done > arrived:
                return
            self._begun += 1
            number = self._begun
            self._refresh()
            self._done = number

    def forget(self) -> None:
        """Know nothing, so that all is loaded anew."""
        with self.lock:
            self.columns, self.shards, self.epoch = Columns(), {}, None
            self._choices.clear()

    def _fitting(self, wanted: Wanted, sort: Sort = Sort.NEWEST) -> list[int]:
        if self._chosen_of != self.columns.version:
            self._choices.clear()
            self._chosen_of = self.columns.version
        found = self._choices.get((wanted, sort))
        if found is None:
            found = choice.fitting(self.columns, wanted, sort)
            while len(self._choices) >= _CHOICES:
                del self._choices[next(iter(self._choices))]
            self._choices[wanted, sort] = found
        return found

    def _refresh(self) -> None:
        now = self.clock.now()
        epoch, heads = self.snapshots.epoch(), self.feed.heads()
        if epoch != self.epoch:
            self.forget()
            self.epoch = epoch
        news = {name: head for name, head in heads.items() if self._is_new(name, head, now)}
        fresh = [name for name in news if self._is_lost(name, now)]
        if fresh:
            self._load(fresh, news, now)
        for name in news.keys() - set(fresh):
            self._follow(name, news[name], now)

    def _is_new(self, name: str, head: str, now: datetime) -> bool:
        """Whether the feed of a shard must be read: it has something new, or may have had something
        late when it was last read."""
        known = self.shards.get(name)
        if known is None or known.head != head:
            return True
        return known.owed and now - known.wide_at >= _WIDE_EVERY

    def _is_lost(self, name: str, now: datetime) -> bool:
        known = self.shards.get(name)
        return known is None or now - known.read_at > KEPT - LATE

    def _follow(self, name: str, head: str, now: datetime) -> None:
        """Read the feed of a shard that changed, and the schedules that it names."""
        shard = self.shards[name]
        last = min(shard.read_at, now)
        wide = now - shard.wide_at >= _WIDE_EVERY or now < shard.wide_at
        if not wide:
            wide = self._take(name, last - _OVERLAP) == 0  # so what is new is late
        if wide:
            self._take(name, last - LATE)
            shard.wide_at = now
        shard.owed = not wide
        shard.head, shard.read_at = head, now

    def _take(self, name: str, since: datetime) -> int:
        """Read the schedules that the feed names since then, but for rows that were read before;
        how many rows were new."""
        shard = self.shards[name]
        rows = [one for one in self.feed.since(name, since) if one.key not in shard.seen]
        self._learn(name, {one.schedule_id for one in rows})
        shard.seen |= {one.key for one in rows}
        oldest = stamp(min(since, shard.wide_at - LATE))
        shard.seen = {key for key in shard.seen if at_of(key) >= oldest}
        return len(rows)

    def _learn(self, name: str, ids: Collection[str]) -> None:
        """Read schedules of a shard, and know them as they are."""
        found = self.table.many(ids) if ids else {}
        for schedule_id in ids:
            schedule = found.get(schedule_id)
            if schedule is None:
                self.columns.remove(schedule_id)
            else:
                self.columns.put(listed(schedule), self.number(name))

    def _load(self, names: Sequence[str], heads: Mapping[str, str], now: datetime) -> None:
        """Load shards, several at a time. A shard is taken over when it is loaded whole."""
        written = self.snapshots.written()
        with Pool(_AT_ONCE, "listing") as pool:
            loaded = pool.map(lambda name: self._loaded(name, name in written, now), names)
        for name, (many, shard, since) in zip(names, loaded, strict=True):
            self.columns.fill(many, self.number(name))
            self.shards[name] = shard
            if shard.kept_head != heads[name]:
                self._take(name, since)
            shard.head, shard.read_at = heads[name], now

    def _loaded(
        self, name: str, written: bool, now: datetime
    ) -> tuple[Sequence[Listed], Shard, datetime]:
        """(a shard's schedules, what is known of it, from when on the feed is to be read)."""
        shard = Shard("", _LONG_AGO, now)
        stored = self.snapshots.read(name, self.epoch or "", now) if written else None
        if stored is not None:
            made = stored.snapshot
            shard.etag, shard.kept_head = stored.etag, made.head
            shard.seen = set(made.seen)
            return made.schedules, shard, made.position
        rows = (one for one in self.table.of_shard(name) if run_of(one.id) is None)
        return [listed(one) for one in rows], shard, now - LATE

    def number(self, name: str) -> int:
        """The number of a shard, as the columns have it."""
        return self.table.shards.index(name)
