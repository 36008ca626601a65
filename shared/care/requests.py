"""Asks the notifications for messages, each once.

That nobody is told twice is the outbox's business, which knows each message by its identity. But
whoever is due in an hour is due in the next as well, and to ask the outbox about all of them each
time would cost a request each. So what was asked for is noted in `message_requests`, after the
outbox has it: killed in between, a task asks again, and the outbox knows the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from shared.care.totals import Totals
from shared.data.database import reading, writing
from shared.data.models import MessageRequest
from shared.data.rows import insert_all_once
from shared.notifications.model import Entry
from shared.notifications.port import Message, NotificationService
from shared.settings import Secret
from shared.tasks import JobContext

PAGE = 100
"""Messages that are asked for at once: so often a job that must end looks up from its work."""
_KEPT = timedelta(days=7)
_BATCH = 1000


class Requests:
    """Which messages were asked for."""

    def __init__(self, url: Secret, notifications: NotificationService) -> None:
        self._url = url
        self._notifications = notifications

    def ask(self, messages: Sequence[Message], job: JobContext, totals: Totals) -> None:
        """Ask for those that were not asked for before; all of one kind. In a dry run, list them.

        Raises as `NotificationService.send` and `reading` do.
        """
        new = self._new(messages)
        if not new:
            return
        totals.counts["total_messages"] += len(new)
        if job.dry_run:
            rehearsed = self._notifications.rehearse(new, job.clock.now())
            totals.counts.update(f"messages_{entry.status.value}" for entry in rehearsed)
            _list(rehearsed, totals)
            return
        sent = self._notifications.send(new)
        totals.counts.update(f"messages_{entry.status.value}" for entry in sent)
        self._note(new, job.clock.now())

    def forget(self, job: JobContext) -> None:
        """Remove what has long been over: it is never asked for again."""
        if job.dry_run:
            return
        before = job.clock.now() - _KEPT
        old = select(MessageRequest.id).where(MessageRequest.over_at < before).limit(_BATCH)
        while True:
            job.check()
            with writing(self._url) as session:
                gone = delete(MessageRequest).where(MessageRequest.id.in_(old))
                ids = session.scalars(gone.returning(MessageRequest.id)).all()
            if len(ids) < _BATCH:
                return

    def _new(self, messages: Sequence[Message]) -> list[Message]:
        if not messages:
            return []
        query = select(MessageRequest.occasion).where(
            MessageRequest.kind == messages[0].kind,
            MessageRequest.occasion.in_([_occasion(one) for one in messages]),
        )
        with reading(self._url) as session:
            known = set(session.execute(query).scalars())
        return [one for one in messages if _occasion(one) not in known]

    def _note(self, messages: Sequence[Message], now: datetime) -> None:
        rows = [
            {
                "kind": one.kind,
                "occasion": _occasion(one),
                "requested_at": now,
                "over_at": one.useful_until,
            }
            for one in messages
        ]
        with writing(self._url) as session:
            insert_all_once(session, MessageRequest, rows)


def _occasion(message: Message) -> str:
    """A pet may get another owner: then that is another message."""
    return f"{message.owner_id}:{message.occasion}"


def _list(entries: Sequence[Entry], totals: Totals) -> None:
    for one in entries:
        totals.list(
            "send",
            kind=one.kind,
            tenant_id=one.tenant_id,
            owner_id=one.owner_id,
            key=one.key,
            status=one.status.value,
            text=one.text[:160],
            error=one.error,
        )
