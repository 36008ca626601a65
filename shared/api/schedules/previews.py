"""Previews of schedules: what is to come, in words and in runs, and what to look at (N6)."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Annotated, Self

from fastapi import APIRouter, Header
from pydantic import Field, WithJsonSchema

from shared.access import Role
from shared.api import scope
from shared.api.deps import Asking, Provided
from shared.api.lists import Since
from shared.api.query import DIGITS, instant
from shared.api.roles import needs
from shared.api.schedules.defined import defined
from shared.api.schedules.shapes import (
    NewSchedule,
    WarningOut,
)
from shared.api.shown import Shown, at
from shared.app import App
from shared.engine.commands.builtin import policy
from shared.errors import Invalid
from shared.schedules import words
from shared.schedules.clock_changes import ClockChange, Effect
from shared.schedules.ledger import State
from shared.schedules.model import Schedule
from shared.schedules.preview import MOST, Coming, coming

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])

Count = Annotated[int, Field(ge=1, le=MOST), DIGITS]
Language = Annotated[str, WithJsonSchema({"type": "string", "enum": list(words.LANGUAGES)})] | None
Accepted = Annotated[str, Header(alias="Accept-Language", max_length=500)]


class ClockChangeOut(Shown):
    """What a change of clocks does to a run."""

    effect: Effect
    """`moved`: clocks skip its time of day, so it runs when the gap ends. `dropped`: clocks skipped
    `times` between the run before and this one; these do not run. `doubled`: clocks show its time
    twice, and it runs both times. `once`: they show it twice, and it runs the first time only."""
    at: datetime
    """When clocks change."""
    times: list[str]
    """The times of day that it concerns, by the clocks of the zone."""

    @classmethod
    def of(cls, change: ClockChange) -> Self:
        texts = [one.isoformat(timespec="seconds") for one in change.walls]
        return cls(effect=change.effect, at=change.at, times=texts)


class ComingOut(Shown):
    """A run to come, or one that a calendar holds back."""

    due_at: datetime = at("run.due_at")
    """In UTC."""
    local: datetime
    """The same by the clocks of the zone, with their offset."""
    effective_at: datetime | None
    """When it starts: its due time and its jitter. Null: jitter follows from the id, which the
    schedule does not have yet."""
    state: State = at("run.state")
    """`scheduled`, or `held`: a calendar holds it back."""
    calendar: str | None = at("run.calendar")
    """The calendar that holds it back, or moved it here."""
    reason: str | None = at("run.reason")
    moved_from: list[datetime] = at("run.moved_from")
    """When it would have been due without calendars, if it was moved."""
    clock_change: ClockChangeOut | None

    @classmethod
    def of(cls, one: Coming) -> Self:
        return cls.model_validate(
            SimpleNamespace(
                run=one.occurrence,
                local=one.local,
                effective_at=one.occurrence.effective_at if one.jitter_known else None,
                clock_change=None if one.change is None else ClockChangeOut.of(one.change),
            )
        )


class PreviewOut(Shown):
    """What a schedule has to come."""

    timezone: str
    words: str
    """The recurrence in words."""
    language: str
    """What the words are in: English where the language asked for has none for it."""
    jitter_seconds: int
    """A run starts up to so many seconds after it is due."""
    runs: list[ComingOut]
    """In order. Those that calendars hold back stand between them, at most `count`, and are not
    among the `count` runs."""
    warnings: list[WarningOut]


@router.post("/preview")
@needs(Role.VIEWER)
def preview_new_schedule(
    app: Provided,
    by: Asking,
    new: NewSchedule,
    count: Count = 10,
    since: Since = None,
    language: Language = None,
    accepted: Accepted = "",
) -> PreviewOut:
    """What a schedule would have to come, if it were created; nothing is stored.

    The body is that of a creation. `from`: runs due then or later; default: now.
    """
    belfry = app()
    scope.may_use(belfry, by, new.task_type)
    task = belfry.registry.get(new.task_type)
    task.parse(new.task_parameters or {})
    project_id = scope.new_project(by, new.project_id)
    now = belfry.clock.now()
    draft = Schedule(
        id="",
        definition=defined(belfry, new, project_id),
        policy=new.policy(policy(task)),
        created_at=now,
        updated_at=now,
    )
    return _shown(belfry, draft, count, since, language or words.chosen(accepted))


@router.get("/{schedule_id}/preview")
def preview_schedule(
    app: Provided,
    by: Asking,
    schedule_id: str,
    count: Count = 10,
    since: Since = None,
    language: Language = None,
    accepted: Accepted = "",
) -> PreviewOut:
    """What a schedule has to come, even if it is off. `from`: runs due then or later; default: now.

    What became of runs that were due is in `/occurrences`.
    """
    belfry = app()
    found = scope.schedule(belfry, by, schedule_id)
    return _shown(belfry, found, count, since, language or words.chosen(accepted))


def _shown(belfry: App, one: Schedule, count: int, since: str | None, language: str) -> PreviewOut:
    if language not in words.LANGUAGES:
        raise Invalid("language", f"there are: {', '.join(words.LANGUAGES)}")
    begin = instant("from", since) or belfry.clock.now()
    recurrence = one.definition.recurrence
    told = words.in_words(recurrence, language)
    return PreviewOut(
        timezone=recurrence.timezone,
        words=told.text,
        language=told.language,
        jitter_seconds=one.policy.jitter_seconds,
        runs=[ComingOut.of(each) for each in coming(one, begin, count)],
        warnings=[WarningOut.model_validate(each) for each in belfry.neighbours.warned(one)],
    )
