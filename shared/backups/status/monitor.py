"""Monitors the backups between two runs.

`Watch.watch`, every few minutes: logs how old each source's last good backup is, alerts when one is
missing or lost, when a database is gone and when a plan cannot be read, logs once an hour which
plans are off (R5), and mails the outcome of each job (R4).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.alerts.port import AlertKind
from shared.alerts.service import Alerts
from shared.backups.status.discovered import Runs
from shared.backups.status.losses import tell_losses
from shared.backups.status.mails import Mail, mail_of
from shared.backups.status.plans import AnyPlan, Planned, Plans, Unreadable, standings
from shared.backups.status.recovery import Standing, named
from shared.backups.store.catalog import Catalog, Found
from shared.log import Event, event
from shared.notifications.service import Notifications
from shared.schedules.job import Job
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")

_MAILED = timedelta(days=2)
"""How far back jobs are looked at, including those of plans deleted since. No job is mailed
twice."""
_HOURLY = 5
"""The watch runs every five minutes; the run due in these first minutes of an hour logs what is
logged hourly."""

Jobs = Callable[[str, datetime], Iterable[Job]]
"""(schedule's id, instant) -> the schedule's jobs that were due since then."""


class Watch:
    """The watch, bound to what it looks at."""

    def __init__(
        self,
        catalog: Catalog,
        sources: Callable[[], list[str]],
        plans: Callable[[datetime], Plans],
        jobs: Jobs,
        runs: Runs,
        notifications: Notifications,
        alerts: Alerts,
    ) -> None:
        """`plans` gives the plans, with those that were deleted since an instant."""
        self._catalog = catalog
        self._sources = sources
        self._plans = plans
        self._jobs = jobs
        self._runs = runs
        self._notifications = notifications
        self._alerts = alerts

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Log, alert and mail as the module describes; return the job's result."""
        plans = self._plans(job.clock.now() - _MAILED)
        told = self._tell_jobs(plans, job)
        for one in plans.lasting:
            self._tell_plan(one, job)
        found, now = self._catalog.look(check=job.check), job.clock.now()
        names = self._sources()
        stands = [
            stand for one in plans.lasting for stand in told_of(one, found, names, now, self._runs)
        ]
        for stand in stands:
            self._tell(stand, job)
        self._tell_old([stand for stand in stands if stand.too_old and stand.gone_at is None])
        self._tell_away(found, job)
        self._tell_locked(found, job)
        lost = tell_losses(self._catalog, found, self._notifications, job)
        return {
            "sources": len(stands),
            "too_old": [f"{one.source}/{one.database}" for one in stands if one.too_old],
            "gone": [f"{one.source}/{one.database}" for one in stands if one.gone_at],
            "unreadable": [one.id for one in plans.unreadable if not one.by_hand],
            "jobs_told": told,
            "away": dict(found.away),
            "locked": found.locked,
            "lost": lost,
        }

    def _tell_jobs(self, plans: Plans, job: JobContext) -> int:
        """Mail the outcome of the plans' jobs, each once, and alert of plans that fail, until a job
        of theirs succeeds; return how many jobs there are."""
        lasting = {one.id for one in plans.lasting}
        failing = self._alerts.open_subjects(AlertKind.BACKUP_FAILED)
        told = 0
        for one in [*plans.there, *plans.deleted]:
            mails = self._mail(one, job)
            told += len(mails)
            if one.id not in lasting:
                for mail in mails:
                    self._tell_single(one, mail)
            elif mails and mails[0].failed:
                self._alerts.open(AlertKind.BACKUP_FAILED, one.id, _said(mails[0]))
            elif mails and one.id in failing:
                self._alerts.close(AlertKind.BACKUP_FAILED, one.id, _said(mails[0]))
        for gone in failing - lasting:
            self._alerts.close(AlertKind.BACKUP_FAILED, gone, "The plan was deleted.")
        return told

    def _tell_single(self, one: AnyPlan, mail: Mail) -> None:
        """Of a plan that does not run again: its failure has no end."""
        if mail.failed:
            self._alerts.happened(AlertKind.BACKUP_FAILED, one.id, _said(mail), key=mail.key)

    def _mail(self, one: AnyPlan, job: JobContext) -> list[Mail]:
        """Mail the outcome of the plan's jobs, each once; the mails, newest first."""
        since = job.clock.now() - _MAILED
        ended = self._jobs(one.id, since)
        mails = [mail for each in ended if (mail := mail_of(each, one.name)) is not None]
        for mail in mails:
            many = self._notifications
            send = many.alert if mail.suspicious else many.mail_administrators
            send(key=mail.key, subject=mail.subject, text=mail.text)
        return mails

    def _tell_plan(self, one: AnyPlan, job: JobContext) -> None:
        """An unreadable plan takes no backups, so there is an alert each day until it is mended. A
        plan that is off is so because somebody wanted it, so that is only logged."""
        if not one.schedule.is_on:
            if _hourly(job):
                _tell_off(one, job)
            return
        if not isinstance(one, Unreadable):
            return
        event(
            _logger,
            Event.BACKUP_PLAN_UNREADABLE,
            level=logging.ERROR,
            schedule_id=one.id,
            job_id=job.job_id,
            error=one.error,
        )
        self._notifications.alert(
            key=f"backup_plan_unreadable:{one.id}:{job.clock.now():%Y-%m-%d}",
            subject=f"Backup plan cannot be read: {one.name}",
            text=f"{one.what_to_do}. Until then the plan takes no backup, and the backups that it "
            "took are neither copied nor removed.",
        )

    def _tell(self, stand: Standing, job: JobContext) -> None:
        about: dict[str, Any] = {
            "schedule_id": stand.schedule_id,
            "job_id": job.job_id,
            "source": stand.source,
            "database": stand.database,
        }
        if stand.gone_at is not None:
            self._tell_gone(stand, job, about)
            return
        event(
            _logger,
            Event.BACKUP_AGE,
            **about,
            age_seconds=stand.age_seconds,
            restore_seconds=stand.restore_seconds,
        )
        if not stand.too_old:
            return
        event(
            _logger,
            Event.BACKUP_TOO_OLD,
            level=logging.ERROR,
            **about,
            expected_by=stand.expected_by,
            sentence=stand.sentence,
        )

    def _tell_old(self, old: Iterable[Standing]) -> None:
        """Alert of each database that has no good backup since one was due, until it has one."""
        texts = {
            f"{named(stand.source, stand.database)} by {stand.schedule_id}": stand.sentence
            for stand in old
        }
        for about, text in texts.items():
            self._alerts.open(AlertKind.BACKUP_TOO_OLD, about, text)
        for about in self._alerts.open_subjects(AlertKind.BACKUP_TOO_OLD) - texts.keys():
            over = "There is a good backup again, or none is expected any more."
            self._alerts.close(AlertKind.BACKUP_TOO_OLD, about, over)

    def _tell_gone(self, stand: Standing, job: JobContext, about: Mapping[str, Any]) -> None:
        """Alert once, since it must not go unnoticed. After that it counts as intended, and is only
        logged, like a plan that is off."""
        if _hourly(job):
            event(_logger, Event.BACKUP_DATABASE_GONE, **about, sentence=stand.sentence)
        name = named(stand.source, stand.database)
        last = stand.last_good.id if stand.last_good is not None else ""
        self._notifications.alert(
            key=f"backup_database_gone:{stand.schedule_id}:{name}:{last}",
            subject=f"Database gone: {name}",
            text=f"{stand.sentence}. It was dropped or renamed, or Belfry's user may no longer "
            "connect to it. No more is said of it until a run finds it again; its last verified "
            "backup is kept.",
        )

    def _tell_away(self, found: Found, job: JobContext) -> None:
        for name, error in found.away.items():
            event(
                _logger,
                Event.DESTINATION_AWAY,
                level=logging.ERROR,
                schedule_id=job.schedule_id,
                job_id=job.job_id,
                destination=name,
                error=error,
            )

    def _tell_locked(self, found: Found, job: JobContext) -> None:
        """Without their key, backups are as good as lost: log it each time, alert once a day."""
        if not found.locked:
            return
        event(
            _logger,
            Event.BACKUPS_LOCKED,
            level=logging.ERROR,
            schedule_id=job.schedule_id,
            job_id=job.job_id,
            locked=found.locked,
        )
        at = ", ".join(name for name, ids in found.locked_at.items() if ids)
        self._notifications.alert(
            key=f"backups_locked:{job.clock.now():%Y-%m-%d}",
            subject="Encrypted backups cannot be opened",
            text=f"At {at} {found.locked_out}. Without their key they cannot be restored: add it "
            "to BACKUP_ENCRYPTION_KEY, after the one that is to encrypt.",
        )


def told_of(
    one: AnyPlan, found: Found, sources: Iterable[str], now: datetime, runs: Runs
) -> Iterator[Standing]:
    """How each database of a plan stands (`standings`). If one has no good backup, its sentence
    also mentions backups that no key opens, since these may be its own."""
    for stand in standings(one, found, sources, now, runs):
        if stand.last_good is None and found.locked:
            yield replace(stand, sentence=f"{stand.sentence} ({found.locked_out})")
        else:
            yield stand


def _said(mail: Mail) -> str:
    return f"{mail.subject}\n{mail.text}"


def _hourly(job: JobContext) -> bool:
    return job.due_at.minute < _HOURLY


def _tell_off(one: AnyPlan, job: JobContext) -> None:
    """R5: a plan that is off is logged once an hour, and no more."""
    event(
        _logger,
        Event.BACKUP_PLAN_OFF,
        schedule_id=one.id,
        job_id=job.job_id,
        source=one.plan.source if isinstance(one, Planned) else "",
        reason=one.schedule.progress.paused_reason or "it is turned off",
    )
