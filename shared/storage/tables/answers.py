"""What requests with a key of their own were answered, so that each is done once (the header
`Idempotency-Key`).

A request is a row `answer:{digest}` in the partition `meta`. It is written before the request is
done, and says who does it until when. What is decided in the course of it, such as the id of a new
schedule, is added before it is done (`plan`): whoever does the request again, after a crash, does
what the first decided. In the end the row has the answer.
"""

from __future__ import annotations

import json
import secrets
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import MAX_OPERATIONS, Delete, Insert, Operation, Replace, literal
from shared.storage.tables.entities import stamp
from shared.storage.tables.facts import META
from shared.storage.tables.table import Table

_SERVICE = "table storage"
_PREFIX = "answer:"
_ROOM = 32_000
"""The most characters in a property."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer as it was given."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A request and its answer, if it has one yet."""

    name: str
    """A digest of who asked, and of the key."""
    request: str
    """A digest of what was asked: another request must not have the key."""
    at: datetime
    """When it was asked first."""
    until: datetime
    """Until then, one process is answering it."""
    plan: Sequence[str] | None = None
    """The ids that were decided on; None: nothing was decided yet."""
    answer: Answer | None = None
    etag: str = field(default="", compare=False)


class Answers:
    """The rows. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, name: str) -> Entry | None:
        """The request of that name; None if it was not asked, or is forgotten."""
        with translated(_SERVICE):
            row = self._table.get(META, _PREFIX + name)
        return None if row is None else _read(row)

    def write(self, before: Entry | None, after: Entry) -> Entry | None:
        """Write `after` if nobody changed the row since `before` was read (None: there was none);
        returns it as it is stored, or None if somebody was faster."""
        mark = secrets.token_hex(6)
        key, row = _PREFIX + after.name, _row(after) | {"mark": mark}
        step = Insert(key, row) if before is None else Replace(key, before.etag, row)
        with translated(_SERVICE):
            outcome = self._table.transact(META, [step])
            if outcome.committed:
                return replace(after, etag=outcome.etags[0])
            found = self._table.get(META, key) if outcome.retried else None
        mine = found is not None and found.get("mark") == mark  # only the answer was lost
        return replace(after, etag=found["etag"]) if found is not None and mine else None

    def forget(self, entry: Entry) -> None:
        """Remove it, if nobody changed it since it was read."""
        self._remove([Delete(_PREFIX + entry.name, entry.etag)])

    def forget_before(self, at: datetime) -> int:
        """Remove what was asked before then; how many rows that was."""
        ours = row_keys.of(META, row_keys.beginning(_PREFIX))
        where = f"{ours} and at lt {literal(stamp(at))}"
        removed = 0
        with translated(_SERVICE):
            rows = self._table.query(where, select=["RowKey"])
            old = (Delete(row["RowKey"], row["etag"]) for row in rows)
            while some := list(islice(old, MAX_OPERATIONS)):
                removed += self._remove(some)
        return removed

    def _remove(self, steps: Sequence[Operation]) -> int:
        """Remove all at once if possible, else one by one, without those that were changed."""
        with translated(_SERVICE):
            if self._table.transact(META, steps).committed:
                return len(steps)
            if len(steps) == 1:
                return 0
            return sum(self._table.transact(META, [step]).committed for step in steps)


def _row(entry: Entry) -> dict[str, Any]:
    row = {
        "request": entry.request,
        "at": stamp(entry.at),
        "until": stamp(entry.until),
        "plan": "" if entry.plan is None else json.dumps(list(entry.plan)),
    }
    if entry.answer is None:
        return row
    said = entry.answer
    parts = dict(_parts(b64encode(zlib.compress(said.body)).decode("ascii")))
    return row | {"status": said.status, "headers": json.dumps(dict(said.headers)), **parts}


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """A text in properties that have room for it."""
    for number, start in enumerate(range(0, len(text), _ROOM)):
        yield f"body{number}", text[start : start + _ROOM]


def _read(row: Mapping[str, Any]) -> Entry:
    return Entry(
        name=str(row["RowKey"]).removeprefix(_PREFIX),
        request=row["request"],
        at=datetime.fromisoformat(row["at"]),
        until=datetime.fromisoformat(row["until"]),
        plan=json.loads(row["plan"]) if row["plan"] else None,
        answer=_answer(row) if "status" in row else None,
        etag=row["etag"],
    )


def _answer(row: Mapping[str, Any]) -> Answer:
    count = sum(name.startswith("body") for name in row)
    text = "".join(row[f"body{number}"] for number in range(count))
    body = zlib.decompress(b64decode(text))
    return Answer(status=row["status"], headers=json.loads(row["headers"]), body=body)
