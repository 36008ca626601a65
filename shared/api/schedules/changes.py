"""A change of a schedule as PATCH takes it, for whoever changes schedules elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from shared.api.schedules.shapes import ScheduleChange, observes, observing
from shared.errors import Invalid
from shared.recurrence import CalendarRule, Observance
from shared.schedules.model import Schedule
from shared.tasks.wording import first_in_words


@dataclass(frozen=True, slots=True)
class Changed:
    """The change (`shared.batch.port.Change`)."""

    fields: ScheduleChange

    @property
    def of_parameters(self) -> bool:
        """Whether it gives the task other parameters."""
        return self.fields.task_parameters is not None

    def calendars(self, present: Observance | None) -> tuple[Sequence[str], CalendarRule] | None:
        """The calendars to be observed, and their rule; None if that stays."""
        return observes(self.fields, present)

    def apply(self, schedule: Schedule, observed: tuple[Observance | None] | None) -> Schedule:
        """The schedule with the change."""
        changed = self.fields.apply(schedule)
        return changed if observed is None else observing(changed, observed[0])


def change_of(fields: Mapping[str, object]) -> Changed:
    """Read the fields. Raises `Invalid` naming one."""
    try:
        return Changed(ScheduleChange.model_validate(dict(fields)))
    except ValidationError as error:
        place, said = first_in_words(error.errors(), ScheduleChange, "field")
        raise Invalid(".".join(map(str, place)) or "fields", said) from None
