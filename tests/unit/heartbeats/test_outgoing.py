"""A request ends in time, whatever the server does."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from local.ports import HOST
from shared import outgoing
from shared.clock import SystemClock
from shared.errors import Unavailable
from tests.serving import serving

WRITTEN = {
    "a line without an end": (b"HTTP/1.1 200 OK", b"!"),
    "headers without an end": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "nothing": (b"", b""),
}


@pytest.mark.parametrize("what", WRITTEN)
def test_an_answer_that_never_ends(what: str) -> None:
    """A little of it comes all the time, so no single wait is long."""
    over = threading.Event()
    begin, more = WRITTEN[what]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with contextlib.suppress(OSError):
                self.wfile.write(begin)
                while not over.wait(0.02):
                    self.wfile.write(more)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler, before_end=over.set) as url:
        to = outgoing.target(f"{url}/check", [HOST])
        with pytest.raises(Unavailable, match="did not answer"):
            outgoing.post(to, b"", clock=SystemClock(), seconds=0.3)
