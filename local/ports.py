"""Which TCP ports are free, and who answers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations, islice

from shared.errors import Misconfigured, Unavailable

HOST = "127.0.0.1"
_LAST = 65535


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many ports, one after the other."""

    first: int
    """0 for any free ones, wherever."""
    count: int = 1

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(range(self.first, self.first + self.count))


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


def choose(wanted: Mapping[str, Wanted]) -> dict[str, tuple[int, ...]]:
    """By setting: its ports, all different.

    Raises `Misconfigured` if some do not exist or clash, `PortInUse` for what others use.
    """
    fixed = {name: one.ports for name, one in wanted.items() if one.first}
    for name, taken in fixed.items():
        if taken[-1] > _LAST:
            raise Misconfigured(
                f"{name} is {taken[0]}, the first of {len(taken)} ports, and the last there is is "
                f"{_LAST}; use at most {_LAST + 1 - len(taken)}, or 0 for any free ones"
            )
    for (one, its), (other, others) in combinations(fixed.items(), 2):
        if common := sorted(set(its) & set(others)):
            raise Misconfigured(
                f"{one} ({_shown(its)}) and {other} ({_shown(others)}) both take port {common[0]}; "
                "choose another for one of them"
            )
    for name, taken in fixed.items():
        for port in taken:
            if not is_free(port):
                raise PortInUse(port, name, taken[0] + (1 if len(taken) == 1 else 10))
    return fixed | _any(wanted, {port for taken in fixed.values() for port in taken})


def _any(wanted: Mapping[str, Wanted], but: Set[int]) -> dict[str, tuple[int, ...]]:
    """Free ones for those that want any, and none of these."""
    loose = {name: one.count for name, one in wanted.items() if not one.first}
    found = iter([port for port in free(sum(loose.values()) + len(but)) if port not in but])
    return {name: tuple(islice(found, count)) for name, count in loose.items()}


def _shown(ports: Sequence[int]) -> str:
    return str(ports[0]) if len(ports) == 1 else f"{ports[0]} to {ports[-1]}"
