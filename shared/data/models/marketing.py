"""Marketing: what each weekly cycle found, the campaigns that it proposed, and who is in them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base, check, one_of
from shared.data.models.owners import Owner
from shared.data.models.tenants import Tenant
from shared.data.models.types import Choice


class MarketingCycle(Base):
    """What the cycle of a week found for a tenant. Another run of the same week replaces it."""

    __tablename__ = "marketing_cycles"
    __table_args__ = (Index(None, "week_on", "tenant_id"),)

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey(Tenant.id), primary_key=True, autoincrement=False
    )
    week_on: Mapped[date] = mapped_column(primary_key=True)
    """The Monday of the week in which the cycle was due, in UTC."""
    due_at: Mapped[datetime]
    figures: Mapped[str]
    """As JSON (`shared.marketing.figures.Figures`)."""
    recommendations: Mapped[str]
    """As JSON, in the order of the rules."""


class CampaignState(StrEnum):
    """Where a campaign stands."""

    FREEZING = "freezing"
    """Its recipients are being written down."""
    PROPOSED = "proposed"
    """It waits for a person."""
    SENDING = "sending"
    SENT = "sent"
    """All of its messages were asked for, or its job ended before."""
    CLOSED = "closed"
    """Nothing was sent, and never will be; `reason` says why."""


class Campaign(Base):
    """A campaign: one at most for each rule, tenant and week."""

    __tablename__ = "campaigns"
    __table_args__ = (
        UniqueConstraint("tenant_id", "rule", "week_on"),
        one_of("campaigns", "state", CampaignState),
        check("campaigns", "hold_out_percent", "BETWEEN 0 AND 90"),
        Index(None, "tenant_id", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    rule: Mapped[str]
    """Whose recommendation it is."""
    week_on: Mapped[date]
    """As of `MarketingCycle`."""
    segment: Mapped[str]
    template: Mapped[str]
    """The kind of its messages."""
    channel: Mapped[str]
    hold_out_percent: Mapped[int]
    figures: Mapped[str]
    """What the recommendation says, as JSON."""
    state: Mapped[CampaignState] = mapped_column(Choice(CampaignState))
    reason: Mapped[str | None]
    recipient_count: Mapped[int]
    """Who is written to, once it is frozen."""
    held_out_count: Mapped[int]
    digest: Mapped[str | None]
    """Of all recipients; None while it is being frozen."""
    schedule_id: Mapped[str]
    """Of the one job that sends it."""
    job_id: Mapped[str]
    created_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    """It is not begun later."""
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """When nothing was left to do: of a closed one, when its schedule was deleted."""
    effect: Mapped[str | None]
    """As JSON (`shared.marketing.effect.CampaignEffect`); None: not measured yet."""
    measured_at: Mapped[datetime | None]


class Part(StrEnum):
    """Who gets the message."""

    WRITTEN_TO = "written_to"
    HELD_OUT = "held_out"


class CampaignRecipient(Base):
    """An owner in a campaign's list, which never changes once it is frozen."""

    __tablename__ = "campaign_recipients"
    __table_args__ = (
        UniqueConstraint("campaign_id", "owner_id"),
        one_of("campaign_recipients", "part", Part),
        Index(None, "campaign_id", "part", "id"),
        Index(None, "owner_id", "campaign_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey(Campaign.id))
    owner_id: Mapped[int] = mapped_column(ForeignKey(Owner.id))
    part: Mapped[Part] = mapped_column(Choice(Part))
    notification_id: Mapped[str | None]
    """None: it was not asked for yet, or never is."""
    status: Mapped[str | None]
    """The notification's, when it was last looked at."""
    error: Mapped[str | None]
    """Why it was not sent."""
