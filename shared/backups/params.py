"""The parameters of backup tasks, which plans are made of.

A backup plan is a schedule of a backup task. The schedule itself says when it runs; all else is
here, as its `task_parameters`, so that a change by the API takes effect at the next run (R1).
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.tasks import Flag, Params

ALL = "all"
"""As a source: every one in the settings. As `databases`: every database of the server."""
PARTS = ("databases", "schemas", "exclude_schemas", "without")
"""Parameters that only apply to PostgreSQL servers."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Rule = Annotated[str, StringConstraints(pattern="^(constraint|index|domain) .", max_length=300)]


def _short(rules: tuple[str, ...]) -> tuple[str, ...]:
    if len(json.dumps(rules)) > _RULES:
        raise ValueError(f"longer than {_RULES} characters of JSON")
    return rules


_RULES = 4000
"""Characters of JSON, so that the rules fit into a blob's metadata."""
Rules = Annotated[tuple[Rule, ...], AfterValidator(_short)]
"""Rules that a database's data breaks, by the names that manifests have for them, such as
`constraint public.orders.orders_pet_fkey`."""
Kept = Annotated[int, Field(ge=1, le=10_000, strict=True)]


class Retention(Params):
    """Which backups are kept: every backup that at least one of these rules keeps. `hourly` to
    `yearly` keep the newest backup of each of the last N hours, days, weeks, months or years that
    have one (all in UTC)."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    days: Kept | None = None
    """Keep every backup younger than this many days."""
    count: Kept | None = None
    """Keep this many of the newest backups."""
    hourly: Kept | None = None
    daily: Kept | None = None
    weekly: Kept | None = None
    monthly: Kept | None = None
    yearly: Kept | None = None

    @model_validator(mode="after")
    def _keeps_something(self) -> Retention:
        if all(value is None for value in self.model_dump().values()):
            raise ValueError("it keeps nothing; give at least one of " + ", ".join(RULES))
        return self

    @property
    def rules(self) -> dict[str, int]:
        """The rules that are set."""
        return self.model_dump(exclude_none=True)


RULES = tuple(Retention.model_fields)


class Compression(StrEnum):
    """How a backup is compressed."""

    ZSTD = "zstd"
    GZIP = "gzip"


class Tier(StrEnum):
    """The access tier of the backup's blobs. There is no `archive`: it could not be read back."""

    HOT = "Hot"
    COOL = "Cool"
    COLD = "Cold"


class BackupPlan(Params):
    """What to back up, where to, and how long to keep it."""

    RESOURCES: ClassVar[tuple[str, ...]] = ("source",)

    source: Name
    """`database`, `postgres`, `state` (Belfry's own), one of BACKUP_SOURCES, or `all` of these."""
    databases: Literal["all"] | Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """PostgreSQL only: the databases of the server to back up, or `all`. With source `all` only
    `all` is possible, and applies to each server. Default: the one in the server's URL."""
    schemas: tuple[Name, ...] = ()
    """PostgreSQL only: back up only these schemas. Default: all."""
    exclude_schemas: tuple[Name, ...] = ()
    """PostgreSQL only: back up all schemas except these."""
    without: Rules = ()
    """PostgreSQL only: rules that a proof may leave out because the data breaks them, as the error
    named them, such as `constraint public.orders.orders_pet_fkey`. The report says what was left
    out."""
    destinations: tuple[Name, ...] = ()
    """Where copies go, by name; each copy is verified. Default: every destination in the
    settings."""
    drive: Flag | None = False
    """Whether a copy goes to Google Drive as well; null: only if GDRIVE_FOLDER_ID is set."""
    drive_count: Kept = 30
    """How many copies are kept on Google Drive."""
    retention: Retention = Retention(days=30)
    """Which backups are kept: every backup that at least one of these rules keeps."""
    compression: Compression = Compression.ZSTD
    """How the backup is compressed."""
    encrypt: Flag | None = None
    """Whether the backup is encrypted. Default: if there is a key (BACKUP_ENCRYPTION_KEY)."""
    tier: Tier | None = None
    """The access tier of the backup's blobs. Default: the account's own."""

    @model_validator(mode="before")
    @classmethod
    def _plain_days(cls, values: Any) -> Any:
        """`retention_days: 30` means the same as `retention: {"days": 30}` (R1)."""
        if not isinstance(values, dict) or "retention_days" not in values:
            return values
        if "retention" in values:
            raise ValueError("give retention or retention_days, not both")
        given = dict(values)
        return given | {"retention": {"days": given.pop("retention_days")}}

    @model_validator(mode="after")
    def _of_one_mind(self) -> BackupPlan:
        if self.schemas and self.exclude_schemas:
            raise ValueError("give schemas or exclude_schemas, not both")
        for name in parts_not_for_all(self) if self.source == ALL else ():
            raise ValueError(f"{name} is of one server; {ONLY_ALL}")
        return self


class BuiltInPlan(BackupPlan):
    """A plan that comes with the code. It is named after its source, which cannot be changed."""

    @field_validator("source")
    @classmethod
    def _keeps_source(cls, value: str) -> str:
        own = cls.model_fields["source"].default
        if value != own:
            text = f"it is a built-in plan, of {own!r}; make a plan of your own for another"
            raise ValueError(text)
        return value


ONLY_ALL = "with source `all` only `databases: all` is possible, for its PostgreSQL servers"


def parts_not_for_all(plan: BackupPlan) -> list[str]:
    """The fields of a plan that only fit one server, and so cannot apply to every source of
    `all`."""
    named = ("schemas", "exclude_schemas", "without")
    lists = ["databases"] if isinstance(plan.databases, tuple) else []
    return lists + [name for name in named if getattr(plan, name)]


class RestoreOrder(Params):
    """What to restore, and where to."""

    backup_id: Name
    """The 32 hex digits of the backup's id, or the first 8."""
    target: Name | None = None
    """A database (of SQLite a file's name, of the state a BELFRY_PREFIX) that is empty or does not
    exist yet. Default: a new one, named in the result; for the state, BELFRY_PREFIX."""
    replace: Name | None = None
    """To restore over a target that is not empty, give its name again here. What was there is kept
    under another name, which the result shows."""
    destination: Name | None = None
    """Which destination's copy to use. Default: the first one that is whole."""

    @field_validator("replace")
    @classmethod
    def _said_twice(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value != info.data.get("target"):
            raise ValueError(
                "to restore over a database that is not empty, say its name twice, "
                "as target and as replace"
            )
        return value


class VerifyOrder(Params):
    """Which backup to prove again."""

    backup_id: Name
    """The 32 hex digits of the backup's id, or the first 8."""
    destination: Name | None = None
    """Which destination's copy to prove. Default: every copy."""
    without: Rules = ()
    """PostgreSQL only: rules that the proof may leave out because the data breaks them, as the
    error named them, in addition to those that the last proof left out."""


class ScrubOrder(Params):
    """How many of the backups are proved again each day."""

    period_days: Annotated[int, Field(ge=1, le=3650, strict=True)] = 30
    """Every copy is read and restored again within this many days."""
    most_gb: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = 50
    """At most this many GB of backups, by stored size; the first one may be larger by itself."""
    most_minutes: Annotated[int, Field(ge=1, le=110, strict=True)] = 60
    """After this many minutes no further copy is begun."""
