"""What stands in for Azure in tests of signing in by an identity: App Service's identity endpoint,
and, for PostgreSQL, a server that speaks TLS, as the embedded one does not."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from local.ports import HOST
from shared.settings import Secret, from_env
from tests import certificate
from tests.serving import serving

RESOURCE = "https://ossrdbms-aad.database.windows.net"
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""https://www.postgresql.org/docs/current/protocol-message-formats.html"""
_PIECE = 1 << 16


def token() -> str:
    """A new one in the form and of about the length of Entra's."""
    parts = (b'{"typ":"JWT"}', b'{"aud":"x"}' + secrets.token_bytes(900), secrets.token_bytes(256))
    head, body, signature = (urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    return f"{head}.{body}.{signature}"


@dataclass(slots=True)
class Identity:
    """The endpoint's state."""

    client_id: str
    resource: str = RESOURCE
    """For which it gives tokens."""
    lives: int = 86_400
    """Seconds that a token lives."""
    given: list[str] = field(default_factory=list)
    told: Callable[[str], None] = lambda _: None
    """Called with each token before it is given out."""
    broken: tuple[int, bytes] | None = None
    """What is answered instead."""

    def answer(self, query: dict[str, list[str]], header: str | None) -> tuple[int, bytes]:
        """https://learn.microsoft.com/azure/app-service/overview-managed-identity"""
        if self.broken is not None:
            return self.broken
        if header != "the header" or query.get("client_id") != [self.client_id]:
            return 400, b'{"statusCode":400,"message":"No managed identity was found"}'
        assert query["resource"] == [self.resource]
        made = token()
        self.given.append(made)
        self.told(made)
        body = {
            "access_token": made,
            "expires_on": str(int(time.time()) + self.lives),
            "resource": self.resource,
            "token_type": "Bearer",
            "client_id": self.client_id,
        }
        return 200, json.dumps(body).encode()


@contextlib.contextmanager
def identity(patch: pytest.MonkeyPatch) -> Iterator[Identity]:
    """An identity with an endpoint, in this process's environment."""
    state = Identity(f"client-{secrets.token_hex(4)}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            status, body = state.answer(query, self.headers.get("X-IDENTITY-HEADER"))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        patch.setenv("IDENTITY_ENDPOINT", f"{url}/msi/token")
        patch.setenv("IDENTITY_HEADER", "the header")
        yield state


def by_identity(url: str, client_id: str) -> Secret:
    """The URL as the settings of an app with that identity read it."""
    environ = {
        "AzureWebJobsStorage": "AccountName=x;AccountKey=aHVzaA==",
        "POSTGRES_URL": url,
        "ENTRA_DATABASE_HOSTS": "localhost",
        "AZURE_CLIENT_ID": client_id,
    }
    return from_env(environ).postgres_url


@contextlib.contextmanager
def tls_front(port: int, folder: Path) -> Iterator[int]:
    """The port of a PostgreSQL server that takes encrypted connections only, and hands them on, as
    a gateway does. `folder` gets its certificate, `front.pem`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made = certificate.make(folder)
    made.file.rename(folder / "front.pem")
    context.load_cert_chain(folder / "front.pem", made.key)
    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context, port), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            accepted, _ = listener.accept()
            threading.Thread(target=_serve, args=(accepted, context, port), daemon=True).start()


def _serve(accepted: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError), contextlib.closing(accepted):
        if accepted.recv(len(_SSL_REQUEST), socket.MSG_WAITALL) != _SSL_REQUEST:
            said = b'SFATAL\0C28000\0Mno pg_hba.conf entry for host "x", no encryption\0\0'
            accepted.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)
            return
        accepted.sendall(b"S")
        with (
            context.wrap_socket(accepted, server_side=True) as client,
            socket.create_connection((HOST, port)) as server,
        ):
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
