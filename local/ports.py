"""Which TCP ports are free, and who answers."""

from __future__ import annotations

import contextlib
import socket

from shared.errors import Unavailable

HOST = "127.0.0.1"


class PortInUse(Unavailable):
    """Another program listens there."""

    def __init__(self, port: int, setting: str, instead: int) -> None:
        super().__init__(
            f"port {port}",
            "it is in use by another program; stop that one, or choose another port: "
            f"make start {setting}={instead if instead < 65500 else 0} (0 takes any free one)",
        )


def free(count: int) -> tuple[int, ...]:
    """`count` different ports that nobody uses now; another program may take one meanwhile."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return tuple(one.getsockname()[1] for one in sockets)


def is_free(port: int) -> bool:
    """Whether a server could listen on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether a server accepts connections on `port`."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def choose(port: int, setting: str, *, count: int = 1) -> tuple[int, ...]:
    """`port` and the ones after it, or any free ones for 0. Raises `PortInUse`."""
    if port == 0:
        return free(count)
    wanted = tuple(range(port, port + count))
    for one in wanted:
        if not is_free(one):
            raise PortInUse(one, setting, port + (1 if count == 1 else 10))
    return wanted
