"""`/api/v1/marketing`: what the marketing cycle found, and its campaigns (O2)."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

from fastapi import APIRouter, Query
from pydantic import Field

from shared.api.deps import Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, counts
from shared.api.query import DIGITS
from shared.api.roles import needs
from shared.api.shown import Shown
from shared.marketing.effect import CampaignEffect
from shared.marketing.figures import Figures
from shared.marketing.rules import Recommendation

if TYPE_CHECKING:
    from shared.marketing.service import CampaignFound

router = APIRouter(prefix="/api/v1/marketing", tags=["marketing"])

_MOST = 2**31 - 1
TenantId = Annotated[
    int | None, Field(ge=1, le=_MOST), DIGITS, Query(description="Of this tenant alone.")
]
State: TypeAlias = Literal["freezing", "proposed", "sending", "sent", "closed"]
"""`freezing`: its list is being written down. `closed`: nothing was sent, and never will be."""


class CycleOut(Shown):
    """What the cycle of a week found for a tenant."""

    tenant_id: int
    week_on: date
    """The Monday of the week in which the cycle was due, in UTC."""
    due_at: datetime
    figures: Figures
    recommendations: list[Recommendation]


class CycleList(Paged):
    cycles: list[CycleOut]


class CampaignOut(Shown):
    """A campaign."""

    id: int
    tenant_id: int
    week_on: date
    """Of the cycle that proposed it."""
    rule: str
    segment: str
    template: str
    channel: str
    hold_out_percent: int
    state: State
    reason: str | None
    """Why it was closed, or ended early."""
    job_id: str
    """Of the job that sends it, which waits for an approval."""
    digest: str | None
    """SHA-256 of its list: what is approved."""
    recipients: int
    held_out: int
    valid_until: datetime
    """It is not begun later."""
    started_at: datetime | None
    ended_at: datetime | None
    recommendation: Recommendation
    """What it was proposed for, with the figure."""
    messages: dict[str, int]
    """How many messages are how, as notifications are; `waiting`: not asked for yet."""
    reasons: dict[str, int]
    """Why messages did not go or arrive; the most frequent."""
    effect: CampaignEffect | None
    """What it changed, beside those who were held out; null: not measured yet."""

    @classmethod
    def of(cls, found: CampaignFound) -> Self:
        one = found.campaign
        return cls(
            id=one.id,
            tenant_id=one.tenant_id,
            week_on=one.week_on,
            rule=one.rule,
            segment=one.segment,
            template=one.template,
            channel=one.channel,
            hold_out_percent=one.hold_out_percent,
            state=one.state.value,
            reason=one.reason,
            job_id=one.job_id,
            digest=one.digest,
            recipients=one.recipient_count,
            held_out=one.held_out_count,
            valid_until=one.valid_until,
            started_at=one.started_at,
            ended_at=one.ended_at,
            recommendation=found.recommendation,
            messages=dict(found.messages),
            reasons=dict(found.reasons),
            effect=found.effect,
        )


class CampaignList(Paged):
    campaigns: list[CampaignOut]


@router.get("/cycles")
@needs(everything=True)
def list_marketing_cycles(
    app: Provided,
    tenant_id: TenantId = None,
    week: date | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> CycleList:
    """What the weekly cycles found: figures and recommendations, the newest week first, by tenant.

    A repeated cycle replaces what the one of the same week found.
    """
    found, total = app().marketing().cycles(tenant_id, week, page, page_size)
    return CycleList(
        cycles=[CycleOut.model_validate(one) for one in found], **counts(total, page, page_size)
    )


@router.get("/campaigns")
@needs(everything=True)
def list_campaigns(
    app: Provided,
    tenant_id: TenantId = None,
    state: State | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> CampaignList:
    """The campaigns, newest first: what was proposed, what was sent, and what it changed."""
    found, total = app().marketing().campaigns(tenant_id, state, page, page_size)
    return CampaignList(
        campaigns=[CampaignOut.of(one) for one in found], **counts(total, page, page_size)
    )
