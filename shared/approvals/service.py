"""The entry point of approvals: lists them, takes people's answers, and looks after them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from shared.access import ENGINE, Caller
from shared.approvals.deciding import decide, expired, how_of
from shared.approvals.model import Answer, Approval, ApprovalStatus, How, facts_of
from shared.approvals.store import Store
from shared.audit.port import Action, Audit, Subject
from shared.clock import Clock
from shared.errors import BelfryError, Conflict, Refused, Unavailable
from shared.log import Event, event, instant
from shared.schedules.job import parse_id
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks import JobContext

_logger = logging.getLogger("belfry.approvals")
_ACTIONS = {Answer.APPROVE: Action.APPROVE, Answer.REJECT: Action.REJECT}
_GONE = "its job was cancelled, or has ended"


class Wakes(Protocol):
    """Lets a held job go on (`engine.work.waking.Waking`)."""

    def wake(self, job_id: str) -> bool: ...


class Tells(Protocol):
    """Tells people what waits for them (`telling`)."""

    def __call__(self, approval: Approval, *, again: bool = False) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Approvals:
    """The approvals. Every method raises `Unavailable` or `Refused` if storage fails."""

    store: Store
    table: ScheduleTable
    waking: Wakes
    audit: Audit
    clock: Clock
    tell: Tells

    def get(self, id: str, caller: Caller) -> Approval:
        """The approval. Raises `NotFound`, also if the caller does not see its project."""
        found = self.store.get(id)
        caller.hold(found.project_id, f"approval {id!r:.60}")
        return found

    def seen(self, approval: Approval) -> Approval:
        """It as it stands now, also if nobody has written down yet that its time is over or that
        its job is gone. Changes nothing."""
        if not approval.pending:
            return approval
        if self.clock.now() >= approval.expires_at:
            return expired(approval, approval.expires_at)
        return approval if self._is_live(approval.job_id) else _gone(approval, self.clock.now())

    def page(
        self,
        projects: Collection[int] | None,
        status: ApprovalStatus | None,
        skip: int,
        size: int,
    ) -> tuple[list[Approval], int]:
        """As `Store.page`."""
        return self.store.page(projects, status, skip, size)

    def decide(
        self,
        id: str,
        caller: Caller,
        answer: Answer,
        *,
        shown: str | None = None,
        reason: str | None = None,
        how: How | None = None,
    ) -> Approval:
        """Take a caller's answer; the approval as it stands then. The same answer again changes
        nothing. `shown`: the digest of what the caller saw.

        Raises `NotFound`; `Forbidden` if the caller may not decide on this; `Conflict` if it was
        decided otherwise, is over, or is not what was shown.
        """
        judge = partial(
            decide,
            caller=caller,
            answer=answer,
            shown=shown,
            now=self.clock.now(),
            how=how or how_of(caller),
            reason=reason,
        )
        found = self._waiting(self.get(id, caller))
        first = judge(found)
        if first.after.status is ApprovalStatus.EXPIRED and found.pending:
            found = self.expire(found, self.clock.now())
            first = judge(found)
        if first.refusal is not None:
            self._tell_refused(found, caller, answer, first.refusal)
            raise first.refusal
        if first.after == found:
            self.wake(found)  # if the process was killed after it wrote the first answer
            return found

        def attempt() -> Approval | None:
            present = self.store.get(id)
            then = judge(present)
            if then.refusal is not None:
                raise then.refusal
            return present if then.after == present else self.store.write(present, then.after)

        subject = Subject("approval", id, found.project_id)
        with self.audit.changing(caller, _ACTIONS[answer], subject, facts_of(found)) as change:
            after = compare_and_set(id, attempt)
            change.after = facts_of(after)
        self._told(after, caller)
        self.wake(after)
        return after

    def expire(self, approval: Approval, now: datetime) -> Approval:
        """Record that its time is over, if nobody decided; the approval as it stands then."""
        return self._end(approval, lambda found: expired(found, now), Action.EXPIRE)

    def _waiting(self, approval: Approval) -> Approval:
        """It, or how it ended because its job is gone."""
        if not approval.pending or self._is_live(approval.job_id):
            return approval
        now = self.clock.now()
        return self._end(
            approval,
            lambda found: _gone(found, now),
            Action.CANCEL,
        )

    def live(self, approvals: Sequence[Approval]) -> frozenset[str]:
        """The ids of those whose jobs are surely there; one request for many of them."""
        found = self.table.many({one.schedule_id for one in approvals})
        return frozenset(
            one.id
            for one in approvals
            if one.schedule_id in found and found[one.schedule_id].progress.find(one.job_id)
        )

    def withdraw_if_gone(self, approval: Approval) -> bool:
        """End it if its job is gone, since nothing would follow; whether it ended."""
        return not self._waiting(approval).pending

    def _end(
        self, approval: Approval, step: Callable[[Approval], Approval], action: Action
    ) -> Approval:
        def attempt() -> Approval | None:
            found = self.store.get(approval.id)
            return self.store.write(found, step(found)) if found.pending else found

        subject = Subject("approval", approval.id, approval.project_id)
        with self.audit.changing(ENGINE, action, subject, facts_of(approval)) as change:
            after = compare_and_set(approval.id, attempt)
            change.after = facts_of(after)
        self._told(after, ENGINE)
        self.wake(after)
        return after

    def follow_up(self, new: Approval, voided: Sequence[tuple[Approval, Approval]]) -> None:
        """Do what follows once an approval was asked for. What fails, `upkeep` does."""
        for before, after in voided:
            if before.job_id != new.job_id:
                self.wake(after)
        self.say(new)

    def say(self, approval: Approval) -> None:
        """Tell people that it waits for them."""
        try:
            self.tell(approval)
            self.store.told(approval.id)
        except (Unavailable, Refused) as error:
            _later("telling", approval, error)

    def wake(self, approval: Approval) -> None:
        """Let its job go on, once it was decided. It was written that this is to be done."""
        if approval.pending:
            return
        try:
            self.waking.wake(approval.job_id)
            self.store.woken(approval.id)
        except (Unavailable, Refused, Conflict) as error:
            _later("waking", approval, error)

    def given(self, job: JobContext) -> Mapping[str, object]:
        """As `port.ApprovalService.given`."""
        _, found = self.store.of_job(job.job_id)
        if found is None:  # a system schedule's job is not asked for
            return {"approval": None, "approved_by": [], "approved_at": None}
        at = found.decided_at
        return {
            "approval": found.id,
            "approved_by": [*found.approvers],
            "approved_at": instant(at) if at is not None else None,
        }

    def _is_live(self, job_id: str) -> bool:
        schedule = self.table.get(parse_id(job_id)[0])
        return schedule is not None and schedule.progress.find(job_id) is not None

    def _told(self, approval: Approval, by: Caller) -> None:
        event(
            _logger,
            Event.APPROVAL_DECIDED,
            approval=approval.id,
            job_id=approval.job_id,
            status=approval.status.value,
            by=by.name,
        )

    def _tell_refused(
        self, approval: Approval, by: Caller, answer: Answer, refusal: BelfryError
    ) -> None:
        event(
            _logger,
            Event.APPROVAL_REFUSED,
            level=logging.WARNING,
            approval=approval.id,
            by=by.name,
            answer=answer.value,
            error=str(refusal),
        )


def _gone(approval: Approval, now: datetime) -> Approval:
    return approval.ended(ApprovalStatus.SUPERSEDED, now, _GONE)


def _later(what: str, approval: Approval, error: BelfryError) -> None:
    event(
        _logger,
        Event.APPROVAL_UNTOLD,
        level=logging.WARNING,
        left=what,
        approval=approval.id,
        error=str(error),
    )
