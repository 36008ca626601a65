"""A task: a named piece of work in code, and how the engine is to treat it.

    @task("postgres_backup", cron="0 3 * * *", timeout_seconds=7200)
    def postgres_backup(job: JobContext, plan: BackupPlan, backups: BackupService) -> Result: ...

The function takes the job; a model of its parameters, if it has any; and what it needs of the app
(`services`), each by its type. The decorator reads that from its signature, and makes a frozen
`Task`. Nothing is registered at import: the `Registry` collects the tasks of the modules that it is
given, so importing a module twice does no harm.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Concatenate, TypeAlias, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shared.access import Role
from shared.errors import Invalid
from shared.recurrence import Frequency, Recurrence
from shared.tasks.context import JobContext
from shared.tasks.preview import Preview
from shared.tasks.proposed import Proposed
from shared.tasks.services import Services, given
from shared.tasks.wording import first_in_words
from shared.text import refuse_unclean

Flag: TypeAlias = Annotated[bool, Field(strict=True)]
"""True or false, and neither a number nor text such as "yes"."""

PARAMETERS = "task_parameters"
"""What a schedule calls its task's parameters."""

Result: TypeAlias = Mapping[str, object]
"""What a task returns: its metrics, as a JSON object (P8)."""


Run: TypeAlias = Callable[Concatenate[JobContext, ...], "Result | Coroutine[Any, Any, Result]"]
"""A task's function, plain or a coroutine; it takes the job, its parameters, and services."""


Check: TypeAlias = Callable[Concatenate[Any, Proposed, ...], None]
"""Checks that what a task's parameters name exists. It takes the parameters, what is known of the
schedule, and services. Raises `Invalid` naming one of the parameters, or another error."""


Previews: TypeAlias = Callable[Concatenate[Any, JobContext, ...], Preview]
"""Says what a job of a critical task will do. It takes the parameters, the job, and services."""


class Params(BaseModel):
    """The base of every task's parameters. Unknown names are always refused, and so are texts with
    characters that other programs take for the end, or cannot encode."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    RESOURCES: ClassVar[tuple[str, ...]] = ()
    """The parameters that name what the task works on, such as `source`: two runs that have the
    same one should not meet (C16)."""

    @field_validator("*", mode="before")
    @classmethod
    def _is_clean(cls, value: object) -> object:
        refuse_unclean(value)
        return value


class Impact(StrEnum):
    """What a task may do to the outside (O5)."""

    A = "A"
    """Safe: runs."""
    B = "B"
    """Soft: runs, and is logged."""
    C = "C"
    """Critical (mail, outside HTTP): waits for a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """How often a failed job is tried again, and how long to wait before."""

    attempts: int = 3
    """How many attempts in all, the first included."""
    first_delay_seconds: int = 30
    """Before the second attempt; doubles with each further one."""
    max_delay_seconds: int = 900


