"""What the health monitor keeps, in the table's partition `health`:

- `finding:{schedule id}`: that a schedule is not well, and since when. One that is well has none.
- `ended:{instant}:{mark}`: a note that jobs of these schedules ended, for the monitor to examine.

A state backup copies it, like every partition but `meta`. After a restore, a finding holds until
its schedule is examined again, or is gone.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.clock import Clock
from shared.schedules.health import ReasonKind, Verdict
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import MAX_OPERATIONS, Delete, Operation, Upsert
from shared.storage.tables.parts import joined, packed
from shared.storage.tables.table import Table

_SERVICE = "table storage"
_PARTITION = "health"
_FINDING, _ENDED = "finding:", "ended:"
_NAMED = 1_000
"""The most schedules that a note names."""
_GARBLED = (ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Something that is wrong with a schedule."""

    kind: ReasonKind
    since: datetime
    """When the monitor first found it."""
    text: str
    problem: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """That a schedule is not well."""

    schedule_id: str
    verdict: Verdict
    since: datetime
    """Since when it has that verdict."""
    reasons: tuple[Found, ...]

    def has(self, *kinds: ReasonKind) -> bool:
        """Whether one of these is wrong with it."""
        return any(one.kind in kinds for one in self.reasons)


@dataclass(frozen=True, slots=True)
class Ended:
    """A note that jobs of schedules ended."""

    key: str
    schedule_ids: tuple[str, ...]


class Findings:
    """The rows. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def note(self, schedule_ids: Iterable[str]) -> None:
        """Note that jobs of these schedules ended."""
        now = self._clock.now().astimezone(UTC)
        ordered = sorted(set(schedule_ids))
        for start in range(0, len(ordered), _NAMED):
            some = ordered[start : start + _NAMED]
            key = f"{_ENDED}{now:%Y%m%dT%H%M%S.%fZ}:{secrets.token_hex(6)}"
            self._transact([Upsert(key, packed("ids", some, " "))])

    def ended(self) -> list[Ended]:
        """The notes, oldest first."""
        return [Ended(row["RowKey"], _ids(row)) for row in self._rows(_ENDED)]

    def settle(self, notes: Collection[Ended]) -> None:
        """Remove notes whose schedules were examined."""
        self._each([Delete(one.key) for one in notes])

    def get(self, schedule_id: str) -> Finding | None:
        """What is wrong with a schedule; None: nothing that is known."""
        with translated(_SERVICE):
            row = self._table.get(_PARTITION, f"{_FINDING}{schedule_id}")
        return None if row is None else _finding(row)

    def all(self) -> dict[str, Finding]:
        """All that is known, by schedule."""
        return {one.schedule_id: one for one in map(_finding, self._rows(_FINDING))}

    def write(self, findings: Iterable[Finding]) -> None:
        """Keep these."""
        self._each([Upsert(f"{_FINDING}{one.schedule_id}", _row(one)) for one in findings])

    def remove(self, schedule_ids: Iterable[str]) -> None:
        """These schedules are well, or gone."""
        self._each([Delete(f"{_FINDING}{one}") for one in schedule_ids])

    def _each(self, steps: Sequence[Operation]) -> None:
        """Do the steps; a row that is to be removed may be gone."""
        for start in range(0, len(steps), MAX_OPERATIONS):
            some = steps[start : start + MAX_OPERATIONS]
            if not self._transact(some):
                for one in some:
                    self._transact([one])

    def _transact(self, steps: Sequence[Operation]) -> bool:
        with translated(_SERVICE):
            return self._table.transact(_PARTITION, steps).committed

    def _rows(self, prefix: str) -> Iterator[dict[str, Any]]:
        where = row_keys.of(_PARTITION, row_keys.beginning(prefix))
        with translated(_SERVICE):
            yield from self._table.query(where)


def _ids(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The schedules that a note names; none if it cannot be read."""
    try:
        return tuple(joined("ids", row, " "))
    except _GARBLED:
        return ()


def _row(finding: Finding) -> dict[str, Any]:
    reasons = [
        [one.kind.value, one.since.isoformat(), one.text, one.problem] for one in finding.reasons
    ]
    return {
        "verdict": finding.verdict.value,
        "since": finding.since.isoformat(),
        "reasons": json.dumps(reasons),
    }


def _finding(row: Mapping[str, Any]) -> Finding:
    """The finding. If its row cannot be read, it has no reasons, and is written anew when the
    schedule is next examined."""
    schedule_id = str(row["RowKey"]).removeprefix(_FINDING)
    try:
        return Finding(
            schedule_id=schedule_id,
            verdict=Verdict(row["verdict"]),
            since=datetime.fromisoformat(row["since"]),
            reasons=tuple(
                Found(
                    kind=ReasonKind(kind),
                    since=datetime.fromisoformat(since),
                    text=str(text),
                    problem=bool(problem),
                )
                for kind, since, text, problem in json.loads(row["reasons"])
            ),
        )
    except _GARBLED:
        long_ago = datetime(1970, 1, 1, tzinfo=UTC)
        return Finding(schedule_id=schedule_id, verdict=Verdict.LOOK, since=long_ago, reasons=())
