"""Takes over what the engine noted beside the jobs that ended (`storage/tables/trouble`).

The notes of a shard are counted, and then removed. If the process is killed in between, they are
counted once all the same, since each has a key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from shared.alerts.model import Happening
from shared.alerts.port import AlertKind
from shared.errors import BelfryError
from shared.log import instant
from shared.storage.tables.schedules import ScheduleTable
from shared.storage.tables.trouble import Trouble

_PAGE = 90
_AT_ONCE = 5
"""Pages that an invocation takes over when its own work is done; the monitor takes the rest."""

Count = Callable[[AlertKind, Sequence[Happening]], None]


class Gathering:
    """The notes of all shards."""

    def __init__(self, table: ScheduleTable, covered: Collection[str]) -> None:
        """`covered`: tasks whose failed and missed jobs are alerted of by others."""
        self._table = table
        self._covered = frozenset(covered)

    @property
    def noted(self) -> bool:
        """Whether this process noted something that it has not taken over yet."""
        return bool(self._table.troubled)

    def gather_noted(self, count: Count) -> int:
        """Take over what is in the shards in which this process noted something; how many notes."""
        shards = [shard for shard in self._table.shards if shard in self._table.troubled]
        return sum(self._shard(shard, count, lambda: None, _AT_ONCE) for shard in shards)

    def gather_all(self, count: Count, check: Callable[[], None]) -> int:
        """Take over what is in all shards: one query for each if there is nothing. `check` raises
        if it is time to end."""
        return sum(self._shard(shard, count, check) for shard in self._table.shards)

    def _shard(
        self, shard: str, count: Count, check: Callable[[], None], pages: int | None = None
    ) -> int:
        """At most `pages` of a shard; None: all."""
        self._table.troubled.discard(shard)  # before reading: what comes now is noted anew
        try:
            return self._take(shard, count, check, pages)
        except BelfryError:
            self._table.troubled.add(shard)
            raise

    def _take(self, shard: str, count: Count, check: Callable[[], None], pages: int | None) -> int:
        taken = 0
        while found := self._table.troubles(shard, _PAGE):
            check()
            for kind, some in _by_kind(found).items():
                events = [_event(one) for one in some if not self._is_covered(one)]
                if events:
                    count(kind, events)
            self._table.settled(shard, found)
            taken += len(found)
            if pages is not None and taken >= pages * _PAGE:
                self._table.troubled.add(shard)
                break
        return taken

    def _is_covered(self, one: Trouble) -> bool:
        return one.task_type in self._covered and one.kind != AlertKind.SCHEDULE_PAUSED


def _by_kind(found: Iterable[Trouble]) -> dict[AlertKind, list[Trouble]]:
    kinds: dict[AlertKind, list[Trouble]] = {}
    for one in found:
        kinds.setdefault(AlertKind(one.kind), []).append(one)
    return kinds


def _event(one: Trouble) -> Happening:
    due = f", due at {instant(one.due_at, 'seconds')}"
    if one.count > 1:
        due = f", {one.count} runs due from {instant(one.due_at, 'seconds')}"
        due += f" to {instant(one.due_until, 'seconds')}"
    name = f" ({one.name})" if one.name else ""
    job = f", job {one.job_id}" if one.job_id else ""
    text = f"{one.schedule_id}{name}, task {one.task_type}{due}{job}: {one.error or 'no reason'}"
    return Happening(about=one.schedule_id, text=text, key=one.key, count=one.count)
