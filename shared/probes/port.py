"""What the task asks of health checks. Only types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.probes.params import HealthCheck
from shared.tasks import JobContext, Proposed


class ProbeService(Protocol):
    """Looks at what customers want looked at."""

    def check(self, job: JobContext, wanted: HealthCheck) -> Mapping[str, object]:
        """Look, count what was found once, and return the job's result. Raises `Refused` while the
        target is down, if the schedule wants that."""

    def fits(self, wanted: HealthCheck, proposed: Proposed) -> None:
        """Raise `Invalid` unless it can be looked at."""
