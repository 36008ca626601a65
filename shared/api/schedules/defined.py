"""What a body that creates a schedule defines, with the calendars that it names."""

from __future__ import annotations

from dataclasses import replace

from shared.api.schedules.shapes import NewSchedule, definition_observing, observes
from shared.app import App
from shared.schedules.model import Definition


def defined(belfry: App, new: NewSchedule, project_id: int | None) -> Definition:
    """The definition, in that project. Raises `Invalid`, also for a calendar that the project does
    not have."""
    definition = replace(new.definition(), project_id=project_id)
    if (named := observes(new, None)) is None:
        return definition
    return definition_observing(definition, belfry.calendars.observance(*named, project_id))
