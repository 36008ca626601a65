"""The ids of a run and of its steps' schedules. Each is computed, so doing something twice names it
once.

A run is `w` with fifteen digits and letters, of which the first is a digit. The schedule of its
step number 3 is `{run}_s3`; of item 12 of a `foreach`, `{run}_s3i12`; when the step is begun anew
for the first time, `{run}_s3g1`; what undoes it is `{run}_u3`. `{run}_d` is the run's deadline,
`{run}_c` what sees to it that a cancelled run stops.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from shared.schedules.job import job_id, run_of

_STEP = re.compile(
    r"w[0-9][a-z0-9]{14}_(?P<kind>[su])(?P<number>\d+)(i(?P<item>\d+))?(g(?P<group>\d+))?"
)
_BY = "w"
"""The last part of the id of every job of a step: no schedule made it due."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Which work of a run a schedule is for."""

    number: int
    """Of the step."""
    undo: bool = False
    """Whether it undoes the step."""
    item: int | None = None
    """Of a `foreach`: which item."""
    group: int = 0
    """How often the step was begun anew before."""

    def schedule_id(self, run_id: str) -> str:
        """The id of its schedule."""
        item = "" if self.item is None else f"i{self.item}"
        group = f"g{self.group}" if self.group else ""
        return f"{run_id}_{'u' if self.undo else 's'}{self.number}{item}{group}"

    def job_id(self, run_id: str, handed_out: datetime) -> str:
        """The id of its job."""
        return job_of(self.schedule_id(run_id), handed_out)


def job_of(schedule_id: str, handed_out: datetime) -> str:
    """The id of the one job of a step's schedule."""
    return job_id(schedule_id, handed_out, _BY)


def place_of(schedule_id: str) -> Place | None:
    """What the schedule is for; None if it is for no step."""
    match = _STEP.fullmatch(schedule_id)
    if match is None:
        return None
    return Place(
        number=int(match["number"]),
        undo=match["kind"] == "u",
        item=None if match["item"] is None else int(match["item"]),
        group=int(match["group"] or 0),
    )


def deadline_id(run_id: str, redone: int = 0) -> str:
    """The id of the schedule that ends a run at its deadline. `redone`: how often it was begun
    anew."""
    return f"{run_id}_d{redone or ''}"


def stop_id(run_id: str, redone: int = 0) -> str:
    """The id of the schedule that sees to it that a cancelled run stops."""
    return f"{run_id}_c{redone or ''}"


def run_id(key: str) -> str:
    """The id of the run that `key` stands for: the same key, the same run."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest())
    digits = []
    for _ in range(14):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return f"w{number % 10}{''.join(digits)}"


def is_run_id(text: str) -> bool:
    """Whether that can be the id of a run."""
    return run_of(f"{text}_d") == text
