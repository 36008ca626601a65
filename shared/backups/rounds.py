"""What a backup job does: everything that its plan means, one after another, each on its own.

One that fails keeps none of the others from being backed up. What an attempt before this one has
proved is not done again, and of a database that another job backs up this one waits its turn (R2).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.backups.alone import Alone, Hold
from shared.backups.catalog import Catalog, Found
from shared.backups.copying import copy_to
from shared.backups.destination import Destination
from shared.backups.drive import Drive
from shared.backups.driving import to_drive
from shared.backups.entries import Backup
from shared.backups.keeping import clear
from shared.backups.model import Manifest
from shared.backups.seal import Seal
from shared.backups.source import Source
from shared.backups.sources import Sources
from shared.backups.suspicion import suspicions
from shared.backups.taking import Taken, take
from shared.errors import BelfryError, Cancelled, Misconfigured, Refused, Unavailable
from shared.log import Event, event, short
from shared.tasks.backups import BackupPlan
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")

_AGAIN = timedelta(minutes=2)
"""R2: no backup begins within so long of the end of the plan's last."""
_SAID = 2000
"""Characters of an error that are logged."""
_BEFORE = 5
"""Backups that a new one is compared with."""


@dataclass(slots=True)
class _Round:
    """What one job has done."""

    backups: list[dict[str, object]] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


class Rounds:
    """Backup jobs, bound to what they work with."""

    def __init__(
        self,
        sources: Sources,
        catalog: Catalog,
        seal: Seal | None,
        alone: Alone,
        drive: Callable[[], Drive | None],
    ) -> None:
        self._sources = sources
        self._catalog = catalog
        self._seal = seal
        self._alone = alone
        self._drive = drive

    def run(self, plan: BackupPlan, job: JobContext) -> Mapping[str, object]:
        """Do what the plan says; the job's result.

        Raises what a backup failed with; of several that failed, one error that names them all.
        """
        seal = self._seal_of(plan)
        wanted = self._catalog.wanted(plan.destinations)
        done = _Round()
        for what, make in self._sources.of(plan):
            job.check()
            try:
                source = make()
                with self._alone.of(source, job) as hold:
                    self._one(what, source, plan, seal, wanted, done, job, hold)
            except Cancelled:
                raise
            except Exception as error:  # raised at the end, when the others are done
                done.failed[what] = error
                job.log("failed", level=logging.ERROR, source=what, error=short(str(error), _SAID))
        removed, held = self._retain(plan, job)
        if done.failed:
            raise _failure(done)
        result: dict[str, object] = {"backups": done.backups, "removed": removed}
        extra = {"skipped": done.skipped, "not_removed": held}
        return result | {name: value for name, value in extra.items() if value}

    def _one(
        self,
        what: str,
        source: Source,
        plan: BackupPlan,
        seal: Seal | None,
        wanted: list[Destination],
        done: _Round,
        job: JobContext,
        hold: Hold,
    ) -> None:
        found = self._catalog.look()
        group = (job.schedule_id, source.name, source.database, source.scope)
        row = found.groups().get(group, [])
        backup, shown = self._before(row, job)
        if backup is None:
            recent = next((one for one in row if one.verified and _just(one, job)), None)
            if recent is not None:
                done.skipped[what] = f"backup {recent.id} ended less than two minutes ago"
                job.log("skipped", source=what, reason=done.skipped[what])
                return
            taken = self._take(source, plan, seal, wanted, row, job, hold)
            backup = Backup(taken.manifest.summary, [taken.copy])
            shown = _shown(taken)
            _tell(taken, job)
        missing = copy_to(self._catalog, backup, wanted, job, tier=plan.tier)
        if missing:
            shown["missing_copies"] = missing
        if missing := to_drive(self._drive(), self._catalog, [backup, *row], plan, job):
            shown["not_on_drive"] = missing
        done.backups.append(shown)

    def _before(
        self, row: list[Backup], job: JobContext
    ) -> tuple[Backup | None, dict[str, object]]:
        """What an earlier attempt of this job proved; what one left unproved is removed."""
        for backup in row:
            if backup.summary.job_id != job.job_id:
                continue
            if backup.verified:
                job.log("an earlier attempt has proved it", backup_id=backup.id)
                return backup, {**backup.summary.to_json(), "verified": True}
            for copy in backup.copies:
                if copy.state == "unproved":
                    job.log("removing what an earlier attempt left", blob=copy.blob)
                    try:
                        self._catalog[copy.destination].remove(copy.blob, copy.names)
                    except (Refused, Unavailable) as error:  # retention comes back to it
                        job.log("not removed", blob=copy.blob, error=str(error))
        return None, {}

    def _take(
        self,
        source: Source,
        plan: BackupPlan,
        seal: Seal | None,
        wanted: list[Destination],
        row: list[Backup],
        job: JobContext,
        hold: Hold,
    ) -> Taken:
        """The proved backup, at the first of the destinations that takes it."""
        for destination in wanted[:-1]:
            try:
                destination.create()
                suspect = self._suspect(row)
                return take(source, plan, seal, destination, suspect, job, hold.confirm)
            except (Unavailable, Refused) as error:
                if error.service != destination.service:
                    raise
                job.log("goes elsewhere first", destination=destination.name, error=str(error))
        wanted[-1].create()
        return take(source, plan, seal, wanted[-1], self._suspect(row), job, hold.confirm)

    def _suspect(self, row: list[Backup]) -> Callable[[Manifest], tuple[str, ...]]:
        good = [one for one in row if one.verified and not one.suspicions][:_BEFORE]

        def suspect(new: Manifest) -> tuple[str, ...]:
            before = []
            for one in good:
                copy = one.good[0]
                try:
                    before.append(self._catalog[copy.destination].manifest(copy))
                except BelfryError:  # what cannot be read is no measure; verify will tell
                    continue
            return suspicions(new, before)

        return suspect

    def _retain(self, plan: BackupPlan, job: JobContext) -> tuple[list[str], list[str]]:
        rows = self._rows(self._catalog.look(), job.schedule_id)
        return clear(self._catalog, rows, plan.retention, job)

    @staticmethod
    def _rows(found: Found, schedule_id: str) -> list[list[Backup]]:
        return [row for group, row in found.groups().items() if group[0] == schedule_id]

    def _seal_of(self, plan: BackupPlan) -> Seal | None:
        if plan.encrypt and self._seal is None:
            raise Misconfigured(
                "the plan wants its backups encrypted; set BACKUP_ENCRYPTION_KEY to a key of age"
            )
        return None if plan.encrypt is False else self._seal


