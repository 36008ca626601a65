"""What the rest of Belfry tells the audit.

    with audit.changing(caller, Action.CREATE, Subject("calendar", "bank_holidays")) as change:
        change.after = save(calendar)

The intent is stored before the change is made, and its outcome after it. So a process that is
killed in between leaves an entry that says that the outcome is unknown, and no change is missing.
Changes of schedules do not use this: they are written in the transaction of the change itself
(`storage.tables.changes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from shared.access import Caller


class Action(StrEnum):
    """What a caller did."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    ENABLE = "enable"
    DISABLE = "disable"
    EXECUTE = "execute"
    BACKFILL = "backfill"
    CANCEL = "cancel"
    RETRY = "retry"
    REVOKE = "revoke"
    RESTORE = "restore"
    PAUSE = "pause"
    """The engine paused a schedule, because too many of its jobs failed."""
    RESUME = "resume"
    ACCEPT = "accept"
    ACKNOWLEDGE = "acknowledge"
    VERIFY = "verify"
    LINK = "link"
    """Links were given out that read a backup without a key."""
    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"
    """Nobody decided on an approval until its deadline."""
    ANCHOR = "anchor"
    """The head of the audit's chain was anchored."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was changed."""

    kind: str
    """`schedule`, `job`, `key`, `calendar`, ..."""
    id: str
    project_id: int | None = None


@dataclass(slots=True)
class Changing:
    """A change that is being made; `after` is what is stored then, as a JSON object."""

    after: Mapping[str, object] | None = None


class Audit(Protocol):
    """The audit."""

    def changing(
        self,
        by: Caller,
        action: Action,
        subject: Subject,
        before: Mapping[str, object] | None = None,
        *,
        even_if_away: bool = False,
    ) -> AbstractContextManager[Changing]:
        """Record a change: its intent when the block is entered, its outcome when it is left. If
        the block raises, the outcome is the error, and the error goes on. `even_if_away`: the
        change is made, and logged, though the intent cannot be stored."""
        ...
