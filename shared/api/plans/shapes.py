"""What the API takes and returns for backup plans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from shared.api.fields import JSON_LIMIT, Cron, Crons, Input, Name, ProjectId, Tags, Whole, Zone
from shared.api.plans.times import (
    LAST_DAY,
    TIME_OF_DAY,
    PlanFrequency,
    recurrence,
    time_of_day,
    words,
)
from shared.api.shown import Shown, at
from shared.backups.params import BackupPlan, Compression, Kept, Retention, Rules, Tier
from shared.backups.params import Name as Word
from shared.errors import Invalid
from shared.recurrence import Frequency
from shared.schedules.model import Definition
from shared.schedules.upcoming import upcoming
from shared.tasks.model import Flag

if TYPE_CHECKING:
    from shared.backups.status.plans import Planned
    from shared.backups.status.recovery import Standing

PARAMETERS = tuple(BackupPlan.model_fields)
_LISTS = ("databases", "schemas", "exclude_schemas", "without", "destinations")


def _weekday(value: object) -> object:
    if type(value) is not int or value not in range(7):
        raise ValueError("give a number from 0 to 6; Sunday is 0")
    return value


def _month_day(value: object) -> object:
    if type(value) is int and not 1 <= value <= LAST_DAY:
        raise ValueError(
            f"give 1 to {LAST_DAY}, which every month has; for the last day of each month, "
            'frequency "cron" with a cron_expression such as "0 3 L * *"'
        )
    return value


Words = Annotated[list[Word], Field(max_length=500)]
TimeOfDay = Annotated[
    str, AfterValidator(time_of_day), Field(json_schema_extra={"pattern": TIME_OF_DAY})
]


class _Fields(Input):
    enabled: Flag | None = None
    """Whether it runs by itself. True also ends a pause. Default: true."""
    frequency: PlanFrequency | None = None
    schedule_time: TimeOfDay | None = None
    """For daily, weekly, monthly: the time of day, by the clocks of `timezone`. Default: 00:00."""
    day_of_week: Annotated[Whole, BeforeValidator(_weekday)] | None = Field(
        default=None, ge=0, le=6
    )
    """For weekly; Sunday is 0. Default: 1."""
    day_of_month: Annotated[Whole, BeforeValidator(_month_day)] | None = Field(
        default=None, ge=1, le=LAST_DAY
    )
    """For monthly: a day that every month has; for the last day, use `cron` with `0 3 L * *`.
    Default: 1."""
    cron_expression: Cron | None = None
    """For `cron`: minute, hour, day of month, month, day of week (0-6, Sunday 0), or a name such as
    `@daily`."""
    cron_expressions: Crons | None = None
    """For `cron`, in place of cron_expression: it runs whenever one of them says so."""
    exclude_cron_expressions: Crons | None = None
    """Minutes that are left out, by the clocks of `timezone`, whatever the frequency."""
    timezone: Zone | None = None
    """An IANA zone, such as `Europe/Berlin`. Default: UTC."""
    databases: Literal["all"] | Annotated[Words, Field(min_length=1)] | None = None
    """For a PostgreSQL server: these databases, or `all`. Default: the one in its URL."""
    schemas: Words | None = None
    """For PostgreSQL: only these schemas. Default: all."""
    exclude_schemas: Words | None = None
    """For PostgreSQL: all schemas but these."""
    without: Rules | None = None
    """For PostgreSQL: what a proof may leave out because the data breaks it, as the error named it,
    such as `constraint public.orders.orders_pet_fkey`. The report says what was left out."""
    destinations: Words | None = None
    """Where copies go, by name. Default: every destination of the settings."""
    retention: Retention | None = None
    """Which backups are kept: each that any of these rules keeps. Replaces all earlier rules.
    Default: 30 days."""
    retention_days: Kept | None = None
    """The same as `retention: {"days": ...}`."""
    compression: Compression | None = None
    """Default: zstd."""
    encrypt: Flag | None = None
    """Default: null, which encrypts if there is a key (BACKUP_ENCRYPTION_KEY)."""
    tier: Tier | None = None
    """Default: null, the account's own tier."""
    drive: Flag | None = None
    """Whether a copy goes to Google Drive as well; null: only if GDRIVE_FOLDER_ID is set. Default:
    false."""
    drive_count: Kept | None = None
    """How many are kept on Google Drive. Default: 30."""
    tags: Tags | None = None
    """Names with values, such as `{"team": "backend"}`; its jobs carry them too. A change replaces
    all of them."""

    @field_validator("databases", mode="before")
    @classmethod
    def _all_or_names(cls, value: object) -> object:
        names = isinstance(value, list) and value and all(_is_name(one) for one in value)
        if value is not None and value != "all" and not names:
            raise ValueError('give "all", or a list of names')
        return value

    def given(self) -> dict[str, Any]:
        """What the caller wrote, as JSON has it."""
        return self.model_dump(mode="json", exclude_unset=True)

    def parameters(self, present: Mapping[str, object]) -> dict[str, object]:
        """`task_parameters` with what is given changed. Null removes a parameter, so that its
        default counts again; only for `drive` is null a value of its own.

        Raises `Invalid` naming the field.
        """
        given = self.given()
        if "retention" in given and "retention_days" in given:
            raise Invalid("retention_days", "give retention or retention_days, not both")
        if "retention_days" in given:
            days = given.pop("retention_days")
            given["retention"] = None if days is None else {"days": days}
        changed = dict(present)
        for name in PARAMETERS:
            if name in given and (given[name] is not None or name == "drive"):
                changed[name] = given[name]
            elif name in given:
                changed.pop(name, None)
        for one, other in (("schemas", "exclude_schemas"), ("exclude_schemas", "schemas")):
            if given.get(one) and changed.get(other):
                raise Invalid(one, f"give schemas or exclude_schemas, not both; {other} may be []")
        if len(json.dumps(changed)) > JSON_LIMIT:
            longest = max(_LISTS, key=lambda name: len(json.dumps(changed.get(name))))
            raise Invalid(longest, f"longer than {JSON_LIMIT} characters of JSON, with the rest")
        return changed


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200


