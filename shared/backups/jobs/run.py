"""What a backup job does: it backs up all databases that its plan means, one after another.

One that fails does not stop the others. What an earlier attempt of the job has proved is not done
again. While another job backs up the same database, this one waits its turn (R2).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.backups import record
from shared.backups.drive.copies import to_drive
from shared.backups.drive.folder import Drive
from shared.backups.jobs.copy import copy_to
from shared.backups.jobs.lock import Alone, Hold
from shared.backups.jobs.prune import clear
from shared.backups.jobs.result import ROOM, fitting
from shared.backups.jobs.take import Taken, take
from shared.backups.model import Manifest
from shared.backups.params import ALL, BackupPlan
from shared.backups.rules.anomaly import suspicions
from shared.backups.source import Source
from shared.backups.sources import Sources
from shared.backups.store.catalog import Catalog, Found
from shared.backups.store.encryption import Seal
from shared.backups.store.entries import Backup
from shared.errors import (
    BelfryError,
    Cancelled,
    Misconfigured,
    Refused,
    Skipped,
    Unavailable,
    Unprovable,
)
from shared.log import Event, event, short
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")

_AGAIN = timedelta(minutes=2)
"""R2: no backup begins sooner than this after the end of the plan's last one."""
_SAID = 2000
"""UTF-16 units of an error that are logged."""
_APART = timedelta(seconds=30)
"""More than the clocks of two instances may differ by."""
_BEFORE = 5
"""How many earlier backups a new one is compared with."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a `Round` works with."""

    sources: Sources
    catalog: Catalog
    seal: Seal | None
    alone: Alone
    drive: Callable[[], Drive | None]


class Round:
    """One job of a plan."""

    def __init__(self, tools: Tools, plan: BackupPlan, job: JobContext) -> None:
        """Raises `Misconfigured` if the plan needs something that the settings do not have."""
        self._tools = tools
        self._catalog = tools.catalog
        self._plan = plan
        self._job = job
        self._wanted = tools.catalog.wanted(plan.destinations)
        self._found: Found | None = None
        self._looked_at = job.clock.now()
        self._seal = _seal_of(plan, tools, self._listed)
        self._backups: list[dict[str, object]] = []
        self._failed: dict[str, Exception] = {}
        self._skipped: dict[str, str] = {}
        self._databases: list[record.Database] = []

    def run(self) -> Mapping[str, object]:
        """Do what the plan says, and return the job's result.

        If one backup fails, raises its error; if several do, one error that names them all. Raises
        `Skipped` if all were taken just before, unless the job is forced.
        """
        job = self._job
        for what, make in self._tools.sources.of(self._plan):
            job.check()
            try:
                source = make()
                with self._tools.alone.of(source, job) as hold:
                    self._one(what, source, hold)
            except Cancelled:
                raise
            except Exception as error:  # raised at the end, once the others are done
                self._failed[what] = error
                job.log("failed", level=logging.ERROR, source=what, error=short(str(error), _SAID))
        found, retention = self._catalog.look(check=job.check), self._plan.retention
        removed, held = clear(self._catalog, found, job.schedule_id, retention, job)
        if self._failed:
            raise self._failure()
        told = self._told(removed, held)
        if self._skipped and not self._backups:
            raise Skipped("; ".join(f"{what}: {why}" for what, why in self._skipped.items()), told)
        return told

    def _told(self, removed: list[str], held: list[str]) -> dict[str, object]:
        """The job's result: for people as far as there is room, for later jobs whole or not."""
        result: dict[str, object] = {"backups": self._backups, "removed": removed}
        extra = {"skipped": self._skipped, "not_removed": held}
        result |= {name: value for name, value in extra.items() if value}
        recorded = record.to_json(self._databases)
        size = len(json.dumps(recorded))
        if self._plan.databases != ALL or size > record.MOST:
            return fitting(result)
        return fitting(result, ROOM - size) | {record.NAME: recorded}

    def _one(self, what: str, source: Source, hold: Hold) -> None:
        job, plan = self._job, self._plan
        self._databases.append((source.name, source.database))
        group = (job.schedule_id, source.name, source.database, source.scope)
        row = self._look(hold).groups().get(group, [])
        backup = self._before(row)
        if backup is not None:
            shown = {**backup.summary.to_json(), "verified": True}
        elif (recent := just_taken(row, job.clock.now())) is not None and not job.forced:
            self._skipped[what] = f"backup {recent.id} ended less than two minutes ago"
            job.log("skipped", source=what, reason=self._skipped[what])
            return
        else:
            taken = self._take(source, row, hold)
            backup = Backup(taken.manifest.summary, [taken.copy])
            row = [backup, *row]
            shown = _shown(taken)
            _tell(taken, job)
        if missing := copy_to(self._catalog, backup, self._wanted, job, tier=plan.tier):
            shown["missing_copies"] = missing
        if missing := to_drive(self._tools.drive(), self._catalog, row, plan, job):
            shown["not_on_drive"] = missing
        self._backups.append(shown)

    def _look(self, hold: Hold) -> Found:
        """Every backup, current as far as the held database goes: listed once for all databases,
        and again if another job has held this one since."""
        if hold.used_at is not None and hold.used_at > self._looked_at - _APART:
            self._found = None
        return self._listed()

    def _listed(self) -> Found:
        if self._found is None:
            self._looked_at = self._job.clock.now()
            self._found = self._catalog.look(check=self._job.check)
        return self._found

    def _before(self, row: list[Backup]) -> Backup | None:
        """The backup that an earlier attempt of this job proved, if any; what one left unproved is
        removed. Raises `Unprovable` if one found its backup so: another would be just the same."""
        for backup in row:
            if backup.summary.job_id != self._job.job_id:
                continue
            if backup.verified:
                self._job.log("an earlier attempt has proved it", backup_id=backup.id)
                return backup
            if backup.unprovable:
                said = next(copy.proof.error for copy in backup.copies if copy.proof is not None)
                raise Unprovable(f"an earlier attempt found of backup {backup.id}: {said}")
            for copy in backup.copies:
                if copy.state == "unproved":
                    self._job.log("removing what an earlier attempt left", blob=copy.blob)
                    try:
                        at = self._catalog[copy.destination]
                        at.remove(copy.blob, copy.names, self._job.check)
                    except (Refused, Unavailable) as error:  # retention will remove it later
                        self._job.log("not removed", blob=copy.blob, error=str(error))
        return None

    def _take(self, source: Source, row: list[Backup], hold: Hold) -> Taken:
        """Take and prove a backup, at the first destination that accepts it."""
        suspect = self._suspect(row)
        for destination in self._wanted:
            try:
                destination.create(self._job.check)
                return take(
                    source, self._plan, self._seal, destination, suspect, self._job, hold.confirm
                )
            except (Unavailable, Refused) as error:
                if error.service != destination.service or destination is self._wanted[-1]:
                    raise
                self._job.log(
                    "goes elsewhere first", destination=destination.name, error=str(error)
                )
        raise AssertionError("a plan has a destination")

    def _suspect(self, row: list[Backup]) -> Callable[[Manifest], tuple[str, ...]]:
        good = [one for one in row if one.verified and not one.suspicions][:_BEFORE]

        def suspect(new: Manifest) -> tuple[str, ...]:
            before = []
            for one in good:
                copy = one.good[0]
                try:
                    at = self._catalog[copy.destination]
                    before.append(at.manifest(copy, self._job.check))
                except Cancelled:
                    raise
                except BelfryError:  # left out of the comparison; a later proof will report it
                    continue
            return suspicions(new, before)

        return suspect

    def _failure(self) -> Exception:
        """What the job fails with: the only error, or one that names all errors and what was
        proved, and whose class says whether another attempt can help any of them. An unexpected
        error (no `BelfryError`) is returned as it is."""
        errors = self._failed
        if len(errors) == 1 and not self._backups:
            return next(iter(errors.values()))
        for error in errors.values():
            if not isinstance(error, BelfryError):
                return error
        said = "; ".join(f"{what}: {error}" for what, error in errors.items())
        whole = len(errors) + len(self._backups) + len(self._skipped)
        lasting = all(isinstance(one, BelfryError) and one.permanent for one in errors.values())
        kind = Refused if lasting else Unavailable
        good = ", ".join(f"{one['source']}/{one['database']} {one['id']}" for one in self._backups)
        proved = f"; proved: {good}" if good else ""
        return kind("backup", f"{len(errors)} of {whole} failed: {said}{proved}")


