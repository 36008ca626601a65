"""What the steps did, as they wrote it themselves: `run number began ended`, a line each.

A line is appended in one write, so a program that is killed leaves whole lines behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """A step that ended (Unix seconds)."""

    number: int
    """In a chain from 0 on; in a fan 0 is the first, the last is the join."""
    began: float
    ended: float


def read(path: Path) -> Mapping[str, list[Step]]:
    """The steps of each run, in order of their numbers."""
    found = defaultdict(list)
    for line in path.read_text().splitlines():
        run, number, began, ended = line.split()
        found[run].append(Step(int(number), float(began), float(ended)))
    return {run: sorted(steps) for run, steps in found.items()}
