"""What the API returns about backups."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from operator import itemgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, Self

from shared.api.lists import Paged
from shared.api.shown import Shown, at

if TYPE_CHECKING:
    from shared.backups.store.entries import Backup

State = Literal["verified", "damaged", "unprovable", "unproved"]


class CopyOut(Shown):
    """A backup's copy at one destination."""

    destination: str
    state: State
    """By its newest report: `verified`, `damaged`, or `unprovable` (it is what was dumped, but its
    data breaks its own rules, which `error` names). `unproved`: there is no report yet. A copy
    whose blob is gone, has another size or belongs to another backup is damaged."""
    verified_at: datetime | None = at("verification.at")
    how: str | None = at("verification.how")
    """`restored`: read back, restored and compared; `copied`: read back and compared with one that
    was restored."""
    error: str | None
    """What is wrong with a copy that is not verified."""
    without: list[str]
    """What a restore leaves out because the data breaks it."""
    tier: str | None = at("stored.tier")
    immutable_until: datetime | None = at("stored.immutable_until")
    """Until when a policy of the container forbids removing it."""
    blob: str


class BackupOut(Shown):
    """A backup, wherever its copies lie."""

    id: str = at("summary.id")
    source: str = at("summary.source")
    database: str = at("summary.database")
    scope: str = at("summary.scope")
    """Which part of the database; empty for all of it."""
    engine: str = at("summary.engine")
    """sqlite, postgresql, or belfry (Belfry's own state)."""
    schedule_id: str = at("summary.schedule_id")
    """Of the plan that took it."""
    job_id: str = at("summary.job_id")
    started_at: datetime = at("summary.started_at")
    """When the dump began; its data is not older than that."""
    finished_at: datetime = at("summary.finished_at")
    age_seconds: float
    """Since started_at."""
    bytes: int = at("summary.bytes")
    """As stored."""
    uncompressed_bytes: int = at("summary.uncompressed_bytes")
    duration_seconds: float = at("summary.duration_seconds")
    compression: str = at("summary.compression")
    encrypted: bool = at("summary.encrypted")
    sha256: str = at("summary.sha256")
    """Of the stored bytes."""
    state: State = at("backup.state")
    """`verified` if any copy is; else `damaged` if any copy is; else `unprovable`."""
    verified: bool = at("backup.verified")
    """Only such a backup may be relied upon."""
    verified_at: datetime | None = at("proof.at")
    restore_seconds: float | None = at("proof.restore_seconds")
    """How long it took to read it back, restore it and count its rows when it was last proved."""
    suspicions: list[str] = at("backup.suspicions")
    """Why a person should look at it, although it is whole; empty once a person has accepted it."""
    copies: list[CopyOut] = at("backup.copies")

    @classmethod
    def of(cls, backup: Backup, now: datetime, **more: object) -> Self:
        """`more`: what a subclass shows as well."""
        return cls.model_validate(
            SimpleNamespace(
                backup=backup,
                summary=backup.summary,
                proof=backup.proof,
                age_seconds=backup.summary.age_seconds(now),
                **more,
            )
        )


class ReportOut(Shown):
    """What was found about one copy, or said of it by a person."""

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


class BackupDetail(BackupOut):
    """A backup with its manifest and every report."""

    manifest: dict[str, Any] | None
    """As stored beside the blob: the above, and `tables` (rows by table), `schema` (a digest of
    each object's definition), and the versions of what made the dump."""
    manifest_error: str | None
    """Why the manifest is missing or cannot be read."""
    reports: list[ReportOut]
    """Oldest first."""

    @classmethod
    def whole(
        cls, backup: Backup, now: datetime, manifest: dict[str, Any] | None, error: str | None
    ) -> Self:
        reports = [
            {"destination": copy.destination, **asdict(report)}
            for copy in backup.copies
            for report in copy.reports
        ]
        reports.sort(key=itemgetter("at"))
        return cls.of(backup, now, manifest=manifest, manifest_error=error, reports=reports)


class LostOut(Shown):
    """What is left of a backup that can no longer be read: its metadata and its manifest are gone,
    or belong to another backup."""

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


class BackupList(Paged):
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
