"""The race table of approvals: many persons at once, links twice, the second of the deadline, and a
process that is killed between the decision and what follows."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.access import Caller
from shared.approvals.model import Answer, Approval, ApprovalStatus
from shared.approvals.service import Approvals
from shared.errors import Conflict
from shared.schedules.job import Status
from tests.integration.approvals.desk import CID, Desk, desk_of
from tests.integration.approvals.test_gate import DAILY

CALLERS = 100
MANY = {"APPROVERS": "*: mail:cid@example.com, mail:dan@example.com"}


@pytest.fixture
def desk(azurite: Azurite) -> Desk:
    return desk_of(azurite)


def persons() -> list[tuple[Caller, Answer]]:
    """A hundred persons, of whom every second one approves."""
    answers = (Answer.APPROVE, Answer.REJECT)
    return [
        (replace(CID, name=f"p{number}@example.com", key_id=f"p{number}"), answers[number % 2])
        for number in range(CALLERS)
    ]


def test_a_hundred_persons_at_once_make_one_decision(desk: Desk) -> None:
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    at_once = threading.Barrier(20)

    def decide(one: tuple[Caller, Answer]) -> Approval | Conflict:
        at_once.wait()
        try:
            return desk.approvals.decide(waiting.id, one[0], one[1], reason="so")
        except Conflict as error:
            return error

    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(decide, persons()))
    won = [one for one in told if isinstance(one, Approval)]
    lost = [str(one) for one in told if isinstance(one, Conflict)]
    assert len(won) == 1 and len(lost) == CALLERS - 1
    (done,) = won
    assert all(f"was {done.status} by {done.decided_by}" in said for said in lost)
    assert desk.approvals.store.get(waiting.id) == done and len(done.votes) == 1
    (job,) = desk.work()
    approved = done.status is ApprovalStatus.APPROVED
    assert job.status is (Status.SUCCEEDED if approved else Status.SKIPPED)
    assert len(desk.outside.sent) == approved


def test_many_jobs_that_ask_twice_at_once_ask_once(desk: Desk) -> None:
    schedule = desk.schedule(recurrence=DAILY)
    job_id = desk.run(schedule)
    found = desk.engine.app.table.get(schedule.id)
    assert found is not None
    live = found.progress.find(job_id)
    assert live is not None
    task = desk.engine.app.registry.get("sends")
    gate = desk.engine.app.executor._gate

    def ask(_: int) -> str:
        try:
            gate.ask(found, live, task, task.parse({}))
        except Exception as error:
            return type(error).__name__
        return "passed"

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(ask, range(24))) == {"Held": 24}
    assert len(list(desk.approvals.store.pending())) == 1


@pytest.mark.parametrize("left", [timedelta(microseconds=1), timedelta()])
def test_links_in_the_second_of_the_deadline(azurite: Azurite, left: timedelta) -> None:
    desk = desk_of(azurite, MANY)
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    cids, dans = (desk.link(waiting, f"{name}@example.com") for name in ("cid", "dan"))
    pages = {link: desk.ask("GET", link).text for link in (cids, dans)}
    desk.engine.clock.advance(waiting.expires_at - left - desk.engine.clock.now())
    first, second = (
        desk.click(cids, "approve", pages[cids]),
        desk.click(dans, "reject", pages[dans]),
    )
    if left:
        assert (first.status_code, second.status_code) == (200, 409)
        assert "was approved by cid@example.com" in second.text
        assert desk.approvals.store.get(waiting.id).status is ApprovalStatus.APPROVED
    else:
        assert (first.status_code, second.status_code) == (409, 409)
        assert "was expired" in first.text and "approval_expired" in second.text
        assert desk.approvals.store.get(waiting.id).status is ApprovalStatus.EXPIRED
    again = desk.click(cids, "approve", pages[cids])
    assert again.status_code == (200 if left else 409)


class Killed(BaseException):
    """The process is killed."""


def killing(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize("answer", list(Answer))
def test_killed_between_the_decision_and_the_wake(desk: Desk, answer: Answer) -> None:
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    whole: Approvals = desk.approvals
    with pytest.raises(Killed):
        replace(whole, waking=Fatal(killing)).decide(waiting.id, CID, answer)
    assert desk.work() == [] and len(whole.store.unwoken()) == 1
    assert desk.upkeep()["woken"] == 1
    (job,) = [one for one in desk.work() if one.id == waiting.job_id]
    assert job.status is (Status.SUCCEEDED if answer is Answer.APPROVE else Status.SKIPPED)
    assert whole.store.unwoken() == [] and desk.upkeep()["woken"] == 0


class Fatal:
    """A waking at which the process is killed."""

    def __init__(self, wake: Callable[..., None]) -> None:
        self._wake = wake

    def wake(self, job_id: str) -> bool:
        self._wake(job_id)
        return True
