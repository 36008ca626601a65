"""Every measurement of a peer, and a table of several peers side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.peers import Absent, Crash, Idle, Lateness, Peer, Throughput

FOLDER = Path(__file__).parents[2] / ".local-bench"
"""Where environments are kept between runs, and stores during one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much of each. The default takes the three peers about six minutes on two cores."""

    dispatch: tuple[int, ...] = (1_000, 10_000)
    done: int = 2_000
    processes: tuple[int, ...] = (1, 3)
    idle: tuple[int, ...] = (1_000, 10_000, 100_000)
    per_second: int = 10
    seconds: int = 20
    crash: int = 2_000
    kills: int = 4
    seed: int = 20260514


QUICK = Sizes(
    dispatch=(500,), done=500, processes=(1,), idle=(1_000,), seconds=5, crash=500, kills=1
)
FULL = Sizes(done=10_000, seconds=60, crash=10_000, kills=20)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A peer's figures, in the order of the sizes they were asked with."""

    name: str
    setting: str
    sizes: Sizes
    dispatch: tuple[Throughput | Absent, ...]
    done: tuple[Throughput | Absent, ...]
    """One for each number of processes."""
    idle: tuple[Idle | Absent, ...]
    lateness: Lateness | Absent
    crash: Crash | Absent


def measure(
    peer: Peer, sizes: Sizes, folder: Path = FOLDER, tell: Callable[[str], None] = print
) -> Report:
    """Prepare, measure and close the peer; `tell` hears what is begun."""
    try:
        tell(f"{peer.name}: preparing")
        absent = peer.prepare(folder)
        if absent is not None:
            return _nothing(peer, sizes, absent)
        tell(f"{peer.name}: dispatch")
        dispatch = tuple(peer.dispatch(n) for n in sizes.dispatch)
        tell(f"{peer.name}: done")
        done = tuple(peer.done(sizes.done, count) for count in sizes.processes)
        tell(f"{peer.name}: idle")
        idle = tuple(peer.idle(n) for n in sizes.idle)
        tell(f"{peer.name}: lateness")
        lateness = peer.lateness(sizes.per_second, sizes.seconds)
        tell(f"{peer.name}: kills")
        crash = peer.crash(sizes.crash, sizes.kills, sizes.seed)
    finally:
        peer.close()
    return Report(
        name=peer.name,
        setting=peer.setting,
        sizes=sizes,
        dispatch=dispatch,
        done=done,
        idle=idle,
        lateness=lateness,
        crash=crash,
    )


def _nothing(peer: Peer, sizes: Sizes, absent: Absent) -> Report:
    return Report(
        name=peer.name,
        setting=peer.setting,
        sizes=sizes,
        dispatch=(absent,) * len(sizes.dispatch),
        done=(absent,) * len(sizes.processes),
        idle=(absent,) * len(sizes.idle),
        lateness=absent,
        crash=absent,
    )


class _Notes:
    """Footnotes, each told once."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, text: str) -> str:
        """What stands in the cell."""
        if not text:
            return ""
        if text not in self._texts:
            self._texts.append(text)
        return f" [{self._texts.index(text) + 1}]"

    def lines(self) -> list[str]:
        """All of them."""
        return [f"[{number}] {text}" for number, text in enumerate(self._texts, start=1)]


def table(reports: Sequence[Report]) -> str:
    """The reports as columns. All were measured with the same sizes."""
    sizes = reports[0].sizes
    notes = _Notes()
    rows = [["", *(report.name for report in reports)]]

    def row(title: str, cells: Sequence[Throughput | Idle | Lateness | Crash | Absent]) -> None:
        rows.append([title, *(_shown(cell, notes) for cell in cells)])

    for at, n in enumerate(sizes.dispatch):
        row(f"dispatch of {n:,} due, schedules/s", [one.dispatch[at] for one in reports])
    for at, count in enumerate(sizes.processes):
        title = f"due to done of {sizes.done:,}, jobs/s, {count} process{'es' * (count > 1)}"
        row(title, [one.done[at] for one in reports])
    for at, n in enumerate(sizes.idle):
        row(f"idle pass over {n:,}, ms", [one.idle[at] for one in reports])
    title = f"late at {sizes.per_second}/s, {sizes.seconds} s: p50/p99/max ms"
    row(title, [one.lateness for one in reports])
    title = f"kill -9, {sizes.kills} of {sizes.crash:,}: lost/doubled/recovery s"
    row(title, [one.crash for one in reports])

    widths = [max(len(line[at]) for line in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in rows
    ]
    lines += [f"{report.name}: {report.setting}" for report in reports]
    return "\n".join((*lines, *notes.lines()))


def _shown(cell: Throughput | Idle | Lateness | Crash | Absent, notes: _Notes) -> str:
    match cell:
        case Absent():
            return f"absent{notes.mark(cell.why)}"
        case Throughput():
            note = "; ".join(filter(None, (_short(cell.due, cell.done), cell.note)))
            return f"{cell.per_second:,.0f}{notes.mark(note)}"
        case Idle():
            return f"{cell.milliseconds:.2f}{notes.mark(cell.note)}"
        case Lateness():
            late = (cell.p50_milliseconds, cell.p99_milliseconds, cell.max_milliseconds)
            note = "; ".join(filter(None, (_short(cell.due, cell.ran), cell.note)))
            return "/".join(f"{one:,.0f}" for one in late) + notes.mark(note)
        case Crash():
            figures = f"{cell.lost:,}/{cell.doubled:,}/{cell.recovery_seconds:.1f}"
            return f"{figures}{notes.mark(cell.note)}"


def _short(due: int, done: int) -> str:
    return "" if due == done else f"{due - done:,} of {due:,} did not"
