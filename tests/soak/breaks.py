"""Ways to break the engine on purpose: what must the soak find?

    pytest tests/soak --soak-break sweep
    pytest tests/soak --soak-break keys,packed

Each switches one thing off in the hosts, and says which verdict must then fail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.access import Caller
from shared.app import App
from shared.engine.work import traced
from shared.engine.work.pool import WorkerPool
from shared.listing import upkeep
from shared.schedules import claim, plan
from shared.schedules.model import Schedule
from shared.storage.tables import changed
from shared.storage.tables.changes import Change
from shared.workflows import advancing
from shared.workflows.store import RunStore
from tests.soak.customers import breaks as customers

_Break = Callable[[App], object]


def _etag(made: App) -> None:
    """Whoever writes a schedule's row wins. Started twice, ran at once, told differently."""
    table: Any = made.table
    commit = table.commit

    def careless(changes: Sequence[Change]) -> list[bool]:
        some = [
            replace(one, before=one.before and replace(one.before, etag="*")) for one in changes
        ]
        return list(commit(some))

    table.commit = careless


def _forget(made: App) -> None:
    """One commit in thirty is said to be made and is not. Told differently."""
    table: Any = made.table
    commit, counted = table.commit, iter(range(10**9))
    table.commit = lambda changes: (
        [True] * len(changes) if next(counted) % 30 == 29 else commit(changes)
    )


def _sweep(made: App) -> None:
    """Nobody looks for lost messages. Recovery of full hosts."""
    sweep: Any = made.sweep
    sweep.sweep_if_needed = _nothing


def _long(made: App) -> None:
    """Long jobs go among the short ones. Lateness of short jobs beside long ones."""
    _set(Schedule, "is_long", False)


def _hand_over(made: App) -> None:
    """What lasts keeps its message in hand. Lateness of short jobs beside long ones."""
    _set(WorkerPool, "_gather", _nothing)


def _places(made: App) -> None:
    """A short job that lasts keeps its place. Lateness of short jobs beside long ones."""
    _set(WorkerPool, "_make_room_beside_what_lasts", _nothing)


def _left_behind(made: App) -> None:
    """What was handed out before an outage is not bound by `catch_up`. Policies in an outage."""
    _set(claim, "_left_behind", _nothing)


def _order(made: App) -> None:
    """`catch_up: all` does not start the oldest first. Policies in an outage."""
    _set(claim, "_late", _none)


def _rows(made: App) -> None:
    """What was missed is written one by one. Policies in an outage: rows of a dense schedule."""
    _set(plan, "CAP", 95)


def _feed(made: App) -> None:
    """Changes are not told to the index of schedules. What lists show, now and at the end."""
    _set(changed, "changes_list", _never)


def _folded(made: App) -> None:
    """The upkeep removes what it has not folded into a snapshot. What lists show at the end."""
    _set(upkeep.Upkeep, "_keep", lambda *_: (False, True))
    _set(upkeep, "KEPT", timedelta(0))


def _packed(made: App) -> None:
    """The upkeep forgets one job in ten, and packs the others. The index of jobs."""
    packing: Any = made.packing
    read = packing._feed.read
    packing._feed.read = lambda: _thinned(read())


def _thinned(feed: Any) -> Any:
    rows = [
        replace(row, entries=tuple(one for one in row.entries if hash(one.id) % 10))
        for row in feed.rows
    ]
    return replace(feed, rows=rows)


def _keys(made: App) -> None:
    """`Idempotency-Key` is not looked at. What callers were promised."""
    from shared.api import idempotency
    from shared.engine.commands.agreed import afresh

    _set(idempotency.Keyed, "answered", lambda *given: given[-1](afresh))


def _match(made: App) -> None:
    """`If-Match` is not looked at. What callers were promised: what they had not seen."""
    from shared.api import answers

    _set(answers, "_tags", _nothing)


def _projects(made: App) -> None:
    """Whose a schedule is, is not looked at. Answers that may never be given."""
    _set(Caller, "sees", lambda *_: True)


def _audits(made: App) -> None:
    """One transaction in ten tells the audit nothing. The audit; what callers were promised."""
    table: Any = made.table
    commit, counted = table.commit, iter(range(10**9))
    table.commit = lambda changes: commit(
        [replace(one, audits=()) for one in changes] if next(counted) % 10 == 9 else changes
    )


def _traces(made: App) -> None:
    """Attempts after the first begin traces of their own. Told differently."""
    begin = traced.begin
    _set(
        traced,
        "begin",
        lambda schedule, live: begin(
            schedule, live if live.attempt == 1 else replace(live, trace=None)
        ),
    )


def _runs(made: App) -> None:
    """Whoever writes a run's row wins. Runs of workflows: steps begun twice, or never counted."""
    del made
    write = RunStore.write
    _set(
        RunStore,
        "write",
        lambda store, run, **how: write(store, replace(run, etag=run.etag and "*"), **how),
    )


def _counted(made: App) -> None:
    """Jobs of steps end, and nothing follows. Runs of workflows do not end."""
    del made
    _set(advancing, "ended_of", _nothing)


BREAKS: dict[str, _Break] = {
    "etag": _etag,
    "forget": _forget,
    "sweep": _sweep,
    "long": _long,
    "hand_over": _hand_over,
    "places": _places,
    "left_behind": _left_behind,
    "order": _order,
    "rows": _rows,
    "feed": _feed,
    "folded": _folded,
    "packed": _packed,
    "keys": _keys,
    "match": _match,
    "projects": _projects,
    "audits": _audits,
    "traces": _traces,
    "runs": _runs,
    "counted": _counted,
    **customers.BREAKS,
}


def apply(how: str, made: App) -> None:
    """Break the app of this process in one way, or in several, with commas between them. Raises
    `KeyError` for what is none of `BREAKS`."""
    for one in how.split(","):
        BREAKS[one](made)


def _nothing(*_: object) -> None:
    """In place of what does something."""


def _never(*_: object) -> bool:
    """In place of what finds out whether."""
    return False


def _none(*_: object) -> list[Any]:
    """In place of what finds something."""
    return []


def _set(owner: Any, name: str, value: object) -> None:
    assert hasattr(owner, name), f"{owner} has no {name}: the engine has changed, and so must this"
    setattr(owner, name, value)
