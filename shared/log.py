"""Structured log lines: the name of an event, fields, and never a secret.

`event(logger, "job_started", schedule_id=..., job_id=...)` writes one line,
`job_started schedule_id=nightly job_id=...`, with the same fields attached to the record
(`record.fields`) for tests and for exporters. The words are listed in `Event`; docs and tests
hold to that list.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum

from shared.redaction import redact
from shared.text import clean, cut, units


class Event(StrEnum):
    """Every event that Belfry logs."""

    APP_STARTED = "app_started"
    SETTING_UNKNOWN = "setting_unknown"
    NEXT_RUN = "next_run"
    SCHEDULE_CREATED = "schedule_created"
    SCHEDULE_CHANGED = "schedule_changed"
    SCHEDULE_DELETED = "schedule_deleted"
    CALENDAR_CHANGED = "calendar_changed"
    CALENDAR_UNREADABLE = "calendar_unreadable"
    CALENDAR_BEHIND = "calendar_behind"
    COMPLETION_UNTOLD = "completion_untold"
    BUDGET_NEARLY_REACHED = "budget_nearly_reached"
    BUDGET_REACHED = "budget_reached"
    BUDGET_UNCOUNTED = "budget_uncounted"
    BUDGET_UNTOLD = "budget_untold"
    BUDGET_UNREADABLE = "budget_unreadable"
    RESOURCE_CHANGED = "resource_changed"
    RESOURCE_DISABLED = "resource_disabled"
    RESOURCE_UNREADABLE = "resource_unreadable"
    SECRETS_LEFT = "secrets_left"
    SECRETS_UNREADABLE = "secrets_unreadable"
    APPLIED_UNREADABLE = "applied_unreadable"
    SCHEDULES_DRIFTED = "schedules_drifted"
    SCHEDULES_CRITICAL = "schedules_critical"
    SCHEDULE_PAUSED = "schedule_paused"
    SCHEDULE_EXPIRED = "schedule_expired"
    SCHEDULE_BROKEN = "schedule_broken"
    SCHEDULE_ORPHANED = "schedule_orphaned"
    BACKFILL_STARTED = "backfill_started"
    BACKFILL_ENDED = "backfill_ended"
    BACKFILL_UNREADABLE = "backfill_unreadable"
    HEARTBEAT_FAILED = "heartbeat_failed"
    TICK_DONE = "tick_done"
    COMMIT_LOST = "commit_lost"
    JOB_QUEUED = "job_queued"
    JOB_STARTED = "job_started"
    JOB_CANCEL_REQUESTED = "job_cancel_requested"
    JOB_TAKEN_OVER = "job_taken_over"
    JOB_LOG = "job_log"
    JOB_RETRY = "job_retry"
    JOB_GIVEN_BACK = "job_given_back"
    JOB_HELD = "job_held"
    WORKFLOW_CHANGED = "workflow_changed"
    WORKFLOW_UNREADABLE = "workflow_unreadable"
    WORKFLOW_STARTED = "workflow_started"
    WORKFLOW_ENDED = "workflow_ended"
    JOB_WOKEN = "job_woken"
    JOB_SUCCEEDED = "job_succeeded"
    JOB_FAILED = "job_failed"
    JOB_SKIPPED = "job_skipped"
    JOB_MISSED = "job_missed"
    JOB_CANCELLED = "job_cancelled"
    JOBS_ARCHIVED = "jobs_archived"
    ARCHIVE_DAMAGED = "archive_damaged"
    MESSAGE_VOID = "message_void"
    MESSAGE_DEFERRED = "message_deferred"
    MESSAGE_REPLACED = "message_replaced"
    MESSAGE_POISONED = "message_poisoned"
    LEASE_LOST = "lease_lost"
    STORAGE_AWAY = "storage_away"
    SWEEP_DONE = "sweep_done"
    JOB_INDEX_BROKEN = "job_index_broken"
    JOB_INDEX_REBUILT = "job_index_rebuilt"
    CLEANUP_DONE = "cleanup_done"
    INDEX_UNREADABLE = "index_unreadable"
    INDEX_REPAIRED = "index_repaired"
    HEALTH_CHECK_CHANGED = "health_check_changed"
    HEALTH_PART_FAILED = "health_part_failed"
    CLOCK_SILENT = "clock_silent"
    CLOCK_BACK = "clock_back"
    CLOCK_REVIVED = "clock_revived"
    CLOCK_STALE = "clock_stale"
    CLOCK_WRONG = "clock_wrong"
    CLOCK_RIGHT = "clock_right"
    CLOCK_WAS_WRONG = "clock_was_wrong"
    LEDGER_RECONCILED = "ledger_reconciled"
    OCCURRENCE_UNEXPLAINED = "occurrence_unexplained"
    OCCURRENCE_UNEXPECTED = "occurrence_unexpected"
    NOTIFICATION_SENT = "notification_sent"
    NOTIFICATION_FAILED = "notification_failed"
    NOTIFICATION_KEPT = "notification_kept"
    NOTIFICATIONS_KEPT = "notifications_kept"
    NOTIFICATION_FAULTY = "notification_faulty"
    NOTIFICATION_HELD = "notification_held"
    NOTIFICATION_SKIPPED = "notification_skipped"
    NOTIFICATION_UNSETTLED = "notification_unsettled"
    NOTIFICATION_UNKNOWN = "notification_unknown"
    NOTIFICATION_DELIVERED = "notification_delivered"
    NOTIFICATION_UNDELIVERED = "notification_undelivered"
    CAP_REACHED = "cap_reached"
    CIRCUIT_OPENED = "circuit_opened"
    CIRCUIT_CLOSED = "circuit_closed"
    CIRCUIT_UNREADABLE = "circuit_unreadable"
    PROBLEM_UNTOLD = "problem_untold"
    CHART_LEFT_OUT = "chart_left_out"
    ALERT_TOLD = "alert_told"
    ALERT_FAILED = "alert_failed"
    ALERT_UNREADABLE = "alert_unreadable"
    ADMINISTRATORS_UNKNOWN = "administrators_unknown"
    BACKUP_VERIFIED = "backup_verified"
    BACKUP_SUSPICIOUS = "backup_suspicious"
    BACKUP_DAMAGED = "backup_damaged"
    BACKUP_UNPROVABLE = "backup_unprovable"
    BACKUP_SCRUB_BEHIND = "backup_scrub_behind"
    BACKUP_COPY_FAILED = "backup_copy_failed"
    BACKUP_AGE = "backup_age"
    BACKUP_TOO_OLD = "backup_too_old"
    BACKUP_PLAN_OFF = "backup_plan_off"
    BACKUP_PLAN_UNREADABLE = "backup_plan_unreadable"
    BACKUP_DATABASE_GONE = "backup_database_gone"
    BACKUP_LOST = "backup_lost"
    BACKUP_DELETED = "backup_deleted"
    BACKUP_ACCEPTED = "backup_accepted"
    BACKUP_LINKED = "backup_linked"
    EXPORT_WRITTEN = "export_written"
    EXPORT_LINKED = "export_linked"
    EXPORT_UNREADABLE = "export_unreadable"
    BACKUP_RESTORED = "backup_restored"
    RESTORE_TIME_WRONG = "restore_time_wrong"
    RETENTION_HELD = "retention_held"
    BACKUPS_LOCKED = "backups_locked"
    DESTINATION_AWAY = "destination_away"
    BILLING_PAUSED = "billing_paused"
    BILLING_RESUMED = "billing_resumed"
    BILLING_STUCK = "billing_stuck"
    FEE_FAILED = "fee_failed"
    HOOK_REFUSED = "hook_refused"
    HOOK_IGNORED = "hook_ignored"
    TEXT_RECEIVED = "text_received"
    CONSENT_CHANGED = "consent_changed"
    CONSENT_UNSAVED = "consent_unsaved"
    REQUEST_FAILED = "request_failed"
    KEY_CREATED = "key_created"
    KEY_CHANGED = "key_changed"
    KEY_REVOKED = "key_revoked"
    KEY_REFUSED = "key_refused"
    KEY_UNREADABLE = "key_unreadable"
    KEY_USE_UNNOTED = "key_use_unnoted"
    TRAFFIC_UNWRITTEN = "traffic_unwritten"
    SCALING_RECOMMENDED = "scaling_recommended"
    SCALING_APPLIED = "scaling_applied"
    AUDIT_ANCHORED = "audit_anchored"
    AUDIT_ARCHIVED = "audit_archived"
    AUDIT_BROKEN = "audit_broken"
    AUDIT_RESUMED = "audit_resumed"
    AUDIT_UNSETTLED = "audit_unsettled"
    APPROVAL_ASKED = "approval_asked"
    APPROVAL_DECIDED = "approval_decided"
    APPROVAL_REFUSED = "approval_refused"
    APPROVAL_REMOVED = "approval_removed"
    APPROVAL_UNREADABLE = "approval_unreadable"
    APPROVAL_UNTOLD = "approval_untold"
    DELIVERY_TRIED = "delivery_tried"
    DELIVERY_GIVEN_UP = "delivery_given_up"
    DELIVERY_UNREADABLE = "delivery_unreadable"
    WEBHOOK_DISABLED = "webhook_disabled"
    SPAN = "span"
    SPANS_DROPPED = "spans_dropped"


_MARGIN = 4
"""Before a text is searched for secrets, it is cut to this many times the length that is kept."""


def short(text: str, most: int) -> str:
    """The beginning of `text`, at most `most` units, without secrets, and clean (`shared.text`)."""
    if len(text) > _MARGIN * most:
        text = _whole(text[: _MARGIN * most])
    return cut(redact(clean(text)), most)


def _whole(text: str) -> str:
    """A text that was cut, without a URL that was cut at its end: its `@` may be missing."""
    last = text.split()[-1] if not text[-1].isspace() else ""
    before, mark, _ = last.partition("://")
    return text.removesuffix(last) + before + mark + "***" if mark else text


def trace(error: BaseException, most: int = 16_000) -> str:
    """The error's traceback, without secrets; a very long one is cut in the middle."""
    text = "".join(traceback.format_exception(error)).rstrip()
    if len(text) <= most:
        return short(text, most)
    return f"{short(text, most // 2)}\n...\n{_last(text, most // 2)}"


