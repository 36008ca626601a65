"""The index says what the rows say, whether it was loaded from them or from a snapshot."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.listing.checking import Checking
from shared.listing.listing import Listing
from shared.listing.upkeep import Upkeep
from shared.listing.wanted import Wanted
from shared.schedules.listed import ScheduleState
from shared.schedules.model import Schedule
from shared.storage.blobs.container import Container
from shared.storage.names import Names
from tests import sdk
from tests.integration.engine.conftest import Engine, make
from tests.integration.lists.instances import Dying, index, known, true
from tests.together import together


def go_on() -> None:
    pass


def renamed(engine: Engine, made: Schedule, name: str) -> None:
    engine.app.manager.change(
        made.id, lambda one: replace(one, definition=replace(one.definition, name=name))
    )


def container(engine: Engine) -> Any:
    return engine.app.connection.container(Names(engine.app.settings.prefix).index)


def filled(engine: Engine) -> None:
    """Add schedules until each shard has some."""
    table = engine.app.table
    while {table.shard(one.id) for one in table.schedules()} != {*table.shards}:
        engine.add()


def holds(engine: Engine, listing: Listing) -> None:
    assert known(listing) == true(engine.app.table)


def test_another_process_sees_each_change_at_once(engine: Engine) -> None:
    listing = index(engine.app)
    holds(engine, listing)
    made = engine.add()
    holds(engine, listing)
    renamed(engine, made, "other")
    assert known(listing)[made.id].name == "other"
    engine.app.manager.delete(made.id)
    assert known(listing)[made.id].deleted_at is not None
    assert made.id not in listing.ids(Wanted())


def test_a_process_that_begins_reads_the_snapshot_and_not_the_rows(
    engine: Engine, azurite: Azurite
) -> None:
    filled(engine)
    Upkeep(index(engine.app)).run(go_on)
    transport = Dying()
    later = make(azurite, engine.app.settings.prefix, transport, prepared=True)
    holds(engine, index(later.app))
    one = engine.add()
    before = transport.asked
    listing = index(later.app)
    assert one.id in known(listing)
    # the epoch, two heads, which snapshots there are, the two, one shard's feed, and one row
    assert transport.asked - before == 1 + 2 + 1 + 2 + 1 + 1


def test_nothing_new_costs_a_row_for_each_shard(engine: Engine, azurite: Azurite) -> None:
    engine.add()
    transport = Dying()
    listing = index(make(azurite, engine.app.settings.prefix, transport, prepared=True).app)
    listing.refresh()
    before = transport.asked
    listing.refresh()
    assert transport.asked - before == 1 + len(engine.app.table.shards)


def test_small_shards_have_no_snapshot_and_need_no_container(engine: Engine) -> None:
    engine.add()
    kept = Upkeep(index(engine.app, page=1000)).run(go_on)
    assert kept.snapshots == 0 and not container(engine).exists()


@pytest.mark.parametrize("how", ["lost", "garbled", "cut", "of another shard"])
def test_a_lost_or_garbled_snapshot_is_made_anew(
    engine: Engine, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    filled(engine)
    Upkeep(index(engine.app)).run(go_on)
    blobs = container(engine)
    blob, other = (blobs.get_blob_client(f"schedules/{name}") for name in ("s000", "s001"))
    data = blob.download_blob().readall()
    if how == "lost":
        blob.delete_blob()
    else:
        wrong = {"garbled": b"x" * 99, "cut": data[:-9]}
        wrong["of another shard"] = other.download_blob().readall()
        blob.upload_blob(wrong[how], overwrite=True)
    with caplog.at_level(logging.WARNING):
        listing = index(engine.app)
        holds(engine, listing)
    assert "index_unreadable" in caplog.text
    assert Upkeep(listing).run(go_on).snapshots == 1
    caplog.clear()
    holds(engine, index(engine.app))
    assert "index_unreadable" not in caplog.text


def test_old_rows_of_the_feed_go_and_whoever_missed_them_loads_anew(engine: Engine) -> None:
    asleep, awake = index(engine.app), index(engine.app)
    made = [engine.add() for _ in range(3)]
    asleep.refresh()
    renamed(engine, made[0], "while it slept")
    engine.later(2 * 3600)
    kept = Upkeep(awake).run(go_on)
    assert kept.removed >= 4
    assert all(awake.feed.before(name, engine.clock.now()) == [] for name in awake.feed.shards)
    renamed(engine, made[1], "later")
    holds(engine, asleep)
    holds(engine, index(engine.app))


def test_what_nothing_changed_is_not_written_again(engine: Engine) -> None:
    engine.add()
    upkeep = Upkeep(index(engine.app))
    assert upkeep.run(go_on).snapshots > 0
    assert upkeep.run(go_on).snapshots == 0
    renamed(engine, engine.add(), "x")
    assert upkeep.run(go_on).snapshots == 1


def test_two_upkeeps_at_once_leave_what_is_right(engine: Engine) -> None:
    for _ in range(5):
        engine.add()
    both = [Upkeep(index(engine.app)) for _ in range(2)]
    together(*(lambda one=one: one.run(go_on) for one in both))
    engine.later(7200)
    engine.add()
    together(*(lambda one=one: one.run(go_on) for one in both))
    holds(engine, index(engine.app))


@pytest.mark.parametrize("alone", [True, False])
def test_a_transaction_that_is_late_is_seen(engine: Engine, alone: bool) -> None:
    """Its instant is of before another process last read the feed."""
    made, listing = engine.add(), index(engine.app)
    engine.later(1)
    listing.refresh()
    then = engine.clock.now() - timedelta(minutes=10)
    before = engine.app.table.get(made.id)
    assert before is not None
    late = make_late(engine, before, then)
    if not alone:  # another row, which is found, says nothing of it
        shard = engine.app.table.shard(made.id)
        engine.app.table.announce(shard, ["other"])
        listing.refresh()
        engine.later(301)
    holds(engine, listing)
    assert known(listing)[made.id].name == late


def test_a_snapshot_whose_writer_was_killed_before_it_told_of_it_is_replaced(
    engine: Engine,
) -> None:
    for _ in range(4):
        engine.add()
    shards = Upkeep(index(engine.app)).run(go_on).snapshots
    for name in engine.app.table.shards:
        engine.app.meta.remove(f"index.{name}")
    made = engine.add()
    upkeep = Upkeep(index(engine.app))
    assert upkeep.run(go_on).snapshots >= shards and upkeep.run(go_on).snapshots == 0
    assert known(index(engine.app))[made.id].name == "test"


def make_late(engine: Engine, before: Schedule, then: Any) -> str:
    from shared.storage.tables.changed import with_head
    from shared.storage.tables.changes import Change, operations

    what = replace(before.definition, name="late")
    after = replace(before, definition=what, revision=before.revision + 1)
    steps = with_head([*operations(Change(before, after), "m", then)])
    assert engine.app.table._table.transact(engine.app.table.shard(before.id), steps).committed
    return "late"


def test_rebuilding_makes_every_process_load_anew(engine: Engine) -> None:
    made, other = engine.add(), index(engine.app)
    holds(engine, other)
    table = sdk.table(engine.app, f"{engine.app.settings.prefix}schedules")
    keys = {
        "PartitionKey": engine.app.table.shard(made.id),
        "RowKey": f"schedule:{made.id}",
    }
    table.update_entity({**keys, "name": "by hand"})
    assert known(other)[made.id].name == "test"
    Upkeep(index(engine.app)).rebuild(go_on)
    assert known(other)[made.id].name == "by hand"
    holds(engine, index(engine.app))


def test_what_differs_is_found_repaired_and_said(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    made = [engine.add() for _ in range(3)]
    mine, other = index(engine.app), index(engine.app)
    holds(engine, other)
    Upkeep(mine).run(go_on)
    table = sdk.table(engine.app, f"{engine.app.settings.prefix}schedules")
    shards = engine.app.table.shard
    for one in made[:1]:
        keys = {"PartitionKey": shards(one.id), "RowKey": f"schedule:{one.id}"}
        table.update_entity({**keys, "name": "by hand"})
    table.delete_entity(shards(made[1].id), f"schedule:{made[1].id}")
    checking = Checking(mine, engine.app.meta)
    found = checking.slice(go_on)
    assert set(found.repaired) == {made[0].id, made[1].id}
    assert "index_repaired" in caplog.text
    holds(engine, other)
    holds(engine, index(engine.app))
    assert checking.slice(go_on).repaired == ()


def test_slices_go_round(engine: Engine) -> None:
    made = {engine.add().id for _ in range(7)} | {one.id for one in engine.app.table.configured()}
    checking = Checking(index(engine.app), engine.app.meta)
    assert checking.slice(go_on, rows=1).schedules <= len(made)
    assert checking.slice(go_on).schedules <= len(made)
    assert checking.all(go_on).schedules == len(made)
    engine.app.meta.put("index.checked", "nonsense")
    assert checking.slice(go_on).schedules == len(made)


def test_a_state_that_the_row_does_not_say_is_counted(engine: Engine) -> None:
    """Two runs at once: the row that the first failure left counts the success after it late."""
    made = engine.add(max_attempts=1)
    engine.later(60)
    engine.tick()
    engine.work()
    row = engine.app.table.get(made.id)
    assert row is not None
    table = sdk.table(engine.app, f"{engine.app.settings.prefix}schedules")
    keys = {"PartitionKey": engine.app.table.shard(made.id), "RowKey": f"schedule:{made.id}"}
    table.update_entity({**keys, "failures_in_row": 1})
    mine = index(engine.app)
    assert known(mine)[made.id].state is ScheduleState.FAILING
    assert Checking(mine, engine.app.meta).all(go_on).counted == 1
    assert known(mine)[made.id].state is ScheduleState.HEALTHY


def test_requests_at_once_share_what_one_of_them_read(engine: Engine, azurite: Azurite) -> None:
    engine.add()
    transport = Dying()
    listing = index(make(azurite, engine.app.settings.prefix, transport, prepared=True).app)
    listing.refresh()
    before = transport.asked
    together(*(listing.refresh for _ in range(12)))
    assert transport.asked - before < 12 * (1 + len(engine.app.table.shards))
    holds(engine, listing)


def test_the_container_is_made_when_it_is_needed(engine: Engine) -> None:
    engine.add()
    assert isinstance(Container(lambda: container(engine)), Container)
    assert Upkeep(index(engine.app)).run(go_on).snapshots > 0
    assert container(engine).exists()
