"""What tasks may ask of the scaling. Only types."""

from __future__ import annotations

from typing import Protocol

from shared.tasks import JobContext, Result


class ScalingService(Protocol):
    """The scaling policy (`service`)."""

    def run(self, job: JobContext) -> Result:
        """Judge the traffic of the last minutes, and set at the function app what follows, if the
        settings say so; the metrics. A dry run says what it would do.

        Raises `Skipped` if SCALING is off, and `Unavailable` or `Refused` if storage fails. What
        goes wrong at Azure's management API is in the result, and the next run tries again."""
        ...
