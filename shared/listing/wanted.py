"""What a list asks for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.recurrence import Frequency
from shared.schedules.listed import ScheduleState


class Sort(StrEnum):
    """The order of a list of schedules."""

    NEWEST = "newest"
    """The one that was created last comes first."""
    NAME = "name"
    """By name, whether in capitals or not, from A to Z."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which schedules a list shows: those that fit every filter; None stands for any."""

    projects: frozenset[int] | None = None
    """Only of these projects; whoever has them sees no schedule without a project."""
    project_id: int | None = None
    of_none: bool = False
    """Only those that belong to no project."""
    enabled: bool | None = None
    task_types: frozenset[str] | None = None
    frequency: Frequency | None = None
    tags: tuple[tuple[str, str], ...] = ()
    """Name and value of each tag that they must all have."""
    state: ScheduleState | None = None
    text: str = ""
    """Part of the name, whether in capitals or not."""
    calendar: str | None = None
    """The name of a calendar that they observe."""
    once: bool = True
    """Whether those that were made for a single run are shown too."""
    deleted_since: datetime | None = None
    """Also those that were deleted from then on."""


def of_tasks(names: Collection[str]) -> Wanted:
    """The schedules of these tasks."""
    return Wanted(task_types=frozenset(names))
