"""A stand-in for App Service's endpoint for managed identities.

It answers as the platform does, and its tokens have the claims of Entra ID's; only their signature
is nobody's. https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HEADER = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a"
_TENANT = "72f988bf-0000-0000-0000-2d7cd011db47"
_STORAGE = "https://storage.azure.com"
_UNKNOWN = (
    "No User Assigned or Delegated Managed Identity found for specified "
    "ClientId/ResourceId/PrincipalId."
)


@dataclass
class Endpoint(AbstractContextManager["Endpoint"]):
    """The endpoint, on its port, while it is open."""

    identities: tuple[str, ...]
    """The client ids of those that are assigned to the app."""
    port: int = 0
    lasts: int = 86_400
    """Seconds until a token expires."""
    trouble: tuple[int, bytes] | None = None
    """The status and body of each answer, while the platform has trouble."""
    given: list[str] = field(default_factory=list)
    """The client id of each token that was given."""
    refused: list[str] = field(default_factory=list)
    """What was wrong with each other request."""

    def __enter__(self) -> Endpoint:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environ(self) -> dict[str, str]:
        """What the platform sets."""
        url = f"http://127.0.0.1:{self.port}/msi/token/"
        return {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": HEADER}

    def answer(self, header: str | None, query: Mapping[str, str]) -> tuple[int, dict[str, object]]:
        """(the status, the body) for a request."""
        client_id = query.get("client_id", "")
        wrong = {
            "the header is missing or wrong": header != HEADER,
            "api-version must be 2019-08-01": query.get("api-version") != "2019-08-01",
            "resource is not the storage": query.get("resource", "").rstrip("/") != _STORAGE,
        }
        for problem in (problem for problem, is_so in wrong.items() if is_so):
            self.refused.append(problem)
            return 401, {"statusCode": 401, "message": problem}
        if client_id not in self.identities:
            self.refused.append(f"unknown: {client_id}")
            return 400, {"statusCode": 400, "message": _UNKNOWN}
        self.given.append(client_id)
        expires = int(time.time()) + self.lasts
        token = _token(client_id, expires, len(self.given))
        return 200, {
            "access_token": token,
            "expires_on": str(expires),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": client_id,
        }


def _token(client_id: str, expires: int, number: int) -> str:
    now = int(time.time())
    claims = {
        "aud": _STORAGE,
        "iss": f"https://sts.windows.net/{_TENANT}/",
        "iat": now,
        "nbf": now - 300,
        "exp": expires,
        "appid": client_id,
        "oid": f"00000000-0000-0000-0000-{number:012}",
        "tid": _TENANT,
        "ver": "1.0",
    }
    parts = ({"typ": "JWT", "alg": "RS256"}, claims, {"signed by": "nobody"})
    return ".".join(_encoded(part) for part in parts)


def _encoded(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: found[0] for name, found in parse_qs(urlsplit(self.path).query).items()}
            status, body = endpoint.answer(self.headers.get("X-IDENTITY-HEADER"), query)
            data = json.dumps(body).encode()
            if endpoint.trouble is not None:
                status, data = endpoint.trouble
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing is said on stderr."""

    return Handler