def _seal_of(plan: BackupPlan, tools: Tools, look: Callable[[], Found]) -> Seal | None:
    """The seal for the plan's backups; None: not encrypted. Raises `Misconfigured` if the key was
    probably lost: a missing key must not silently turn encryption off."""
    if plan.encrypt is False:
        return None
    if tools.seal is not None:
        return tools.seal
    if plan.encrypt:
        raise Misconfigured(
            "the plan wants its backups encrypted; set BACKUP_ENCRYPTION_KEY to a key of age"
        )
    found = look()
    wanted = {one.name for one in tools.catalog.wanted(plan.destinations)}
    if any(ids for name, ids in found.locked_at.items() if name in wanted):
        raise Misconfigured(
            f"BACKUP_ENCRYPTION_KEY is not set, and {found.locked_out}; "
            "set the key, or say encrypt: false in the plan"
        )
    return None


def just_taken(row: Iterable[Backup], now: datetime) -> Backup | None:
    """A proved backup that ended less than `_AGAIN` before or after now, if any. One that a wrong
    clock dated next year does not count, so that it blocks no new backup."""
    ended = (one for one in row if one.verified and abs(now - one.summary.finished_at) < _AGAIN)
    return next(ended, None)


def _shown(taken: Taken) -> dict[str, object]:
    shown = taken.manifest.summary.to_json() | {
        "blob": taken.manifest.blob,
        "destination": taken.copy.destination,
        "tables": len(taken.manifest.tables),
        "verified": True,
        "restore_seconds": taken.report.restore_seconds,
        "read_seconds": taken.report.read_seconds,
    }
    if taken.report.suspicions:
        shown["suspicions"] = list(taken.report.suspicions)
    if taken.report.without:
        shown["without"] = list(taken.report.without)
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
