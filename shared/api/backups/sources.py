"""What the API returns about how databases stand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from shared.backups.model import Summary
    from shared.backups.rules.turns import Turn
    from shared.backups.status.plans import SourceStanding
    from shared.backups.status.recovery import Standing


class GoodOut(BaseModel):
    """The newest verified backup of a source."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    schedule_id: str
    """Of the plan that took it."""
    started_at: datetime
    finished_at: datetime
    bytes: int
    sha256: str

    @staticmethod
    def of(good: Summary) -> GoodOut:
        return GoodOut(
            id=good.id,
            schedule_id=good.schedule_id,
            started_at=good.started_at,
            finished_at=good.finished_at,
            bytes=good.bytes,
            sha256=good.sha256,
        )


class OldestProofOut(BaseModel):
    """The copy, of all of a source's backups, whose last full read is longest ago."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    backup_id: str
    destination: str
    verified_at: datetime

    @staticmethod
    def of(turn: Turn) -> OldestProofOut:
        return OldestProofOut(
            backup_id=turn.backup.id, destination=turn.copy.destination, verified_at=turn.at
        )


class SourcePlanOut(BaseModel):
    """How a database stands by the backups of one plan."""

    model_config = ConfigDict(use_attribute_docstrings=True)

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

    @staticmethod
    def of(stand: Standing, name: str) -> SourcePlanOut:
        return SourcePlanOut(
            schedule_id=stand.schedule_id,
            name=name,
            last_good=stand.last_good and GoodOut.of(stand.last_good),
            age_seconds=stand.age_seconds,
            too_old=stand.too_old,
            expected_by=stand.expected_by,
            gone_at=stand.gone_at,
            sentence=stand.sentence,
        )


class SourceOut(BaseModel):
    """How one database stands, by all its backups."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    source: str
    database: str
    """Empty if no backup says yet which one it is."""
    scope: str
    """Which part of the database; empty for all of it."""
    last_good: GoodOut | None
    """Whichever plan took it, even one that no longer exists."""
    age_seconds: float | None
    """How much is lost if the source is lost now."""
    restore_seconds: float | None
    """How long a restore takes: the slowest of the last five proofs and restores, each from the
    first byte read back to the last row counted."""
    read_seconds: float | None
    """The part of that spent reading the stored bytes back and comparing their hash."""
    verified_at: datetime | None
    oldest_proof: OldestProofOut | None
    """Among all copies of its backups that may be relied upon; `backup_scrub` proves it next."""
    sentence: str
    """The same in words."""
    plans: list[SourcePlanOut]
    """A plan that has no backup yet is listed with every database of its source."""

    @staticmethod
    def of(stand: SourceStanding, names: Mapping[str, str], now: datetime) -> SourceOut:
        """`names`: the plans' names by their ids."""
        best = stand.best
        proof = best.proof if best is not None else None
        good = best.summary if best is not None else None
        return SourceOut(
            source=stand.source,
            database=stand.database,
            scope=stand.scope,
            last_good=good and GoodOut.of(good),
            age_seconds=good and good.age_seconds(now),
            restore_seconds=stand.took and stand.took.restore_seconds if best else None,
            read_seconds=stand.took and stand.took.read_seconds if best else None,
            verified_at=proof and proof.at,
            oldest_proof=stand.oldest_proof and OldestProofOut.of(stand.oldest_proof),
            sentence=stand.sentence,
            plans=[
                SourcePlanOut.of(one, names.get(one.schedule_id, one.schedule_id))
                for one in stand.plans
            ],
        )


class SourceList(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    sources: list[SourceOut]
    away: dict[str, str]
    """Destinations that did not answer, and their errors; a source may stand better than shown."""
    locked: int
    """How many encrypted backups the keys of BACKUP_ENCRYPTION_KEY do not open; one of them may be
    newer."""
