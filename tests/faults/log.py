"""What passed the proxy."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TypedDict

from tests.faults.faults import Fault
from tests.faults.request import Request, Service

_KEPT = 10_000


class Counts(TypedDict):
    """Numbers of requests by name (`POST $batch`), whether or not they met a fault."""

    table: dict[str, int]
    queue: dict[str, int]
    blob: dict[str, int]
    entities_written: int
    """Inserted, changed and deleted in fact, each one of a transaction counted."""
    entities: dict[str, int]
    """The same by method."""
    faults: dict[str, int]
    """By kind; `unreachable`: Azurite did not answer."""


@dataclass(slots=True)
class Entry:
    """One request and what became of it."""

    number: int
    service: Service
    method: str
    operation: str
    path: str
    faults: list[str] = field(default_factory=list)
    status: int | None = None
    """What Azurite answered, if it was asked, even if the client never heard it."""


class Log:
    """Counts since the start or the last `reset`, and the last requests one by one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: Counter[tuple[Service, str, str]] = Counter()
        """By service, method and operation."""
        self.faults: Counter[str] = Counter()
        self.entities: Counter[str] = Counter()
        self.entries: deque[Entry] = deque(maxlen=_KEPT)

    def came(self, request: Request) -> Entry:
        entry = Entry(
            request.number, request.service, request.method, request.operation, request.path
        )
        with self._lock:
            self.requests[request.service, request.method, request.operation] += 1
            self.entries.append(entry)
        return entry

    def met(self, entry: Entry, fault: Fault | str) -> None:
        kind = fault if isinstance(fault, str) else fault.kind
        with self._lock:
            entry.faults.append(kind)
            self.faults[kind] += 1

    def answered(self, entry: Entry, status: int, written: dict[str, int]) -> None:
        with self._lock:
            entry.status = status
            for method, count in written.items():
                self.entities[method] += count

    def reset(self) -> None:
        """Count from nothing again."""
        with self._lock:
            for each in (self.requests, self.faults, self.entities, self.entries):
                each.clear()

    def counts(self) -> Counts:
        with self._lock:
            by_name: dict[Service, dict[str, int]] = {"table": {}, "queue": {}, "blob": {}}
            for (service, method, operation), count in sorted(self.requests.items()):
                by_name[service][f"{method} {operation}"] = count
            return Counts(
                table=by_name["table"],
                queue=by_name["queue"],
                blob=by_name["blob"],
                entities_written=self.entities.total(),
                entities=dict(sorted(self.entities.items())),
                faults=dict(sorted(self.faults.items())),
            )
