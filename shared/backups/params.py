"""The parameters of backup tasks, which plans are made of.

A backup plan is a schedule of a backup task: its time is the schedule's, and the rest is here, as
the schedule's `task_parameters`, so that the API changes it and the next run takes it (R1).
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, Literal

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
"""Every source that the settings name; of a server, every database."""
PARTS = ("databases", "schemas", "exclude_schemas", "without")
"""Parameters that only a plan of a PostgreSQL server has."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Rule = Annotated[str, StringConstraints(pattern="^(constraint|index|domain) .", max_length=300)]


def _short(rules: tuple[str, ...]) -> tuple[str, ...]:
    if len(json.dumps(rules)) > _RULES:
        raise ValueError(f"longer than {_RULES} characters of JSON")
    return rules


_RULES = 4000
"""What of them fits into a blob's metadata."""
Rules = Annotated[tuple[Rule, ...], AfterValidator(_short)]
"""Rules that a database's data breaks, as manifests call them, such as
`constraint public.orders.orders_pet_fkey`."""
Kept = Annotated[int, Field(ge=1, le=10_000, strict=True)]


class Retention(Params):
    """Which backups are kept: each that any of these rules keeps. Of generations, the newest of
    each of the last so many hours, days, weeks, months or years that have one (all in UTC)."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    days: Kept | None = None
    """Every backup younger than so many days."""
    count: Kept | None = None
    """The newest so many."""
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


RULES = tuple(Retention.model_fields)


class Compression(StrEnum):
    """How a backup is compressed."""

    ZSTD = "zstd"
    GZIP = "gzip"


class Tier(StrEnum):
    """The access tier of its blobs; `archive` is not among them: it could not be read back."""

    HOT = "Hot"
    COOL = "Cool"
    COLD = "Cold"


class BackupPlan(Params):
    """What to back up, to where, and how long to keep it."""

    source: Name
    """`database`, `postgres`, `state` (Belfry's own), one of BACKUP_SOURCES, or `all` of them."""
    databases: Literal["all"] | Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """Of a PostgreSQL server: these, or `all` it has (with source `all`: that alone, for each
    server). Default: the one in its URL."""
    schemas: tuple[Name, ...] = ()
    """Of PostgreSQL: only these schemas. Default: all."""
    exclude_schemas: tuple[Name, ...] = ()
    """Of PostgreSQL: all schemas but these."""
    without: Rules = ()
    """Of PostgreSQL: what a proof may leave out since the data breaks it, as the error named it,
    such as `constraint public.orders.orders_pet_fkey`. The report says what was left out."""
    destinations: tuple[Name, ...] = ()
    """Where copies go, by name; each is verified. Default: every destination of the settings."""
    drive: Flag | None = False
    """Whether a copy goes to Google Drive as well; null: if GDRIVE_FOLDER_ID is set."""
    drive_count: Kept = 30
    """How many are kept there."""
    retention: Retention = Retention(days=30)
    """Which backups are kept: each that any of these rules keeps."""
    compression: Compression = Compression.ZSTD
    """What it is packed with."""
    encrypt: Flag | None = None
    """Default: if there is a key (BACKUP_ENCRYPTION_KEY)."""
    tier: Tier | None = None
    """Default: the account's own."""

    @model_validator(mode="before")
    @classmethod
    def _plain_days(cls, values: Any) -> Any:
        """`retention_days: 30` says the same as `retention: {"days": 30}` (R1)."""
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
    """A plan that comes with the code: its name says what it backs up, and so does `source`."""

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
    """What a plan names that belongs to one server, by the fields' names: not every source of
    `all` has it."""
    named = ("schemas", "exclude_schemas", "without")
    lists = ["databases"] if isinstance(plan.databases, tuple) else []
    return lists + [name for name in named if getattr(plan, name)]


class RestoreOrder(Params):
    """What to restore, and where to."""

    backup_id: Name
    """The 32 hex digits of its id, or the first 8."""
    target: Name | None = None
    """A database (of SQLite a file's name, of the state a BELFRY_PREFIX) that is empty or not
    there yet. Default: a new one, whose name the result tells; of the state, BELFRY_PREFIX."""
    replace: Name | None = None
    """To restore over a target that is not empty, its name once more. What was there is kept
    under another name, which the result tells."""
    destination: Name | None = None
    """Which copy to take. Default: the first that is whole."""

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
    """The 32 hex digits of its id, or the first 8."""
    destination: Name | None = None
    """Which copy. Default: each."""
    without: Rules = ()
    """Of PostgreSQL: what the proof may leave out since the data breaks it, as the error named it;
    beside what the last proof left out."""


class ScrubOrder(Params):
    """How much of the backups is proved again in one day."""

    period_days: Annotated[int, Field(ge=1, le=3650, strict=True)] = 30
    """Within so many days each copy is read and restored again."""
    most_gb: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = 50
    """So many GB of backups, as they are stored; the first may be larger alone."""
    most_minutes: Annotated[int, Field(ge=1, le=110, strict=True)] = 60
    """After so many no further one is begun."""
