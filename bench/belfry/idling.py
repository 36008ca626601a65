"""An idle tick: on Azurite, and against a storage that answers at once, each with what it asks for.

The two together say whose the time is. On Azurite a tick takes longer the more schedules there
are, though it asks for the same; `WHY` says why.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from bench.belfry.counted import Counted
from bench.belfry.measuring import milliseconds
from bench.belfry.site import SHARDS, Site
from bench.belfry.stub import Table
from bench.belfry.world import Jobs, app, schedules
from bench.peers import Idle
from local.azurite import connection_string
from shared.app import App
from shared.storage.failures import transport
from shared.storage.tables import entities

_PASSES = 11
_NOWHERE = (1, 1, 1)
"""Ports that nothing listens on: the stub answers before anything is connected."""

WHY = (
    "what grows is Azurite's: whatever range of keys a query names, it tries the filter on every "
    "row of the table (`chain().where(queryWhere)` in its LokiTableMetadataStore.js, which uses no "
    "index), and here once for each shard"
)


def on_azurite(site: Site, belfry: App, n: int) -> Idle:
    """Of this app, which has `n` schedules."""
    counted = Counted()
    return _measured(belfry, site.same(belfry.settings.prefix, counted.transport()), counted, n)


def on_stub(n: int) -> Idle:
    """The same of `n` schedules, of which the stub has the keys."""
    due = time.time() + 86400
    shard = _app(Table(()), None).table.shard
    table = Table(
        (shard(one.id), key)
        for one in schedules(n, due)
        for key in (entities.schedule_key(one.id), entities.due_key(one.created_at, one.id))
    )
    counted = Counted()
    return _measured(_app(table, None), _app(table, counted), counted, n)


def lines(azurite: list[Idle], stub: list[Idle]) -> Iterator[str]:
    """Both, at each number of schedules."""
    yield "an idle tick, over so many schedules: ms, requests, bytes"
    for name, found in (("Azurite", azurite), ("a storage that answers at once", stub)):
        cells = (
            f"{one.schedules:,}: {one.milliseconds:.1f} ms, {one.requests}, {one.bytes:,}"
            for one in found
        )
        yield f"  {name + ':':32} {'   '.join(cells)}"
    yield f"  {WHY}"


def _measured(belfry: App, same: App, counted: Counted, n: int) -> Idle:
    """The time of `belfry`'s tick, and the requests of one by `same`, which counts."""
    times = [
        milliseconds(lambda: belfry.dispatcher.tick(belfry.clock.now(), "bench"))
        for _ in range(_PASSES)
    ]
    counted.take()
    same.dispatcher.tick(same.clock.now(), "bench")
    counts = counted.take()
    return Idle(
        schedules=n,
        milliseconds=statistics.median(times),
        passes=_PASSES,
        requests=counts.table_requests + counts.queue_requests,
        bytes=counts.bytes,
    )


def _app(table: Table, counted: Counted | None) -> App:
    made = transport if counted is None else counted.transport
    return app(
        connection_string(_NOWHERE),
        "stub",
        shards=SHARDS,
        jobs=Jobs(),
        transport=made(session=table.session()),
    )
