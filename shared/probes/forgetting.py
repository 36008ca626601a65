"""Removes the history of checks that run no more: of schedules that are gone, and of items of
batches that were in no list for long. The check's own row goes last, since it leads to the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from itertools import islice

from shared.errors import Damaged
from shared.probes import rows
from shared.probes.rows import Check
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import MAX_OPERATIONS, Delete
from shared.storage.tables.partitions import partitions
from shared.tasks import JobContext

QUIET = timedelta(days=62)
"""How long nothing was found of a check that is removed: a batch may run once a month."""
_MOST = 500
"""Checks that one run removes."""
_SERVICE = "table storage"


class Forgetting:
    """`known`: (ids of schedules) -> those that exist."""

    def __init__(
        self, connection: Connection, name: str, known: Callable[[Collection[str]], Collection[str]]
    ) -> None:
        self._open = connection.made_when_used(name)
        self._known = known

    def __call__(self, job: JobContext) -> int:
        """Remove them; how many checks."""
        gone = 0
        with translated(_SERVICE):
            for where, check in islice(self._over(job), _MOST):
                self._remove(job, where, check)
                gone += 1
        return gone

    def _over(self, job: JobContext) -> Iterator[tuple[str, Check]]:
        for partition in partitions(self._open()):
            job.check()
            quiet = [
                one for one in self._checks(partition) if job.clock.now() - one.last.at > QUIET
            ]
            plain = [one.schedule_id for one in quiet if "." not in one.schedule_id]
            known = self._known(plain) if plain else ()
            yield from ((partition, one) for one in quiet if one.schedule_id not in known)

    def _checks(self, partition: str) -> Iterator[Check]:
        for row in self._rows(partition, "check:"):
            try:
                yield rows.to_check(row)
            except Damaged:
                continue  # whoever reads it next says so

    def _remove(self, job: JobContext, partition: str, check: Check) -> None:
        for kind in ("raw", "day", "event"):
            first = f"{kind}:{check.schedule_id}-"
            keys = [str(row["RowKey"]) for row in self._rows(partition, first)]
            for at in range(0, len(keys), MAX_OPERATIONS):
                job.check()
                steps = [Delete(key) for key in keys[at : at + MAX_OPERATIONS]]
                self._open().transact(partition, steps)
        self._open().transact(partition, [Delete(rows.check_key(check.schedule_id), check.etag)])

    def _rows(self, partition: str, prefix: str) -> Iterator[dict[str, object]]:
        return self._open().query(row_keys.of(partition, row_keys.beginning(prefix)))
