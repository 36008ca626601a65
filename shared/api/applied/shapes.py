"""What the API takes and returns for what was applied from files."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from shared.api.fields import Input, Name, Whole
from shared.api.lists import Paged
from shared.api.query import ScheduleId
from shared.api.shown import Shown
from shared.applied.model import MOST, MOST_CALENDARS, Change, Kind
from shared.applied.service import Known, Overview

SHOWN = 100
"""The most differences that an answer names."""

Key = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
_Number = Annotated[Whole, Field(ge=1, le=2**31 - 1)]


class AppliedSchedule(Input):
    """A schedule, as the caller saw it."""

    id: ScheduleId
    revision: _Number
    """Its `revision`; if it has another by now, all is refused (412)."""


class AppliedCalendar(Input):
    """A calendar, as the caller saw it."""

    id: Annotated[str, StringConstraints(pattern="^c[0-9a-f]{12}$")]
    version: _Number
    """Its `version`; if it has another by now, all is refused (412)."""


class NewApplied(Input):
    """All that an owner has in the caller's projects, as it is to stay."""

    schedules: dict[Key, AppliedSchedule] = Field(default_factory=dict, max_length=MOST)
    """By the tag `managed_key`. Each has the tag `managed_by` with the owner."""
    calendars: dict[Name, AppliedCalendar] = Field(default_factory=dict, max_length=MOST_CALENDARS)
    """By name. The last line of the description of each is `[managed_by OWNER]`."""

    def known_schedules(self) -> dict[str, Known]:
        return {key: Known(one.id, one.revision) for key, one in self.schedules.items()}

    def known_calendars(self) -> dict[str, Known]:
        return {name: Known(one.id, one.version) for name, one in self.calendars.items()}


class DriftOut(Shown):
    """Something that is not as it was applied."""

    change: Change
    kind: Kind
    key: str
    """Its key in the file; of a calendar, its name."""
    id: str
    project_id: int | None
    fields: list[str]
    """Of a changed one: what differs. Where Belfry is newer than the apply, fields that are new say
    nothing."""


class AppliedOut(Shown):
    """What was applied of an owner, as far as the caller sees it, against what is there now."""

    owner: str
    applied_at: datetime
    applied_by: str
    schedules: int
    calendars: int
    drifted: int
    """How many differ."""
    since: datetime | None
    """When the monitor first found that something does; null: nothing, or it did not look yet."""
    differences: list[DriftOut]
    """The first 100."""

    @classmethod
    def of(cls, one: Overview) -> Self:
        return cls(
            owner=one.owner,
            applied_at=one.applied_at,
            applied_by=one.applied_by,
            schedules=one.schedules,
            calendars=one.calendars,
            drifted=len(one.differences),
            since=one.since,
            differences=[
                DriftOut.model_validate(difference) for difference in one.differences[:SHOWN]
            ],
        )


class AppliedList(Paged):
    applied: list[AppliedOut]
