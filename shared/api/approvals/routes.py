"""`/api/approvals`, and the same under `/api/v1`: what waits for a person, and the answers (O4)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import Field

from shared.api.approvals.shapes import ApprovalList, ApprovalOut, Approve, Reject, WholeApproval
from shared.api.deps import Asking, Provided
from shared.api.lists import PAGE_SIZE, Page, PageSize, counts
from shared.api.query import DIGITS
from shared.approvals.model import Answer, ApprovalStatus
from shared.errors import Conflict

router = APIRouter(prefix="/api/v1/approvals", tags=["approvals"])
plain = APIRouter(prefix="/api/approvals", tags=["approvals"], include_in_schema=False)
"""The path that people's scripts have."""

_Match = Annotated[str | None, Header(alias="If-Match")]
TenantId = Annotated[int, Field(ge=0, le=2**63 - 1), DIGITS]


@plain.get("", name="list_approvals_plainly")
@router.get("")
def list_approvals(
    app: Provided,
    asking: Asking,
    status: ApprovalStatus = ApprovalStatus.PENDING,
    tenant_id: TenantId | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> ApprovalList:
    """Approvals, newest first; those that wait, unless another status is asked for."""
    projects = asking.among(tenant_id)
    found, total = app().approvals().page(projects, status, (page - 1) * page_size, page_size)
    return ApprovalList(
        approvals=[ApprovalOut.model_validate(one) for one in found],
        **counts(total, page, page_size),
    )


@plain.get("/{approval_id}", name="read_approval_plainly")
@router.get("/{approval_id}")
def read_approval(app: Provided, asking: Asking, approval_id: str) -> WholeApproval:
    """One approval, with all that will happen."""
    approvals = app().approvals()
    return WholeApproval.model_validate(approvals.seen(approvals.get(approval_id, asking)))


@plain.post("/{approval_id}/approve", name="approve_plainly")
@router.post("/{approval_id}/approve")
def approve(
    app: Provided,
    by: Asking,
    approval_id: str,
    said: Approve | None = None,
    if_match: _Match = None,
) -> ApprovalOut:
    """Let the job run, unless somebody else must approve it too. Not for whoever asked for it or
    edited its schedule last. The same answer again changes nothing; another one is a conflict."""
    shown = _shown(said.digest if said is not None else None, if_match)
    done = app().approvals().decide(approval_id, by, Answer.APPROVE, shown=shown)
    return ApprovalOut.model_validate(done)


@plain.post("/{approval_id}/reject", name="reject_plainly")
@router.post("/{approval_id}/reject")
def reject(
    app: Provided,
    by: Asking,
    approval_id: str,
    said: Reject | None = None,
    if_match: _Match = None,
) -> ApprovalOut:
    """Do not let the job run: it is skipped, with the reason. As to approve otherwise."""
    said = said if said is not None else Reject()
    done = (
        app()
        .approvals()
        .decide(
            approval_id,
            by,
            Answer.REJECT,
            shown=_shown(said.digest, if_match),
            reason=said.reason or None,
        )
    )
    return ApprovalOut.model_validate(done)


def _shown(digest: str | None, if_match: str | None) -> str | None:
    """The digest of what the caller read, if the caller says. Raises `Conflict` if it says two."""
    tag = None if if_match in (None, "*") else str(if_match).strip().removeprefix("W/").strip('"')
    if digest is not None and tag is not None and digest != tag:
        raise Conflict("the body and If-Match say that you read two things")
    return digest if digest is not None else tag