class NewPlan(_Fields):
    """A backup plan to be made."""

    name: Name
    project_id: ProjectId | None = None
    frequency: PlanFrequency
    source: Word
    """`database`, `postgres`, `state` (Belfry's own), one of BACKUP_SOURCES, or `all` of them."""

    def definition(self, task_type: str, description: str) -> Definition:
        """The schedule that it is. Raises `Invalid`."""
        return Definition(
            name=self.name,
            project_id=self.project_id,
            description=description,
            task_type=task_type,
            task_parameters=self.parameters({}),
            recurrence=recurrence(self.given()),
            enabled=self.enabled is not False,
            tags=self.tags or {},
        )


class PlanChange(_Fields):
    """What is to change; what is left out stays. Null means the default; for name, enabled, tags,
    frequency and timezone it is the same as leaving it out."""

    name: Name | None = None
    source: Word | None = None
    """`database`, `postgres`, `state` (Belfry's own), one of BACKUP_SOURCES, or `all` of them."""

    def apply(self, one: Planned) -> Definition:
        """The schedule's definition, changed. Raises `Invalid`."""
        what = one.schedule.definition
        present = one.plan.model_dump(mode="json", exclude_unset=True)
        given = self.given()
        changed: dict[str, Any] = {}
        if any(name in given for name in (*PARAMETERS, "retention_days")):
            changed["task_parameters"] = self.parameters(present)
        if self.name is not None:
            changed["name"] = self.name
        if self.enabled is not None:
            changed["enabled"] = self.enabled
        if self.tags is not None:
            changed["tags"] = self.tags
        return replace(what, **changed, recurrence=recurrence(given, what.recurrence))


class LastGood(Shown):
    """The newest verified backup."""

    id: str = at("last_good.id")
    started_at: datetime = at("last_good.started_at")
    age_seconds: float
    """How much is lost if the source is lost now."""


class PlanOut(Shown):
    """A backup plan as it is, and how its backups stand."""

    schedule_id: str
    project_id: int | None = at("definition.project_id")
    name: str = at("definition.name")
    task_type: str = at("definition.task_type")
    """`backup`, or the built-in task that the plan belongs to; such a plan cannot be deleted."""
    enabled: bool = at("definition.enabled")
    tags: dict[str, str] = at("definition.tags")
    frequency: Frequency = at("when.frequency")
    """hourly, daily, weekly, monthly, cron; interval, once or rrule if another route made the
    schedule."""
    schedule_time: str | None = at("when.schedule_time")
    """For daily, weekly, monthly: the time of day in `timezone`."""
    day_of_week: int | None = at("when.day_of_week")
    """For weekly; Sunday is 0."""
    day_of_month: int | None = at("when.day_of_month")
    """For monthly."""
    cron_expression: str | None = at("when.cron_expression")
    """For cron."""
    cron_expressions: list[str] = at("when.cron_expressions")
    """For cron, if there are several."""
    exclude_cron_expressions: list[str] = at("definition.recurrence.exclude_cron_expressions")
    rrule: str | None = at("when.rrule")
    """If another route made the schedule with a rule."""
    timezone: str = at("definition.recurrence.timezone")
    source: str = at("plan.source")
    databases: Literal["all"] | list[str] | None = at("plan.databases")
    schemas: list[str] = at("plan.schemas")
    exclude_schemas: list[str] = at("plan.exclude_schemas")
    without: list[str] = at("plan.without")
    destinations: list[str] = at("plan.destinations")
    """Empty: every destination of the settings."""
    retention: dict[str, int] = at("plan.retention.rules")
    """The rules that are set."""
    retention_days: int | None = at("plan.retention.days")
    """`retention.days`, if that is one of them."""
    compression: Compression = at("plan.compression")
    encrypt: bool | None = at("plan.encrypt")
    tier: Tier | None = at("plan.tier")
    drive: bool | None = at("plan.drive")
    drive_count: int = at("plan.drive_count")
    last_run_at: datetime | None = at("progress.last_run_at")
    next_run_at: datetime | None = at("coming.due_at")
    """When it runs next by itself; null if it does not."""
    paused_reason: str | None = at("progress.paused_reason")
    last_error: str | None = at("progress.last_error")
    last_good: LastGood | None
    """If the plan has several databases, that of the one that stands worst."""
    sentence: str
    """To what time that database can be restored, how long it takes, and when that was proved."""

    @classmethod
    def of(cls, one: Planned, stand: Standing | str, now: datetime) -> Self:
        """`stand`: how its worst database stands, or why that is not known."""
        known = None if isinstance(stand, str) else stand
        return cls.model_validate(
            SimpleNamespace(
                schedule_id=one.id,
                definition=one.schedule.definition,
                when=words(one.schedule.definition.recurrence),
                plan=one.plan,
                progress=one.schedule.progress,
                coming=upcoming(one.schedule, now),
                last_good=known if known and known.last_good else None,
                sentence=known.sentence if known else stand,
            )
        )
