"""A transport of a process that is killed at one of its writes, and sends nothing from then on."""

from __future__ import annotations

import threading
from typing import Any

from azure.core.pipeline.transport import RequestsTransport


class Killed(BaseException):
    """The process is no more."""


class Dying(RequestsTransport):  # type: ignore[misc]
    """`left`: so many writes are made. The next is not sent (`answered`: it is sent, and nobody
    reads the answer)."""

    def __init__(self, left: int, *, answered: bool = False) -> None:
        super().__init__()
        self.made = 0
        self._left = left
        self._answered = answered
        self._lock = threading.Lock()
        self._dead = False

    def send(self, request: Any, **options: Any) -> Any:
        with self._lock:
            if request.method not in ("GET", "HEAD"):
                self.made += 1
            if self._dead:
                raise Killed
            if self.made > self._left:
                self._dead = True
        if not self._dead:
            return super().send(request, **options)
        if self._answered:
            super().send(request, **options)
        raise Killed
