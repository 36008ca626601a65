"""Whether a person's answer counts, and what follows. One pure function, for the API, the links and
the command line alike: so no way leads around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from shared.access import LOCAL, Caller, Role
from shared.access.sign_in import is_person
from shared.approvals.model import Answer, Approval, ApprovalStatus, How, Vote, same
from shared.errors import BelfryError, Conflict, Forbidden
from shared.log import instant

EXPIRED = "approval_expired: nobody decided until {until}"
_ENDS = {Answer.APPROVE: ApprovalStatus.APPROVED, Answer.REJECT: ApprovalStatus.REJECTED}


@dataclass(frozen=True, slots=True)
class Decided:
    """What follows of an answer."""

    after: Approval
    """As it is to be stored; the same as before if nothing changes."""
    refusal: BelfryError | None = None
    """Why the answer does not count."""


def how_of(caller: Caller) -> How:
    """How a caller of the API or the command line proved who it is."""
    if is_nobody(caller):
        return How.LOCAL
    return How.SIGN_IN if caller.key_id is None or is_person(caller) else How.KEY


def is_nobody(caller: Caller) -> bool:
    """Whether nobody knows who it is: whoever works on a machine where no key was ever made. Then
    all persons have one name, and none can be told from who asked."""
    return caller.name == LOCAL.name and caller.key_id is None


def decide(
    approval: Approval,
    caller: Caller,
    answer: Answer,
    *,
    shown: str | None,
    now: datetime,
    how: How,
    reason: str | None = None,
) -> Decided:
    """What follows of a caller's answer. `shown`: the digest of what the caller saw, if the caller
    says; None: of what is stored.

    Raises nothing: also a refused answer may change something, as it may find that the approval has
    expired. Raises `NotFound` all the same if the caller does not see its project: to that caller
    there is none.
    """
    caller.hold(approval.project_id, f"approval {approval.id!r}")
    if not caller.role.includes(Role.OPERATOR):
        refused = Forbidden(
            f"to decide needs the role {Role.OPERATOR}, and {caller.name} is {caller.role}"
        )
        return Decided(approval, refused)
    if approval.pending and now >= approval.expires_at:
        approval = expired(approval, now)
    if _said_so(approval, caller, answer):
        return Decided(approval)
    if not approval.pending:
        return Decided(approval, Conflict(f"{approval.id} {told(approval)}"))
    if shown is not None and shown != approval.digest:
        changed = f"{approval.id} is for something else than what you saw; read it again"
        return Decided(approval, Conflict(changed))
    if not is_nobody(caller) and approval.is_excluded(caller.name):
        own = f"{caller.name} asked for this or edited it, so somebody else must decide"
        return Decided(approval, Forbidden(own))
    vote = Vote(
        by=caller.name,
        at=now,
        answer=answer,
        how=how,
        digest=approval.digest,
        key_id=caller.key_id,
        address=caller.address,
    )
    return Decided(_after(approval, vote, reason))


def expired(approval: Approval, now: datetime) -> Approval:
    """It, once its deadline has passed."""
    reason = EXPIRED.format(until=instant(approval.expires_at))
    return approval.ended(ApprovalStatus.EXPIRED, now, reason)


def told(approval: Approval) -> str:
    """How it ended, in words that follow its id."""
    at = instant(approval.decided_at) if approval.decided_at is not None else "before"
    by = f" by {approval.decided_by}" if approval.decided_by else ""
    why = f": {approval.reason}" if approval.reason else ""
    return f"was {approval.status}{by} at {at}{why}"


def _said_so(approval: Approval, caller: Caller, answer: Answer) -> bool:
    """Whether this person has given that answer, and it counts."""
    if approval.status in (ApprovalStatus.EXPIRED, ApprovalStatus.SUPERSEDED):
        return False
    mine = approval.vote_of(caller.name)
    if mine is None or mine.answer is not answer:
        return False
    return approval.pending or approval.status is _ENDS[answer]


def _after(approval: Approval, vote: Vote, reason: str | None) -> Approval:
    others = tuple(one for one in approval.votes if not same(one.by, vote.by))
    votes = (*others, vote)
    approvals = sum(one.answer is Answer.APPROVE for one in votes)
    if vote.answer is Answer.APPROVE and approvals < approval.needed:
        return replace(approval, votes=votes)
    return replace(
        approval,
        votes=votes,
        status=_ENDS[vote.answer],
        decided_at=vote.at,
        decided_by=vote.by,
        reason=reason,
    )
