"""An approval: what a person is asked before a critical job runs (O5), and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.tasks import Impact
from shared.tasks.preview import Preview


class ApprovalStatus(StrEnum):
    """How an approval stands. Once it is not pending any more, it stays as it is; but one that was
    approved is superseded if what it was for changed before it began."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    """Nobody decided until its deadline."""
    SUPERSEDED = "superseded"
    """It does not count any more: what it was for changed, a newer occurrence asks, or its job was
    cancelled."""


class Answer(StrEnum):
    """What a person answers."""

    APPROVE = "approve"
    REJECT = "reject"


class How(StrEnum):
    """How a person proved who it is."""

    KEY = "key"
    SIGN_IN = "sign-in"
    LINK = "link"
    """By a signed link, which went to its address."""
    LOCAL = "local"
    """Not at all: no key was ever made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """One person's answer."""

    by: str
    at: datetime
    answer: Answer
    how: How
    digest: str
    """Of what the person was shown."""
    key_id: str | None = None
    address: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """An approval."""

    id: str
    number: int = 1
    """Which of its job's it is, from 1 on: each change of what the job will do asks anew."""
    project_id: int | None
    """The tenant's."""
    schedule_id: str
    schedule_name: str
    job_id: str
    due_at: datetime
    """When its occurrence was due."""
    run: str | None = None
    """The workflow's run whose step it is, if it is one."""
    step: str | None = None
    """Which step of it."""
    task: str
    impact: Impact
    parameters: str
    """As canonical JSON."""
    preview: Preview
    content: str
    """SHA-256 of all that it is for."""
    digest: str
    """The same, with its deadline: what a person approves."""
    requested_at: datetime
    requested_by: str
    """Who asked for the job; of a schedule's own, who edited the schedule last."""
    excluded: frozenset[str] = frozenset()
    """Who may not decide, since it is theirs."""
    expires_at: datetime
    needed: int = 1
    """How many persons must approve."""
    policy: str = ""
    """By which rule so many must."""
    votes: tuple[Vote, ...] = ()
    status: ApprovalStatus = ApprovalStatus.PENDING
    decided_at: datetime | None = None
    decided_by: str | None = None
    """The person whose answer decided it; None if no person's did."""
    reason: str | None = None
    begun_at: datetime | None = None
    """When its job began to do what was approved. From then on it does not expire."""
    reminded_at: datetime | None = None
    etag: str = field(default="", compare=False)

    @property
    def pending(self) -> bool:
        return self.status is ApprovalStatus.PENDING

    @property
    def what(self) -> str:
        """It in words, such as "Mail to 312 customers (nightly)"."""
        return f"{self.preview.title} ({self.schedule_name or self.schedule_id})"

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved it, in their order."""
        return tuple(one.by for one in self.votes if one.answer is Answer.APPROVE)

    def vote_of(self, person: str) -> Vote | None:
        """That person's last answer."""
        return next((one for one in reversed(self.votes) if same(one.by, person)), None)

    def is_excluded(self, person: str) -> bool:
        """Whether it is that person's own."""
        return any(same(one, person) for one in self.excluded)

    def ended(self, status: ApprovalStatus, now: datetime, reason: str | None) -> Approval:
        """It, ended by no person."""
        return replace(self, status=status, decided_at=now, decided_by=None, reason=reason)


def same(one: str, other: str) -> bool:
    """Whether two names are of one person. Addresses are often written in either case."""
    return one.strip().casefold() == other.strip().casefold()


@dataclass(frozen=True, slots=True)
class Asked:
    """On whose behalf a job runs."""

    by: str
    persons: frozenset[str] = frozenset()
    """All who had a hand in it: they may not decide."""
    via: frozenset[str] = frozenset()
    """Jobs of batches that did so: whoever is behind them had, too."""


def facts_of(approval: Approval) -> Mapping[str, object]:
    """What the audit keeps of it: what was shown, and what was answered."""
    shown = approval.preview
    return {
        "status": approval.status,
        "job_id": approval.job_id,
        "task": approval.task,
        "impact": approval.impact,
        "digest": approval.digest,
        "parameters": approval.parameters,
        "shown": {
            "title": shown.title,
            "text": shown.text,
            "recipients": shown.recipients,
            "recipient_count": shown.recipient_count,
            "amount": shown.amount,
            "target": shown.target,
            "digest": shown.digest,
            "facts": shown.facts,
        },
        "requested_by": approval.requested_by,
        "requested_at": approval.requested_at,
        "expires_at": approval.expires_at,
        "needed": approval.needed,
        "policy": approval.policy,
        "votes": [
            {
                "by": one.by,
                "answer": one.answer,
                "how": one.how,
                "at": one.at,
                "key_id": one.key_id,
                "address": one.address,
                "digest": one.digest,
            }
            for one in approval.votes
        ],
        "reason": approval.reason,
    }
