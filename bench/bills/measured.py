"""What was counted on a machine, and the file that keeps it (`counts.json`)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("counts.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What one thing does on average: requests to storage, lines of log, and how long it takes."""

    table: float
    queue: float
    blob_reads: float
    blob_writes: float
    lines: float
    bytes: float
    """Of these lines, each as it is written, without what the platform adds."""
    seconds: float

    def times(self, factor: float) -> Work:
        """So many of them."""
        return Work(**{name: value * factor for name, value in asdict(self).items()})

    def plus(self, other: Work) -> Work:
        """Both."""
        more = asdict(other)
        return Work(**{name: value + more[name] for name, value in asdict(self).items()})


NOTHING = Work(table=0, queue=0, blob_reads=0, blob_writes=0, lines=0, bytes=0, seconds=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Everything that was counted."""

    tick: Work
    """A tick that finds nothing."""
    alone: Work
    """A run whose message is its own: handed out, taken, done. Without what its task does."""
    together: Work
    """The same of one of fifty that are due in the same second."""
    own: Work
    """Belfry's own runs of a day on which nothing happens, all of them."""
    own_runs: int
    own_moments: int
    """Different minutes of that day in which any of them is due."""
    wake_ups: int
    """Of the timers of tasks, a day."""
    request: Work
    """A request to the API that lists schedules."""
    queues: int
    """That a function waits for."""
    timers: int

    def save(self, file: Path = FILE) -> None:
        """Keep them, rounded to what they are worth."""
        shown = {
            name: {word: round(number, 4) for word, number in value.items()}
            if isinstance(value, dict)
            else value
            for name, value in asdict(self).items()
        }
        file.write_text(json.dumps(shown, indent=2) + "\n")


def given(file: Path = FILE) -> Counts:
    """What was kept."""
    found: dict[str, Any] = json.loads(file.read_text())
    for name, value in found.items():
        if isinstance(value, dict):
            found[name] = Work(**value)
    return Counts(**found)
