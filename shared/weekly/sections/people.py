"""Approvals and workflows: what those who keep them say of each week."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from shared.weekly.figures import Values, percent
from shared.weekly.port import ApprovalFigures, Said, WorkflowFigures
from shared.weekly.sections.runs import since_first
from shared.weekly.week import Week

APPROVALS = ("asked", "approved", "rejected", "expired", "median_wait_seconds")
WORKFLOWS = ("started", "ended", "failed")


class Approvals:
    """The section."""

    name = "approvals"

    def __init__(self, figures: Callable[[], ApprovalFigures]) -> None:
        self._figures = figures

    def say(self, weeks: Sequence[Week], check: Callable[[], None]) -> Said:
        """As the port says. Those that were decided long ago are removed, so the weeks before are
        as their own reports said."""
        check()
        week = weeks[-1]
        said = self._figures().week(week.since, week.until)
        return Said(weeks={week: {f"approvals.{name}": said.get(name) for name in APPROVALS}})


class Workflows:
    """The section."""

    name = "workflows"

    def __init__(self, figures: Callable[[], WorkflowFigures]) -> None:
        self._figures = figures

    def say(self, weeks: Sequence[Week], check: Callable[[], None]) -> Said:
        """As the port says."""
        found: dict[Week, Values] = {}
        for week in weeks:
            check()
            found[week] = workflows(self._figures().week(week.since, week.until))
        return Said(weeks=since_first(found, "workflows.started", "workflows.ended"))


def workflows(said: Mapping[str, int]) -> Values:
    """The figures of a week. Pure."""
    rate = percent(said.get("failed", 0), said.get("ended", 0))
    counts = {f"workflows.{name}": said.get(name, 0) for name in WORKFLOWS}
    return counts | {"workflows.failure_percent": rate}
