"""Workers that were only thought to be gone: the next attempt works beside them, or has ended, and
they go on. The end is the same as without them. Runs side by side, and out of order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import Cancelled, Conflict
from shared.sync import running, store
from shared.sync.plan import SyncPlan
from tests.integration.sync.conftest import Sides
from tests.integration.sync.test_containers import content, put
from tests.integration.sync.test_kills import report
from tests.integration.sync.test_tables import entities
from tests.integration.sync.test_tables import put as put_entity
from tests.integration.sync.world import Plain, World


def at(number: int, method: str, name: str, then: Callable[[], object]) -> Callable[[Any], None]:
    """What a worker does before the request of that number: `then`, and then it goes on."""
    seen: list[str] = []

    def before(request: Any) -> None:
        if request.method == method and name in request.url:
            seen.append(request.url)
            if len(seen) == number:
                then()

    return before


def other(world: World, **reach: Any) -> World:
    """Another worker."""
    return replace(world, reach=Plain(**reach))


def test_it_writes_over_nothing_that_a_later_attempt_wrote(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "EVERY", 10)
    (source, copy), (rows, copied) = sides.blobs, sides.tables
    blobs: dict[str, Any] = {"source_id": "a", "destination_id": "b", "parallel": 1}
    tables: dict[str, Any] = {"source_id": "s", "destination_id": "t", "mode": "watermark"}
    for number in range(30):
        put(source, f"{number:03}", str(number).encode())

    def meanwhile() -> None:
        put(source, "014", b"newer")
        with monkeypatch.context() as patch:
            patch.setattr(running, "EVERY", 7)  # so its report has other pieces
            other(sides.world).run(1, attempt=2, **blobs)

    sides.world.reach.before = at(15, "PUT", copy.container_name, meanwhile)
    with pytest.raises(Conflict):
        sides.world.run(1, **blobs)
    assert content(copy) == content(source)
    run = sides.world.store.run(None, "nightly-20300101T030000Z")
    assert (run.counts.copied, run.status) == (30, "succeeded")
    assert [name for name, _ in report(sides, run)] == [f"{number:03}" for number in range(30)]

    sides.world.reach.before = lambda _: None
    put_entity(rows, "p", "1", n=1)
    sides.world.run(2, **tables)
    put_entity(rows, "p", "1", n=2)

    def changed() -> None:
        put_entity(rows, "p", "1", n=3)
        other(sides.world).run(3, attempt=2, **tables)

    sides.world.reach.before = at(1, "GET", f"{copied.table_name}(", changed)
    with pytest.raises(Conflict):
        sides.world.run(3, **tables)
    assert entities(copied) == entities(rows)


def test_it_ends_no_later_attempt(sides: Sides) -> None:
    """It saves before the later attempt did, which has begun."""
    source, copy = sides.blobs
    plan: dict[str, Any] = {"source_id": "a", "destination_id": "b", "parallel": 1}
    for number in range(3):
        put(source, f"{number:03}", str(number).encode())
    begun, ended, results = threading.Event(), threading.Event(), []

    def wait() -> None:
        begun.set()
        assert ended.wait(30)

    second = other(sides.world, before=at(1, "PUT", copy.container_name, wait))
    worker = threading.Thread(target=lambda: results.append(second.run(1, attempt=2, **plan)))

    def meanwhile() -> None:
        worker.start()
        assert begun.wait(30)

    sides.world.reach.before = at(2, "PUT", copy.container_name, meanwhile)
    with pytest.raises(Conflict):
        sides.world.run(1, **plan)
    ended.set()
    worker.join()
    assert results[0]["copied"] == 3
    assert content(copy) == content(source)


def test_of_two_runs_at_once_one_goes_on_and_the_other_says_that_it_ended(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `overlap: allow_all`, or in a backfill."""
    monkeypatch.setattr(running, "EVERY", 2)
    source, copy = sides.blobs
    plan: dict[str, Any] = {"source_id": "a", "destination_id": "b", "parallel": 1}
    for number in range(6):
        put(source, f"{number:03}", str(number).encode())

    def meanwhile() -> None:
        other(sides.world).run(2, **plan)

    sides.world.reach.before = at(5, "PUT", copy.container_name, meanwhile)
    with pytest.raises(Conflict, match="another run of this schedule is under way"):
        sides.world.run(1, **plan)
    assert content(copy) == content(source)
    later, earlier = sides.world.store.page(None, "nightly", 0, 2)[0]
    assert (later.status, earlier.status) == ("succeeded", "failed")
    assert "another run" in earlier.error and later.counts.items == 6


def test_a_run_that_was_due_long_ago_is_kept_until_the_next_one_ends(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT", 1)
    put(sides.blobs[0], "a", b"")
    plan: dict[str, Any] = {"source_id": "a", "destination_id": "b"}
    days = []
    for number in (4, 5, 1, 6):
        sides.world.run(number, **plan)
        days.append([one.due_at.day for one in sides.world.store.page(None, "nightly", 0, 9)[0]])
    assert days == [[4], [5], [5, 1], [6]]


def test_an_attempt_that_is_told_to_stop_is_gone_on_with(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "EVERY", 10)
    source, copy = sides.blobs
    plan: dict[str, Any] = {"source_id": "a", "destination_id": "b", "parallel": 2}
    for number in range(30):
        put(source, f"{number:03}", str(number).encode())
    job = sides.world.job()
    sides.world.reach.before = at(15, "PUT", copy.container_name, job.stop.set)
    with pytest.raises(Cancelled):
        sides.world.service.sync(SyncPlan(**plan), job)
    assert len(content(copy)) < 30
    assert sides.world.run(1, **plan)["copied"] == 30  # given back, so it counts as the first
    assert content(copy) == content(source)
