"""The mail on a backup job that ended."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.backups.status.mails import mail_of
from shared.schedules.job import Job, Status

DUE = datetime(2026, 3, 1, 3, tzinfo=UTC)


def test_backups_that_were_missed_one_after_another_are_one_mail_that_says_how_many() -> None:
    missed = Job(
        id="nightly-20260301T030000Z",
        schedule_id="nightly",
        schedule_name="n",
        project_id=None,
        task_type="t",
        status=Status.MISSED,
        due_at=DUE,
        finished_at=DUE.replace(month=6),
        reason="nothing could start it",
        count=90,
        last_due_at=DUE.replace(month=5, day=29),
    )
    mail = mail_of(missed, "Nightly")
    assert mail is not None and mail.failed and mail.key == f"backup:{missed.id}"
    assert "due at 2026-03-01 03:00:00 UTC\nand 89 more, up to 2026-05-29 03:00:00 UTC" in mail.text
