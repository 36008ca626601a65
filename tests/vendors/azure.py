"""A server that answers as Azure does to an app on a Flex Consumption plan that asks about itself,
over a real socket: the identity endpoint of App Service, and the app's resource at the management
API.

It keeps the resource, replaces what a PATCH names, and fails as a test tells it to (`Fault`).
https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
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
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
TOKEN = "eyJhbushhush"
HEADER = "hush-identity-header"


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
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    """The queries that came to the identity endpoint."""
    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def scale(self) -> Any:
        return self.resource["properties"]["functionAppConfig"]["scaleAndConcurrency"]

    def patches(self) -> list[Any]:
        """The bodies of all changes."""
        return [body for method, body in self.requests if method == "PATCH"]

    def environ(self) -> dict[str, str]:
        """What App Service tells an app of its identity."""
        return {"IDENTITY_ENDPOINT": f"{self.url}/msi/token", "IDENTITY_HEADER": HEADER}

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
                if where.path == "/msi/token":
                    self._token(query)
                elif where.path == SITE and query == {"api-version": ["2024-11-01"]}:
                    self._site(method, body)
                else:
                    self._say(404, json.dumps({"error": {"code": "ResourceNotFound"}}))

        def _token(self, query: dict[str, list[str]]) -> None:
            made.asked.append(query)
            fault = made.fault("TOKEN")
            if fault is not None:
                self._say(fault.status, fault.body)
            elif self.headers["X-IDENTITY-HEADER"] != HEADER:
                self._say(401, "{}")
            else:
                token = {"access_token": TOKEN, "expires_on": "4102444800", "token_type": "Bearer"}
                self._say(200, json.dumps(token | {"resource": query["resource"][0]}))

        def _site(self, method: str, body: Any) -> None:
            made.requests.append((method, body))
            fault = made.fault(method)
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
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