def _last(text: str, most: int) -> str:
    """The end of `text`, as `short` gives its beginning. Neither cuts a secret in two."""
    _, _, end = text[-_MARGIN * most :].partition(" ")
    shown = redact(clean(end))
    if len(shown) > most:
        _, _, shown = shown[-most:].partition(" ")
    return cut(shown, most)


_HEAD = 100
"""Units reserved for what stands before a traceback."""
_FIELD = 8_000
"""Units of a field."""
_PLAIN = re.compile(r"[\w.,:+/-]+")
"""Values that need no quotes."""


def instant(at: datetime, timespec: str = "auto") -> str:
    """ISO 8601 in UTC, with T and Z: the only form of a time in the log."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _kept(value: object) -> object:
    """A field's value as it is stored in the record: instants as text in one form."""
    if isinstance(value, datetime):
        return instant(value)
    if not isinstance(value, str):
        return value
    if value.endswith("+00:00"):
        value = f"{value.removesuffix('+00:00')}Z"
    return short(value, _FIELD)


def _shown(kept: object) -> str:
    text = kept if isinstance(kept, str) else short(str(kept), _FIELD)
    if _PLAIN.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False) if re.search(r"[\s\"=]", text) or not text else text


def event(
    logger: logging.Logger, what: Event, *, level: int = logging.INFO, **fields: object
) -> None:
    """Write one line: the event's name, then `name=value` for each field that is not None."""
    if not logger.isEnabledFor(level):
        return
    known = {name: _kept(value) for name, value in fields.items() if value is not None}
    line = clean(" ".join([what, *(f"{name}={_shown(value)}" for name, value in known.items())]))
    logger.log(level, "%s", line, extra={"event": what.value, "fields": known})


