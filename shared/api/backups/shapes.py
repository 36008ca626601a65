"""What the API returns about backups."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from shared.api.lists import Paged

if TYPE_CHECKING:
    from shared.backups.model import Report
    from shared.backups.store.entries import Backup, Copy, Lost

State = Literal["verified", "damaged", "unprovable", "unproved"]


class CopyOut(BaseModel):
    """A backup's copy at one destination."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    destination: str
    state: State
    """By its newest report: `verified`, `damaged`, or `unprovable` (it is what was dumped, but its
    data breaks its own rules, which `error` names). `unproved`: there is no report yet. A copy
    whose blob is gone, has another size or belongs to another backup is damaged."""
    verified_at: datetime | None
    how: str | None
    """`restored`: read back, restored and compared; `copied`: read back and compared with one that
    was restored."""
    error: str | None
    """What is wrong with a copy that is not verified."""
    without: list[str]
    """What a restore leaves out because the data breaks it."""
    tier: str | None
    immutable_until: datetime | None
    """Until when a policy of the container forbids removing it."""
    blob: str

    @staticmethod
    def of(copy: Copy) -> CopyOut:
        proof, stored = copy.proof, copy.stored
        good = proof if copy.verified else None
        state: Any = copy.state
        return CopyOut(
            destination=copy.destination,
            state=state,
            verified_at=good and good.at,
            how=good and good.how,
            error=copy.fault or (proof.error if proof is not None else None),
            without=list(copy.without),
            tier=stored and stored.tier,
            immutable_until=stored and stored.immutable_until,
            blob=copy.blob,
        )


class BackupOut(BaseModel):
    """A backup, wherever its copies lie."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    source: str
    database: str
    scope: str
    """Which part of the database; empty for all of it."""
    engine: str
    """sqlite, postgresql, or belfry (Belfry's own state)."""
    schedule_id: str
    """Of the plan that took it."""
    job_id: str
    started_at: datetime
    """When the dump began; its data is not older than that."""
    finished_at: datetime
    age_seconds: float
    """Since started_at."""
    bytes: int
    """As stored."""
    uncompressed_bytes: int
    duration_seconds: float
    compression: str
    encrypted: bool
    sha256: str
    """Of the stored bytes."""
    state: State
    """`verified` if any copy is; else `damaged` if any copy is; else `unprovable`."""
    verified: bool
    """Only such a backup may be relied upon."""
    verified_at: datetime | None
    restore_seconds: float | None
    """How long it took to read it back, restore it and count its rows when it was last proved."""
    suspicions: list[str]
    """Why a person should look at it, although it is whole; empty once a person has accepted it."""
    copies: list[CopyOut]

    @staticmethod
    def of(backup: Backup, now: datetime) -> BackupOut:
        return BackupOut(**_shown(backup, now))


class ReportOut(BaseModel):
    """What was found about one copy, or said of it by a person."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    destination: str
    outcome: str
    """verified, damaged, unprovable; accepted: a person confirmed that a suspicious backup is as it
    should be; restored: it was restored for use, and `restore_seconds` says how long that took."""
    at: datetime
    job_id: str
    how: str
    restore_seconds: float | None
    """From the first byte read back to the last row counted; if `read_seconds` is null, from the
    first byte read for the restore."""
    read_seconds: float | None
    """The part of that spent reading the stored bytes back and comparing their hash."""
    suspicions: list[str]
    error: str | None
    without: list[str]
    """What the restore left out because the data breaks it."""

    @staticmethod
    def of(destination: str, report: Report) -> ReportOut:
        return ReportOut(
            destination=destination,
            outcome=report.outcome.value,
            at=report.at,
            job_id=report.job_id,
            how=report.how,
            restore_seconds=report.restore_seconds,
            read_seconds=report.read_seconds,
            suspicions=list(report.suspicions),
            error=report.error,
            without=list(report.without),
        )


class BackupDetail(BackupOut):
    """A backup with its manifest and every report."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    manifest: dict[str, Any] | None
    """As stored beside the blob: the above, and `tables` (rows by table), `schema` (a digest of
    each object's definition), and the versions of what made the dump."""
    manifest_error: str | None
    """Why the manifest is missing or cannot be read."""
    reports: list[ReportOut]
    """Oldest first."""

    @staticmethod
    def whole(
        backup: Backup, now: datetime, manifest: dict[str, Any] | None, error: str | None
    ) -> BackupDetail:
        reports = [
            ReportOut.of(copy.destination, report)
            for copy in backup.copies
            for report in copy.reports
        ]
        return BackupDetail(
            **_shown(backup, now),
            manifest=manifest,
            manifest_error=error,
            reports=sorted(reports, key=lambda report: report.at),
        )


def state_of(backup: Backup, destination: str | None = None) -> str:
    """A backup's state, or that of its copy there."""
    states = {copy.state for copy in backup.copies if destination in (None, copy.destination)}
    return next(
        state for state in ("verified", "damaged", "unprovable", "unproved") if state in states
    )


def _shown(backup: Backup, now: datetime) -> dict[str, Any]:
    one, proof = backup.summary, backup.proof
    return {
        "id": one.id,
        "source": one.source,
        "database": one.database,
        "scope": one.scope,
        "engine": one.engine,
        "schedule_id": one.schedule_id,
        "job_id": one.job_id,
        "started_at": one.started_at,
        "finished_at": one.finished_at,
        "age_seconds": one.age_seconds(now),
        "bytes": one.bytes,
        "uncompressed_bytes": one.uncompressed_bytes,
        "duration_seconds": one.duration_seconds,
        "compression": one.compression,
        "encrypted": one.encrypted,
        "sha256": one.sha256,
        "state": state_of(backup),
        "verified": backup.verified,
        "verified_at": proof.at if proof is not None else None,
        "restore_seconds": proof.restore_seconds if proof is not None else None,
        "suspicions": list(backup.suspicions),
        "copies": [CopyOut.of(copy) for copy in backup.copies],
    }


class LostOut(BaseModel):
    """What is left of a backup that can no longer be read: its metadata and its manifest are gone,
    or belong to another backup."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    destination: str
    blob: str
    id: str
    """Only the first eight digits, if no more are known."""
    why: str
    bytes: int | None
    """Of the blob; null if the blob is gone."""
    sha256: str | None
    """From its file for `sha256sum -c`."""
    proved: bool
    """Whether its last report said that it was whole."""

    @staticmethod
    def of(lost: Lost) -> LostOut:
        return LostOut(
            destination=lost.destination,
            blob=lost.blob,
            id=lost.id,
            why=lost.why,
            bytes=lost.bytes,
            sha256=lost.sha256,
            proved=lost.proved,
        )


class BackupList(Paged):
    model_config = ConfigDict(use_attribute_docstrings=True)

    backups: list[BackupOut]
    away: dict[str, str]
    """Destinations that did not answer, each with its error; backups that lie only there are not
    listed."""
    unreadable: int
    """How many blobs belong to no backup, are encrypted with a key that is not set, are left of a
    lost backup, or have metadata that somebody changed."""
    lost: list[LostOut]
    """What is left of backups that can no longer be read, at all destinations."""
    locked: int
    """How many encrypted backups the keys of BACKUP_ENCRYPTION_KEY do not open; none is listed."""
