"""The API of calendars and schedules over an app of its own, whose clock tests move: it begins on
Sunday, 1 March 2026, at noon in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.azurite import Azurite
from tests.integration.engine.conftest import make, tap
from tests.integration.schedules.conftest import BODY, Counter

WEEKDAYS: dict[str, Any] = {
    day: ["00:00-24:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
}


class Desk(Counter):
    """Where people ask for calendars too."""

    def calendar(self, **fields: Any) -> dict[str, Any]:
        """Make one; default: the week from Monday to Friday."""
        body = fields if fields else {"name": "Week", "working_hours": WEEKDAYS}
        return self.told("POST", "/calendars", body)

    def edited(self, one: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return self.told("PATCH", f"/calendars/{one['id']}", fields)

    def daily(self, *calendars: str, **fields: Any) -> dict[str, Any]:
        """A schedule that runs each day at midnight in UTC."""
        return self.made(**{"calendars": list(calendars)} | fields)

    def occurrences(self, one: dict[str, Any], first: str, last: str) -> list[tuple[str, str]]:
        """(day, state) of each that is listed."""
        span = f"from={first}T00:00:00Z&to={last}T00:00:00Z&page_size=100"
        found = self.told("GET", f"/schedules/{one['id']}/occurrences?{span}")
        return [(item["due_at"][:10], item["state"]) for item in found["occurrences"]]


@pytest.fixture
def desk(azurite: Azurite) -> Iterator[Desk]:
    from functions.operations.calendar_upkeep import calendar_upkeep

    engine = make(azurite, tasks=[calendar_upkeep], environ={"CALENDAR_UPKEEP_ENABLED": "false"})
    tap(engine)
    yield Desk(engine)
    engine.calls.hold.set()


__all__ = ["BODY", "Desk", "desk"]
