"""What somebody still needs stays in the table, however old; and what people do with archived
jobs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from shared.archive.catalog import Catalog
from shared.archive.parts import Part
from shared.engine.dispatch.facts import SWEPT
from shared.errors import Conflict
from shared.schedules.job import Status, job_id, retry_id
from shared.schedules.ledger import Span, State
from shared.schedules.model import Schedule
from tests import sdk
from tests.integration.archive.past import DAY, HOUR, Past, lines, run
from tests.integration.engine.conftest import START, Engine, make
from tests.jobs import jobs_of
from tests.served import api
from tests.together import together

STEP = 6 * HOUR
DUE = [START + STEP * number for number in range(1, 30)]
LATE = START + 60 * DAY


def with_past(past: Past) -> Schedule:
    """A schedule with a week that is long gone."""
    one = past.schedule()
    past.end(*(run(one, at) for at in DUE))
    past.counted(one, DUE[-1])
    past.engine.clock.set(LATE)
    return one


def test_a_job_that_is_not_counted_yet_stays_and_does_not_run_again(past: Past) -> None:
    one = past.schedule()
    past.end(*(run(one, at) for at in DUE))
    uncounted = [job_id(one.id, at) for at in DUE[-3:]]
    past.counted(one, DUE[-4], *uncounted)
    past.engine.clock.set(LATE)
    past.archive()
    assert past.rows() >= set(uncounted)
    assert past.app.manager.get(one.id).progress.live == ()
    past.engine.tick()
    past.app.sweep.sweep(past.engine.clock.now())
    past.engine.work()
    assert not set(past.engine.calls.started) & set(past.ids)


def test_the_newest_job_stays_of_a_schedule_that_no_longer_runs(past: Past) -> None:
    one = with_past(past)
    past.archive()
    assert past.rows() == {job_id(one.id, DUE[-1])}
    newest = past.app.table.newest(one.id)
    assert newest is not None and newest.due_at == DUE[-1]


def test_the_newest_stays_if_people_asked_for_it(past: Past) -> None:
    one = past.schedule()
    asked = [run(one, at, "byhand") for at in DUE[:4]]
    past.end(*asked)
    past.engine.clock.set(LATE)
    past.archive()
    assert past.rows() == {asked[-1].id}


def test_a_job_stays_while_the_alerts_have_its_note(past: Past) -> None:
    one = past.schedule()
    dead = run(one, DUE[2], status=Status.FAILED, error="it broke")
    past.end(*(run(one, at) for at in DUE if at != DUE[2]), dead)
    past.counted(one, DUE[-1])
    past.engine.clock.set(LATE)
    past.archive()
    assert dead.id in past.rows()
    past.told()
    past.archive()
    assert dead.id in lines(past)


def test_a_stretch_that_reaches_beyond_the_border_stays_and_one_that_does_not_answers_from_its_file(
    past: Past,
) -> None:
    one = past.schedule()
    unrun: dict[str, Any] = {
        "status": Status.MISSED,
        "started_at": None,
        "first_started_at": None,
        "worker": None,
    }
    early = run(one, DUE[1], count=9, last_due_at=DUE[9], finished_at=DUE[9] + HOUR, **unrun)
    long = run(one, DUE[11], count=140, last_due_at=DUE[11] + 139 * STEP, **unrun)
    ended = DUE[11] + 139 * STEP + HOUR
    past.end(run(one, DUE[0]), early, run(one, DUE[10]), replace(long, finished_at=ended))
    past.counted(one, ended - HOUR)
    past.told()
    past.engine.clock.set(LATE)
    past.archive()
    assert past.rows() == {long.id}
    within = past.app.manager.job(job_id(one.id, DUE[7]))
    assert (within.status, within.stretch) == (Status.MISSED, early.id)
    span = Span(DUE[4] - DAY / 1000, DUE[8])
    found, total = past.app.ledger.occurrences(one.id, span, 1, 100)
    assert {occurrence.state for occurrence in found} == {State.MISSED} and total == 5
    listed = jobs_of(past.app, one.id, DUE[5], DUE[6])
    assert [job.id for job in listed] == [early.id]


def test_jobs_of_a_schedule_that_cannot_be_read_stay(past: Past) -> None:
    one = with_past(past)
    row = {"PartitionKey": past.app.table.shard(one.id), "RowKey": f"schedule:{one.id}"}
    sdk.table(past.app).update_entity({**row, "live": "[{"})
    past.archive()
    assert past.rows() == set(past.ids)


def test_nothing_moves_while_a_state_backup_is_being_restored(past: Past) -> None:
    with_past(past)
    past.app.meta.put("restoring", "some dump")
    with pytest.raises(Conflict, match="restored"):
        past.archive()
    assert past.rows() == set(past.ids)
    past.app.meta.remove("restoring")
    past.archive()
    assert len(past.rows()) == 1


def test_an_archived_job_can_be_run_again_once(past: Past) -> None:
    one = past.schedule()
    dead = run(one, DUE[2], status=Status.FAILED, error="it broke")
    past.end(*(run(one, at) for at in DUE if at != DUE[2]), dead)
    past.counted(one, DUE[-1])
    past.told()
    past.engine.clock.set(LATE)
    past.archive()
    assert dead.id not in past.rows()
    asked = past.app.control.retry(dead.id)
    assert asked.id == retry_id(dead.id)
    past.engine.work()
    assert past.app.manager.job(asked.id).status is Status.SUCCEEDED
    past.engine.clock.set(LATE + 60 * DAY)
    past.archive()
    assert asked.id in past.rows(), "it is not counted, and a note names it"
    past.engine.tick()
    past.engine.work()
    past.app.sweep.sweep_if_needed(past.app.meta.fact(SWEPT), past.engine.clock.now())
    past.archive()
    assert asked.id in lines(past)
    assert past.app.control.retry(dead.id).status is Status.SUCCEEDED
    past.engine.work()
    assert past.engine.calls.started.count(asked.id) == 1, "asking twice makes one run"
    with pytest.raises(Conflict, match="it succeeded"):
        past.app.control.retry(job_id(one.id, DUE[3]))
    with pytest.raises(Conflict, match="has ended"):
        past.app.control.cancel(job_id(one.id, DUE[3]))


def test_the_api_shows_archived_jobs_as_others(past: Past) -> None:
    one = with_past(past)

    def asked() -> list[Any]:
        paths = [
            f"jobs?schedule_id={one.id}&page_size=100",
            f"jobs?schedule_id={one.id}&from=2026-03-02T00:00:00Z&to=2026-03-04T00:00:00Z",
            f"jobs/{job_id(one.id, DUE[4])}",
            f"schedules/{one.id}/occurrences?from=2026-03-01T12:00:01Z&to=2026-03-08T00:00:00Z",
            "tasks/works/metrics?from=2026-03-01T00:00:00Z&to=2026-03-20T00:00:00Z",
            "costs?from=2026-03-01T00:00:00Z&to=2026-03-20T00:00:00Z",
        ]
        return [answer(past.engine, path) for path in paths]

    before = asked()
    past.archive()
    assert len(past.rows()) == 1
    assert asked() == before
    assert before[0]["total"] == len(DUE)


def answer(engine: Engine, path: str) -> Any:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(api(lambda: engine.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(f"/api/v1/{path}")

    found = asyncio.run(get())
    assert found.status_code == 200, found.text
    return found.json()


def test_two_runs_at_once_do_no_harm(past: Past, azurite: Azurite) -> None:
    for _ in range(3):
        with_past(past)
    prefix, clock = past.app.settings.prefix, past.engine.clock
    others = [Past(make(azurite, prefix, clock=clock, prepared=True)) for _ in range(2)]
    together(*(one.archive for one in others))
    assert len(past.rows()) == 3
    filed = lines(past)
    assert len(filed) == len(set(filed)) and set(filed) | past.rows() == set(past.ids)
    assert all(one.good for one in past.app.archive().findings(lambda: None))


def test_what_is_younger_costs_no_look_at_the_archive(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = with_past(past)
    past.archive()
    young = LATE - 2 * DAY
    asked: list[str] = []
    real = Catalog.parts

    def parts(self: Catalog, *rest: Any) -> list[Part]:
        asked.append("looked")
        return real(self, *rest)

    monkeypatch.setattr(Catalog, "parts", parts)
    past.app.ended.jobs(one.id, young, LATE)
    past.app.ledger.occurrences(one.id, Span(young, young + timedelta(hours=7)), 1, 10)
    assert asked == []
    past.app.ended.jobs(one.id, DUE[0], LATE)
    assert asked == ["looked"]
