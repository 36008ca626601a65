"""What the API returns about how databases stand."""

from __future__ import annotations

from datetime import datetime

from shared.api.shown import Shown, at


class GoodOut(Shown):
    """The newest verified backup of a source."""

    id: str
    schedule_id: str
    """Of the plan that took it."""
    started_at: datetime
    finished_at: datetime
    bytes: int
    sha256: str


class OldestProofOut(Shown):
    """The copy, of all of a source's backups, whose last full read is longest ago."""

    backup_id: str = at("backup.id")
    destination: str = at("copy.destination")
    verified_at: datetime = at("at")


class SourcePlanOut(Shown):
    """How a database stands by the backups of one plan."""

    schedule_id: str
    name: str
    last_good: GoodOut | None
    age_seconds: float | None
    """How much is lost if there is only this plan, and the source is lost now."""
    too_old: bool
    """The run after its last good one was due over two hours ago."""
    expected_by: datetime | None
    """When a newer one is, or was, due; null if none is."""
    gone_at: datetime | None
    """For a plan with `databases: all`: when its newest whole run no longer found the database. Its
    backup then never counts as too old."""
    sentence: str


class SourceOut(Shown):
    """How one database stands, by all its backups."""

    source: str
    database: str
    """Empty if no backup says yet which one it is."""
    scope: str
    """Which part of the database; empty for all of it."""
    last_good: GoodOut | None = at("best.summary")
    """Whichever plan took it, even one that no longer exists."""
    age_seconds: float | None
    """How much is lost if the source is lost now."""
    restore_seconds: float | None = at("took.restore_seconds")
    """How long a restore takes: the slowest of the last five proofs and restores, each from the
    first byte read back to the last row counted."""
    read_seconds: float | None = at("took.read_seconds")
    """The part of that spent reading the stored bytes back and comparing their hash."""
    verified_at: datetime | None = at("best.proof.at")
    oldest_proof: OldestProofOut | None
    """Among all copies of its backups that may be relied upon; `backup_scrub` proves it next."""
    sentence: str
    """The same in words."""
    plans: list[SourcePlanOut]
    """A plan that has no backup yet is listed with every database of its source."""


class SourceList(Shown):
    sources: list[SourceOut]
    away: dict[str, str]
    """Destinations that did not answer, and their errors; a source may stand better than shown."""
    locked: int
    """How many encrypted backups the keys of BACKUP_ENCRYPTION_KEY do not open; one of them may be
    newer."""
