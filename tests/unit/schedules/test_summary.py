"""Schedules counted together."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Progress, Schedule
from shared.schedules.summary import Summary, summary

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def schedule(frequency: Frequency, enabled: bool, ran: int, failed: int) -> Schedule:
    when = Recurrence(frequency=frequency)
    definition = Definition(name="a", task_type="t", recurrence=when, enabled=enabled)
    progress = Progress(success_count=ran, failure_count=failed, skipped_count=5, missed_count=7)
    return Schedule(
        id="a", definition=definition, progress=progress, created_at=NOW, updated_at=NOW
    )


def test_of_none_there_is_no_rate() -> None:
    assert summary([]) == Summary()
    assert Summary().success_rate is None and Summary().by_frequency == {}


def test_runs_are_added_and_what_did_not_run_is_no_run() -> None:
    found = summary(
        [
            schedule(Frequency.DAILY, True, 2, 0),
            schedule(Frequency.DAILY, False, 0, 1),
            schedule(Frequency.HOURLY, True, 0, 0),
        ]
    )
    assert (found.total_schedules, found.enabled_schedules, found.disabled_schedules) == (3, 2, 1)
    assert (found.total_runs, found.successful_runs, found.failed_runs) == (3, 2, 1)
    assert found.success_rate == 66.7
    assert found.by_frequency == {"daily": 2, "hourly": 1}
