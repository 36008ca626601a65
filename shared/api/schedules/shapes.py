"""What the API takes and returns for schedules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, field_validator

from shared.api.fields import (
    JSON_LIMIT,
    Cron,
    Crons,
    HeartbeatUrl,
    Input,
    Instant,
    LocalTime,
    Name,
    ProjectId,
    Tags,
    Whole,
    Zone,
)
from shared.api.lists import Continued
from shared.api.plans.times import OF_PLANS
from shared.api.shown import Shown, at
from shared.errors import Invalid
from shared.recurrence import (
    CalendarRule,
    Frequency,
    Observance,
    Recurrence,
    hold_moves,
    next_run,
)
from shared.schedules.listed import ScheduleState, state
from shared.schedules.model import Band, CatchUp, Definition, Overlap, Policy, Schedule
from shared.schedules.upcoming import upcoming
from shared.schedules.warnings import Code, Warned
from shared.settings import Secret
from shared.tasks.model import Flag

_CLEARABLE = ("max_runs", "pause_after_failures")


class _Fields(Input):
    HINTS: ClassVar[Mapping[str, str]] = OF_PLANS

    description: str | None = Field(default=None, max_length=2000)
    task_parameters: dict[str, Any] | None = None
    """What the task takes; see the task."""
    enabled: Flag | None = None
    """Whether it starts runs by itself. True also ends a pause. Default: true."""
    tags: Tags | None = None
    """Names with values, such as `{"team": "backend"}`; its jobs carry them too. A change replaces
    all of them."""
    frequency: Frequency | None = None
    cron_expression: Cron | None = None
    """For `cron`: minute, hour, day of month, month, day of week (0-6, Sunday 0), or a name such as
    `@daily`."""
    cron_expressions: Crons | None = None
    """For `cron`, in place of cron_expression: it runs whenever one of them says so, and once if
    several do."""
    exclude_cron_expressions: Crons | None = None
    """Minutes that are left out, by the clocks of `timezone`: `* * 24-26 12 *` leaves out the days
    from 24 to 26 December. Not for `once` and `interval`."""
    rrule: str | None = Field(default=None, max_length=500)
    """For `rrule`: a rule of RFC 5545, such as `FREQ=WEEKLY;INTERVAL=2;BYDAY=TU`, which begins at
    start_time or start_local. What it leaves out (day, hour, minute) is that of its start."""
    interval_seconds: Whole | None = None
    """For `interval`: seconds from one run to the next."""
    timezone: Zone | None = None
    """An IANA zone, such as `Europe/Berlin`. Default: UTC."""
    start_time: Instant | None = None
    """No run is due before it; give its offset. For `once`: when it runs. A time that has passed is
    then refused, except one within the last 30 seconds, which means now: it is kept as the next
    second. For `rrule`: where its rule begins."""
    start_local: LocalTime | None = None
    """In place of start_time: by the clocks of `timezone`, such as `2030-01-31T09:00:00`. If they
    skip it, the end of the gap; if they show it twice, the first time."""
    end_time: Instant | None = None
    """No run is due after it; jitter may start the last one later. Refused if none comes before."""
    calendars: list[Name] | None = Field(default=None, max_length=10)
    """The names of calendars that hold its runs back, or move them; `/api/v1/calendars` has them.
    Default: none."""
    calendar_rule: CalendarRule | None = None
    """What becomes of a run on a closed day or in a blackout. `skip`: it is left out. `next`,
    `previous`: it runs on the next or previous open day, at the same time of day. Working hours
    never move a run; one outside them is left out. Default: skip."""
    misfire_grace_seconds: Whole | None = Field(default=None, ge=1, le=30 * 86400)
    """How late a run may start, counted from its due time and jitter; one that cannot is recorded
    as missed. Default: the task's."""
    catch_up: CatchUp | None = None
    """What happens to runs that came due while nothing could start them. `none`: the latest
    starts if it is within misfire_grace_seconds. `latest`: the latest starts, however late.
    `all`: every one starts, oldest first, up to catch_up_limit. Default: none."""
    catch_up_limit: Whole | None = Field(default=None, ge=1, le=1000)
    """For `catch_up: all`: after a long outage, this many of the latest runs start; older ones are
    recorded as missed. Default: 100."""
    overlap: Overlap | None = None
    """What happens to a run that comes due while an earlier one has not ended. `skip`: it is
    recorded as skipped. `buffer_one`: it waits, if none waits already. `buffer_all`: it waits its
    turn. `cancel_other`: the earlier one is told to stop. `allow_all`: it runs beside the earlier
    one. A run that a person asked for waits its turn, except under `allow_all`. Default: skip."""
    jitter_seconds: Whole | None = Field(default=None, ge=0, le=86400)
    """A run starts up to this many seconds after its due time; how many follows from its job's id.
    Default: 0."""
    max_runs: Whole | None = Field(default=None, ge=1, le=2**31 - 1)
    """How many runs it starts by itself, in all. Default: null, no limit."""
    pause_after_failures: Whole | None = Field(default=None, ge=1, le=2**31 - 1)
    """This many failed jobs in a row pause it until a person enables it. Default: null, never."""
    timeout_seconds: Whole | None = Field(default=None, ge=1, le=7200)
    """Of one attempt. Default: the task's."""
    max_attempts: Whole | None = Field(default=None, ge=1, le=20)
    """Attempts in all. Default: the task's."""
    retry_delay_seconds: Whole | None = Field(default=None, ge=1, le=86400)
    """Before the second attempt; doubles with each further one, up to the larger of this and
    max_retry_delay_seconds. Each delay is moved by up to 20 % either way. Default: the task's."""
    max_retry_delay_seconds: Whole | None = Field(default=None, ge=1, le=86400)
    """Where the doubling of retry_delay_seconds ends; a larger retry_delay_seconds still applies.
    Default: the task's."""
    band: Band | None = None
    """What becomes of a run whose time or numbers are unlike those of the runs before
    (docs/health.md). `alert`: people are told. `show`: its health shows it, and nobody is told.
    `off`: its runs are not compared. Default: alert."""
    heartbeat_url: HeartbeatUrl | None = None
    """Check of an outside service (Healthchecks' protocol) that is told when runs begin and how
    they end. It is a secret: answers show its host alone. Default: null, none."""

    @field_validator("task_parameters", "tags")
    @classmethod
    def _fits(cls, value: object) -> object:
        if len(json.dumps(value, allow_nan=False)) > JSON_LIMIT:
            raise ValueError(f"longer than {JSON_LIMIT} characters of JSON")
        return value


