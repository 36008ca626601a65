"""The weekly report, told once: in storage, in the log, by mail, and by an alert (O3, O11).

What was found is stored first, so that a run that was killed, is late or is repeated tells the
same. The files are made of it; mail and alert have the week in their keys, so nobody gets them
twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from shared.alerts.port import AlertKind, AlertService
from shared.errors import BelfryError, Cancelled
from shared.jobs.totals import Totals
from shared.notifications.model import NotificationStatus
from shared.notifications.port import NotificationService
from shared.tasks import JobContext, Result
from shared.weekly import comparing, making
from shared.weekly.formats import ReportFormat
from shared.weekly.mail import for_mail
from shared.weekly.model import Lateness, WeeklyReport
from shared.weekly.port import ATTEMPTS, Said, Section
from shared.weekly.store import RENDERED, Store, name_of
from shared.weekly.week import Week

KIND = "weekly_report"
_LINKED = timedelta(days=7)
_SAID = 20
"""Findings that the log and the result name."""


class Jobs(Protocol):
    """The index of jobs (`engine.records.job_index`)."""

    def totals(self, shown: int) -> tuple[Totals, int]:
        """(the counts that only grow, how many jobs are not packed)."""


class Weekly:
    """The service (`port.WeeklyService`)."""

    def __init__(self, sections: Sequence[Section], jobs: Jobs, store: Store) -> None:
        self._sections = sections
        self._jobs = jobs
        self.store = store

    def report(
        self, job: JobContext, notifications: NotificationService, alerts: AlertService
    ) -> Result:
        """As the port says."""
        week = Week.over_at(job.due_at)
        known = self.store.find(week)
        found = known or self._made(week, job)
        job.check()
        if not job.dry_run:
            found = known or self.store.keep(week, found)
            self.store.render(week, found)
        _log(job, found)
        told = _told(found, week, known is not None)
        job.check()
        if job.dry_run:
            return told | self._would(week, found, known is not None, notifications, job)
        told |= self._mail(week, found, notifications, job)
        if _is_latest(week, job) and (text := making.trend(found)) is not None:
            alerts.happened(AlertKind.WEEKLY_TREND, week.name, text, key=week.name)
        return told

    def _made(self, week: Week, job: JobContext) -> WeeklyReport:
        """The report by what can be counted now."""
        reported = [one for one in self.store.weeks() if one < week]
        weeks = comparing.weeks_of(week)
        earlier = {one: self.store.get(one) for one in reported if one in weeks}
        said: dict[str, Said] = {}
        for number, section in enumerate(self._sections):
            job.check()
            said[section.name] = _said(section, weeks, job)
            job.progress(number + 1, len(self._sections) + 2)
        before = self.store.get(reported[0]).lateness if reported else None
        now = Lateness(at=job.clock.now(), counts=self._jobs.totals(0)[0].late.counts)
        name, lateness = making.lateness(week, before, now, latest=_is_latest(week, job))
        return making.report(week, job.due_at, said | {name: lateness}, earlier, now)

    def _mail(
        self,
        week: Week,
        found: WeeklyReport,
        notifications: NotificationService,
        job: JobContext,
    ) -> dict[str, object]:
        link, until = self.store.link(week, job.clock.now(), _LINKED)
        data = for_mail(found, link, until)
        mails = notifications.report(kind=KIND, key=f"{KIND}:{week.name}", data=data)
        sent = sum(one.status is NotificationStatus.SENT for one in mails)
        return {"mails": len(mails), "mails_sent": sent}

    def _would(
        self,
        week: Week,
        found: WeeklyReport,
        known: bool,
        notifications: NotificationService,
        job: JobContext,
    ) -> dict[str, object]:
        """What a dry run would do."""
        key, now = f"{KIND}:{week.name}", job.clock.now()
        data = for_mail(found, "", now)
        mails = notifications.rehearse_report(kind=KIND, key=key, data=data, now=now)
        store = [] if known else [name_of(week, one) for one in (ReportFormat.JSON, *RENDERED)]
        alert = making.trend(found) if _is_latest(week, job) else None
        would: dict[str, list[dict[str, object]]] = {
            "store": [{"report": one} for one in store],
            "send": [{"key": one.key, "recipient": one.recipient} for one in mails[:_SAID]],
            "alert": [{"kind": AlertKind.WEEKLY_TREND.value, "text": alert}] if alert else [],
        }
        return {
            "dry_run": True,
            "mails": len(mails),
            "would": {sort: some for sort, some in would.items() if some},
        }


def _said(section: Section, weeks: Sequence[Week], job: JobContext) -> Said:
    """What a section says. If it fails, another attempt is worth more than a report without it; but
    not in the last one, and not in a dry run."""
    try:
        return section.say(weeks, job.check)
    except Cancelled:
        raise
    except BelfryError as error:
        if job.attempt < ATTEMPTS and not job.dry_run:
            raise
        job.log(
            "a section of the weekly report is left out",
            level=logging.ERROR,
            section=section.name,
            error=str(error),
        )
        return Said(weeks={}, note=f"It could not be said: {error}")


def _is_latest(week: Week, job: JobContext) -> bool:
    """Whether it is the last week that is over: what was long ago alarms nobody."""
    return week == Week.over_at(job.clock.now())


def _told(found: WeeklyReport, week: Week, known: bool) -> dict[str, object]:
    """What a job's result says of the report."""
    runs = {f"runs_{one}": found.values().get(f"runs.{one}") for one in ("ended", "failed")}
    return {
        "week": week.name,
        "report": name_of(week, ReportFormat.JSON),
        "stored_before": known,
        **runs,
        "findings": len(found.findings),
        "outside_bands": sum(one.alert for one in found.findings),
        "rules": [f"{one.rule}: {one.figure}" for one in found.findings[:_SAID]],
    }


def _log(job: JobContext, found: WeeklyReport) -> None:
    job.log("weekly report", week=found.week, findings=len(found.findings))
    for one in found.findings[:_SAID]:
        level = logging.WARNING if one.alert else logging.INFO
        job.log(f"{found.week}: {one.text}", level=level, rule=one.rule)
