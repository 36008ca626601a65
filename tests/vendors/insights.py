"""Application Insights' ingestion endpoint, on a local port: it keeps the envelopes that it gets.

https://learn.microsoft.com/azure/azure-monitor/app/connection-strings
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.serving import serving

KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"


@dataclass
class Insights:
    """What it got, and how it answers."""

    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    """The envelopes."""
    raw: list[str] = field(default_factory=list)
    """The requests: their headers, and their bodies as text."""
    paths: set[str] = field(default_factory=set)
    status: int = 200
    gate: threading.Event = field(default_factory=threading.Event)
    """Answers wait for it."""
    entered: threading.Event = field(default_factory=threading.Event)
    """Set when a request came."""

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def connection_string(self) -> str:
        return f"InstrumentationKey={KEY};IngestionEndpoint={self.url}/;LiveEndpoint={self.url}/"

    @property
    def environ(self) -> dict[str, str]:
        """The app's settings."""
        return {
            "TRACING": "azure",
            "APPLICATIONINSIGHTS_CONNECTION_STRING": self.connection_string,
        }

    def items(self, kind: str) -> list[dict[str, Any]]:
        """The data of all items of a kind: Request or RemoteDependency."""
        return [one["data"]["baseData"] for one in self.got if one["name"].endswith(f".{kind}")]

    def operations(self) -> set[str]:
        """The ids of the operations that the items belong to."""
        return {one["tags"]["ai.operation.id"] for one in self.got}


@contextmanager
def insights() -> Iterator[Insights]:
    """The endpoint, until the block ends."""
    memory = Insights()

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            memory.entered.set()
            memory.gate.wait(30)
            memory.paths.add(self.path)
            memory.raw.append(f"{self.headers}{body.decode()}")
            sent = json.loads(body)
            if memory.status == 200:
                memory.got += sent
            told = {"itemsReceived": len(sent), "itemsAccepted": len(sent), "errors": []}
            answer = json.dumps(told).encode()
            self.send_response(memory.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with serving(Handler, before_end=memory.gate.set) as memory.url:
        yield memory
