"""What a reader is asked for: which rows of a project."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from shared.exports.kinds import Row
from shared.exports.period import Span

_SECOND = timedelta(seconds=1)


def _ignored(done: float, total: float) -> None:
    del done, total


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which rows. What is of another project is never among them."""

    project_id: int | None
    """None: of all projects, and of none."""
    span: Span
    as_of: datetime
    """What happened later is left out: so a second attempt finds the same."""
    check: Callable[[], None]
    """Raises if the reading must end."""
    schedule_ids: Collection[str] = ()
    """Empty: of all."""
    tags: Mapping[str, str] = field(default_factory=dict)
    status: Collection[str] = ()
    """Empty: any."""
    progress: Callable[[float, float], None] = _ignored
    """Told of (what is done, of how much)."""

    @property
    def projects(self) -> frozenset[int] | None:
        return None if self.project_id is None else frozenset({self.project_id})

    @property
    def seconds(self) -> tuple[datetime, datetime]:
        """The span in whole seconds. Due times are whole seconds, so it has the same of them."""
        return _ceiling(self.span.since), _ceiling(self.span.until)

    def has(self, status: str) -> bool:
        """Whether a row that ended like that is wanted."""
        return not self.status or status in self.status


class Reader(Protocol):
    """Reads one kind of rows."""

    def rows(self, wanted: Wanted) -> Iterator[Row]:
        """The rows, with the columns of `data.SPECS`, in the order of a key that is unique. Raises
        `Unavailable` or `Refused` if storage fails."""


def _ceiling(at: datetime) -> datetime:
    return at if not at.microsecond else at.replace(microsecond=0) + _SECOND
