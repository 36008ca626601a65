"""How each part is looked at: a few requests each, however much there is.

No look scans: jobs are counted from the sums of their index, alerts and circuits have a row each
while they are open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.alerts.book import Book
from shared.alerts.model import AlertState
from shared.backups.status.recovery import Standing
from shared.clock import Clock
from shared.data import engines, schema
from shared.engine.dispatch import facts, uptime
from shared.engine.records.job_index import JobIndex
from shared.errors import Misconfigured, Refused, Unavailable
from shared.health_summary.model import (
    NO_DATABASE,
    AlertSeen,
    BackupSeen,
    Database,
    Ended,
    Errors,
    OpenCircuit,
    Outgoing,
    Part,
    Pending,
    Signs,
)
from shared.health_summary.parts import Look
from shared.notifications.outbox import Outbox
from shared.notifications.rules.circuit import Circuit
from shared.redaction import redact
from shared.schedules.job import Status
from shared.settings import Secret
from shared.storage.failures import translated
from shared.storage.queues.queue import Queue
from shared.storage.tables.facts import Meta
from shared.threads import Pool

MOST_PENDING = 5_000
"""So many notifications are counted at most."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where it is looked. What is a function is made when it is first used."""

    meta: Meta
    jobs: JobIndex
    queues: Mapping[str, Queue]
    """By what they are called in the answer."""
    outbox: Callable[[], Outbox]
    circuits: Callable[[], Mapping[str, Circuit]]
    book: Callable[[], Book]
    standings: Callable[[], Sequence[Standing]]
    approvals: Callable[[], Pending] | None
    """None: there is nothing that asks people."""
    database_url: Secret
    clock: Clock


def looks(at: Sources) -> dict[Part, Look]:
    """How each part is looked at."""
    made = {
        Part.STORAGE: Look(call=lambda: _signs(at), vital=True),
        Part.DATABASE: Look(call=DatabaseLook(at.database_url, at.clock), vital=True),
        Part.QUEUES: Look(call=lambda: _lengths(at)),
        Part.NOTIFICATIONS: Look(call=lambda: _outgoing(at)),
        Part.ERRORS: Look(
            call=lambda: _errors(at),
            fresh=timedelta(seconds=15),
            believed=timedelta(minutes=1),
        ),
        Part.CIRCUITS: Look(call=lambda: _circuits(at)),
        Part.BACKUPS: Look(
            call=lambda: _backups(at),
            fresh=timedelta(minutes=2),
            believed=timedelta(minutes=10),
        ),
        Part.ALERTS: Look(call=lambda: _alerts(at)),
    }
    if at.approvals is not None:
        made[Part.APPROVALS] = Look(call=at.approvals)
    return made


class DatabaseLook:
    """Looks at the company's database. It has limits of its own for connecting and asking."""

    def __init__(self, url: Secret, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._away: datetime | None = None

    def __call__(self) -> Database:
        """How it is."""
        if not self._url:
            return NO_DATABASE
        found = self._found()
        self._away = None if found.connected else self._away or self._clock.now()
        return replace(found, since=self._away)

    def _found(self) -> Database:
        began = self._clock.monotonic()
        kind = "unknown"
        try:
            kind = engines.parsed(self._url).get_backend_name()
            problem = schema.look(self._url).problem
        except (Unavailable, Misconfigured, Refused) as error:
            return Database(kind=kind, connected=False, problem=redact(str(error)))
        took = (self._clock.monotonic() - began) * 1000
        return Database(kind=kind, connected=True, latency_ms=took, problem=problem)


def _signs(at: Sources) -> Signs:
    began = at.clock.monotonic()
    rows = at.meta.about_clocks()
    took = (at.clock.monotonic() - began) * 1000
    found = facts.read(rows)
    return Signs(facts=found, life=uptime.read(found.life), latency_ms=took)


def _lengths(at: Sources) -> dict[str, int]:
    names = list(at.queues)
    with translated("queue storage"), Pool(_AT_ONCE, "health") as pool:
        return dict(zip(names, pool.map(lambda one: at.queues[one].length(), names), strict=True))


def _outgoing(at: Sources) -> Outgoing:
    due, waiting = at.outbox().pending(at.clock.now(), MOST_PENDING)
    return Outgoing(due=due, waiting=waiting)


def _errors(at: Sources) -> Errors:
    now = at.clock.now()
    hour, day = at.jobs.ended_since([now - _HOUR, now - _DAY])
    return Errors(last_hour=_ended(hour), last_24_hours=_ended(day))


def _ended(counts: Mapping[Status, int]) -> Ended:
    failed = counts[Status.FAILED]
    return Ended(ended=counts[Status.SUCCEEDED] + failed, failed=failed)


def _circuits(at: Sources) -> list[OpenCircuit]:
    return [
        OpenCircuit(
            name=name,
            opened_at=one.opened_at,
            next_probe_at=one.opened_until,
            error=redact(one.error),
        )
        for name, one in sorted(at.circuits().items())
        if one.is_open
    ]


def _backups(at: Sources) -> list[BackupSeen]:
    return [
        BackupSeen(
            source=one.source,
            database=one.database,
            schedule_id=one.schedule_id,
            last_good_at=None if one.last_good is None else one.last_good.started_at,
            expected_by=one.expected_by,
            too_old=one.too_old,
            sentence=one.sentence,
        )
        for one in at.standings()
        if one.gone_at is None
    ]


def _alerts(at: Sources) -> list[AlertSeen]:
    return [
        AlertSeen(
            id=one.id,
            kind=one.kind.value,
            about=redact(one.about),
            severity=one.severity,
            opened_at=one.opened_at,
            what_to_do=one.what_to_do,
        )
        for one in at.book().current()
        if one.state is AlertState.OPEN
    ]
