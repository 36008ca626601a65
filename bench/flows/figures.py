"""From what was asked and what the steps wrote to figures. Nothing here measures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.flows import Asked, Measured, Order
from bench.flows.ledger import Step

Steps = Mapping[str, Sequence[Step]]


class Wrong(Exception):
    """An engine did not do what was asked; the text says what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Of one order. Times are milliseconds."""

    per_second: float
    """Steps until the last had ended: of all runs from when the first was asked for, if they ran
    at once; else of the median run from the start of its first step."""
    start: float
    """Median from when a run was asked for to the start of its first step."""
    gap: float
    """Median from the end of a step to the start of the next; in a fan, of those beside each
    other."""
    gap_99: float
    """99th percentile."""
    engine: float
    """Processor time of a step, of what starts runs and works on steps."""
    store: float
    """And of the servers beside it."""
    join: float
    """Median from the end of the last of a fan's steps to the start of the one after them; 0 in a
    chain."""


def figures(order: Order, measured: Measured, steps: Steps) -> Figures:
    """Raises `Wrong` if a step of a run is missing, or was done twice, or too early."""
    runs = {order.run(number) for number in range(order.runs)}
    mine = [one for one in measured.runs if one.run in runs]
    if len(mine) != order.runs:
        raise Wrong(f"{order.name}: {len(mine)} of {order.runs} runs ended")
    for one in mine:
        _check(order, one.run, steps.get(one.run, ()))
    spent = measured.spent[order.name]
    gaps = sorted(gap for one in mine for gap in _gaps(order, steps[one.run]))
    return Figures(
        per_second=_rate(order, mine, steps),
        start=statistics.median(steps[one.run][0].began - one.asked for one in mine) * 1000,
        gap=statistics.median(gaps) * 1000,
        gap_99=gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))] * 1000,
        engine=spent.engine / order.runs / order.steps * 1000,
        store=spent.store / order.runs / order.steps * 1000,
        join=statistics.median(_join(order, steps[one.run]) for one in mine) * 1000,
    )


def _check(order: Order, run: str, steps: Sequence[Step]) -> None:
    numbers = [one.number for one in steps]
    if sorted(numbers) != list(range(order.steps)):
        raise Wrong(f"{run}: steps {sorted(numbers)}, not one each of 0 to {order.steps - 1}")
    if min(_gaps(order, steps)) < 0 or _join(order, steps) < 0:
        raise Wrong(f"{run}: a step began before what it needs had ended")


def _gaps(order: Order, steps: Sequence[Step]) -> list[float]:
    if order.shape == "chain":
        return [after.began - before.ended for before, after in pairwise(steps)]
    return [one.began - steps[0].ended for one in steps[1:-1]]


def _join(order: Order, steps: Sequence[Step]) -> float:
    if order.shape == "chain":
        return 0.0
    return steps[-1].began - max(one.ended for one in steps[1:-1])


def _rate(order: Order, asked: Sequence[Asked], steps: Steps) -> float:
    ended = [max(step.ended for step in steps[one.run]) for one in asked]
    if order.together:
        return order.steps * order.runs / (max(ended) - min(one.asked for one in asked))
    each = (end - steps[one.run][0].began for end, one in zip(ended, asked, strict=True))
    return order.steps / statistics.median(each)
