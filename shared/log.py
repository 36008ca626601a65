"""Structured log lines: an event word and fields, and never a secret.

`event(logger, "job_started", schedule_id=..., job_id=...)` writes one line,
`job_started schedule_id=nightly job_id=...`, with the same fields attached to the record
(`record.fields`) for tests and for exporters. The words are listed in `Event`; docs and tests
hold to that list.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum


class Event(StrEnum):
    """Every event that Belfry logs."""

    APP_STARTED = "app_started"
    NEXT_RUN = "next_run"
    SCHEDULE_CREATED = "schedule_created"
    SCHEDULE_CHANGED = "schedule_changed"
    SCHEDULE_DELETED = "schedule_deleted"
    SCHEDULE_PAUSED = "schedule_paused"
    SCHEDULE_EXPIRED = "schedule_expired"
    SCHEDULE_BROKEN = "schedule_broken"
    TICK_DONE = "tick_done"
    COMMIT_LOST = "commit_lost"
    JOB_QUEUED = "job_queued"
    JOB_STARTED = "job_started"
    JOB_CANCEL_REQUESTED = "job_cancel_requested"
    JOB_TAKEN_OVER = "job_taken_over"
    JOB_LOG = "job_log"
    JOB_RETRY = "job_retry"
    JOB_GIVEN_BACK = "job_given_back"
    JOB_SUCCEEDED = "job_succeeded"
    JOB_FAILED = "job_failed"
    JOB_SKIPPED = "job_skipped"
    JOB_MISSED = "job_missed"
    JOB_CANCELLED = "job_cancelled"
    MESSAGE_VOID = "message_void"
    MESSAGE_DEFERRED = "message_deferred"
    MESSAGE_POISONED = "message_poisoned"
    LEASE_LOST = "lease_lost"
    STORAGE_AWAY = "storage_away"
    SWEEP_DONE = "sweep_done"
    CLEANUP_DONE = "cleanup_done"
    CLOCK_SILENT = "clock_silent"
    CLOCK_REVIVED = "clock_revived"
    CLOCK_STALE = "clock_stale"
    LEDGER_RECONCILED = "ledger_reconciled"
    OCCURRENCE_UNEXPLAINED = "occurrence_unexplained"
    OCCURRENCE_UNEXPECTED = "occurrence_unexpected"
    BACKUP_VERIFIED = "backup_verified"
    REQUEST_FAILED = "request_failed"


_SECRETS = (
    re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://[^:/@\s]+:)[^@\s]+(?=@)", re.I),
    re.compile(
        r"(?P<keep>\b(?:AccountKey|SharedAccessSignature|Password|sig|code)=)[^;&\s\"']+", re.I
    ),
)


def redact(text: str) -> str:
    """`text` without passwords in URLs, account keys and signatures."""
    for pattern in _SECRETS:
        text = pattern.sub(lambda match: match["keep"] + "***", text)
    return text


_PLAIN = re.compile(r"[\w.,:+/-]+")
"""What needs no quotes; and nothing that `redact` looks for has neither = nor @."""


def instant(at: datetime, timespec: str = "auto") -> str:
    """ISO 8601 in UTC, with T and Z: the one form of a time in the log."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _plain(value: object) -> object:
    """A field as it is kept: instants as text, of which some come as text already."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, str) and value.endswith("+00:00"):
        return f"{value.removesuffix('+00:00')}Z"
    return value


def _shown(value: object) -> str:
    text = str(_plain(value))
    if _PLAIN.fullmatch(text):
        return text
    text = redact(text)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[\s\"=]", text) or not text else text


def event(
    logger: logging.Logger, what: Event, *, level: int = logging.INFO, **fields: object
) -> None:
    """Write one line: the event's word, then `name=value` for each field that is not None."""
    if not logger.isEnabledFor(level):
        return
    known = {name: _plain(value) for name, value in fields.items() if value is not None}
    line = " ".join([what, *(f"{name}={_shown(value)}" for name, value in known.items())])
    logger.log(level, "%s", line, extra={"event": what.value, "fields": known})


class JobLog:
    """One job's own log: each line is kept for the job's record and written to the app's log.

    Lines beyond `limit` characters in all replace the middle by a line that says how many were
    left out, so that the first and the last of a long log are always there.
    """

    def __init__(
        self,
        logger: logging.Logger,
        ids: Mapping[str, object],
        stamp: Callable[[], str],
        limit: int = 24_000,
    ) -> None:
        self._logger = logger
        self._ids = dict(ids)
        self._stamp = stamp
        self._limit = limit
        self._lines: list[str] = []

    def __call__(self, message: str, *, level: int = logging.INFO, **fields: object) -> None:
        """Add a line."""
        shown = " ".join([redact(message), *(f"{k}={_shown(v)}" for k, v in fields.items())])
        self._lines.append(f"{self._stamp()} {logging.getLevelName(level)} {shown}")
        event(self._logger, Event.JOB_LOG, level=level, **self._ids, message=message, **fields)

    def text(self) -> str:
        """The log so far, at most `limit` characters and a line."""
        whole = "\n".join(self._lines)
        if len(whole) <= self._limit:
            return whole
        half = self._limit // 2
        head, tail = whole[:half].rsplit("\n", 1)[0], whole[-half:].split("\n", 1)[-1]
        left_out = len(self._lines) - head.count("\n") - tail.count("\n") - 2
        return f"{head}\n... {left_out} lines left out ...\n{tail}"
