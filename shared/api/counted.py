"""What backfills ran, in answers that count runs: apart from all other counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from shared.api.shown import Shown
from shared.schedules.job import RAN, Status


class BackfilledOut(Shown):
    """The jobs of backfills, by how they ended. They count in nothing else of the answer."""

    runs: int
    """Jobs that succeeded or failed."""
    succeeded: int
    failed: int
    skipped: int
    cancelled: int

    @classmethod
    def of(cls, ended: Mapping[Status, int]) -> Self:
        """That many ended in each way."""
        return cls(
            runs=sum(ended.get(status, 0) for status in RAN),
            succeeded=ended.get(Status.SUCCEEDED, 0),
            failed=ended.get(Status.FAILED, 0),
            skipped=ended.get(Status.SKIPPED, 0),
            cancelled=ended.get(Status.CANCELLED, 0),
        )
