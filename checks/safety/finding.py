"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """Nothing may be deployed while it lasts."""

    what: str
    """What failed, and where."""
    do: str
    """What to do about it."""


@dataclass(frozen=True, slots=True)
class Note:
    """What was looked at, or why something could not be."""

    text: str


Finding = Problem | Note
Check = Callable[[Path], Iterator[Finding]]
"""Looks at the project in a folder."""


class CouldNotRun(Exception):
    """A check could not look at anything: a tool is missing or failed. The text says what to do."""
