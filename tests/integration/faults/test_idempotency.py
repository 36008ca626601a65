"""A request with a key of its own whose answers from storage are lost from some point on, at each
point in turn: sent again, it is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.access import LOCAL
from tests.faults import Fault
from tests.integration.faults.conftest import Faulty
from tests.integration.faults.kinds import KINDS
from tests.served import api

_MOST = 60
BODY = {"name": "a", "task_type": "works", "frequency": "interval", "interval_seconds": 86_400}


two_kinds = pytest.mark.parametrize("fault", [KINDS["answer lost"], KINDS["busy"]])


def post(faulty: Faulty, path: str, key: str, body: Any) -> httpx.Response:
    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(api(lambda: faulty.engine.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            headers = {"Idempotency-Key": key}
            return await client.post(f"/api/v1{path}", json=body, headers=headers)

    return asyncio.run(answered())


def cut_off(faulty: Faulty, fault: Fault, path: str, body: Any) -> Iterator[httpx.Response]:
    """The answer to a request that was sent again after storage was away from its first, second,
    ... request on."""
    for number in range(_MOST):
        key = f"key-{number}"
        rule = faulty.meet(fault, skip=number)
        first = post(faulty, path, key, body)
        faulty.calm_down()
        if not rule.fired:
            assert number > 5 and first.is_success
            return
        assert first.status_code == 503, first.text
        faulty.later(61)
        again = post(faulty, path, key, body)
        assert again.is_success, again.text
        yield again
        assert post(faulty, path, key, body).content == again.content
    raise AssertionError(f"more than {_MOST} requests")


@two_kinds
def test_a_schedule_is_created_once(faulty: Faulty, fault: Fault) -> None:
    made = {answer.json()["id"] for answer in cut_off(faulty, fault, "/schedules", BODY)}
    there = {one.id for one in faulty.calm.app.table.schedules()}
    assert made < there and len(there) == len(made) + 1, "and the one that met no fault"


@two_kinds
def test_a_calendar_is_made_once(faulty: Faulty, fault: Fault) -> None:
    body = {"name": "Week", "days": [{"day": "2030-12-24"}]}
    calendars = faulty.calm.app.calendars
    for answer in cut_off(faulty, fault, "/calendars", body):
        (there,) = calendars.all(LOCAL)
        assert there.id == answer.json()["id"]
        calendars.delete(LOCAL, there.id)


@two_kinds
def test_a_job_is_asked_for_once(faulty: Faulty, fault: Fault) -> None:
    one = faulty.add(pause_after_failures=None)
    path = f"/schedules/{one.id}/execute"
    asked: set[str] = set()
    for answer in cut_off(faulty, fault, path, {"force": True}):
        job = answer.json()["job_id"]
        assert faulty.live(one).count(job) == 1
        asked.add(job)
    manual = {job for job in faulty.live(one) if job.count("-") == 2}
    assert asked < manual and len(manual) == len(asked) + 1
