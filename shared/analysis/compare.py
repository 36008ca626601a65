"""How findings differ from those of the analysis before. Pure.

Two are the same if the tool, the rule, the path and the fingerprint are. What is left over is
looked for in other places: the same without the path, since files move. A tool says that something
is gone only if it looked at everything, and the file itself was not left out.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from shared.analysis.model import FindingState, Found, Tool

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Compared:
    """A finding, and what became of it."""

    found: Found
    state: FindingState


def compared(
    now: Sequence[Found],
    before: Sequence[Found],
    *,
    looked: Collection[Tool],
    left_out: Collection[str] = (),
) -> list[Compared]:
    """Every finding of now, and those of before that are gone, in the order of `rank`.

    `before`: without those that were gone already. `looked`: the tools that looked at everything.
    `left_out`: the paths of files that none did.
    """
    new, old = _unpaired(sorted(now, key=rank), sorted(before, key=rank), _exact)
    new, old = _unpaired(new, old, _anywhere)
    fresh = {id(one) for one in new}
    made = [
        Compared(one, FindingState.NEW if id(one) in fresh else FindingState.SAME) for one in now
    ]
    made += [
        Compared(one, FindingState.GONE)
        for one in old
        if one.tool in looked and one.path not in left_out
    ]
    return sorted(made, key=lambda one: (rank(one.found), one.state))


def rank(one: Found) -> tuple[object, ...]:
    """The order of findings: by tool, path and place."""
    return (
        *(one.tool, one.path, one.line, one.column, one.rule),
        *(one.fingerprint, one.message, one.end_line, one.end_column, one.severity),
    )


def _exact(one: Found) -> Hashable:
    return one.tool, one.rule, one.path, one.fingerprint


def _anywhere(one: Found) -> Hashable:
    return one.tool, one.rule, one.fingerprint


def _unpaired(
    new: Sequence[Found], old: Sequence[Found], key: Callable[[Found], K]
) -> tuple[list[Found], list[Found]]:
    """Those that have no partner of the same key on the other side; each has one at most."""
    waiting: defaultdict[K, deque[Found]] = defaultdict(deque)
    for one in old:
        waiting[key(one)].append(one)
    alone: list[Found] = []
    for one in new:
        partners = waiting[key(one)]
        if partners:
            partners.popleft()
        else:
            alone.append(one)
    left = {id(one) for several in waiting.values() for one in several}
    return alone, [one for one in old if id(one) in left]
