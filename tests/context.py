"""What a test gives to a task: a `JobContext` of its own, which no engine runs, and a service that
records."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.clock import Clock, SystemClock
from shared.log import JobLog
from shared.notifications.model import Entry, draft
from shared.notifications.port import Mailed, Message, Reconciled
from shared.tasks import JobContext, Params, Result, Task


def job_of(
    *,
    job_id: str = "nightly:2026",
    schedule_id: str = "nightly",
    project_id: int | None = None,
    due_at: datetime | None = None,
    attempt: int = 1,
    stop: threading.Event | None = None,
    clock: Clock | None = None,
    dry_run: bool = False,
) -> JobContext:
    """A job that is due now, by `clock`, or when it is said.

    Afterwards `job.log.text()` is what the task said, and `job.progress.done` how far it came. To
    set `job.stop` tells it to end.
    """
    clock = clock or SystemClock()
    return JobContext(
        job_id=job_id,
        schedule_id=schedule_id,
        project_id=project_id,
        due_at=due_at or clock.now(),
        attempt=attempt,
        clock=clock,
        log=JobLog(logging.getLogger("test"), {}, lambda: "t"),
        dry_run=dry_run,
        stop=stop or threading.Event(),
    )


def result_of(
    task: Task, job: JobContext, params: Params | None = None, **services: object
) -> Result:
    """What the task returns, be its function plain or `async`; `services` by their names in it."""
    named = {} if task.takes.params is None else {task.takes.params: params or task.params()}
    returned = task.run(job, **named, **services)
    return asyncio.run(returned) if isinstance(returned, Coroutine) else returned


@dataclass(frozen=True)
class Told:
    """What people were asked to be told."""

    key: str
    subject: str
    text: str


@dataclass(frozen=True)
class RecordedNotifications:
    """A `NotificationService` that sends nothing, and records each call."""

    mails: list[Told] = field(default_factory=list)
    alerts: list[Told] = field(default_factory=list)
    reports: list[tuple[str, str, Mapping[str, object]]] = field(default_factory=list)
    """(kind, key, data) of each."""
    to_customers: list[tuple[str, str, Sequence[str], Mapping[str, object]]] = field(
        default_factory=list
    )
    """(kind, key, addresses, data) of each."""
    messages: list[Message] = field(default_factory=list)

    def mail_administrators(self, *, key: str, subject: str, text: str) -> Sequence[Entry]:
        self.mails.append(Told(key, subject, text))
        return ()

    def alert(self, *, key: str, subject: str, text: str) -> Sequence[Entry]:
        self.alerts.append(Told(key, subject, text))
        return ()

    def report(self, *, kind: str, key: str, data: Mapping[str, object]) -> Sequence[Entry]:
        self.reports.append((kind, key, data))
        return ()

    def mail(
        self,
        *,
        key: str,
        kind: str,
        to: Sequence[str],
        project_id: int | None,
        data: Mapping[str, object],
    ) -> Sequence[Entry]:
        del project_id
        self.to_customers.append((kind, key, to, data))
        return ()

    def mail_written(
        self,
        *,
        key: str,
        kind: str,
        to: Sequence[str],
        project_id: int | None,
        data: Mapping[str, object],
    ) -> Mailed:
        self.mail(key=key, kind=kind, to=to, project_id=project_id, data=data)
        return Mailed(entries=(), next_day=datetime.max.replace(tzinfo=UTC))

    def rehearse_report(
        self, *, kind: str, key: str, data: Mapping[str, object], now: datetime
    ) -> Sequence[Entry]:
        del data
        from shared.notifications.outbox import new_entry

        asked = draft(key=key, channel="mail", recipient="admin", subject="", text="")
        known = (kind, key) in [(one, of) for one, of, _ in self.reports]
        return () if known else (new_entry(asked, now, None),)

    def send(self, messages: Sequence[Message]) -> Sequence[Entry]:
        self.messages.extend(messages)
        return ()

    def rehearse(self, messages: Sequence[Message], now: datetime) -> Sequence[Entry]:
        del messages, now
        return ()

    def flush(self, now: datetime, *, longest: timedelta, stop: threading.Event) -> Sequence[Entry]:
        del now, longest, stop
        return ()

    def reconcile(self, now: datetime, *, longest: timedelta, stop: threading.Event) -> Reconciled:
        del now, longest, stop
        return Reconciled()

    def forget(self, now: datetime, *, longest: timedelta, stop: threading.Event) -> int:
        del now, longest, stop
        return 0
