"""A server that answers as Azure's management API does for one function app on a Flex Consumption
plan, over a real socket.

It keeps the app's resource, replaces what a PATCH names, and fails as a test tells it to (`Fault`).
https://learn.microsoft.com/rest/api/appservice/web-apps/update
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.serving import serving

SITE = "/subscriptions/0f-1/resourceGroups/rg-demo/providers/Microsoft.Web/sites/func-demo"


@dataclass
class Fault:
    """What goes wrong with the next requests of a method."""

    method: str
    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    """Whether the work is done all the same."""
    action: Callable[[], object] = lambda: None
    """Called before the answer."""
    after: int = 0
    """So many requests of the method pass first."""


def denied(method: str, code: str = "AuthorizationFailed") -> Fault:
    said = "The client does not have authorization to perform action 'Microsoft.Web/sites/write'"
    return Fault(method, 403, json.dumps({"error": {"code": code, "message": said}}))


def app(ready: int = 0, instances: int = 40, concurrency: int | None = None) -> dict[str, Any]:
    """The resource, as far as Belfry looks at it, and something of what it must not touch."""
    scale: dict[str, Any] = {"instanceMemoryMB": 2048, "maximumInstanceCount": instances}
    scale["alwaysReady"] = [{"name": "function:tick", "instanceCount": 1}]
    if ready:
        scale["alwaysReady"].append({"name": "http", "instanceCount": ready})
    if concurrency is not None:
        scale["triggers"] = {"http": {"perInstanceConcurrency": concurrency}}
    storage = {"type": "blobContainer", "value": "https://st.blob.core.windows.net/deployments"}
    return {
        "id": SITE,
        "tags": {"azd-service-name": "app"},
        "properties": {
            "state": "Running",
            "lastModifiedTimeUtc": "2026-01-01T00:00:00.1234567",
            "functionAppConfig": {
                "deployment": {"storage": storage},
                "runtime": {"name": "python", "version": "3.12"},
                "scaleAndConcurrency": scale,
            },
        },
    }


@dataclass
class Azure:
    """The server as a test sees it."""

    url: str = ""
    resource: dict[str, Any] = field(default_factory=app)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    """(method, body) of each that came to the resource."""
    tokens: list[str] = field(default_factory=list)
    """By which callers come in."""
    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def scale(self) -> Any:
        return self.resource["properties"]["functionAppConfig"]["scaleAndConcurrency"]

    def patches(self) -> list[Any]:
        """The bodies of all changes."""
        return [body for method, body in self.requests if method == "PATCH"]

    def fault(self, method: str) -> Fault | None:
        found = next((one for one in self.faults if one.method == method), None)
        if found is None:
            return None
        if found.after:
            found.after -= 1
            return None
        self.faults.remove(found)
        return found


@contextmanager
def azure() -> Iterator[Azure]:
    """The server, for the length of a block."""
    made = Azure()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_PATCH(self) -> None:
            self._answer("PATCH")

        def _answer(self, method: str) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            where = urlsplit(self.path)
            query = parse_qs(where.query)
            with made.lock:
                if where.path == SITE and query == {"api-version": ["2024-11-01"]}:
                    self._site(method, body)
                else:
                    self._say(404, json.dumps({"error": {"code": "ResourceNotFound"}}))

        def _site(self, method: str, body: Any) -> None:
            made.requests.append((method, body))
            fault = made.fault(method)
            if self.headers["Authorization"] not in [f"Bearer {one}" for one in made.tokens]:
                self._say(401, json.dumps({"error": {"code": "AuthenticationFailed"}}))
                return
            if method == "PATCH" and (fault is None or fault.done):
                made.resource["properties"] |= copy.deepcopy(body["properties"])
            if fault is None:
                self._say(200, json.dumps(made.resource))
            else:
                fault.action()
                self._say(fault.status, fault.body, fault.headers)

        def _say(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            raw = body.encode()
            more = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
            for name, value in (more | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        made.url = url
        yield made
