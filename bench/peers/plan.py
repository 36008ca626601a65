"""Every measurement of a peer, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.peers import Absent, Crash, Figure, FullHost, Idle, Lateness, Peer, Throughput
from bench.peers.sizes import Sizes

T = TypeVar("T")

FOLDER = Path(__file__).parents[2] / ".local-bench"
"""Where environments are kept between runs, and stores during one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A peer's figures, in the order of the sizes they were asked with."""

    name: str
    setting: str
    sizes: Sizes
    dispatch: tuple[Throughput | Absent, ...]
    done: tuple[Throughput | Absent, ...]
    """One for each number of processes."""
    steady: Throughput | Absent
    idle: tuple[Idle | Absent, ...]
    lateness: Lateness | Absent
    mixed: Lateness | Absent
    crash: Crash | Absent
    full: FullHost | Absent

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """(measurement, figure), of each that was made."""
        for name in _MEASUREMENTS:
            found = getattr(self, name)
            for one in found if isinstance(found, tuple) else (found,):
                yield name, one


_MEASUREMENTS = ("dispatch", "done", "steady", "idle", "lateness", "mixed", "crash", "full")


def measure(
    peer: Peer, sizes: Sizes, folder: Path = FOLDER, tell: Callable[[str], None] = print
) -> Report:
    """Prepare, measure and close the peer; `tell` hears what is begun."""

    def told(what: str, found: Callable[[], T]) -> T:
        tell(f"{peer.name}: {what}")
        return found()

    try:
        absent = told("preparing", lambda: peer.prepare(folder))
        if absent is not None:
            return _nothing(peer, sizes, absent)
        return Report(
            name=peer.name,
            setting=peer.setting,
            sizes=sizes,
            dispatch=told("dispatch", lambda: tuple(map(peer.dispatch, sizes.dispatch))),
            done=told("done", lambda: tuple(peer.done(sizes.done, n) for n in sizes.processes)),
            steady=told("steady", lambda: peer.steady(sizes.done, sizes.rounds)),
            idle=told("idle", lambda: tuple(map(peer.idle, sizes.idle))),
            lateness=told("lateness", lambda: peer.lateness(sizes.per_second, sizes.seconds)),
            mixed=told("mixed", lambda: peer.mixed(sizes.mix)),
            crash=told("kills", lambda: peer.crash(sizes.crash, sizes.kills, sizes.seed)),
            full=told("full host", lambda: peer.full(sizes.killing)),
        )
    finally:
        peer.close()


def _nothing(peer: Peer, sizes: Sizes, absent: Absent) -> Report:
    return Report(
        name=peer.name,
        setting=peer.setting,
        sizes=sizes,
        dispatch=(absent,) * len(sizes.dispatch),
        done=(absent,) * len(sizes.processes),
        steady=absent,
        idle=(absent,) * len(sizes.idle),
        lateness=absent,
        mixed=absent,
        crash=absent,
        full=absent,
    )
