"""Sends what customers write, through the outbox of the notifications.

The outbox knows each mail by its key, which names the effect and not the attempt. So whoever is
killed, tries again, or runs a workflow again from a failed step sends only what was not stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.errors import Held, Invalid, NotFound, Refused
from shared.exports.model import ExportFile
from shared.log import instant
from shared.mails import saying
from shared.mails.params import MailParams
from shared.notifications.port import Mailed, NotificationService
from shared.redaction import masked_address
from shared.schedules.job import effect_key
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks import JobContext, Preview, Proposed

if TYPE_CHECKING:
    from shared.exports.service import Exports

_LANGUAGE = "en"
_ATTACHED = "attach_export"


class Mails:
    """The mails (`port.MailService`)."""

    def __init__(
        self,
        notifications: Callable[[], NotificationService],
        exports: Callable[[], Exports],
        table: ScheduleTable,
        clock: Clock,
    ) -> None:
        self._notifications = notifications
        self._exports = exports
        self._table = table
        self._clock = clock

    def hold(self, params: MailParams, proposed: Proposed) -> None:
        """As the port says."""
        if _ATTACHED in proposed.new:
            self._file(params, proposed.project_id)

    def preview(self, params: MailParams, job: JobContext) -> Preview:
        """As the port says."""
        from shared.notifications.rendering import render

        file = self._file(params, job.project_id)
        content = render(saying.KIND, self._data(params, job, None), _LANGUAGE)
        return saying.preview(params, content, file)

    def send(self, params: MailParams, job: JobContext) -> Mapping[str, object]:
        """As the port says."""
        to = saying.recipients(params)
        file = self._file(params, job.project_id)
        if job.dry_run:
            shown = [masked_address(one) for one in to]
            return {"status": "not sent", "recipients": len(to), "would_go_to": shown}
        linked = None if file is None else self._linked(file, params)
        done = self._notifications().mail_written(
            key=f"mail:{effect_key(job.schedule_id, job.job_id, job.part)}",
            kind=saying.KIND,
            to=to,
            project_id=job.project_id,
            data=self._data(params, job, linked),
        )
        return self._outcome(done, job)

    def _outcome(self, done: Mailed, job: JobContext) -> Mapping[str, object]:
        if done.over:
            said = f"{done.over} of {done.over + len(done.entries)} mails wait for tomorrow"
            raise Held(done.next_day, f"{said}: today's mails of the project are used up")
        if (why := saying.in_vain(done.entries)) is not None:
            raise Refused("mail", f"it reached nobody: {why}")
        result = saying.result(done.entries)
        job.log("mailed", sent=result["sent"], waiting=result["waiting"], failed=result["failed"])
        return result

    def _data(
        self, params: MailParams, job: JobContext, file: Mapping[str, object] | None
    ) -> Mapping[str, object]:
        schedule = self._table.get(job.schedule_id)
        timezone = "UTC" if schedule is None else schedule.definition.recurrence.timezone
        return saying.data(params, job.schedule_name or job.schedule_id, timezone, file)

    def _file(self, params: MailParams, project_id: int | None) -> ExportFile | None:
        """The file that it leads to, if any. Raises `Invalid`."""
        if params.attach_export is None:
            return None
        try:
            return self._exports().find(project_id, params.attach_export)
        except NotFound as error:
            raise Invalid(_ATTACHED, str(error)) from None

    def _linked(self, file: ExportFile, params: MailParams) -> Mapping[str, object]:
        url, until = self._exports().link(file, timedelta(hours=params.link_hours))
        return {
            "name": file.file_name,
            "bytes": file.bytes,
            "link": url,
            "link_ends_at": instant(until),
        }