_HALF = 12_000
"""Units of UTF-16 of the first lines that a job's log keeps, and of the last."""
_LONGEST = 6_000
"""Units of one line of it."""


class JobLog:
    """One job's own log: each line is kept for the job's record and written to the app's log.

    If the lines exceed 24,000 units of UTF-16 in all, the middle is replaced by a line that says
    how many were left out; so the first and the last lines of a long log are always there.
    """

    def __init__(
        self,
        logger: logging.Logger,
        ids: Mapping[str, object],
        stamp: Callable[[], str],
    ) -> None:
        self._logger = logger
        self._ids = dict(ids)
        self._stamp = stamp
        self._lock = threading.Lock()
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._head_units = self._tail_units = self._left_out = 0

    def __call__(self, message: str, *, level: int = logging.INFO, **fields: object) -> None:
        """Add a line."""
        said = short(message, _LONGEST)
        words = [said, *(f"{name}={_shown(_kept(value))}" for name, value in fields.items())]
        self._keep(" ".join(words), level)
        event(self._logger, Event.JOB_LOG, level=level, **self._ids, message=said, **fields)

    def unexpected(self, error: BaseException) -> None:
        """Add the traceback of a failure that the task did not expect."""
        self._keep(f"unexpected failure\n{trace(error, _LONGEST - _HEAD)}", logging.ERROR)
        about = self._ids.get("job_id", "a job")
        self._logger.error("unexpected failure in %s\n%s", about, trace(error))

    def _keep(self, text: str, level: int) -> None:
        line = f"{self._stamp()} {logging.getLevelName(level)} {text}"
        with self._lock:
            self._add(cut(clean(line), _LONGEST))

    def _add(self, line: str) -> None:
        size = units(line) + 1
        if not self._tail and self._head_units + size <= _HALF:
            self._head.append(line)
            self._head_units += size
            return
        self._tail.append(line)
        self._tail_units += size
        while self._tail_units > _HALF:
            self._tail_units -= units(self._tail.popleft()) + 1
            self._left_out += 1

    def text(self) -> str:
        """The log so far: at most 24,000 units, plus a line for what was left out."""
        with self._lock:
            said = [f"... {self._left_out} lines left out ..."] if self._left_out else []
            return "\n".join([*self._head, *said, *self._tail])
