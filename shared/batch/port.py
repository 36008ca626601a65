"""What the task `batch` asks of its service. Only types, so that the task imports nothing else of
it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from shared.batch.params import BatchParams
from shared.recurrence import CalendarRule, Observance
from shared.schedules.model import Schedule
from shared.tasks.context import JobContext
from shared.tasks.proposed import Proposed


class Change(Protocol):
    """A change of a schedule: the fields that PATCH takes, checked."""

    @property
    def of_parameters(self) -> bool:
        """Whether it gives the task other parameters."""

    def calendars(self, present: Observance | None) -> tuple[Sequence[str], CalendarRule] | None:
        """The calendars to be observed, and their rule; None if that stays."""

    def apply(self, schedule: Schedule, observed: tuple[Observance | None] | None) -> Schedule:
        """The schedule with the change; `observed`: what it then observes, if that changes."""


ChangeOf = Callable[[Mapping[str, object]], Change]
"""Reads the fields of a change. Raises `Invalid` naming one of them."""


class BatchService(Protocol):
    """Does batches (`service`)."""

    def hold(self, params: BatchParams, proposed: Proposed, change_of: ChangeOf) -> None:
        """Raise `Invalid` if a batch of these parameters could do nothing, or what it must not."""

    def run(
        self, job: JobContext, params: BatchParams, change_of: ChangeOf
    ) -> Mapping[str, object]:
        """Do the batch of this job, or what is left of it. Raises `Refused` if too many items
        failed."""
