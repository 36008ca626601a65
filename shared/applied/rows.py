"""What was applied as rows of the table of schedules, in a partition of their own.

| row key | what |
|---|---|
| `owner:{digest}` | an apply, by its owner and the projects of who did it |
| `part:{digest}:{number}` | some of its entries |

All rows of an apply are written in one transaction, and have its mark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from shared.applied.digests import LENGTH
from shared.applied.model import Entry, Head, Kind
from shared.errors import Damaged
from shared.storage.tables.parts import joined, packed

PARTITION = "applied"
HEAD, PART = "owner:", "part:"
COLUMNS = (
    *("RowKey", "owner", "projects", "applied_at", "applied_by", "schedules", "calendars"),
    *("looked", "drifted", "said", "since", "parts", "mark"),
)
_ALL = "all"
_ROOM = 300_000
"""Characters of a part: a row has room for 524,288, in UTF-16."""
_GARBLED = (ValueError, KeyError, TypeError, IndexError, AttributeError)


def place(owner: str, projects: frozenset[int] | None) -> str:
    """What the rows of an apply have in their keys."""
    return sha256(f"{owner}\n{_scope(projects)}".encode()).hexdigest()[:32]


def head_key(head: Head) -> str:
    return f"{HEAD}{place(head.owner, head.projects)}"


def part_key(head: Head, number: int) -> str:
    return f"{PART}{place(head.owner, head.projects)}:{number:03d}"


def head_row(head: Head) -> dict[str, Any]:
    return {
        "owner": head.owner,
        "projects": _scope(head.projects),
        "applied_at": head.applied_at.isoformat(),
        "applied_by": head.applied_by,
        "schedules": head.schedules,
        "calendars": head.calendars,
        "looked": head.looked,
        "drifted": head.drifted,
        "said": head.said,
        "since": head.since.isoformat() if head.since else "",
        "parts": head.parts,
        "mark": head.mark,
    }


def to_head(row: Mapping[str, Any]) -> Head:
    """Raises `Damaged` if somebody wrote something else into the row."""
    try:
        scope = row["projects"]
        return Head(
            owner=str(row["owner"]),
            projects=None if scope == _ALL else frozenset(map(int, scope.split())),
            applied_at=datetime.fromisoformat(row["applied_at"]),
            applied_by=str(row["applied_by"]),
            schedules=int(row["schedules"]),
            calendars=int(row["calendars"]),
            looked=str(row["looked"]),
            drifted=int(row["drifted"]),
            said=str(row["said"]),
            since=datetime.fromisoformat(row["since"]) if row["since"] else None,
            parts=int(row["parts"]),
            mark=str(row["mark"]),
            etag=str(row["etag"]),
        )
    except _GARBLED as error:
        raise Damaged(f"the row {row.get('RowKey')} cannot be read: {error!r:.200}") from error


def part_rows(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The entries as rows, as few as they fit into."""
    names = {one.kind.value: list(one.fields) for one in entries}
    said = json.dumps(names)
    return [
        {"names": said, **packed("entries", lines, "\n")}
        for lines in _shared_out(_line(one, names[one.kind]) for one in entries)
    ]


def to_entries(row: Mapping[str, Any]) -> list[Entry]:
    """Raises `Damaged`."""
    try:
        names = json.loads(row["names"])
        return [_entry(json.loads(line), names) for line in joined("entries", row, "\n")]
    except _GARBLED as error:
        raise Damaged(f"the row {row.get('RowKey')} cannot be read: {error!r:.200}") from error


def _scope(projects: frozenset[int] | None) -> str:
    return _ALL if projects is None else " ".join(map(str, sorted(projects)))


def _line(one: Entry, names: Sequence[str]) -> str:
    digests = "".join(one.fields[name] for name in names)
    differs = [names.index(name) for name in one.differs]
    said = [one.kind.value, one.key, one.id, one.project_id, one.seen, digests, differs]
    return json.dumps(said, separators=(",", ":"))


def _entry(said: Sequence[Any], names: Mapping[str, Sequence[str]]) -> Entry:
    kind, key, entry_id, project, seen, digests, differs = said
    fields = {name: digests[at * LENGTH : (at + 1) * LENGTH] for at, name in enumerate(names[kind])}
    return Entry(
        kind=Kind(kind),
        key=key,
        id=entry_id,
        project_id=project,
        fields=fields,
        seen=seen,
        differs=tuple(names[kind][at] for at in differs),
    )


def _shared_out(lines: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    room = _ROOM
    for line in lines:
        if some and len(line) > room:
            yield some
            some, room = [], _ROOM
        some.append(line)
        room -= len(line) + 1
    if some:
        yield some
