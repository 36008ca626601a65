"""A PostgreSQL server as its clients see a managed one: it speaks TLS, which the embedded one does
not, and an identity signs in to it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from local.ports import HOST
from shared.settings import Secret, from_env
from tests import certificate

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""https://www.postgresql.org/docs/current/protocol-message-formats.html"""
_PIECE = 1 << 16


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
    made = certificate.make(folder)
    context = made.server()
    made.file.rename(folder / "front.pem")
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
