"""Schedules counted together (C9): a pure function of what each has counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.schedules.job import percent
from shared.schedules.model import Schedule


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """How many schedules there are, and how their runs ended."""

    total_schedules: int = 0
    enabled_schedules: int = 0
    successful_runs: int = 0
    failed_runs: int = 0
    by_frequency: Mapping[str, int] = field(default_factory=dict)

    @property
    def disabled_schedules(self) -> int:
        return self.total_schedules - self.enabled_schedules

    @property
    def total_runs(self) -> int:
        return self.successful_runs + self.failed_runs

    @property
    def success_rate(self) -> float | None:
        """In percent, to one decimal place; None before the first run."""
        return percent(self.successful_runs, self.total_runs)


def summary(schedules: Iterable[Schedule]) -> Summary:
    """The schedules counted together. Ended jobs count if their schedule has counted them."""
    enabled = successful = failed = 0
    frequencies: Counter[str] = Counter()
    for one in schedules:
        frequencies[one.definition.recurrence.frequency.value] += 1
        enabled += one.definition.enabled
        successful += one.progress.success_count
        failed += one.progress.failure_count
    return Summary(
        total_schedules=frequencies.total(),
        enabled_schedules=enabled,
        successful_runs=successful,
        failed_runs=failed,
        by_frequency=dict(sorted(frequencies.items())),
    )
