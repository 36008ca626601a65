"""What the person who approves a campaign is shown: who gets it, its words, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from shared import money
from shared.data.database import reading
from shared.data.models import CampaignRecipient, Owner, Part, Tenant
from shared.marketing.campaigns import Stored
from shared.marketing.rules import Recommendation
from shared.notifications import languages, segments
from shared.notifications.rendering import render
from shared.notifications.rules.phone import masked
from shared.notifications.rules.price import MICROS, Price
from shared.settings import Secret, SmsSettings
from shared.tasks.preview import SAMPLE, Preview


@dataclass(frozen=True, slots=True)
class _Wording:
    """A text, and for how many it is."""

    language: str
    text: str
    owners: int

    @property
    def segments(self) -> int:
        return self.owners * segments.size(self.text).segments


def preview(url: Secret, sms: SmsSettings, campaign: Stored) -> Preview:
    """The preview of a campaign. Of one list, it is the same whenever it is asked for, unless
    owners have another language, or the price or the template is another: then it is something
    else."""
    found = Recommendation.model_validate_json(campaign.figures)
    with reading(url) as session:
        rows = session.execute(_sample(campaign.id)).all()
        spoken = session.execute(_languages(campaign.id)).all()
    wordings = _wordings(campaign, spoken)
    price = Price(sms.segment_micros, sms.currency)
    cost = price.of(sum(one.segments for one in wordings))
    everybody = campaign.recipient_count + campaign.held_out_count
    return Preview(
        title=f"Text message to {campaign.recipient_count} owners of {campaign.tenant}",
        text="\n\n".join(f"[{one.language}: {one.owners}] {one.text}" for one in wordings),
        recipients=tuple(f"owner {row.id} ({masked(row.phone or '')})" for row in rows),
        recipient_count=campaign.recipient_count,
        amount=f"{_shown(cost, sms.currency)} at most, estimated",
        target=campaign.channel,
        digest=campaign.digest or "",
        facts={
            "rule": campaign.rule,
            "why": found.text,
            "segment": campaign.segment,
            "held out": f"{campaign.held_out_count} of {everybody}",
            "to begin before": campaign.valid_until.isoformat(),
        },
    )


def _sample(campaign_id: int) -> Any:
    return (
        select(Owner.id, Owner.phone)
        .join(CampaignRecipient, CampaignRecipient.owner_id == Owner.id)
        .where(
            CampaignRecipient.campaign_id == campaign_id,
            CampaignRecipient.part == Part.WRITTEN_TO,
        )
        .order_by(CampaignRecipient.id)
        .limit(SAMPLE)
    )


def _languages(campaign_id: int) -> Any:
    """(language, how many are written to in it)."""
    spoken = func.coalesce(Owner.language, Tenant.language).label("spoken")
    return (
        select(spoken, func.count())
        .select_from(CampaignRecipient)
        .join(Owner, Owner.id == CampaignRecipient.owner_id)
        .join(Tenant, Tenant.id == Owner.tenant_id)
        .where(
            CampaignRecipient.campaign_id == campaign_id,
            CampaignRecipient.part == Part.WRITTEN_TO,
        )
        .group_by("spoken")
    )


def _wordings(campaign: Stored, spoken: Sequence[Row[*tuple[Any, ...]]]) -> list[_Wording]:
    """The texts, by the languages that Belfry speaks."""
    owners: dict[str, int] = {}
    for tag, count in spoken:
        name = languages.find(tag).tag
        owners[name] = owners.get(name, 0) + count
    data = {"tenant": campaign.tenant}
    return [
        _Wording(name, render(campaign.template, data, name).text, count)
        for name, count in sorted(owners.items())
    ]


def _shown(micros: int, currency: str) -> str:
    """In minor units, rounded up."""
    return money.shown(-(-micros * 10 ** money.digits(currency) // MICROS), currency)
