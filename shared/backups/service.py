"""The backup service: all that tasks (`BackupService`) and the API need, in one place."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from shared.access import Caller
from shared.alerts.service import Alerts
from shared.audit.port import Action, Audit, Subject
from shared.backups import orders
from shared.backups.drive.folder import Drive
from shared.backups.jobs import restore as restoring
from shared.backups.jobs.lock import Alone
from shared.backups.jobs.memory import given_back
from shared.backups.jobs.prune import remove, verdicts
from shared.backups.jobs.run import Round, Tools, just_taken
from shared.backups.jobs.scrub import scrub
from shared.backups.jobs.upkeep import Upkeep
from shared.backups.model import Manifest, Outcome, Report, checksum_name, manifest_name
from shared.backups.params import BackupPlan, RestoreOrder, Retention, ScrubOrder, VerifyOrder
from shared.backups.rules.retention import Verdict
from shared.backups.sources import Sources
from shared.backups.status.discovered import Runs
from shared.backups.status.monitor import Watch, told_of
from shared.backups.status.people import telling_of_damage
from shared.backups.status.plans import AnyPlan, Plans, newest_good
from shared.backups.status.recovery import Standing
from shared.backups.store.catalog import Catalog, Found
from shared.backups.store.destination import Destination
from shared.backups.store.encryption import Seal
from shared.backups.store.entries import Backup, Copy
from shared.clock import Clock
from shared.engine.commands.schedules import Manager
from shared.engine.records.lists import Lists
from shared.errors import BelfryError, Conflict, Damaged, NotFound, Refused
from shared.listing.wanted import Wanted
from shared.log import Event, event
from shared.notifications.service import Notifications
from shared.settings import Settings
from shared.storage.blobs.links import links
from shared.storage.connect import Connection
from shared.storage.tables.locks import Locks
from shared.tasks import Registry
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")


class Backups:
    """The service, bound to what it works with."""

    def __init__(
        self,
        *,
        settings: Settings,
        connection: Connection,
        locks: Locks,
        clock: Clock,
        manager: Manager,
        lists: Lists,
        tasks: Registry,
        notifications: Notifications,
        alerts: Alerts,
        audit: Audit,
    ) -> None:
        seal = Seal.of(settings.backup_encryption_key)
        self.catalog = catalog_of(settings, seal, connection)
        self._settings = settings
        self._manager = manager
        self._lists = lists
        self._tasks = tasks
        self._clock = clock
        self._sources = Sources(settings, connection)
        drive = partial(Drive.of, settings.drive, clock)
        self._tools = Tools(self._sources, self.catalog, seal, Alone(locks), drive)
        self._notifications = notifications
        self._audit = audit
        self._runs = Runs(manager.job)
        self._watch = Watch(
            self.catalog,
            lambda: self._sources.names,
            self.plans,
            manager.ended_since,
            self._runs,
            notifications,
            alerts,
        )
        self._upkeep = Upkeep(self.catalog, self.plans, drive)

    def plans(self, deleted_since: datetime | None = None) -> Plans:
        """The plans, newest first; with `deleted_since` also those that were deleted since then."""
        tasks = (task for task in self._tasks if issubclass(task.params, BackupPlan))
        names = frozenset(name for task in tasks for name in (task.name, *task.aliases))
        wanted = Wanted(task_types=names, deleted_since=deleted_since)
        return Plans.of(self._lists.all(wanted), self._tasks)

    def check_plan(self, plan: BackupPlan, new: Collection[str]) -> None:
        """Raise `Invalid` if something that the plan names does not exist (`orders`)."""
        orders.check_plan(self._settings, self._sources, self.catalog.names, plan, new)

    def check_order(self, order: RestoreOrder | VerifyOrder) -> None:
        """Raise if the order cannot be carried out (`orders`)."""
        orders.check_order(self.look(), self.catalog.names, order, self.manifest)

    def check_run(self, schedule_id: str) -> None:
        """Raise `Conflict` if a run of the plan would take no backup, since all were just taken."""
        now = self._clock.now()
        rows = [row for group, row in self.look().groups().items() if group[0] == schedule_id]
        just = [just_taken(row, now) for row in rows]
        if (last := next(iter(just), None)) is not None and all(just):
            text = f"backup {last.id} ended less than two minutes ago"
            raise Conflict(f'{text}; send {{"force": true}} for another')

    def take(self, plan: BackupPlan, job: JobContext) -> Mapping[str, object]:
        """Back up what the plan says (`jobs.run`)."""
        with given_back():
            return Round(self._tools, plan, job).run()

    def verify(self, order: VerifyOrder, job: JobContext) -> Mapping[str, object]:
        """Prove a backup again (`jobs.restore`)."""
        with given_back(), telling_of_damage(self._notifications, job):
            return restoring.verify(self._sources, self.catalog, order, job)

    def restore(self, order: RestoreOrder, job: JobContext) -> Mapping[str, object]:
        """Restore a backup, and tell the audit and the administrators (`jobs.restore`)."""
        by, subject = Caller.of_task("backup_restore"), Subject("backup", order.backup_id)
        with given_back(), self._audit.changing(by, Action.RESTORE, subject) as change:
            result = restoring.restore(self._sources, self.catalog, order, job)
            change.after = {"job_id": job.job_id, **result}
        restoring.tell(self._notifications, order, result, job)
        return result

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Log, alert and mail how backups stand (`status.monitor`)."""
        return self._watch.watch(job)

    def upkeep(self, job: JobContext) -> Mapping[str, object]:
        """Make missing copies, remove what retention no longer keeps (`jobs.upkeep`)."""
        with given_back():
            return self._upkeep.run(job)

    def scrub(self, order: ScrubOrder, job: JobContext) -> Mapping[str, object]:
        """Prove a share of the backups again (`jobs.scrub`)."""
        with given_back(), telling_of_damage(self._notifications, job):
            return scrub(self._sources, self.catalog, order, self._notifications, job)

    def look(self) -> Found:
        """Every backup, for a caller that waits for the answer (`Catalog.look`). Raises
        `Unavailable` or `Refused` if no destination answers."""
        return self.catalog.look(self._clock.now())

    def standings(self, found: Found, plans: Iterable[AnyPlan]) -> list[Standing]:
        """How each database of each of these plans stands."""
        return [stand for one in plans for stand in self.stands(one, found)]

    def stands(self, one: AnyPlan, found: Found) -> Iterator[Standing]:
        """How each database of a plan stands."""
        return told_of(one, found, self._sources.names, self._clock.now(), self._runs)

    def manifest(self, backup: Backup) -> Manifest:
        """A backup's manifest, from the first copy that can be read. Raises `Damaged`."""
        failure: BelfryError | None = None
        for copy in sorted(backup.copies, key=lambda copy: not copy.verified):
            try:
                return self.catalog[copy.destination].manifest(copy)
            except BelfryError as error:
                failure = error
        assert failure is not None  # noqa: S101 (a backup has at least one copy)
        raise failure

    def links(
        self, backup: Backup, copy: Copy, lasts: timedelta
    ) -> tuple[dict[str, str], datetime]:
        """(URLs that read those of the copy's blob, checksum and manifest that exist, by blob name;
        when the URLs expire)."""
        beside = (copy.blob, checksum_name(copy.blob), manifest_name(copy.blob))
        names = [name for name in beside if name in copy.names]
        destination = self.catalog[copy.destination]
        blobs = [destination.blob(name) for name in names]
        account = self._settings.backup_destinations[copy.destination].account
        urls, until = links(blobs, account.account_name, self._clock.now(), lasts)
        event(
            _logger,
            Event.BACKUP_LINKED,
            schedule_id=backup.summary.schedule_id,
            backup_id=backup.id,
            destination=copy.destination,
            expires_at=until,
        )
        return dict(zip(names, urls, strict=True)), until

    def verdicts(
        self, found: Found, schedule_id: str, retention: Retention | None = None
    ) -> list[Verdict]:
        """What the plan's retention would do with its backups now; or `retention`, as a dry run."""
        rule = retention or self._retention(schedule_id)
        rows = [row for group, row in found.groups().items() if group[0] == schedule_id]
        return [one for row in rows for one in verdicts(row, rule, self._clock.now())]

    def accept(self, backup: Backup) -> None:
        """Say that a suspicious backup is as it should be, so that retention goes on."""
        if not backup.suspicions:
            raise Conflict(f"backup {backup.id} is not suspicious")
        for copy in backup.copies:
            report = Report(
                backup_id=backup.id,
                outcome=Outcome.ACCEPTED,
                at=self._clock.now(),
                job_id="",
                how="by a person",
            )
            destination = self.catalog[copy.destination]
            destination.write_report(copy.blob, report, encrypted=copy.summary.encrypted)
            copy.reports.append(report)
        event(
            _logger,
            Event.BACKUP_ACCEPTED,
            schedule_id=backup.summary.schedule_id,
            backup_id=backup.id,
        )

    def delete(self, found: Found, backup: Backup, *, force: bool) -> None:
        """Remove all copies of a backup. Raises `Conflict` if its plan's retention keeps it,
        `Refused` if a copy cannot be removed.

        `force` overrides retention, but while the plan exists never for the last verified backup of
        its row.
        """
        row = found.groups()[backup.group]
        last = newest_good(row, self._clock.now())
        gone = not self._is_there(backup.summary.schedule_id)
        if last is not None and backup.id == last.id and not (force and gone):
            text = f"backup {backup.id} is the last verified one; it is never deleted"
            raise Conflict(f"{text} but with ?force=true, as its plan is gone" if gone else text)
        if not force:
            rule = self._retention(backup.summary.schedule_id)
            for verdict in verdicts(row, rule, self._clock.now()):
                if verdict.id == backup.id and verdict.keep:
                    why = "; ".join(verdict.reasons)
                    raise Conflict(
                        f"retention keeps backup {backup.id} ({why}); ?force=true deletes"
                    )
        if failed := remove(self.catalog, backup):
            raise Refused("backup destinations", "; ".join(failed))
        event(
            _logger,
            Event.BACKUP_DELETED,
            schedule_id=backup.summary.schedule_id,
            backup_id=backup.id,
        )

    def _is_there(self, schedule_id: str) -> bool:
        """Whether the plan's schedule exists, even if it cannot be read or the code no longer has
        its task: its last backup is given up only once somebody deletes the schedule."""
        try:
            self._manager.get(schedule_id)
        except NotFound:
            return False
        except Damaged:
            pass
        return True

    def _retention(self, schedule_id: str) -> Retention:
        """The plan's retention. Raises `Conflict` if the plan is gone or cannot be read: then its
        backups are kept."""
        plans = self.plans()
        for one in plans.good:
            if one.id == schedule_id:
                return one.plan.retention
        kept = "so its backups are kept; ?force=true deletes them"
        todo = [one.what_to_do for one in plans.unreadable if one.id == schedule_id]
        if todo or self._is_there(schedule_id):
            why = f" ({todo[0]})" if todo else ""
            raise Conflict(f"the plan {schedule_id!r} cannot be read{why}, {kept}")
        raise Conflict(f"there is no plan {schedule_id!r} any more, {kept}")


def catalog_of(settings: Settings, seal: Seal | None, connection: Connection) -> Catalog:
    """The catalog of the destinations in the settings."""
    return Catalog(
        Destination(name, partial(connection.to(where.account).container, where.container), seal)
        for name, where in settings.backup_destinations.items()
    )
