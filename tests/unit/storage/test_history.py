"""Which schedules a report passes over, by their rows alone: those whose jobs all are older."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.schedules.model import LiveJob, Progress
from shared.storage.tables import entities
from shared.storage.tables.history import _may_have

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = SINCE - HOUR, SINCE + HOUR


def row(written: datetime, **progress: Any) -> dict[str, Any]:
    """A schedule's row, as the service gives it."""
    stored = entities.engine_properties(Progress(**progress))
    return stored | {"Timestamp": f"{written:%Y-%m-%dT%H:%M:%S}.1234567Z"}


def live(due_at: datetime) -> LiveJob:
    return LiveJob(id="n", due_at=due_at, available_at=due_at)


@pytest.mark.parametrize(
    ("found", "may"),
    [
        (row(OLD), False),
        (row(OLD, last_due_at=OLD), False),
        (row(OLD, live=(live(OLD),)), False),
        (row(NEW), True),
        (row(OLD, last_due_at=NEW), True),
        (row(OLD, live=(live(OLD), live(NEW))), True),
        (row(OLD, last_due_at=SINCE), True),
        (row(OLD) | {"live": "[no JSON"}, True),
        (row(OLD) | {"live": json.dumps([{"id": "n"}])}, True),
    ],
)
def test_only_a_schedule_with_nothing_later_is_passed_over(
    found: dict[str, Any], may: bool
) -> None:
    assert _may_have(found, SINCE) is may
