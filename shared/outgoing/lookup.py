"""The addresses of a name, asked for once and in time.

The platform's resolver waits as long as the name's servers let it, and takes no time-out. So it is
asked in a thread of its own; one that is late ends by itself, and there are only so many.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeAlias

from shared import threads
from shared.clock import Clock
from shared.outgoing.model import Unreachable, Why

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""The addresses of a name, for a port. Raises `OSError`."""
_MOST = 128
"""Lookups at a time, in this process."""


def system(name: str, port: int) -> Sequence[str]:
    """What the platform's resolver says."""
    return [str(one[4][0]) for one in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]


class Lookup:
    """Looks names up. Several threads may use it at once."""

    def __init__(self, resolve: Resolve, clock: Clock) -> None:
        self._resolve = resolve
        self._clock = clock
        self._places = threading.BoundedSemaphore(_MOST)

    def __call__(self, name: str, port: int, seconds: float) -> Sequence[str]:
        """Every address of the name. Raises `Unreachable`."""
        if not self._places.acquire(timeout=seconds):
            raise Unreachable(name, "was not looked up: too many names are", Why.TIMEOUT)
        asked = _Asked(self._resolve, name, port, self._places.release)
        if not threads.start(asked.ask, "lookup"):
            asked.ask()
        if not self._clock.wait(asked.over, timedelta(seconds=seconds)):
            raise Unreachable(name, "its name was not found in time", Why.TIMEOUT)
        return asked.answer()


class _Asked:
    def __init__(self, resolve: Resolve, name: str, port: int, ended: Callable[[], object]) -> None:
        self._resolve = resolve
        self._name = name
        self._port = port
        self._ended = ended
        self._found: Sequence[str] = ()
        self._error: Exception | None = None
        self.over = threading.Event()

    def ask(self) -> None:
        """Ask; raises nothing."""
        try:
            self._found = self._resolve(self._name, self._port)
        except Exception as error:  # raised where the answer is asked for
            self._error = error
        finally:
            self.over.set()
            self._ended()

    def answer(self) -> Sequence[str]:
        """The addresses. Raises `Unreachable`, and a defect as it is."""
        error = self._error
        if error is not None and not isinstance(error, (OSError, UnicodeError)):
            raise error
        if error is not None or not self._found:
            raise Unreachable(
                self._name, f"its name has no address ({type(error).__name__})", Why.NAME
            ) from None
        return self._found
