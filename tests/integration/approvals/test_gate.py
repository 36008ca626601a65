"""What a critical job does before a person decided, and after (O5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.approvals.model import Answer, ApprovalStatus
from shared.errors import Conflict, Forbidden, NotFound
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status
from tests.integration.approvals.desk import ANN, BOB, CID, EVE, VIEWER, Desk, desk_of
from tests.integration.engine.conftest import START

DAILY = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=86_400, start_time=START)


@pytest.fixture
def desk(azurite: Azurite) -> Desk:
    return desk_of(azurite)


def test_a_critical_job_runs_once_a_person_approved_it(desk: Desk) -> None:
    schedule = desk.schedule(recurrence=DAILY)
    job_id = desk.run(schedule)
    waiting = desk.of(job_id)
    assert desk.outside.sent == [] and desk.job(job_id).status is Status.QUEUED
    assert desk.job(job_id).held is not None and waiting.id in str(desk.job(job_id).held)
    assert waiting.excluded == {ANN.name, BOB.name} and waiting.requested_by == BOB.name

    for caller, refused in (
        (ANN, Forbidden),
        (BOB, Forbidden),
        (VIEWER, Forbidden),
        (EVE, NotFound),
    ):
        with pytest.raises(refused):
            desk.approvals.decide(waiting.id, caller, Answer.APPROVE)
    with pytest.raises(Conflict, match="something else"):
        desk.approvals.decide(waiting.id, CID, Answer.APPROVE, shown="0" * 64)

    done = desk.approvals.decide(waiting.id, CID, Answer.APPROVE, shown=waiting.digest)
    assert done.status is ApprovalStatus.APPROVED and done.decided_by == CID.name
    assert desk.approvals.decide(waiting.id, CID, Answer.APPROVE) == done  # again
    with pytest.raises(Conflict, match=r"was approved by cid@example\.com"):
        desk.approvals.decide(waiting.id, CID, Answer.REJECT)
    (job,) = desk.work()
    assert (job.status, job.attempt, desk.outside.sent) == (Status.SUCCEEDED, 1, [job_id])
    assert desk.approvals.store.unwoken() == []


def test_a_rejected_one_is_skipped_with_the_reason(desk: Desk) -> None:
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    desk.approvals.decide(waiting.id, CID, Answer.REJECT, reason="Not authorized")
    (job,) = desk.work()
    assert job.status is Status.SKIPPED and desk.outside.sent == []
    assert "approval_rejected" in str(job.reason) and "Not authorized" in str(job.reason)


def test_what_changed_is_asked_anew_even_after_it_was_approved(desk: Desk) -> None:
    first = desk.asked(desk.schedule(recurrence=DAILY))
    desk.outside.recipients = 300
    desk.approvals.decide(first.id, CID, Answer.APPROVE)
    assert desk.work() == [] and desk.outside.sent == []
    second = desk.of(first.job_id)
    assert second.id != first.id and second.preview.recipient_count == 300
    assert desk.approvals.store.get(first.id).status is ApprovalStatus.SUPERSEDED
    desk.outside.recipients = 3  # as it was, but that approval is void
    desk.approvals.decide(second.id, CID, Answer.APPROVE)
    assert desk.work() == []
    third = desk.of(first.job_id)
    assert third.content == first.content and third.id not in (first.id, second.id)
    desk.approvals.decide(third.id, CID, Answer.APPROVE)
    assert [one.status for one in desk.work()] == [Status.SUCCEEDED]


def test_it_expires_before_the_next_occurrence_which_asks_for_itself(desk: Desk) -> None:
    schedule = desk.schedule()
    desk.engine.later(60)
    desk.engine.tick()
    assert desk.work() == []
    (first,) = desk.approvals.store.pending()
    assert first.expires_at == START + timedelta(seconds=120 - 6)
    desk.engine.clock.advance(first.expires_at - desk.engine.clock.now())
    with pytest.raises(Conflict, match="approval_expired"):
        desk.approvals.decide(first.id, CID, Answer.APPROVE)
    assert desk.approvals.store.get(first.id).status is ApprovalStatus.EXPIRED
    (job,) = desk.work()
    assert job.status is Status.SKIPPED and "approval_expired" in str(job.reason)
    desk.engine.later(6)
    desk.engine.tick()
    assert desk.work() == []
    (second,) = desk.approvals.store.pending()
    assert second.due_at == first.due_at + timedelta(seconds=60)
    assert desk.engine.app.manager.get(schedule.id).progress.skipped_count == 1


def test_an_approval_that_came_in_time_for_a_job_that_did_not(desk: Desk) -> None:
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    desk.approvals.decide(waiting.id, CID, Answer.APPROVE)
    desk.engine.clock.advance(waiting.expires_at - desk.engine.clock.now())
    (job,) = desk.work()
    assert job.status is Status.SKIPPED and "approval_expired" in str(job.reason)
    assert desk.outside.sent == []


def test_an_attempt_that_failed_goes_on_after_the_deadline(desk: Desk) -> None:
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    desk.outside.fails = 1
    desk.approvals.decide(waiting.id, CID, Answer.APPROVE)
    assert desk.work() == []
    desk.engine.clock.advance(waiting.expires_at - desk.engine.clock.now())
    (job,) = desk.work()
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2)


def test_two_persons(azurite: Azurite) -> None:
    desk = desk_of(azurite, {"APPROVALS_TWO_PERSONS": "sends"})
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    dan = replace(CID, name="dan@example.com", key_id="dan")
    assert desk.approvals.decide(waiting.id, CID, Answer.APPROVE).pending
    assert desk.approvals.decide(waiting.id, CID, Answer.APPROVE).pending
    assert desk.approvals.decide(waiting.id, dan, Answer.APPROVE).approvers == (CID.name, dan.name)
    assert [one.status for one in desk.work()] == [Status.SUCCEEDED]


def test_each_decision_is_in_the_audit_with_what_was_shown(desk: Desk) -> None:
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    desk.approvals.decide(waiting.id, CID, Answer.REJECT, reason="no")
    from shared.access import ENGINE
    from shared.audit.listing import Wanted

    (record,) = desk.engine.app.audit.page(Wanted(kind="approval"), ENGINE, 1, 10).records
    entry = record.entry()
    assert (entry.by.name, entry.by.address, entry.action) == (CID.name, "192.0.2.1", "reject")
    assert entry.after is not None and entry.after["reason"] == "no"
    assert entry.after["digest"] == waiting.digest
    assert entry.after["shown"]["text"] == "Hello"  # type: ignore[index]


def test_a_job_that_was_cancelled_has_nothing_to_approve(desk: Desk) -> None:
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    desk.engine.app.control.cancel(waiting.job_id)
    with pytest.raises(Conflict, match="cancelled, or has ended"):
        desk.approvals.decide(waiting.id, CID, Answer.APPROVE)
    assert desk.approvals.store.get(waiting.id).status is ApprovalStatus.SUPERSEDED