class NewSchedule(_Fields):
    """A schedule to be made."""

    name: Name
    task_type: Name
    frequency: Frequency
    project_id: ProjectId | None = None

    def definition(self) -> Definition:
        return Definition(
            name=self.name,
            project_id=self.project_id,
            description=self.description or "",
            task_type=self.task_type,
            task_parameters=self.task_parameters or {},
            enabled=self.enabled is not False,
            tags=self.tags or {},
            heartbeat_url=Secret(self.heartbeat_url or ""),
            recurrence=Recurrence(
                frequency=self.frequency,
                timezone="UTC" if self.timezone is None else self.timezone,
                cron_expression=self.cron_expression,
                cron_expressions=tuple(self.cron_expressions or ()),
                exclude_cron_expressions=tuple(self.exclude_cron_expressions or ()),
                interval_seconds=self.interval_seconds,
                rrule=self.rrule,
                start_time=self.start_time,
                start_local=self.start_local,
                end_time=self.end_time,
            ),
        )

    def policy(self, default: Policy) -> Policy:
        return _policy(self, default)


class ScheduleChange(_Fields):
    """What is to change; what is left out stays. Null clears what may be empty: cron_expression,
    cron_expressions, exclude_cron_expressions, interval_seconds, rrule, start_time, start_local,
    end_time, calendars, max_runs, pause_after_failures, heartbeat_url; for the others it is the
    same as leaving it out. cron_expression and cron_expressions replace each other, and so do
    start_time and start_local."""

    name: Name | None = None

    def apply(self, schedule: Schedule) -> Schedule:
        what = schedule.definition
        given = {name: getattr(self, name) for name in self.model_fields_set}
        fields = _present(given, ("name", "description", "enabled", "task_parameters"))
        if given.get("tags") is not None:
            fields["tags"] = given["tags"]
        if "heartbeat_url" in given:
            fields["heartbeat_url"] = Secret(given["heartbeat_url"] or "")
        definition = replace(what, **fields, recurrence=self._recurrence(what.recurrence, given))
        cleared: dict[str, Any] = {n: None for n in _CLEARABLE if given.get(n, "") is None}
        policy = replace(_policy(self, schedule.policy), **cleared)
        changed = replace(schedule, definition=definition, policy=policy)
        return changed.resumed() if self.enabled else changed

    def _recurrence(self, now: Recurrence, given: dict[str, Any]) -> Recurrence:
        fields = _present(given, ("frequency", "timezone"))
        fields |= {name: given[name] for name in _EMPTIED if name in given}
        fields |= {name: tuple(given[name] or ()) for name in _LISTS if name in given}
        if not fields:
            return now
        for one, other in _EITHER:
            if fields.get(one) and other not in fields:
                fields[other] = () if other in _LISTS else None
        for name, frequencies in _ONLY_FOR.items():
            if fields.get("frequency", now.frequency) not in frequencies:
                fields.setdefault(name, () if name in _LISTS else None)
        return replace(now, **fields)


