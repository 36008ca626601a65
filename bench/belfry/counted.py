"""Counts what goes over the wire: requests, and the entities that they write."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any

_WRITES = re.compile(rb"^(?:POST|PUT|PATCH|MERGE|DELETE) http", re.MULTILINE)


@dataclass(slots=True)
class Counts:
    """Since the last look."""

    table_requests: int = 0
    entity_writes: int = 0
    queue_requests: int = 0
    blob_reads: int = 0
    blob_writes: int = 0
    bytes: int = 0
    """Of addresses and bodies, sent and answered."""

    def less(self, other: Counts) -> Counts:
        """What is left without the other."""
        return Counts(
            self.table_requests - other.table_requests,
            self.entity_writes - other.entity_writes,
            self.queue_requests - other.queue_requests,
            self.blob_reads - other.blob_reads,
            self.blob_writes - other.blob_writes,
            self.bytes - other.bytes,
        )


@dataclass(slots=True)
class Counted:
    """Makes transports for the storage SDKs, all counted together."""

    blobs: str = ""
    """What the URLs of blobs begin with; without it, requests to blobs count as those to tables."""
    _counts: Counts = field(default_factory=Counts)
    _lock: Any = field(default_factory=threading.Lock)

    def take(self) -> Counts:
        """What was counted; begin anew."""
        with self._lock:
            taken, self._counts = self._counts, Counts()
        return taken

    def note(self, method: str, url: str, body: bytes, answered: int) -> None:
        with self._lock:
            self._counts.bytes += len(url) + len(body) + answered
            if "/messages" in url or "comp=metadata" in url:
                self._counts.queue_requests += 1
                return
            if self.blobs and url.startswith(self.blobs):
                self._counts.blob_reads += method in ("GET", "HEAD")
                self._counts.blob_writes += method not in ("GET", "HEAD")
                return
            self._counts.table_requests += 1
            if "$batch" in url:
                self._counts.entity_writes += len(_WRITES.findall(body))
            elif method != "GET":
                self._counts.entity_writes += 1

    def transport(self, **options: Any) -> Any:
        """One transport; `options` are those of azure-core's for requests."""
        from azure.core.pipeline.transport import RequestsTransport

        counted = self

        class Counting(RequestsTransport):  # type: ignore[misc]
            def send(self, request: Any, **options: Any) -> Any:
                body = getattr(request, "content", None) or getattr(request, "body", None) or b""
                raw = body.encode() if isinstance(body, str) else body
                answer = super().send(request, **options)
                answered = len(answer.internal_response.content)  # requests keeps it
                sent = raw if isinstance(raw, bytes) else b""
                counted.note(request.method, request.url, sent, answered)
                return answer

        return Counting(**options)
