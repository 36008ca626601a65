"""What a batch is, and what became of its items. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.log import short
from shared.text import clean

CHUNK = 5_000
"""Items in a file of items, and outcomes in a file of outcomes."""
MOST_ITEMS = 1_000_000
_ERROR = 500
_RESULT = 1_000
"""The most characters that are kept of an item's error, and of its result as JSON."""
_LABEL = 200

Item = Mapping[str, object]
"""One target: names with plain values. `id` is what people call it."""
BAD = "!"
"""The one name in an item that could not be read; its value says why. No column is called so."""


class ItemStatus(StrEnum):
    """How an item ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    """There was nothing to do."""
    UNKNOWN = "unknown"
    """It was begun, and a crash hid how it ended; it must not be done twice, so it was left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one item."""

    index: int
    """Its place in the list, from 0 on: what it is known by."""
    label: str
    status: ItemStatus
    error: str = ""
    result: str = ""
    """A JSON object, or nothing."""
    milliseconds: int = 0

    def line(self) -> str:
        """One line of JSON, in ASCII, without its end: as customers read it too."""
        found: dict[str, object] = {"index": self.index, "item": self.label, "status": self.status}
        if self.error:
            found["error"] = self.error
        if self.result:
            found["result"] = json.loads(self.result)
        if self.milliseconds:
            found["milliseconds"] = self.milliseconds
        return _to_json(found)

    @staticmethod
    def of_line(line: str | bytes) -> Outcome:
        """Raises `ValueError` or `KeyError` if it is no such line."""
        said = json.loads(line)
        return Outcome(
            index=int(said["index"]),
            label=said["item"],
            status=ItemStatus(said["status"]),
            error=said.get("error", ""),
            result=_to_json(said["result"]) if "result" in said else "",
            milliseconds=said.get("milliseconds", 0),
        )


_to_json = json.JSONEncoder(separators=(",", ":")).encode


def outcome(
    index: int,
    item: Item,
    status: ItemStatus,
    *,
    error: str = "",
    result: Mapping[str, object] | None = None,
    seconds: float = 0.0,
) -> Outcome:
    """An outcome, cut to the size that is kept. A result that is too long is left out."""
    said = ""
    if result:  # with what no reader can encode replaced
        plain = clean(json.dumps(dict(result), default=str, ensure_ascii=False))
        said = _to_json(json.loads(plain))
    if len(said) > _RESULT:
        said = _to_json({"left_out": f"{len(said)} characters; {_RESULT} are kept"})
    return Outcome(
        index=index,
        label=short(label(item), _LABEL),
        status=status,
        error=short(error, _ERROR),
        result=said,
        milliseconds=round(seconds * 1000),
    )


def label(item: Item) -> str:
    """What people call an item: its `id`, else its first value."""
    if "id" in item:
        return str(item["id"])
    return str(next(iter(item.values()), ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Items, counted by how they ended."""

    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0

    @property
    def done(self) -> int:
        return self.succeeded + self.failed + self.skipped + self.unknown

    @property
    def wrong(self) -> int:
        """What counts as errors."""
        return self.failed + self.unknown

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            succeeded=self.succeeded + other.succeeded,
            failed=self.failed + other.failed,
            skipped=self.skipped + other.skipped,
            unknown=self.unknown + other.unknown,
        )

    def __sub__(self, other: Counts) -> Counts:
        return Counts(
            succeeded=self.succeeded - other.succeeded,
            failed=self.failed - other.failed,
            skipped=self.skipped - other.skipped,
            unknown=self.unknown - other.unknown,
        )

    def told(self) -> dict[str, int]:
        """By name."""
        return {status.value: getattr(self, status.value) for status in ItemStatus}


def counted(outcomes: Iterable[Outcome]) -> Counts:
    """The outcomes, counted."""
    found = Counter(one.status.value for one in outcomes)
    return Counts(**found)


class BatchState(StrEnum):
    """Where a batch stands."""

    LISTING = "listing"
    """Its items are being written down; none has begun."""
    RUNNING = "running"
    COMPLETED = "completed"
    """Every item has an outcome."""
    STOPPED = "stopped"
    """Too many of its items failed; the rest was not begun."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What is fixed of a batch once its items are written down."""

    id: str
    """The id of its job; of a job that repeats another, of that one."""
    schedule_id: str
    project_id: int | None
    operation: str
    dry_run: bool
    total: int
    epoch: int
    """Of the attempt that wrote the items down: their files have it in their names."""
    digests: Sequence[str]
    """The SHA-256 of each file of items."""
    created_at: datetime
    ended: BatchState | None = None
    ended_at: datetime | None = None
    counts: Counts = field(default_factory=Counts)
    """At its end."""
    place: str = ""
    """Its row's key, which is its place in lists."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """How far a batch is, as its row says. The row is the only thing that decides: whoever holds
    its ETag writes."""

    epoch: int = 0
    """Counts the attempts that took the batch over; an earlier one can no longer write."""
    job_id: str = ""
    """The job that works on it."""
    state: BatchState = BatchState.LISTING
    chunk: int = 0
    """So many files of outcomes are closed."""
    spans: Sequence[tuple[int, int]] = ()
    """(first file, epoch): from that file on, closed files have that epoch in their names."""
    closed: Counts = field(default_factory=Counts)
    """Of closed files."""
    counts: Counts = field(default_factory=Counts)
    """Of all outcomes when the row was written."""
    base: Counts = field(default_factory=Counts)
    """What `counts` was when the job began: a batch that is repeated is judged by what it does
    then."""
    tail: Sequence[Outcome] = ()
    """Outcomes that no file has yet."""
    marked: Sequence[int] = ()
    """Items that were begun, or are about to be, and must not be begun again."""
    sample: Sequence[Outcome] = ()
    """The first errors."""
    began_at: datetime | None = None
    """When the present attempt began, with so many done."""
    began_done: int = 0
    updated_at: datetime | None = None
    reason: str = ""
    """Why it stopped."""
    etag: str = ""

    def epoch_of(self, chunk: int) -> int:
        """The epoch in the name of a closed file."""
        return next(epoch for first, epoch in reversed(self.spans) if first <= chunk)