_EMPTIED = (
    "cron_expression",
    "interval_seconds",
    "rrule",
    "start_time",
    "start_local",
    "end_time",
)
_LISTS = ("cron_expressions", "exclude_cron_expressions")
_EITHER = (
    ("cron_expression", "cron_expressions"),
    ("cron_expressions", "cron_expression"),
    ("start_time", "start_local"),
    ("start_local", "start_time"),
)
_ONLY_FOR: Mapping[str, frozenset[Frequency]] = {
    "cron_expression": frozenset({Frequency.CRON}),
    "cron_expressions": frozenset({Frequency.CRON}),
    "interval_seconds": frozenset({Frequency.INTERVAL}),
    "rrule": frozenset({Frequency.RRULE}),
    "exclude_cron_expressions": frozenset(Frequency) - {Frequency.ONCE, Frequency.INTERVAL},
}
"""What a change to another frequency removes."""


def observes(
    given: NewSchedule | ScheduleChange, present: Observance | None
) -> tuple[list[str], CalendarRule] | None:
    """The names of the calendars to be observed, and the rule; None if nothing of it changes."""
    if not given.model_fields_set & {"calendars", "calendar_rule"}:
        return None
    named = "calendars" in given.model_fields_set
    names = (given.calendars or []) if named else (present.names if present else [])
    rule = given.calendar_rule or (present.rule if present else CalendarRule.SKIP)
    if given.calendar_rule is not None and not names:
        raise Invalid("calendar_rule", "it says what calendars do; name some in `calendars`")
    return names, rule


def observing(schedule: Schedule, observance: Observance | None) -> Schedule:
    """The schedule with these calendars."""
    return replace(schedule, definition=definition_observing(schedule.definition, observance))


def definition_observing(what: Definition, observance: Observance | None) -> Definition:
    """The definition with these calendars. Raises `Invalid` if they cannot move its runs."""
    recurrence = replace(what.recurrence, calendar=observance, stored=True)
    hold_moves(recurrence)
    return replace(what, recurrence=recurrence)


class Execute(Input):
    """A request to run now."""

    force: Flag = False
    """Run even if the schedule is turned off or not due, or a budget is used up; take a backup even
    if the last one ended less than two minutes ago."""


def _policy(given: _Fields, default: Policy) -> Policy:
    names = tuple(Policy.__dataclass_fields__)
    return replace(default, **_present({name: getattr(given, name) for name in names}, names))


def _present(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name) is not None}


