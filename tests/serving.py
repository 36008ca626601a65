"""A local HTTP server for the length of a block: what takes the place of a service in tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.ports import HOST
from tests.certificate import Certificate


class _Listener(ThreadingHTTPServer):
    request_queue_size = 128

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)  # without the FIN of `shutdown`, so that a reset is one


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler],
    *,
    port: int = 0,
    certificate: Certificate | None = None,
    waits: bool = False,
    before_end: Callable[[], object] = lambda: None,
) -> Iterator[str]:
    """The server's URL, without a slash at its end; by https, if it has a certificate.

    `port`: 0 means any that is free. `waits`: the end of the block waits until every connection is
    closed. `before_end` is called first, to let go what a handler holds.
    """
    with _Listener((HOST, port), handler) as listener:
        listener.daemon_threads = not waits
        if certificate is not None:
            listener.socket = certificate.server().wrap_socket(listener.socket, server_side=True)
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http{'s' if certificate else ''}://{HOST}:{listener.server_port}"
        finally:
            before_end()
            listener.shutdown()
            thread.join()
