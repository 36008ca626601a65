"""Several reports side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.peers import Absent, Crash, Figure, FullHost, Idle, Lateness, Throughput
from bench.peers.plan import Report


class _Notes:
    """Footnotes, each told once."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, *parts: str) -> str:
        """What stands in the cell; the parts that are not empty are one note."""
        text = "; ".join(filter(None, parts))
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
    notes = _Notes()
    rows = [["", *(report.name for report in reports)]]
    for title, cells, shown in _rows(reports):
        rows.append([title, *(shown(cell, notes) for cell in cells)])
    widths = [max(len(line[at]) for line in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in rows
    ]
    lines += [f"{report.name}: {report.setting}" for report in reports]
    return "\n".join((*lines, *notes.lines()))


Row = tuple[str, Sequence[Figure], Callable[[Figure, _Notes], str]]


def _rows(reports: Sequence[Report]) -> Iterator[Row]:
    """(title, each report's cell, how it is shown)."""
    yield from _rates(reports)
    sizes, killing = reports[0].sizes, reports[0].sizes.killing
    for at, n in enumerate(sizes.idle):
        yield f"idle pass over {n:,}, ms", [one.idle[at] for one in reports], _shown
    title = f"late at {sizes.per_second}/s, {sizes.seconds} s: p50/p99/max ms"
    yield title, [one.lateness for one in reports], _shown
    title = f"  {sizes.mix.per_second}/s beside {sizes.mix.long} of {sizes.mix.long_seconds:.0f} s"
    yield title, [one.mixed for one in reports], _shown
    title = f"kill -9, {sizes.kills} of {sizes.crash:,}: lost/doubled/recovery s"
    yield title, [one.crash for one in reports], _shown
    title = f"full host, {killing.kills} kills, {killing.due:,} due: left/explained/s"
    yield title, [one.full for one in reports], _shown
    yield "  starts a second, before / after", [one.full for one in reports], _starts


def _rates(reports: Sequence[Report]) -> Iterator[Row]:
    sizes = reports[0].sizes
    for at, n in enumerate(sizes.dispatch):
        yield f"dispatch of {n:,} due, schedules/s", [one.dispatch[at] for one in reports], _shown
    counts = [(at, f"{n} process{'es' * (n > 1)}") for at, n in enumerate(sizes.processes)]
    for at, count in counts:
        title = f"due to done of {sizes.done:,}, jobs/s, {count}"
        yield title, [one.done[at] for one in reports], _shown
    yield "  later occurrences, 1 process", [one.steady for one in reports], _shown
    for at, count in counts:
        title = f"  processor ms a job, host + storage, {count}"
        yield title, [one.done[at] for one in reports], _processor
    yield "    and of later occurrences", [one.steady for one in reports], _processor


def _shown(cell: Figure, notes: _Notes) -> str:
    match cell:
        case Absent():
            return f"absent{notes.mark(cell.why)}"
        case Throughput():
            return f"{cell.per_second:,.0f}{notes.mark(_short(cell.due, cell.done), cell.note)}"
        case Idle():
            return f"{cell.milliseconds:.2f}{notes.mark(cell.note)}"
        case Lateness():
            late = (cell.p50_milliseconds, cell.p99_milliseconds, cell.max_milliseconds)
            mark = notes.mark(_short(cell.due, cell.ran), cell.note)
            return "/".join(f"{one:,.0f}" for one in late) + mark
        case Crash():
            figures = f"{cell.lost:,}/{cell.doubled:,}/{cell.recovery_seconds:.1f}"
            return f"{figures}{notes.mark(cell.note)}"
        case FullHost():
            figures = f"{cell.left:,}/{cell.explained:,}/{cell.seconds:.1f}"
            return f"{figures}{notes.mark(cell.note)}"


def _processor(cell: Figure, notes: _Notes) -> str:
    if not isinstance(cell, Throughput) or cell.processor is None:
        return _shown(cell, notes) if isinstance(cell, Absent) else "absent"
    spent = cell.processor
    return f"{spent.hosts_milliseconds:.2f} + {spent.storage_milliseconds:.2f}"


def _starts(cell: Figure, notes: _Notes) -> str:
    if not isinstance(cell, FullHost):
        return _shown(cell, notes)
    return f"{cell.before_per_second:.0f} / {cell.after_per_second:.1f}"


def _short(due: int, done: int) -> str:
    return "" if due == done else f"{due - done:,} of {due:,} did not"
