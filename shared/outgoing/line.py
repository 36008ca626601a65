"""Holds a connection that a library in C reads, such as libpq: it waits for as long as the other
side likes, and takes what it sends into memory, be it a gigabyte. Nothing in between can count its
bytes; so the system's count is looked at, and the connection cut when it has to end.
"""

from __future__ import annotations

import math
import os
import socket
import struct
import threading
from contextlib import suppress
from datetime import timedelta
from typing import Self

from shared import threads, transferred
from shared.clock import Clock
from shared.errors import BelfryError, Cancelled, Refused, Unavailable

_LOOK = timedelta(seconds=0.1)
_COUNTS = struct.Struct("=120xQQ")
"""Bytes that were acknowledged and that came, in the `tcp_info` of Linux (tcp(7))."""


class Line:
    """Watches a connection until it is closed. `most`: bytes that may come between two calls of
    `step`, and `seconds` that may pass, but for those after `pause`. Of a socket that is none of
    TCP, only the time is watched."""

    def __init__(
        self, file: int, clock: Clock, stop: threading.Event, *, seconds: float, most: int
    ) -> None:
        self._sock = socket.socket(fileno=os.dup(file))
        self._clock = clock
        self._stop = stop
        self._seconds = seconds
        self._most = most
        self._over = threading.Event()
        self._ended = threading.Event()
        self._problem: BelfryError | None = None
        self._since, self._base = clock.monotonic(), self._moved()[1]
        if not threads.start(self._watch, "line"):
            self._sock.close()
            raise Unavailable("this process", "it starts no more threads")

    def step(self) -> int:
        """Count anew; how many bytes came since the last step."""
        came = self._moved()[1] - self._base
        self._since, self._base = self._clock.monotonic(), self._base + came
        return came

    def pause(self) -> None:
        """Nothing is asked until the next step."""
        self._since = math.inf

    def hold(self) -> None:
        """Raise why it was cut, if it was."""
        if self._problem is not None:
            raise self._problem

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        while not self._clock.wait(self._ended, _LOOK):
            pass
        transferred.count(sum(self._moved()))
        self._sock.close()

    def _watch(self) -> None:
        try:
            while not self._over.is_set():
                if (problem := self._wrong()) is not None:
                    self._problem = problem
                    with suppress(OSError):
                        self._sock.shutdown(socket.SHUT_RDWR)
                    return
                self._clock.wait(self._over, _LOOK)
        finally:
            self._ended.set()

    def _wrong(self) -> BelfryError | None:
        if self._stop.is_set():
            return Cancelled("stopped while a server was asked")
        if self._moved()[1] - self._base > self._most:
            return Refused("the server", f"it sent more than {self._most >> 20} MiB at once")
        if self._clock.monotonic() - self._since > self._seconds:
            return Unavailable("the server", f"it did not answer within {self._seconds:g} s")
        return None

    def _moved(self) -> tuple[int, int]:
        """(bytes that went, bytes that came); none where the system does not count."""
        try:
            told = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS.size)
            return _COUNTS.unpack(told)
        except (OSError, struct.error):
            return 0, 0
