"""App Service's endpoint for managed identities, on a local port.

It answers as the platform does, and its tokens have the claims and about the length of Entra ID's;
only their signature is nobody's.
https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from local.ports import HOST
from tests.serving import serving

STORAGE = "https://storage.azure.com"
POSTGRES = "https://ossrdbms-aad.database.windows.net"
HEADER = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a"
_TENANT = "72f988bf-0000-0000-0000-2d7cd011db47"
_UNKNOWN = (
    "No User Assigned or Delegated Managed Identity found for specified "
    "ClientId/ResourceId/PrincipalId."
)


@dataclass
class Endpoint:
    """The endpoint of an app that has one identity. It answers in the block of `open`."""

    client_id: str
    resource: str
    """For which it gives tokens."""
    port: int = 0
    """0: any that is free."""
    lasts: int = 86_400
    """Seconds until a token expires."""
    trouble: tuple[int, bytes] | None = None
    """The status and body of each answer, while the platform has trouble."""
    told: Callable[[str], object] = lambda _: None
    """Called with each token before it is given out."""
    given: list[str] = field(default_factory=list)
    """The tokens."""
    refused: list[str] = field(default_factory=list)
    """What was wrong with each other request."""

    @contextmanager
    def open(self) -> Iterator[Endpoint]:
        """Answer while the block lasts."""
        with serving(_handler(self), port=self.port) as url:
            self.port = urlsplit(url).port or 0
            yield self

    @property
    def environ(self) -> dict[str, str]:
        """What the platform sets."""
        url = f"http://{HOST}:{self.port}/msi/token/"
        return {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": HEADER}

    def answer(self, header: str | None, query: Mapping[str, str]) -> tuple[int, bytes]:
        """(the status, the body) for a request."""
        if self.trouble is not None:
            return self.trouble
        status, problem = self._problem(header, query)
        if problem:
            self.refused.append(problem)
            return status, json.dumps({"statusCode": status, "message": problem}).encode()
        expires = int(time.time()) + self.lasts
        token = _token(self.client_id, self.resource, expires)
        self.given.append(token)
        self.told(token)
        body = {
            "access_token": token,
            "expires_on": str(expires),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": self.client_id,
        }
        return 200, json.dumps(body).encode()

    def _problem(self, header: str | None, query: Mapping[str, str]) -> tuple[int, str]:
        if header != HEADER:
            return 401, "the header is missing or wrong"
        if query.get("api-version") != "2019-08-01":
            return 401, "api-version must be 2019-08-01"
        if (found := query.get("resource", "").rstrip("/")) != self.resource:
            return 401, f"resource is {found}, not {self.resource}"
        return (0, "") if query.get("client_id") == self.client_id else (400, _UNKNOWN)


@contextmanager
def identity(patch: pytest.MonkeyPatch, resource: str) -> Iterator[Endpoint]:
    """An identity that nobody had before, with its endpoint, in this process's environment."""
    with Endpoint(f"client-{secrets.token_hex(4)}", resource).open() as made:
        for name, value in made.environ.items():
            patch.setenv(name, value)
        yield made


def _token(client_id: str, resource: str, expires: int) -> str:
    now = int(time.time())
    claims = {
        "aud": resource,
        "iss": f"https://sts.windows.net/{_TENANT}/",
        "iat": now,
        "nbf": now - 300,
        "exp": expires,
        "appid": client_id,
        "oid": "00000000-0000-0000-0000-000000000001",
        "tid": _TENANT,
        "ver": "1.0",
        "rh": secrets.token_urlsafe(400),
    }
    parts = ({"typ": "JWT", "alg": "RS256"}, claims)
    encoded = [_encoded(json.dumps(part).encode()) for part in parts]
    return ".".join([*encoded, _encoded(secrets.token_bytes(256))])


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: found[0] for name, found in parse_qs(urlsplit(self.path).query).items()}
            status, body = endpoint.answer(self.headers.get("X-IDENTITY-HEADER"), query)
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is said on stderr."""

    return Handler
