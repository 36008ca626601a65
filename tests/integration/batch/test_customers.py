"""A batch of each task that customers may schedule: items have one schedule and one due time, and
yet share nothing. Each is killed after its second item, and ends as if it had not been."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from functions.customers.analysis import analysis
from functions.customers.batch import batch
from functions.customers.export import export
from functions.customers.health_check import health_check
from functions.customers.sync import sync
from functions.customers.webhook_delivery import webhook_delivery
from local.azurite import Azurite
from local.ports import free
from shared.access import LOCAL
from shared.analysis.port import AnalysisService
from shared.batch.model import ItemStatus
from shared.clock import ManualClock
from shared.engine.work.limits import LIMIT
from shared.exports.shelf import Asked
from shared.probes.port import ProbeService
from shared.resources.port import ResourceService
from shared.resources.targets import TargetKind
from shared.sync.port import SyncService
from shared.tasks import JobContext, Params, Result
from shared.webhooks.port import WebhookService
from tests.dying import Killed
from tests.integration.analysis.conftest import Lab, lab, trusted
from tests.integration.analysis.probe import QUIET
from tests.integration.batch.conftest import JOB, Calls, Desk, call
from tests.integration.engine.conftest import make, tap
from tests.integration.probes.conftest import desk_of
from tests.integration.sync.world import World as Places
from tests.integration.webhooks.world import World, receiving

__all__ = ["lab", "trusted"]

SECOND = "s1-20260302T120000Z"


@pytest.fixture
def own(azurite: Azurite) -> Iterator[Desk]:
    """An app with the real tasks."""
    tasks = [batch, health_check, webhook_delivery, export, sync, analysis]
    calls = Calls()
    engine = make(azurite, tasks=[*tasks, *calls.tasks()])
    tap(engine)
    yield Desk(engine, calls)


def given(desk: Desk, kind: type[Any], service: Any) -> None:
    """Let tasks have that service."""
    desk.batches()._services._makers[kind] = lambda: service


def done(desk: Desk, task: str, parameters: dict[str, Any], items: list[Any], **job: Any) -> Any:
    """(what each item returned, the counts) of a batch that is killed after its second item, and
    goes on."""
    params = {"task_type": task, "task_parameters": parameters, "items": items, "concurrency": 1}
    batches = desk.batches()
    real: Callable[..., Result] = type(batches._executor).within
    calls = 0

    def within(*given: Any) -> Result:
        nonlocal calls
        calls += 1
        returned = real(batches._executor, *given)
        if calls == 2:
            raise Killed
        return returned

    batches._executor.within = within  # type: ignore[method-assign, assignment]
    with pytest.raises(Killed):
        desk.run(desk.job(**job), **params)
    found = desk.run(desk.job(attempt=2, **job), **params)
    assert calls > len(items), "an item whose end is not known was done again"
    standing = desk.standing(job.get("job_id", JOB), job.get("project_id", 7))
    outcomes = list(batches.progress.outcomes(standing, 0, None))
    return [json.loads(one.result) if one.result else one.error for one in outcomes], found


def test_health_checks_of_a_batch_stand_each_for_itself(own: Desk) -> None:
    probes = desk_of(own.engine)
    given(own, ProbeService, probes.probes)
    with receiving() as there:
        host, port = "127.0.0.1", int(there.url.rpartition(":")[2])
        for name, at in (("open", port), ("closed", free(1)[0]), ("other", port)):
            probes.targets.add(name, kind=TargetKind.TCP, host=host, port=at)
        wanted = {"target_id": {"item": "id"}, "failures_before_down": 2, "fail_when_down": False}
        items = ["open", "closed", "other"]
        first, _ = done(own, "health_check", wanted, items)
        assert [one["found"] for one in first] == ["up", "down", "up"]
        assert [one["status"] for one in first] == ["up", "unknown", "up"]
        own.engine.later(30)
        items.reverse()
        second, _ = done(own, "health_check", wanted, items, job_id=SECOND)
    assert [one["status"] for one in second] == ["up", "down", "up"]
    rows = list(
        own.engine.app.connection.table(f"{own.engine.app.settings.prefix}probes").query("")
    )
    kept = [one["RowKey"] for one in rows]
    assert sum(one.startswith("raw:") for one in kept) == 6, "each result counts once"
    assert sum(one.startswith("check:") for one in kept) == 3
    assert {one["PartitionKey"] for one in rows} == {"7.s1"}


def test_deliveries_of_a_batch_are_messages_of_their_own(own: Desk, azurite: Azurite) -> None:
    world = World(azurite.connection_string, own.engine.clock)
    given(own, WebhookService, world.service)
    given(own, ResourceService, world.known)
    with receiving() as receiver:
        world.known.add(receiver.url, project=7)
        wanted = {"webhook_id": "15", "payload": {"number": {"item": "n"}}}
        items = [{"id": "a", "n": 1}, {"id": "b", "n": 2}, {"id": "c", "n": 2}]
        results, found = done(own, "webhook_delivery", wanted, items)
        assert found["succeeded"] == 3
        assert [json.loads(one.body)["data"]["number"] for one in receiver.got] == [1, 2, 2]
        ids = [one.id for one in receiver.got]
        assert len(set(ids)) == 3 and ids == [one["delivery_id"] for one in results]


def test_exports_of_a_batch_are_files_of_their_own(own: Desk) -> None:
    wanted = {"data": "schedules", "format": {"item": "id"}}
    results, found = done(own, "export", wanted, ["csv", "json", "markdown"])
    assert found["succeeded"] == 3
    kept = own.engine.app.exports().files.page(LOCAL, None, Asked(), 1, 100)[0]
    assert {one.id for one in kept} == {one["export_id"] for one in results}
    assert {one.job_id for one in kept} == {f"{JOB}-i{number}" for number in range(3)}
    now = own.engine.clock.now()
    assert own.batches()._limits._locks.holders(f"{LIMIT}task:export", now) == set()


def test_syncs_of_a_batch_have_a_watermark_each(
    own: Desk, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.sync.store.KEPT", 2)
    places = Places(azurite.connection_string, own.engine.app.settings.prefix)
    service = places.service
    given(own, SyncService, service)
    storage = BlobServiceClient.from_connection_string(azurite.connection_string)
    prefix = own.engine.app.settings.prefix
    names = ["one", "two", "three"]
    for name in names:
        source = storage.create_container(f"{prefix}-{name}-a")
        source.upload_blob("x", name.encode())
        storage.create_container(f"{prefix}-{name}-b")
        for side in "ab":
            container = f"{prefix}-{name}-{side}"
            places.place(f"{name}-{side}", TargetKind.CONTAINER, container=container)
    wanted = {"source_id": {"item": "from"}, "destination_id": {"item": "to"}}
    items = [{"id": one, "from": f"{one}-a", "to": f"{one}-b"} for one in names]
    for number in range(1, 4):
        job_id = f"s1-2026030{number}T120000Z"
        results, found = done(own, "sync", wanted, items, job_id=job_id, project_id=None)
        assert found["succeeded"] == 3
        counts = [(one["copied"], one["same"]) for one in results]
        assert counts == [(1, 0) if number == 1 else (0, 1)] * 3, number
    for name in names:
        assert storage.get_blob_client(f"{prefix}-{name}-b", "x").download_blob().readall()
    kept = [one.job_id for one in service.store.page(None, "s1", 0, 20)[0]]
    expected = [f"s1-2026030{day}T120000Z-i{number}" for day in (2, 3) for number in range(3)]
    assert sorted(kept) == expected, "of each item the newest two runs are kept"
    rows = places.store._table.query("RowKey ge 'of:' and RowKey lt 'of;'")
    assert len(list(rows)) == 6


def test_analyses_of_a_batch_are_each_of_its_repository(own: Desk, lab: Lab) -> None:
    lab.modules = QUIET
    for name in ("a", "b", "c"):
        lab.source(name).commit({"name.txt": name})
    given(own, AnalysisService, lab.service())
    given(own, ResourceService, lab.resources)
    results, found = done(own, "analysis", {"repository_id": {"item": "id"}}, ["a", "b", "c"])
    assert found["succeeded"] == 3, found
    known = {one.id: one.repository_id for one in lab.service().page({7}, None, 1, 9)[0]}
    assert [known[one["analysis_id"]] for one in results] == ["a", "b", "c"] and len(known) == 3


def test_items_wait_for_a_place_where_only_so_many_may_run(own: Desk) -> None:
    """Time that an item waits is no time that it runs; and a batch leaves places to others."""
    limits, task = own.batches()._limits, own.engine.app.registry.get("few")
    now = own.engine.clock.now()
    assert limits.take_of(task, "another", now, now + timedelta(hours=1))

    class Rushing(ManualClock):
        def wait(self, event: threading.Event, longest: timedelta) -> bool:
            if not event.wait(0.01):
                self.advance(longest)
                if self.now() > now + timedelta(minutes=10):
                    limits.release_of(task, "another")
            return event.is_set()

    clock = Rushing(now)
    found = own.run(own.job(clock=clock), **call("few", ["a", "b"], item_timeout_seconds=30))
    assert found["succeeded"] == 2 and clock.now() > now + timedelta(minutes=10)
    assert own.outcomes(ItemStatus.FAILED) == []
    assert limits._locks.holders(f"{LIMIT}task:few", clock.now()) == set()
    assert own.batches()._concurrency(_params("analysis")) == 4 == analysis.max_concurrent // 2  # type: ignore[operator]


def _params(name: str) -> Any:
    from shared.batch.params import BatchParams

    return BatchParams.model_validate({"task_type": name, "items": ["a"], "concurrency": 32})


def test_a_key_says_what_is_asked_for_and_not_where_it_is_in_the_list(own: Desk) -> None:
    seen: dict[str, list[JobContext]] = {}
    service = own.batches()
    real = type(service._executor).within

    def within(task: Any, params: Params, context: JobContext, seconds: float) -> Result:
        seen.setdefault(params.model_dump()["name"], []).append(context)
        return real(service._executor, task, params, context, seconds)

    service._executor.within = within  # type: ignore[method-assign]
    own.run(**call("again", ["a", "b"]))
    own.run(own.job(job_id=SECOND), **call("again", ["b", "a"]))
    for name in "ab":
        first, second = seen[name]
        assert first.series == second.series != own.job().series
        assert first.part != second.part and first.job_id != second.job_id
    assert own.job().part == ""
