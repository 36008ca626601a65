"""How long a worker holds a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """How long a worker holds a job without renewing the lease, and how often it renews it."""

    length: timedelta = timedelta(seconds=60)
    beat: timedelta = timedelta(seconds=5)

    @staticmethod
    def of(length: timedelta) -> Lease:
        """A lease of that length, renewed when a third of it has passed."""
        return Lease(length=length, beat=min(length / 3, timedelta(seconds=5)))
