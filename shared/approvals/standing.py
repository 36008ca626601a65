"""What a critical job does about its approval when it starts. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto

from shared.approvals.deciding import told
from shared.approvals.model import Approval, ApprovalStatus
from shared.log import instant


class Step(Enum):
    """What a job does."""

    ASK = auto()
    """Ask, since nobody was asked for just this."""
    WAIT = auto()
    EXPIRE = auto()
    """Record that nobody decided in time."""
    SKIP = auto()
    """Do nothing: it was not approved, or too late."""
    BEGIN = auto()
    """Record that it begins what was approved."""
    GO = auto()
    """Go on with what it began."""


def next_step(known: Approval | None, content: str, now: datetime) -> Step:
    """What a job that would do that content does; `known`: the approval of it that counts.

    A job whose approval was refused ends, whatever it would do by now. So does one whose time is
    over, unless it began in time: then a later attempt goes on with the very same.
    """
    if known is None:
        return Step.ASK
    over = now >= known.expires_at
    match known.status:
        case ApprovalStatus.PENDING if over:
            return Step.EXPIRE
        case ApprovalStatus.APPROVED if over and known.begun_at is None:
            return Step.SKIP
        case ApprovalStatus.PENDING | ApprovalStatus.APPROVED if known.content != content:
            return Step.ASK
        case ApprovalStatus.PENDING:
            return Step.WAIT
        case ApprovalStatus.APPROVED:
            return Step.GO if known.begun_at is not None else Step.BEGIN
        case _:
            return Step.SKIP


def why_skipped(approval: Approval) -> str:
    """Why a job whose approval ended like this does nothing; the first word is for programs."""
    match approval.status:
        case ApprovalStatus.APPROVED:
            late = f"{approval.id} was approved by {', '.join(approval.approvers)}"
            until = instant(approval.expires_at)
            return f"approval_expired: {late}, but the job could not begin before {until}"
        case ApprovalStatus.EXPIRED:
            until = instant(approval.expires_at)
            return f"approval_expired: nobody decided on {approval.id} until {until}"
        case other:
            return f"approval_{other}: {approval.id} {told(approval)}"
