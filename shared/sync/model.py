"""What became of an item, the counts of a run, and how far it came. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any


class Did(StrEnum):
    """What became of an item."""

    COPIED = "copied"
    SAME = "same"
    """The destination had it."""
    DELETED = "deleted"
    KEPT = "kept"
    """The destination's own is newer, and stays (`protect_newer`)."""
    CHANGED = "changed"
    """It was changed again and again while it was copied; the next run looks at it again."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one item; in a dry run, what would."""

    name: str
    did: Did
    bytes: int = 0
    reason: str = ""

    def line(self) -> dict[str, object]:
        """For the report."""
        said: dict[str, object] = {"name": self.name, "did": self.did.value, "bytes": self.bytes}
        return said | ({"reason": self.reason} if self.reason else {})


@dataclass(kw_only=True, slots=True)
class Counts:
    """How many items had which outcome. `bytes`: of what was copied."""

    copied: int = 0
    same: int = 0
    deleted: int = 0
    kept: int = 0
    changed: int = 0
    failed: int = 0
    bytes: int = 0
    files: int = 0
    """Of a database: the files that were written, besides the manifest."""

    def add(self, one: Outcome) -> None:
        setattr(self, one.did.value, getattr(self, one.did.value) + 1)
        if one.did is Did.COPIED:
            self.bytes += one.bytes

    @property
    def items(self) -> int:
        """The items of the source that were looked at."""
        return self.copied + self.same + self.kept + self.changed + self.failed

    def said(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Counts:
        known = {one.name for one in fields(cls)}
        return cls(**{name: int(value) for name, value in said.items() if name in known})


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """How far a job came, so that its next attempt goes on there."""

    job_id: str
    position: Mapping[str, Any] = field(default_factory=dict)
    """What its kind wrote down; empty: it begins."""
    counts: Mapping[str, int] = field(default_factory=dict)
    segments: int = 0
    """Pieces of its report."""
    began_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What is kept of a schedule's syncs."""

    value: Mapping[str, Any] = field(default_factory=dict)
    """What the last whole run ended with, such as a watermark; it holds for `of`."""
    of: str = ""
    """A digest of the places and the parameters: others begin anew."""
    cursor: Cursor | None = None
    done: str = ""
    """The job that ended last."""
    etag: str = ""


class SyncStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncRun:
    """A run, as it is told."""

    job_id: str
    schedule_id: str
    series: str
    """Whose state it goes on with (`JobContext.series`)."""
    project_id: int | None
    kind: str
    source: str
    destination: str
    status: SyncStatus
    error: str = ""
    due_at: datetime
    began_at: datetime
    changed_at: datetime
    """When this was written last; after the end, when it ended."""
    counts: Counts
    segments: int
    more: Mapping[str, Any] = field(default_factory=dict)
    """What its kind adds to its result, such as the manifest's name."""
