"""The engines side by side, each figure beside Belfry's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.flows import Killed, Sizes
from bench.flows.figures import Figures
from bench.peers import Absent


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What was found of an engine."""

    name: str
    setting: str
    persists: str
    found: Mapping[str, Figures] | Absent
    """By the order's name."""
    killed: Killed | Absent | None = None
    """None: not asked for."""
    load: float = 0.0
    """Of the machine when its turn came: how many programs wanted a core in the minute before."""


_Cell = Callable[[Report], str]


def table(ours: Report, others: Sequence[Report], sizes: Sizes) -> str:
    """Columns are engines. In brackets: how many times better Belfry is; below 1 it is behind."""
    rows = [["", ours.name, *(one.name for one in others)]]
    for title, cell in _rows(ours, sizes):
        rows.append([title, *(cell(one) for one in (ours, *others))])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for one in (ours, *others):
        lines += [f"{one.name}: {one.setting}", f"  of each step: {one.persists}", *_why(one)]
    return "\n".join(lines)


def _rows(ours: Report, sizes: Sizes) -> Iterator[tuple[str, _Cell]]:
    """(title, cell of a report)."""
    chain, fan = f"chain of {sizes.chain}", f"fan of {sizes.fan}"
    yield f"{chain}, one at a time: steps/s", _speed(ours, "chain")
    yield "  asked for to start of the first step, ms", _ratio(ours, "chain", _start)
    yield "  end of a step to start of the next, ms", _ratio(ours, "chain", _gap)
    yield "  99 % of them, ms", _ratio(ours, "chain", _gap_99)
    yield f"{sizes.chains_together} at once: steps/s", _speed(ours, "chains")
    yield "  processor ms a step, engine + store", _processor("chains")
    yield f"{fan}, one at a time: steps/s", _speed(ours, "fan")
    yield "  end of the first to starts of the many, ms", _ratio(ours, "fan", _gap)
    yield "  end of the last to start of the join, ms", _ratio(ours, "fan", _join)
    yield f"{sizes.fans_together} at once: steps/s", _speed(ours, "fans")
    yield "  processor ms a step, engine + store", _processor("fans")
    yield "load of the machine when its turn came", lambda one: f"{one.load:.1f}"
    if sizes.kill_after:
        yield "kill -9 in a chain: steps done/repeated/s", _killed


def _start(found: Figures) -> float:
    return found.start


def _gap(found: Figures) -> float:
    return found.gap


def _gap_99(found: Figures) -> float:
    return found.gap_99


def _join(found: Figures) -> float:
    return found.join


def _speed(ours: Report, order: str) -> _Cell:
    """More is better."""
    return _cell(ours, order, lambda one: one.per_second, lambda mine, its: mine / its)


def _ratio(ours: Report, order: str, of: Callable[[Figures], float]) -> _Cell:
    """Less is better."""
    return _cell(ours, order, of, lambda mine, its: its / mine)


def _cell(
    ours: Report,
    order: str,
    of: Callable[[Figures], float],
    better: Callable[[float, float], float],
) -> _Cell:
    def shown(report: Report) -> str:
        if isinstance(report.found, Absent):
            return "absent"
        its = of(report.found[order])
        if report is ours or isinstance(ours.found, Absent):
            return f"{its:,.1f}"
        return f"{its:,.1f} ({better(of(ours.found[order]), its):.1f})"

    return shown


def _processor(order: str) -> _Cell:
    def shown(report: Report) -> str:
        if isinstance(report.found, Absent):
            return "absent"
        found = report.found[order]
        return f"{found.engine:.1f} + {found.store:.1f}"

    return shown


def _killed(report: Report) -> str:
    match report.killed:
        case Killed() as found:
            seconds = f"{found.seconds:.1f}" if found.done == found.steps else "never"
            return f"{found.done} of {found.steps}/{found.repeated}/{seconds}"
    return "absent"


def _why(report: Report) -> Iterator[str]:
    """What else is to be told."""
    for what, found in (("", report.found), ("the kill: ", report.killed)):
        if isinstance(found, Absent):
            yield f"  absent: {what}{found.why}"
