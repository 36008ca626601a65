"""What callers of the API asked for, and what they were told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verb(StrEnum):
    """What is asked for."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    EXECUTE = "execute"
    BACKFILL = "backfill"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """Something that was asked for."""

    verb: Verb
    by: str
    """The name of the caller's key."""
    project: int
    schedule: str = ""
    """Its id; of a creation that was promised, that of the new one."""
    mark: str
    """What no other deed has: the name of what is created, the description that is set."""
    saw: str = ""
    """Of a change: the description that the caller had read, with the ETag that it gave."""
    done: bool | None
    """Whether it was promised; None if no answer came, so that nobody knows."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """The answer."""


@dataclass(slots=True)
class Known:
    """A schedule that a project's callers were promised."""

    id: str
    name: str
    every: int
    """Seconds."""
    wide: bool
    """Whether its runs may go side by side."""
    quick: bool
    """Whether its runs take so little that it may be backfilled."""
    leaving: bool = False
    """Whether somebody may have deleted it."""


@dataclass(slots=True)
class Project:
    """What the callers of a project know together."""

    number: int
    schedules: dict[str, Known] = field(default_factory=dict)

    def staying(self) -> list[Known]:
        """Those that nobody began to delete."""
        return [one for one in list(self.schedules.values()) if not one.leaving]


@dataclass(slots=True)
class Notes:
    """What all callers noted."""

    deeds: list[Deed] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Answers that must never be given."""
    counts: Counter[str] = field(default_factory=Counter)
