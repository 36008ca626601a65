"""Makes the services of workflows. Each is imported, and made, when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.app.around import Around
from shared.app.domains import Domains
from shared.engine.work.runs import Runs
from shared.schedules.job import Job


@dataclass(frozen=True, slots=True)
class RunsOf:
    """The runs that `made` makes, when the first step ends."""

    made: Callable[[], Runs]

    def end(self, jobs: Sequence[Job]) -> list[Job]:
        """As `Runs.end`."""
        return self.made().end(jobs)

    def step(self, schedule_id: str) -> None:
        """As `Runs.step`."""
        self.made().step(schedule_id)


class Workflows:
    """The services."""

    def __init__(self, app: Around, domains: Domains) -> None:
        self._app = app
        self._domains = domains

    def advancing(self) -> Runs:
        """What hands out the steps of runs."""
        raise NotImplementedError