class ScheduleOut(Shown):
    """A schedule as it is."""

    id: str = at("schedule.id")
    project_id: int | None = at("definition.project_id")
    name: str = at("definition.name")
    description: str = at("definition.description")
    task_type: str = at("definition.task_type")
    frequency: Frequency = at("recurrence.frequency")
    cron_expression: str | None = at("recurrence.cron_expression")
    cron_expressions: list[str] = at("recurrence.cron_expressions")
    exclude_cron_expressions: list[str] = at("recurrence.exclude_cron_expressions")
    rrule: str | None = at("recurrence.rrule")
    interval_seconds: int | None = at("recurrence.interval_seconds")
    timezone: str = at("recurrence.timezone")
    task_parameters: dict[str, Any] = at("definition.task_parameters")
    enabled: bool = at("definition.enabled")
    tags: dict[str, str] = at("definition.tags")
    start_time: datetime | None = at("recurrence.start_time")
    start_local: str | None
    """By the clocks of `timezone`."""
    end_time: datetime | None = at("recurrence.end_time")
    calendars: list[str]
    """The names of the calendars that it observes."""
    calendar_rule: CalendarRule | None = at("recurrence.calendar.rule")
    misfire_grace_seconds: int = at("policy.misfire_grace_seconds")
    catch_up: CatchUp = at("policy.catch_up")
    catch_up_limit: int = at("policy.catch_up_limit")
    overlap: Overlap = at("policy.overlap")
    jitter_seconds: int = at("policy.jitter_seconds")
    max_runs: int | None = at("policy.max_runs")
    pause_after_failures: int | None = at("policy.pause_after_failures")
    timeout_seconds: int = at("policy.timeout_seconds")
    max_attempts: int = at("policy.max_attempts")
    retry_delay_seconds: int = at("policy.retry_delay_seconds")
    max_retry_delay_seconds: int = at("policy.max_retry_delay_seconds")
    band: Band = at("policy.band")
    heartbeat_url: str | None = at("definition.heartbeat_shown")
    """The host that is told of its runs; the rest of the URL is not shown."""
    next_run_at: datetime | None = at("coming.due_at")
    """When the next run that it starts by itself is due; null if there is none to come."""
    next_effective_at: datetime | None = at("coming.effective_at")
    """When that run starts: its due time and its jitter."""
    run_count: int = at("progress.run_count")
    success_count: int = at("progress.success_count")
    failure_count: int = at("progress.failure_count")
    skipped_count: int = at("progress.skipped_count")
    missed_count: int = at("progress.missed_count")
    cancelled_count: int = at("progress.cancelled_count")
    handed_out: int = at("progress.handed_out")
    """Runs that it started by itself; what max_runs is compared with."""
    failures_in_row: int = at("progress.failures_in_row")
    """Failed jobs since the last that succeeded, or since it was enabled; what
    pause_after_failures is compared with."""
    success_rate: float | None = at("progress.success_rate")
    """In percent, to one decimal place; null before its first run."""
    state: ScheduleState
    """`paused`: turned off, or paused because too many runs failed. `ended`: nothing will run again
    by itself. `failing`: the last run that ended failed. Else `healthy`."""
    is_active: bool
    """Whether it will run again by itself."""
    inactive_reason: str | None
    """Why it will not run again by itself, if so."""
    paused_reason: str | None = at("progress.paused_reason")
    """Why it was paused, if it was; enabling it ends the pause."""
    last_run_at: datetime | None = at("progress.last_run_at")
    last_error: str | None = at("progress.last_error")
    revision: int = at("schedule.revision")
    """Grows with each change by people. `If-Match: "7"` fits revision 7."""
    created_at: datetime = at("schedule.created_at")
    updated_at: datetime = at("schedule.updated_at")

    @classmethod
    def of(cls, schedule: Schedule, now: datetime) -> Self:
        coming = upcoming(schedule, now)
        observance = schedule.definition.recurrence.calendar
        local = schedule.definition.recurrence.start_local
        return cls.model_validate(
            SimpleNamespace(
                schedule=schedule,
                start_local=None if local is None else local.isoformat(),
                definition=schedule.definition,
                recurrence=schedule.definition.recurrence,
                policy=schedule.policy,
                progress=schedule.progress,
                coming=coming,
                state=state(schedule),
                calendars=observance.names if observance else [],
                is_active=coming is not None,
                inactive_reason=None if coming else _inactive_reason(schedule, now),
            )
        )


class WarningOut(Shown):
    """What a person should know; it forbids nothing."""

    code: Code
    message: str


class ScheduleSaved(ScheduleOut):
    """A schedule that was created or changed."""

    warnings: list[WarningOut] | None
    """What to look at: never or rarely due, in the gap or the repeated hour of a clock change, the
    same as another schedule, at work at the same time as another on the same task or resource.
    Null: it is saved, but they could not be looked up."""

    @staticmethod
    def of_saved(plain: ScheduleOut, warned: Sequence[Warned] | None) -> ScheduleSaved:
        shown = None if warned is None else [WarningOut.model_validate(one) for one in warned]
        return ScheduleSaved.model_construct(**dict(plain), warnings=shown)


def _inactive_reason(schedule: Schedule, now: datetime) -> str:
    """Why it will not run again by itself."""
    when = schedule.definition.recurrence
    if schedule.deleted_at is not None:
        return "deleted"
    if not schedule.definition.enabled:
        return "turned off"
    if schedule.progress.paused_reason is not None:
        return f"paused: {schedule.progress.paused_reason}"
    if schedule.runs_left == 0:
        return f"max_runs ({schedule.policy.max_runs}) reached"
    if when.calendar is not None and next_run(replace(when, calendar=None, stored=True), now):
        return f"{', '.join(when.calendar.names)} holds every run back"
    if when.frequency is Frequency.ONCE:
        return "its one time was handed out, or has passed"
    if when.ends_by_rule:
        return "its rule has come to its end"
    if when.end_time is not None and when.end_time > now:
        return "no run is left before its end_time"
    return "past its end_time"


class ScheduleList(Continued):
    schedules: list[ScheduleOut]


def _made(job_id: str) -> str:
    return f"Schedule executed successfully, job {job_id} created"


Made = Annotated[str, AfterValidator(_made)]
"""Made from a job's id: a text that names the job."""


class Executed(Shown):
    schedule_id: str = at("asked.schedule.id")
    schedule_name: str = at("asked.schedule.definition.name")
    job_id: str = at("asked.job_id")
    executed_at: datetime = at("asked.at")
    next_run_at: datetime | None = at("coming.due_at")
    message: Made = at("asked.job_id")


class Retried(Shown):
    """Which jobs will run again."""

    schedule_id: str
    job_ids: list[str]
    """The new jobs, in the order in which they were due; each names the one it repeats."""
