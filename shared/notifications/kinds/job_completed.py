"""To addresses that a schedule names: how a run ended (C12)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, NonNegativeFloat, NonNegativeInt, PositiveInt

from shared.notifications.kinds import MAIL, Data, Kind, Name, Timezone, printable


def _text(value: object) -> object:
    return printable(value, 600) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
"""Text of a task or of a place outside, as one line; empty if there is none."""


class JobCompleted(Data):
    """A run that ended."""

    schedule: Name
    """The schedule's name."""
    task: Name
    status: Literal["succeeded", "failed", "missed", "skipped"]
    job_id: Name
    due_at: AwareDatetime
    runs: PositiveInt = 1
    """How many runs it stands for: more than one if many in a row were missed."""
    started_at: AwareDatetime | None
    seconds: NonNegativeFloat | None
    """Of the last attempt."""
    attempts: NonNegativeInt
    numbers: tuple[tuple[Name, Name], ...] = ()
    """Those of the result: name and value."""
    error: Text = ""
    reason: Text = ""
    timezone: Timezone
    """In which times are told: the schedule's."""


KIND = Kind(
    channel=MAIL,
    to_customers=True,
    data=JobCompleted,
    sample={
        "schedule": "Nightly sync",
        "task": "sync",
        "status": "failed",
        "job_id": "nightly-20261130T020000Z",
        "due_at": "2026-11-30T02:00:00Z",
        "runs": 1,
        "started_at": "2026-11-30T02:00:01Z",
        "seconds": 83.4,
        "attempts": 3,
        "numbers": [["copied", "1,842"], ["failed", "2"]],
        "error": "orders.csv: it changed while it was copied",
        "reason": "",
        "timezone": "Europe/Berlin",
    },
)