@dataclass(frozen=True, kw_only=True, slots=True)
class Takes:
    """What a task's function takes besides the job, by the names of its arguments."""

    params: str | None
    """The argument that takes its parameters, if it has any."""
    services: Mapping[str, type[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A named piece of work in code."""

    name: str
    run: Run
    params: type[Params]
    takes: Takes
    recurrence: Recurrence | None
    """When its system schedule runs; None for a task that only user schedules use."""
    impact: Impact
    timeout_seconds: int
    retry: Retry
    misfire_grace_seconds: int
    max_concurrent: int | None
    """Jobs of this task that may run at once, on all instances together; None for no limit."""
    aliases: tuple[str, ...]
    """Earlier names, since stored schedules outlive a name."""
    check: Check | None = None
    check_takes: Mapping[str, type[Any]] = field(default_factory=dict)
    local_time: bool = False
    """Whether TASK_TIMEZONE moves it (P7)."""
    on_request: bool = False
    """Whether a person must ask for it each time: no schedule of it comes due by itself."""
    role: Role = Role.OPERATOR
    """The role that a caller needs to make its schedules, to change them, or to run them."""
    for_projects: bool = False
    """Whether a caller of some projects may say what it does: it works for its schedule's project
    alone, and its results say nothing of others."""
    dry_run: bool = False
    """Whether it decides by its job's due time, and heeds `JobContext.dry_run`: then a person may
    run it as of another instant, or so that it only says what it would do."""
    preview: Previews | None = None
    """Says what a job will do, for the person who approves it; only critical tasks need one."""
    preview_takes: Mapping[str, type[Any]] = field(default_factory=dict)
    repeatable: bool = False
    """Whether a second run with the same job id and parameters ends as one would: then a batch does
    an item again if a crash hid how it ended."""

    @property
    def needs(self) -> frozenset[type[Any]]:
        """The services that it, its check and its preview take, by their types."""
        taken = (self.takes.services, self.check_takes, self.preview_takes)
        return frozenset(kind for one in taken for kind in one.values())

    def call(
        self, job: JobContext, params: Params, services: Services
    ) -> Result | Coroutine[Any, Any, Result]:
        """Run its function."""
        named = {} if self.takes.params is None else {self.takes.params: params}
        return self.run(job, **named, **given(services, self.takes.services))

    def previewed(self, job: JobContext, params: Params, services: Services) -> Preview:
        """What a job of it will do; of a task without a preview, its parameters."""
        if self.preview is None:
            said = {name: str(value) for name, value in params.model_dump(mode="json").items()}
            return Preview(title=self.summary, facts=said)
        return self.preview(params, job, **given(services, self.preview_takes))

    @property
    def summary(self) -> str:
        """The first line of the task's docstring."""
        return (self.run.__doc__ or self.name).strip().splitlines()[0]

    def resources(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """What these parameters name that the task works on, by the parameter's name."""
        fields = self.params.model_fields
        named = {one: parameters.get(one, fields[one].default) for one in self.params.RESOURCES}
        return {one: str(value) for one, value in named.items() if isinstance(value, str | int)}

    def fits(
        self, services: Services, parameters: Mapping[str, object], proposed: Proposed
    ) -> None:
        """Check the parameters against what exists.

        Raises `Invalid` naming `task_parameters.<field>`, `NotFound`, `Conflict`.
        """
        params = self.parse(parameters)
        if self.check is None:
            return
        try:
            self.check(params, proposed, **given(services, self.check_takes))
        except Invalid as error:
            raise Invalid(f"{PARAMETERS}.{error.field}", error.message) from None

    def parse(self, parameters: Mapping[str, object]) -> Params:
        """The parameters, checked. Raises `Invalid` naming `task_parameters.<field>`."""
        try:
            return self.params.model_validate(dict(parameters))
        except ValidationError as error:
            place, said = first_in_words(error.errors(), self.params, "parameter")
            raise Invalid(".".join([PARAMETERS, *map(str, place)]), said) from None


def task(
    name: str,
    *,
    cron: str | None = None,
    timezone: str = "UTC",
    local_time: bool = False,
    impact: Impact = Impact.A,
    timeout_seconds: int = 600,
    retry: Retry | None = None,
    misfire_grace_seconds: int = 900,
    max_concurrent: int | None = None,
    aliases: tuple[str, ...] = (),
    check: Check | None = None,
    on_request: bool = False,
    dry_run: bool = False,
    role: Role = Role.OPERATOR,
    for_projects: bool = False,
    repeatable: bool = False,
    preview: Previews | None = None,
) -> Callable[[Run], Task]:
    """Make a `Task` of a function. A wrong definition raises `ValueError` at import.

    `cron` is the default time of its system schedule (five fields, in `timezone`); settings and the
    API may change it. `local_time`: that zone is TASK_TIMEZONE. `misfire_grace_seconds`: how late
    a run may start (L7: 15 minutes for the daily tasks). `check` is called whenever new parameters
    come in, from anywhere. `dry_run`: its function decides by `job.due_at` and heeds `job.dry_run`;
    without it, the command line refuses `--dry-run` and `--as-of`. `role`, `for_projects`: who may
    have it run with parameters of their own (docs/access.md). `repeatable`: a batch may do it again
    for an item of which a crash hid how it ended (docs/batch.md). `preview`: what a person who
    approves a job of it is shown (docs/approvals.md).
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", name):
        raise ValueError(f"task name {name!r}: use lower-case letters, digits and _, 2 to 40")
    if max_concurrent is not None and max_concurrent < 1:
        raise ValueError(f"task {name}: max_concurrent is {max_concurrent}; use 1 or more")
    if cron is not None and on_request:
        raise ValueError(f"task {name}: what a person must ask for has no time of its own")

    def make(run: Run) -> Task:
        params, takes = _taken(name, run)
        required = [name for name, info in params.model_fields.items() if info.is_required()]
        if cron is not None and required:
            raise ValueError(f"task {name}: a system schedule needs defaults for {required}")
        return Task(
            name=name,
            run=run,
            params=params,
            takes=takes,
            recurrence=cron_recurrence(cron, timezone) if cron is not None else None,
            impact=impact,
            timeout_seconds=timeout_seconds,
            retry=retry or Retry(),
            misfire_grace_seconds=misfire_grace_seconds,
            max_concurrent=max_concurrent,
            aliases=aliases,
            check=check,
            check_takes=_types(name, check, 2) if check is not None else {},
            local_time=local_time,
            on_request=on_request,
            dry_run=dry_run,
            role=role,
            for_projects=for_projects,
            repeatable=repeatable,
            preview=preview,
            preview_takes=_types(name, preview, 2) if preview is not None else {},
        )

    return make


def _taken(name: str, run: Run) -> tuple[type[Params], Takes]:
    """(the model of its parameters, what it takes) of a task's function."""
    types = _types(name, run, 1)
    models = {word: kind for word, kind in types.items() if issubclass(kind, Params)}
    if len(models) > 1:
        raise ValueError(f"task {name}: one model of parameters, not {len(models)}")
    services = {word: kind for word, kind in types.items() if word not in models}
    return next(iter(models.values()), Params), Takes(
        params=next(iter(models), None), services=services
    )


def _types(name: str, function: Callable[..., object], after: int) -> dict[str, type[Any]]:
    """The types of a function's parameters after its first so many, by their names."""
    taken = list(inspect.signature(function).parameters)[after:]
    try:
        types = get_type_hints(function)
    except NameError as error:
        raise ValueError(f"task {name}: {error}; import it, and not for types alone") from error
    wrong = [word for word in taken if not isinstance(types.get(word), type)]
    if wrong:
        raise ValueError(f"task {name}: give {', '.join(wrong)} a class as its type")
    return {word: types[word] for word in taken}


def cron_recurrence(expression: str, timezone: str) -> Recurrence:
    """The recurrence of a five-field cron expression in a zone."""
    return Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=timezone)
