"""What people ask to be done with a backup, and the answers: links, proofs, restores, dry runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.api.fields import Input, Whole
from shared.api.shown import Queued, Shown, at
from shared.backups.params import Name, Retention, Rules

WEEK = 7 * 24 * 60
"""In minutes."""


class NewLink(Input):
    """A request for a link."""

    minutes: Whole = Field(default=60, ge=1, le=WEEK)
    """How long it lasts."""
    destination: Name | None = None
    """Which copy. Default: the first that is verified."""


class Link(Shown):
    """Links that each read one blob, and nothing else, until they expire."""

    url: str
    """Whoever has this URL may read the backup."""
    expires_at: datetime
    sha256: str
    """Of the file behind `url`."""
    bytes: int
    checksum_url: str | None
    """A link to the file that `sha256sum -c` takes; null if that file is gone."""
    manifest_url: str | None
    """A link to the manifest (docs/backups.md; encrypted if the backup is); null if it is gone."""
    file: str
    """A name for the file, whose endings say what it is."""
    destination: str


class Verify(Input):
    """A request to prove a backup again."""

    destination: Name | None = None
    """Which copy. Default: each."""
    without: Rules = ()
    """For PostgreSQL: what the proof may leave out because the data breaks it, as the error named
    it, such as `constraint public.orders.orders_pet_fkey`. The report says what was left out; a
    restore leaves it out too."""


class Restore(Input):
    """A request to restore a backup."""

    target: Name | None = None
    """A database (for SQLite a file's name, for the state a BELFRY_PREFIX) that is empty or does
    not exist yet. Default: a new one, whose name the job's result gives; for the state,
    BELFRY_PREFIX."""
    replace: Name | None = None
    """To restore over a target that is not empty, repeat its name here. What was there is kept."""
    destination: Name | None = None
    """Which copy. Default: the first that is whole. A backup that is not verified is restored only
    if its copy is named here; even then, what is stored must be what was written."""


class Asked(Shown):
    """A job that was asked for."""

    job_id: str
    schedule_id: str = at("schedule.id")
    message: Queued = at("job_id")


class DryRun(Input):
    """Asks what retention would do now."""

    schedule_id: Annotated[str, Field(min_length=1, max_length=200)]
    """The plan whose backups are meant."""
    retention: Retention | None = None
    """Default: the plan's own."""


class VerdictOut(Shown):
    id: str
    source: str
    database: str
    started_at: datetime
    bytes: int
    keep: bool
    reasons: list[str]
    """What keeps it; or, if nothing keeps it, why not."""


class DryRunOut(Shown):
    """What retention would do now; nothing was removed."""

    backups: list[VerdictOut]
    kept: int
    removed: int
