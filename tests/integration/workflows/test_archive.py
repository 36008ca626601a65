"""Runs that ended long ago move into files, and are read as before (O10)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from shared.errors import Conflict, Damaged
from shared.storage.blobs.journal import get, put
from shared.tasks import JobContext
from shared.threads import Pool
from shared.workflows.archiving import Archive
from shared.workflows.model import Call, OnError
from shared.workflows.names import Place
from shared.workflows.port import WorkflowArchive
from shared.workflows.state import Run, RunStatus
from tests.context import job_of
from tests.dying import Dying, Killed
from tests.integration.engine.conftest import Engine, make
from tests.integration.workflows.conftest import Calls, Flows, step
from tests.served import api

LONG = 91 * 86_400


def archive_of(engine: Engine) -> Archive:
    found = engine.app.executor._services._makers[WorkflowArchive]()
    assert isinstance(found, Archive)
    return found


def archived(engine: Engine, **how: Any) -> Mapping[str, object]:
    return archive_of(engine).archive(today(engine, **how))


def today(engine: Engine, **how: Any) -> JobContext:
    return job_of(clock=engine.clock, **how)


def counts(archived: int, never_begun: int = 0, damaged: int = 0) -> dict[str, int]:
    return {"archived": archived, "never_begun": never_begun, "damaged": damaged}


def ask(engine: Engine, path: str, method: str = "GET") -> Any:
    """What the API answers; the status if it refuses."""

    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(api(lambda: engine.app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.request(method, f"/api/v1/runs{path}")

    found = asyncio.run(answered())
    return found.json() if found.is_success else (found.status_code, found.json()["detail"])


def seen(engine: Engine, *runs: Run) -> list[Any]:
    """All that the API says of these runs, and of lists."""
    lists = ["", "?status=failed", "?status=succeeded", "?status=running"]
    paths = [f"/{run.id}{rest}" for run in runs for rest in ("", "/events", *_steps(run))]
    return [ask(engine, path) for path in (*lists, *paths)]


def stored(flows: Flows, run: Run) -> list[Any]:
    """The same of one run, without the API."""
    now, runs = flows.run(run), flows.runs
    places = [Place(number=0), *(Place(number=1, item=one) for one in range(2))]
    listed = runs.roll.page(None, None, ["succeeded"], 0, 100)
    return [replace(now, etag=""), runs.jobs(now, places), listed]


def _steps(run: Run) -> list[str]:
    return [f"/steps/{one}/jobs" for one in run.steps]


def rows(flows: Flows, run: Run) -> list[str]:
    """The keys of all rows of a run, without its jobs."""
    store = flows.runs.store
    found = store._keys(run.id, f"run:{run.id}") + store._keys(run.id, f"schedule:{run.id}_")
    return sorted(found)


def redone(flows: Flows) -> Run:
    """A run with items, an event, and a step that was begun anew twice, and undone in the end."""
    items: dict[str, Any] = {"name": "item ${{ item }}", "fail": "${{ item == 1 }}"}
    run = flows.start(
        step(0, "a", parameters={"value": {"as": ["it", 1, None]}}),
        step(1, "each", needs=("a",), foreach="[0, 1, 2]", max_parallel=1, parameters=items),
        step(2, "wait", "workflow_wait", parameters={"seconds": 5}),
        given={},
        deadline_seconds=3600,
    )
    flows.runs.store.add_event(run.id, "signed", "k1", {"by": "Ana"})
    flows.work()
    for _ in range(2):
        flows.runs.advancing.heal(run.id)  # ends the wait, as is done when jobs are packed
        flows.engine.later(1)
        flows.runs.redo(run.id)
        flows.work()
    flows.runs.advancing.heal(run.id)
    return flows.run(run)


def undone(flows: Flows) -> Run:
    run = flows.start(
        step(0, "a", compensate=Call("work", {"name": "undo a"})),
        step(1, "b", needs=("a",), parameters={"fail": True}, on_error=OnError.COMPENSATE),
    )
    flows.work()
    return flows.run(run)


def test_old_runs_move_into_files_and_are_read_as_before(flows: Flows) -> None:
    engine, clock = flows.engine, flows.engine.clock
    old, other = redone(flows), undone(flows)
    assert (old.status, old.redone, other.status) == (RunStatus.FAILED, 2, RunStatus.FAILED)
    waits = flows.start(step(0, "wait", "workflow_wait", parameters={"seconds": 2 * LONG}))
    lost = replace(waits, id="w0lostlostlost0")
    flows.runs.roll.add(lost)
    flows.work()
    clock.advance(timedelta(seconds=LONG))
    late = flows.start(step(0, "a"))
    flows.work()
    kept = [rows(flows, one) for one in (waits, flows.run(late))]
    before, there = seen(engine, old, other), rows(flows, old)
    assert len(there) > 8 and before[1]["total"] == 2

    assert archived(engine, dry_run=True) == counts(2, 1)
    assert rows(flows, old) == there and archive_of(engine).read(old.id) is None
    assert archived(engine) == counts(2, 1)
    assert archived(engine) == counts(0)

    assert rows(flows, old) == rows(flows, other) == []
    assert kept == [rows(flows, one) for one in (waits, late)]
    after = seen(engine, old, other)
    assert after[0]["total"] == before[0]["total"] - 1, "the one that was never begun is gone"
    assert after[1:3] == before[1:3] and after[4:] == before[4:]
    table = flows.runs.advancing.table
    assert table.newest(f"{old.id}_s0") is not None, "jobs have an archive of their own"

    with pytest.raises(Conflict, match="was archived; start another run"):
        flows.runs.redo(old.id)
    for path in ("cancel", "retry"):
        code, said = ask(engine, f"/{old.id}/{path}", "POST")
        assert code == 409 and "ended" in said

    archive = archive_of(engine)
    entry = archive.roll.archived(old.id)
    assert entry is not None
    data = get(archive.container, entry.name)
    assert data is not None
    said = json.loads(data)
    assert said["run"]["given"] == {} and set(said["run"]["steps"]) == {"a", "each", "wait"}
    assert said["jobs"][0]["result"]["value"] == {"as": ["it", 1, None]}
    assert {one["schedule_id"].partition("_")[2] for one in said["jobs"]} > {
        "s1i0",
        "s1i1",
        "s1i1g1",
        "s1i1g2",
    }

    put(archive.container, entry.name, data.replace(b"Ana", b"Eve"))
    with pytest.raises(Damaged, match=f"{entry.name}.* is not what was written"):
        flows.runs.get(old.id)
    found = ask(engine, "?status=failed")
    assert found["total"] == 2 and [one["id"] for one in found["runs"]] == [other.id]


def test_killed_at_each_write_it_loses_and_doubles_nothing(azurite: Azurite, flows: Flows) -> None:
    engine, archive = flows.engine, archive_of(flows.engine)
    prefix, clock = engine.app.settings.prefix, engine.clock
    died = 0
    for number in range(2 * 20):
        left, answered = divmod(number, 2)
        run = flows.start(step(0, "a"), step(1, "each", needs=("a",), foreach="[1, 2]"))
        flows.work()
        clock.advance(timedelta(seconds=LONG))
        before = stored(flows, run)
        transport = Dying(left, answered=bool(answered))
        try:
            archived(make(azurite, prefix, transport, clock=clock, prepared=True))
            break
        except Killed:
            died += 1
        assert stored(flows, run) == before, number
        archived(engine)
        assert stored(flows, run) == before, number
        assert rows(flows, run) == [] and archived(engine) == counts(0)
        names = archive.container.names("")
        assert len(names) == len(set(names)) == number + 1
    assert died >= 12 and died == number, "it made few writes, or never came to its end"


def test_a_run_that_is_begun_anew_meanwhile_stays(flows: Flows) -> None:
    engine, archive = flows.engine, archive_of(flows.engine)
    run = flows.start(step(0, "a", parameters={"fail": True}))
    flows.work()
    engine.clock.advance(timedelta(seconds=LONG))
    flows.calls.mended = True
    real = archive.roll.moving

    def moving(*given: Any) -> bool:
        said = real(*given)
        flows.runs.redo(run.id)
        return said

    object.__setattr__(archive.roll, "moving", moving)
    assert archived(engine) == counts(0)
    object.__setattr__(archive.roll, "moving", real)
    flows.work()
    assert flows.run(run).status is RunStatus.SUCCEEDED and len(rows(flows, run)) == 3
    assert archive.read(run.id) is None
    engine.clock.advance(timedelta(seconds=LONG))
    assert archived(engine) == counts(1)
    assert ask(engine, f"/{run.id}")["status"] == "succeeded"


def test_a_child_that_is_in_a_file_is_not_run_again(flows: Flows) -> None:
    child = flows.start(step(0, "a"))
    flows.work()
    flows.engine.clock.advance(timedelta(seconds=LONG))
    assert archived(flows.engine) == counts(1)
    flows.known.popitem()
    again = flows.start(step(0, "a"))
    flows.work()
    assert (again.id, again.etag, flows.calls.names) == (child.id, "", ["a"])


def test_many_runs_move_page_by_page(azurite: Azurite, flows: Flows) -> None:
    """Past what cannot be read, which stays; in few requests."""
    many, store = 60, flows.runs.store
    run = flows.start(step(0, "a"))
    flows.work()
    model = flows.run(run)

    def add(number: int) -> None:
        one = replace(model, id=f"w{number % 10}{number:014d}", etag="")
        digest = "unknown" if number == 3 else model.digest
        flows.runs.roll.add(one)
        store.write(replace(one, digest=digest))
        flows.runs.roll.turn(one)

    with Pool(4, "runs") as pool:
        list(pool.map(add, range(many)))
    flows.engine.clock.advance(timedelta(seconds=LONG))
    counting = Dying(1_000_000)
    prefix, clock = flows.engine.app.settings.prefix, flows.engine.clock
    found = archived(make(azurite, prefix, counting, clock=clock, prepared=True))
    assert found == counts(many, 0, 1)
    assert counting.made < 4.2 * many + 10
    assert store.get(f"w3{3:014d}") is not None
    assert ask(flows.engine, "?page_size=100")["total"] == many + 1


def test_steps_jobs_go_into_the_archive_of_jobs(flows: Flows) -> None:
    """Though each is the newest of its schedule; and are still read as jobs of the step."""
    calls: Calls = flows.calls
    run = flows.start(step(0, "a"), step(1, "wait", "workflow_wait", parameters={"seconds": LONG}))
    flows.work()
    flows.engine.clock.advance(timedelta(days=95))
    before = ask(flows.engine, f"/{run.id}/steps/a/jobs")
    assert before["jobs"] and calls.names == ["a"]
    jobs = flows.runs.advancing.table
    flows.engine.app.archive().archive(today(flows.engine))
    assert jobs.newest(f"{run.id}_s0") is None
    assert ask(flows.engine, f"/{run.id}/steps/a/jobs") == before
