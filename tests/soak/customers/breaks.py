"""Ways to break what customers are promised (see `tests.soak.breaks`)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

from shared.app import App
from shared.batch import schedules
from shared.batch.calling import ToTask
from shared.batch.operations import One
from shared.batch.params import Operation
from shared.completion import mails, saying
from shared.probes.rows import Day
from shared.probes.store import Store as Checks
from shared.spending.store import Store as Accounts
from shared.storage.tables.batch import Insert, Upsert
from shared.webhooks import body, deciding, signing


def _arrived(_: App) -> None:
    """What got no answer counts as delivered. Deliveries: those that never arrived."""
    made = deciding.Verdict(kind=deciding.Kind.DELIVERED, http_status=200)
    _set(deciding, "of_error", lambda _: made)


def _ids(_: App) -> None:
    """Each attempt of a job delivers under an id of its own. Deliveries: repeats."""
    real = body.delivery_id
    _set(body, "delivery_id", lambda *given: real(*given)[:-16] + secrets.token_hex(8))


def _unsigned(_: App) -> None:
    """What is signed is not what is sent. Deliveries: signatures."""
    real = signing.headers
    _set(signing, "headers", lambda id, at, text, keys: real(id, at, f"{text} ", keys))


def _recounted(_: App) -> None:
    """Some results are counted twice. Health checks: sums."""
    real = Day.plus

    def plus(day: Day, at: Any, measured: Any) -> Day:
        after = real(day, at, measured)
        return real(after, at, measured) if crc32(f"{at}".encode()) % 5 == 0 else after

    _set(Day, "plus", plus)


def _events(_: App) -> None:
    """One event in three is not written. Health checks: events."""
    real = Checks._steps

    def steps(self: Checks, project: Any, before: Any, check: Any, result: Any, change: Any) -> Any:
        lost = crc32(result.job_id.encode()) % 3 == 0
        return real(self, project, before, check, result, None if lost else change)

    _set(Checks, "_steps", steps)


def _items(_: App) -> None:
    """Items may be repeated, whatever their task says. Items of batches."""
    _set(ToTask, "repeatable", property(lambda _: True))


def _asked(_: App) -> None:
    """A batch that runs schedules asks twice. Schedules that a batch ran."""
    real = schedules.ToSchedules.do

    def do(self: schedules.ToSchedules, one: One) -> Mapping[str, object]:
        if self.operation is Operation.RUN:
            real(self, one)
        return real(self, one)

    _set(schedules, "asked_by", lambda *_: f"b{secrets.token_hex(6)}".replace("r", "a"))
    _set(schedules.ToSchedules, "do", do)


def _spent(_: App) -> None:
    """A job counts when it ends, and again when the feed is packed. Budgets."""
    real = Accounts.count

    def count(self: Accounts, scope: Any, before: Any, after: Any, jobs: Any, now: Any) -> bool:
        transact = self._transact

        def written(partition: str, steps: Any) -> bool:
            found = [
                Upsert(one.key, one.properties) if isinstance(one, Insert) else one for one in steps
            ]
            return transact(partition, found)

        holder: Any = _Written(written)
        return bool(real(holder, scope, before, after, jobs, now))

    _set(Accounts, "count", count)
    _set(Accounts, "counted", lambda *_: set())


class _Written:
    """An account's store that writes otherwise."""

    def __init__(self, transact: Callable[[str, Any], bool]) -> None:
        self._transact = transact


def _mails(_: App) -> None:
    """One job in three is not mailed of. Mails of runs that ended."""
    real = saying.is_told
    _set(mails, "is_told", lambda job: real(job) and crc32(job.id.encode()) % 3 > 0)


BREAKS: dict[str, Callable[[App], None]] = {
    "arrived": _arrived,
    "ids": _ids,
    "unsigned": _unsigned,
    "recounted": _recounted,
    "events": _events,
    "items": _items,
    "asked": _asked,
    "spent": _spent,
    "mails": _mails,
}


def _set(owner: Any, name: str, value: object) -> None:
    assert hasattr(owner, name), f"{owner} has no {name}: the code has changed, and so must this"
    setattr(owner, name, value)
