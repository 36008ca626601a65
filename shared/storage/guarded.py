"""A transport for azure-core's pipelines that reaches customers' storage accounts through the
guarded client (`shared.outgoing`): the SDK for blobs and `Connection` send nothing past it.

What the client refuses (`Blocked`, `TooLarge`, `Cancelled`) leaves the SDK as it is, and is not
tried again. That there was no answer, or half of one, becomes what azure-core knows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shared.outgoing import Limits, Unreachable, Why
from shared.storage import failures
from shared.storage.counted import Service as Counted

if TYPE_CHECKING:
    from shared.outgoing.client import Client
    from shared.outgoing.exchange import Exchange

_PIECE = 65_536


def guarded(
    client: Client,
    limits: Limits,
    *,
    counts: Counted = "blobs",
    stop: threading.Event | None = None,
) -> Any:
    """The transport, for `Connection` or a client of the SDK. `limits` hold for each request: an
    upload must be sent within `first_byte`. The SDK's own time-outs have no effect. No redirect is
    followed, no cookie kept, and nothing decompressed."""
    import requests
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:
            body = request.body.encode() if isinstance(request.body, str) else request.body
            try:
                found, _connected = client.start(
                    request.method, request.url, dict(request.headers), body, limits, stop
                )
            except Unreachable as error:
                raise _told(error) from error
            raw: Any = _Raw(found, limits.body)
            return self.build_response(request, raw)

    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Adapter())
    session.mount("http://", Adapter())
    return failures.transport(
        None, counts, session=session, session_owner=False, use_env_settings=False
    )


def _told(error: Unreachable) -> Exception:
    """What azure-core takes for: no connection, no answer in time, or a broken one."""
    import requests
    import urllib3

    if error.why is Why.TIMEOUT:
        return requests.exceptions.ReadTimeout(str(error))
    if error.why in (Why.BROKEN, Why.PROTOCOL):
        broken = urllib3.exceptions.ProtocolError(str(error))
        return requests.exceptions.ConnectionError(broken)
    return requests.exceptions.ConnectionError(str(error))


class _Raw:
    """An answer, with what requests uses of urllib3's `HTTPResponse`."""

    def __init__(self, found: Exchange, most: int) -> None:
        import urllib3

        self._found = found
        self._room = self._most = most
        self.status = found.status
        self.reason = found.reason
        self.headers = urllib3.HTTPHeaderDict(found.headers)
        self.enforce_content_length = True

    def stream(self, amt: int = _PIECE, **_: Any) -> Iterator[bytes]:
        """The body in pieces, as it was sent. Raises `TooLarge`, and urllib3's errors."""
        try:
            while piece := self._piece(amt or _PIECE):
                yield piece
        finally:
            self.close()

    def _piece(self, amt: int) -> bytes:
        import urllib3

        from shared.outgoing import TooLarge

        try:
            piece = self._found.read(min(amt, self._room + 1))
        except Unreachable as error:
            raise urllib3.exceptions.ProtocolError(f"IncompleteRead: {error}") from error
        self._room -= len(piece)
        if self._room < 0:
            raise TooLarge(self._found.place.host, f"sent more than {self._most:,} bytes")
        return piece

    def close(self) -> None:
        self._found.close()

    release_conn = close
