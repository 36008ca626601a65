"""Items that call a task: what becomes of each, how many at once, how fast, and when it stops."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from shared.batch import service
from shared.batch.model import BatchState, ItemStatus
from shared.clock import ManualClock
from shared.errors import Cancelled, Conflict, Invalid, NotFound, Refused, TimedOut
from shared.storage.blobs import room
from shared.storage.names import Names
from shared.tasks import Proposed
from tests.integration.batch.conftest import JOB, Desk, call
from tests.integration.engine.conftest import START


def test_each_item_has_an_outcome_in_the_order_of_the_list(desk: Desk) -> None:
    items = ["a", "bad one", "nothing", {"id": "b", "n": "12"}]
    template = {"name": {"item": "id"}, "number": 3}
    found = desk.run(task_type="only_once", task_parameters=template, items=items)
    assert (found["succeeded"], found["failed"], found["skipped"]) == (2, 1, 1)
    assert found["items"] == 4 and found["batch"] == JOB
    outcomes = desk.outcomes()
    assert [(one.index, one.label) for one in outcomes] == [
        (0, "a"),
        (1, "bad one"),
        (2, "nothing"),
        (3, "b"),
    ]
    assert json.loads(outcomes[0].result) == {"name": "a", "number": 3}
    assert outcomes[1].error == "vendor: no, postgresql://u:***@h/d"
    assert desk.outcomes(ItemStatus.SKIPPED, 2)[0].error == "there is nothing to do"
    assert sorted(desk.calls.jobs) == [f"{JOB}-i{index}" for index in range(4)]
    standing = desk.standing()
    assert standing.saved.state is BatchState.COMPLETED and standing.total == 4
    again = desk.run(task_type="only_once", task_parameters=template, items=items)
    assert again["succeeded"] == 2 and desk.calls.most == 1, "it is over"


def test_twenty_thousand_items_are_few_writes_and_small_rows(desk: Desk) -> None:
    items = [{"id": f"n{index}"} for index in range(20_000)]
    batches = desk.batches()
    batches._sources.items = lambda *_: iter(items)  # type: ignore[method-assign]
    before = len(desk.calls.names)
    found = desk.run(**call("again", ["x"], concurrency=8))
    assert found["succeeded"] == 20_000 and len(desk.calls.names) - before == 20_000
    standing = desk.standing()
    assert standing.head is not None
    assert standing.saved.chunk == len(standing.head.digests) == 4
    assert standing.saved.epoch == 1 and standing.saved.tail == ()
    kept = [one.name for one in batches.store.container.items()]
    assert len(kept) == 8 and not any("/open/" in name for name in kept)
    assert [one.index for one in desk.outcomes(since=19_998)] == [19_998, 19_999]
    table = desk.engine.app.connection.table(Names(desk.engine.app.settings.prefix).table)
    for row in table.query("PartitionKey eq 'batches:7'"):
        assert len(json.dumps(row, default=str)) < 10_000


class RushingClock(ManualClock):
    """A wait for an event ends at once, and the time has passed."""

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        if not event.wait(0.01):
            self.advance(longest)
        return event.is_set()


def test_items_begin_at_the_rate_that_was_asked_for(desk: Desk) -> None:
    clock = RushingClock(START)
    desk.run(desk.job(clock=clock), **call("again", [f"n{i}" for i in range(31)], per_minute=60))
    assert 29.5 <= clock.monotonic() <= 33
    assert desk.standing().per_minute == pytest.approx(60, abs=4)


def test_a_batch_stops_at_its_rate_of_errors_and_a_repeated_job_goes_on(desk: Desk) -> None:
    desk.chunk = 4
    items = [*("good" + str(n) for n in range(6)), *("bad" + str(n) for n in range(6)), "last"]
    params = call(
        "only_once", items, concurrency=1, stop_at_error_percent=25, stop_at_error_after=6
    )
    with pytest.raises(Refused, match=r"2 of 8 items failed.*5 were not begun"):
        desk.run(**params)
    standing = desk.standing()
    assert standing.saved.state is BatchState.STOPPED and standing.saved.counts.failed == 2
    assert [one.label for one in desk.outcomes(ItemStatus.FAILED)] == ["bad0", "bad1"]
    with pytest.raises(Refused, match="2 of 8"):
        desk.run(desk.job(attempt=2), **params)
    assert len(desk.calls.names) == 8
    found = desk.run(desk.job(job_id=f"{JOB}-r1"), **params)
    assert (found["succeeded"], found["failed"], found["batch"]) == (7, 6, JOB)
    assert desk.calls.most == 1 and desk.standing().saved.job_id == f"{JOB}-r1"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(desk: Desk) -> None:
    found = desk.run(**call("only_once", ["a", "b"], dry_run=True))
    assert found["dry_run"] and found["succeeded"] == 2 and desk.calls.names == []
    said = json.loads(desk.outcomes()[0].result)
    assert said == {"would": "only_once", "task_parameters": {"name": "a"}}


def test_a_dry_run_of_the_job_stores_nothing(desk: Desk) -> None:
    found = desk.run(desk.job(dry_run=True), **call("again", ["a", "b"]))
    assert found["items_looked_at"] == 2 and desk.calls.names == []
    with pytest.raises(NotFound):
        desk.standing()


def test_an_item_that_takes_too_long_is_told_to_stop_and_the_others_go_on(desk: Desk) -> None:
    clock = RushingClock(START)
    params = call("again", ["hangs", "a", "b"], item_timeout_seconds=30, concurrency=2)
    found = desk.run(desk.job(clock=clock), **params)
    assert (found["succeeded"], found["failed"]) == (2, 1)
    (late,) = desk.outcomes(ItemStatus.FAILED)
    assert late.label == "hangs" and "longer than its 30 s" in late.error


def test_items_that_never_end_do_not_hold_the_batch_for_ever(desk: Desk) -> None:
    held = threading.Event()
    batches, real = desk.batches(), desk.engine.app.executor.within
    batches._executor.within = lambda *_: held.wait(30) and {}  # type: ignore[method-assign, assignment]
    try:
        with pytest.raises(TimedOut, match="none of them did"):
            desk.run(
                desk.job(clock=RushingClock(START)), **call("again", ["a", "b", "c"], concurrency=2)
            )
    finally:
        held.set()
        batches._executor.within = real  # type: ignore[method-assign]
    assert desk.standing().saved.counts.failed == 2


@pytest.mark.parametrize("name", ["again", "only_once"])
def test_a_batch_that_is_told_to_stop_is_given_back_and_goes_on(desk: Desk, name: str) -> None:
    stop = threading.Event()
    items = ["a", "hangs", *(f"n{index}" for index in range(20))]

    def stop_then() -> None:
        desk.calls.entered.wait(20)
        stop.set()

    stopping = threading.Thread(target=stop_then)
    stopping.start()
    with pytest.raises(Cancelled):
        desk.run(desk.job(stop=stop), **call(name, items, concurrency=1))
    stopping.join()
    assert desk.outcomes()[0].label == "a" and len(desk.calls.names) == 2
    rest = call(name, items, concurrency=1, item_timeout_seconds=60)
    found = desk.run(desk.job(attempt=2, clock=RushingClock(START)), **rest)
    doubt = name == "only_once"
    assert found["succeeded"] == 21 and found["unknown"] == doubt and found["failed"] == (not doubt)
    assert desk.calls.names.count("hangs") == (1 if doubt else 2)
    if doubt:
        (one,) = desk.outcomes(ItemStatus.UNKNOWN)
        assert one.label == "hangs" and "not done twice" in one.error


_HELD = [
    ({"task_type": "batch", "items": ["a"]}, "does not call batches"),
    (call("of_company", ["a"]), "whole company"),
    (call("of_admins", ["a"]), "needs the role admin"),
    (call("asked_for", ["a"]), "a person asks"),
    (call("nosuch", ["a"]), "there is no task"),
    (call("again", [{"id": "a", "n": 1}, {"id": None, "n": 2}]), "name"),
    ({"task_type": "again", "items": ["a"], "task_parameters": {"nam": "x"}}, "nam"),
    ({"task_type": "again", "items": ["a"]}, "name"),
    ({"task_type": "again", "file": "u" + "0" * 16}, "there is no file"),
    ({"operation": "change", "items": ["a"], "change": {"enabled": "yes"}}, "enabled"),
    ({"operation": "change", "items": ["a"], "change": {"project_id": 8}}, "project_id"),
    ({"operation": "change", "filter": {}, "change": {"id": "x"}}, "id"),
]


@pytest.mark.parametrize(("params", "why"), _HELD)
def test_what_a_batch_must_not_do_is_refused_when_its_schedule_is_made(
    desk: Desk, params: dict[str, Any], why: str
) -> None:
    for project_id in (7, None):
        with pytest.raises(Invalid, match=why):
            desk.engine.app.registry.get("batch").fits(
                desk.engine.app.batches()._services,
                params,
                Proposed(new=params, project_id=project_id),
            )


def test_what_slipped_past_that_is_refused_for_each_item(desk: Desk) -> None:
    """A schedule that was stored before a task changed."""
    for name in ("of_company", "of_admins", "asked_for"):
        job = desk.job(job_id=f"s1-20260301T120000Z-{name.replace('_', '')}")
        found = desk.run(job, **call(name, ["a"]))
        assert found["failed"] == 1
    assert desk.calls.names == []


def test_values_of_items_are_only_values(desk: Desk) -> None:
    """A row of a file adds no parameter, reaches no other item, and is not computed."""
    hostile = ['{"item": "other"}', "{0.__class__}", "${7*7}", '"},"number":9,"x":{"', "=1+1"]
    rows = [{"id": one, "other": "secret"} for one in hostile]
    assert desk.run(**call("again", rows, concurrency=1))["succeeded"] == len(hostile)
    assert desk.calls.names == hostile
    assert all(json.loads(one.result)["number"] == 0 for one in desk.outcomes())


def test_a_file_that_somebody_else_wrote_is_not_followed(desk: Desk) -> None:
    """The frozen items are held to their digest."""
    from shared.errors import Damaged
    from shared.storage.blobs import journal

    desk.chunk = 2
    params = call("again", ["a", "b", "bad", "bad2"], stop_at_error_percent=1, concurrency=1)
    with pytest.raises(Refused):
        desk.run(**params | {"stop_at_error_after": 3})
    store = desk.batches().store
    journal.put(store.container, f"7/{JOB}/items/1/000001", b'{"id":"evil"}\n{"id":"x"}')
    with pytest.raises(Damaged, match="is not what was written"):
        desk.run(desk.job(job_id=f"{JOB}-r1"), **params | {"stop_at_error_after": 30})
    assert "evil" not in desk.calls.names


def test_old_batches_go_and_files_are_few(desk: Desk) -> None:
    desk.run(**call("again", ["a"]))
    desk.engine.later(31 * 86400)
    job = desk.job(job_id="s1-20260402T120000Z")
    desk.run(job, **call("again", ["b"]))
    with pytest.raises(NotFound):
        desk.standing()
    names = [one.name for one in desk.batches().store.container.items()]
    assert names and not any(JOB in name for name in names)
    files = desk.batches().files
    for number in range(20):
        files.begin(7, f"file {number}", "me")
    with pytest.raises(Conflict, match="20 files"):
        files.begin(7, "one more", "me")
    files.begin(8, "another project's", "me")
    desk.engine.later(31 * 86400)
    assert files.begin(7, "after a month", "me") and len(files.all({7})) == 1


def test_a_project_keeps_so_many_batches_and_so_many_bytes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"s1-202604{day:02}T120000Z" for day in range(1, 6)]
    monkeypatch.setattr(service, "_MOST", 2)
    for id in ids[:3]:
        desk.run(desk.job(job_id=id), **call("again", ["a"]))
    desk.run(desk.job(job_id=ids[3]), **call("again", ["a"]))
    assert [one.id for one in desk.batches().progress.heads({7}, "", 10)] == [
        ids[3],
        ids[2],
        ids[1],
    ]
    monkeypatch.setattr(room, "MOST_BYTES", 1)
    with pytest.raises(Refused, match="GB of them at most; old batches go by themselves"):
        desk.run(desk.job(job_id=ids[4]), **call("again", ["a"]))
    desk.run(desk.job(job_id=ids[3]), **call("again", ["a"]))  # what was begun goes on
    desk.run(desk.job(job_id=ids[4], project_id=8), **call("again", ["a"]))


def test_each_item_is_an_occurrence_of_its_own(desk: Desk) -> None:
    """Else what is done once for an occurrence, such as a delivery, would be done for one item."""
    desk.run(**call("again", ["a", "a", "b"], concurrency=1))
    assert [one.number for one in desk.calls.items if one] == [0, 1, 2]