def _just(one: Backup, job: JobContext) -> bool:
    """Whether it ended within `_AGAIN` of now, before or after: one of next year, which a clock
    that was wrong has made, keeps none from being taken."""
    return abs(job.clock.now() - one.summary.finished_at) < _AGAIN


def _failure(done: _Round) -> Exception:
    """What the job fails with: the one error, or one that names all, and says `again` if any
    may be mended by another attempt. One that nobody expected is raised as it is."""
    errors = list(done.failed.items())
    if len(errors) == 1 and not done.backups:
        return errors[0][1]
    for _, error in errors:
        if not isinstance(error, BelfryError):
            return error
    said = "; ".join(f"{what}: {error}" for what, error in errors)
    text = f"{len(errors)} of {len(errors) + len(done.backups) + len(done.skipped)} failed: {said}"
    lasting = all(isinstance(error, BelfryError) and error.permanent for _, error in errors)
    kind = Refused if lasting else Unavailable
    return kind("backup", text)


def _shown(taken: Taken) -> dict[str, object]:
    shown = taken.manifest.summary.to_json() | {
        "blob": taken.manifest.blob,
        "destination": taken.copy.destination,
        "tables": len(taken.manifest.tables),
        "verified": True,
        "restore_seconds": taken.report.restore_seconds,
    }
    if taken.report.suspicions:
        shown["suspicions"] = list(taken.report.suspicions)
    return shown


def _tell(taken: Taken, job: JobContext) -> None:
    one = taken.manifest
    about: dict[str, Any] = {
        "schedule_id": job.schedule_id,
        "job_id": job.job_id,
        "backup_id": one.id,
        "source": one.source,
        "database": one.database,
    }
    event(
        _logger,
        Event.BACKUP_VERIFIED,
        **about,
        blob=one.blob,
        bytes=one.bytes,
        tables=len(one.tables),
        seconds=one.duration_seconds,
        restore_seconds=taken.report.restore_seconds,
    )
    if taken.report.suspicions:
        said = "; ".join(taken.report.suspicions)
        event(_logger, Event.BACKUP_SUSPICIOUS, level=logging.ERROR, **about, suspicions=said)
