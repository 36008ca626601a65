"""The preparation of the bench, run at several hours of the day: each time the same is written."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from bench.belfry import bare
from bench.belfry.counted import Counted
from bench.belfry.world import Jobs, app, load
from local.azurite import Azurite
from shared.clock import ManualClock

N = 150
_prefixes = itertools.count()


@pytest.mark.parametrize("hour", [0.0, 1.5, 2.5, 3.5, 12.0, 23.5])
def test_a_dispatch_fits_into_transactions_and_a_run_costs_the_same(
    azurite: Azurite, hour: float
) -> None:
    """On Azurite the bare dispatch is accepted whole, and the tick writes three rows a schedule."""
    clock = ManualClock(datetime(2026, 11, 29, tzinfo=UTC) + timedelta(hours=hour))
    due = (clock.now() - timedelta(hours=1)).timestamp()

    counted = Counted()
    for sends in ("bare", "tick"):
        made = app(
            azurite.connection_string,
            f"hours{next(_prefixes)}",
            shards=2,
            jobs=Jobs(),
            clock=clock,
            transport=counted.transport() if sends == "tick" else None,
        )
        made.prepare()
        load(made, N, due)
        counted.take()
        if sends == "bare":
            assert bare.dispatch(bare.prepared(made, azurite), N).done == N
            upcoming = [one.progress.next_run_at for one in made.table.schedules()]
            assert all(at is not None and at > clock.now() for at in upcoming)
        else:
            assert made.dispatcher.tick(clock.now(), "bench").handed_out == N
            heartbeat = note = 1
            assert counted.take().entity_writes == 3 * N + heartbeat + note


def test_a_schedule_that_owes_more_is_split_over_transactions(azurite: Azurite) -> None:
    """Two missed occurrences each make a schedule's change five rows: twenty fit, not 33."""
    clock = ManualClock(datetime(2026, 11, 29, 12, tzinfo=UTC))
    made = app(
        azurite.connection_string, f"hours{next(_prefixes)}", shards=1, jobs=Jobs(), clock=clock
    )
    made.prepare()
    load(made, 66, (clock.now() - timedelta(days=2, hours=1)).timestamp())
    assert bare.dispatch(bare.prepared(made, azurite), 66).done == 66
