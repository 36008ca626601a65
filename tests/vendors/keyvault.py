"""A server that answers as an Azure Key Vault does, over TLS: it asks for a token first, and keeps
deleted secrets, whose names cannot be used again.

https://learn.microsoft.com/rest/api/keyvault/secrets
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.certificate import Certificate
from tests.serving import serving

RESOURCE = "https://vault.azure.net"
_CHALLENGE = f'Bearer authorization="https://login.microsoftonline.com/t", resource="{RESOURCE}"'
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_MOST_BYTES = 25 * 1024


@dataclass
class KeyVault:
    """The vault as a test sees it."""

    url: str = ""
    tokens: list[str] = field(default_factory=list)
    """By which callers come in."""
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """(method, path) of each that came in."""
    troubles: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Status and headers of the next answers."""
    page: int = 25
    lock: threading.Lock = field(default_factory=threading.Lock)

    def gets(self) -> int:
        """How often a secret was read."""
        return sum(method == "GET" and "/secrets/" in path for method, path in self.requests)


@contextmanager
def key_vault(certificate: Certificate) -> Iterator[KeyVault]:
    """The server, for the length of a block."""
    made = KeyVault()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_PUT(self) -> None:
            self._answer("PUT")

        def do_DELETE(self) -> None:
            self._answer("DELETE")

        def _answer(self, method: str) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            where = urlsplit(self.path)
            query = parse_qs(where.query)
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            with made.lock:
                if given not in made.tokens:
                    self._say(401, _error("Unauthorized"), {"WWW-Authenticate": _CHALLENGE})
                    return
                made.requests.append((method, where.path))
                if made.troubles:
                    status, headers = made.troubles.pop(0)
                    self._say(status, _error("Throttled"), headers)
                    return
                name = where.path.removeprefix("/secrets").strip("/")
                self._say(*self._done(method, name, query, body))

        def _done(
            self, method: str, name: str, query: dict[str, list[str]], body: Any
        ) -> tuple[int, dict[str, Any]]:
            if "api-version" not in query:
                return 400, _error("BadParameter")
            if not name and method == "GET":
                return 200, _page(made, int(query.get("$skiptoken", ["0"])[0]))
            if not _NAME.fullmatch(name) or len(json.dumps(body)) > 2 * _MOST_BYTES:
                return 400, _error("BadParameter")
            if method == "PUT":
                return _set(made, name, body)
            if name not in made.kept:
                return 404, _error("SecretNotFound")
            if method == "DELETE":
                made.deleted[name] = made.kept.pop(name)
                return 200, made.deleted[name] | {"recoveryId": f"{made.url}/deletedsecrets/{name}"}
            return 200, made.kept[name]

        def _say(
            self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
        ) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            more = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
            for name, value in (more | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler, certificate=certificate) as url:
        made.url = url
        yield made


def _set(made: KeyVault, name: str, body: Any) -> tuple[int, dict[str, Any]]:
    if name in made.deleted:
        return 409, _error("Conflict")
    if len(body["value"].encode()) > _MOST_BYTES:
        return 400, _error("BadParameter")
    attributes = {"enabled": True, "created": 1772366400, "updated": 1772366400}
    made.kept[name] = body | {
        "id": f"{made.url}/secrets/{name}/{secrets.token_hex(16)}",
        "attributes": attributes,
    }
    return 200, made.kept[name]


def _page(made: KeyVault, start: int) -> dict[str, Any]:
    """A page of the list, which has no values."""
    names = sorted(made.kept)[start : start + made.page]
    rest = start + made.page < len(made.kept)
    after = f"{made.url}/secrets?api-version=7.4&$skiptoken={start + made.page}"
    found = [
        {
            "id": f"{made.url}/secrets/{name}",
            "attributes": made.kept[name]["attributes"],
            "tags": made.kept[name].get("tags", {}),
        }
        for name in names
    ]
    return {"value": found, "nextLink": after if rest else None}


def _error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"{code}: what was sent may be quoted here"}}
