"""The day's cost report, told once: in storage, in the log, and by mail (L4).

Storage comes first, so that a run which was killed, is late or is repeated tells the same report;
the mail has the day in its key, so nobody gets it twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from shared.finance import report, sums
from shared.finance.reports import Reports, name_of
from shared.notifications.model import Entry, NotificationStatus
from shared.notifications.port import NotificationService
from shared.settings import Secret
from shared.tasks import JobContext, Result

if TYPE_CHECKING:
    from shared.notifications.kinds.cost_report import CostReport

KIND = "cost_report"
_LISTED = 30
"""Mails that a dry run lists."""


def tell(url: Secret, kept: Reports, notifications: NotificationService, job: JobContext) -> Result:
    """Report the UTC day before the job's due time; the metrics."""
    day = job.due_at.astimezone(UTC).date() - timedelta(days=1)
    known = kept.find(day)
    found = known or report.report(day, sums.of(url, day))
    job.check()
    if not job.dry_run and known is None:
        found = kept.keep(found)
    _log(job, found)
    told = _told(found, known is not None)
    job.check()
    key, data = f"{KIND}:{day.isoformat()}", report.for_mail(found)
    if job.dry_run:
        mails = notifications.rehearse_report(kind=KIND, key=key, data=data, now=job.clock.now())
        return told | _counted(mails) | {"dry_run": True, "would": _would(found, known, mails)}
    return told | _counted(notifications.report(kind=KIND, key=key, data=data))


def _counted(mails: Sequence[Entry]) -> dict[str, object]:
    sent = sum(mail.status is NotificationStatus.SENT for mail in mails)
    return {"mails": len(mails), "mails_sent": sent}


def _would(
    found: CostReport, known: CostReport | None, mails: Sequence[Entry]
) -> dict[str, list[Mapping[str, object]]]:
    """What a dry run would do, the first of each sort."""
    store: list[Mapping[str, object]] = [] if known else [{"report": name_of(found.day)}]
    send: list[Mapping[str, object]] = [
        {"key": one.key, "recipient": one.recipient, "status": one.status.value}
        for one in mails[:_LISTED]
    ]
    return {sort: listed for sort, listed in (("store", store), ("send", send)) if listed}


def _told(found: CostReport, known: bool) -> dict[str, object]:
    """What a job's result says of the report: each total by currency (of very many, the first)."""
    by_currency: dict[str, dict[str, object]] = {}
    for one in itertools.islice(found.currencies, 20):
        for total, minor in report.totals(one).items():
            by_currency.setdefault(total, {})[one.currency] = minor
    about = {"day": found.day.isoformat(), "report": name_of(found.day), "stored_before": known}
    return about | by_currency


def _log(job: JobContext, found: CostReport) -> None:
    day = found.day.isoformat()
    if not found.currencies:
        job.log("nothing was recorded for the cost report", day=day)
    for one in found.currencies:
        sums: dict[str, Any] = report.totals(one)
        job.log("cost report", day=day, currency=one.currency, **sums)
        for line in report.lines(one):
            job.log(f"{day} {one.currency}: {line}")
