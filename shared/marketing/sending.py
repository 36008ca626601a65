"""Sends an approved campaign: to exactly the list that was approved, and to nobody else.

Each message goes by the rules of messages (docs/messages.md), which may only leave some out. Each
is identified by tenant, owner, kind and the campaign's name, so it is sent once, however often a
job is tried again; and what was asked for is written down page by page, so it goes on where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from shared.data.database import writing
from shared.data.models import CampaignRecipient, CampaignState, Part
from shared.data.pages import pages
from shared.errors import NotFound, Refused, Skipped
from shared.marketing import campaigns
from shared.marketing.campaigns import Stored
from shared.marketing.settling import why
from shared.notifications.model import Entry
from shared.notifications.port import Message, NotificationService
from shared.settings import Secret
from shared.tasks import JobContext, Result

USEFUL = timedelta(days=2)
"""How long a message may wait for quiet hours, caps and the provider."""
_PAGE = 100


def send(
    url: Secret,
    notifications: NotificationService,
    job: JobContext,
    campaign_id: int,
    digest: str,
) -> Result:
    """The work of the task. Raises as `MarketingService.send`."""
    campaign = approved(url, campaign_id, digest, job.clock.now())
    if campaign.state is CampaignState.PROPOSED:
        campaigns.step(url, campaign, CampaignState.SENDING, started_at=job.clock.now())
        campaign = approved(url, campaign_id, digest, job.clock.now())
    _send(url, notifications, job, campaign)
    if campaign.state is CampaignState.SENDING:
        campaigns.step(url, campaign, CampaignState.SENT, ended_at=job.clock.now())
    return _result(url, campaign)


def approved(url: Secret, campaign_id: int, digest: str, now: datetime) -> Stored:
    """The campaign, if it may be sent: what was approved is what is there."""
    try:
        campaign = campaigns.get(url, campaign_id)
    except NotFound as error:
        raise Skipped(str(error)) from None
    if campaign.state is CampaignState.FREEZING:
        raise Skipped(f"campaign {campaign_id} has no final list yet")
    if campaign.state is CampaignState.CLOSED:
        raise Skipped(f"campaign {campaign_id} is closed: {campaign.reason}")
    if campaign.state is CampaignState.PROPOSED and now >= campaign.valid_until:
        raise Skipped(f"campaign {campaign_id} was to begin before {campaign.valid_until}")
    if not digest == campaign.digest == campaigns.listed(url, campaign).digest:
        raise Refused(
            "marketing",
            f"the list of campaign {campaign_id} is not the one that was approved; the next cycle "
            "proposes a new one",
        )
    return campaign


def _send(url: Secret, notifications: NotificationService, job: JobContext, one: Stored) -> None:
    query = select(CampaignRecipient.owner_id).where(
        CampaignRecipient.campaign_id == one.id,
        CampaignRecipient.part == Part.WRITTEN_TO,
        CampaignRecipient.status.is_(None),
    )
    asked = 0
    for page in pages(url, query, (CampaignRecipient.id,), size=_PAGE):
        job.check()
        entries = notifications.send([_message(one, row.owner_id) for row in page])
        _note(url, page, entries)
        asked += len(page)
        job.progress(asked, one.recipient_count)
    job.log("asked for a campaign's messages", campaign_id=one.id, asked=asked)


def _message(campaign: Stored, owner_id: int) -> Message:
    started = campaign.started_at or campaign.created_at
    return Message(
        kind=campaign.template,
        tenant_id=campaign.tenant_id,
        owner_id=owner_id,
        occasion=campaign.name,
        about={"campaign_id": campaign.id, "owner_id": owner_id},
        useful_until=started + USEFUL,
    )


def _note(url: Secret, rows: Sequence[Row[Any]], entries: Sequence[Entry]) -> None:
    with writing(url) as session:
        for row, entry in zip(rows, entries, strict=True):
            to = {
                "notification_id": entry.id,
                "status": entry.status.value,
                "error": why(entry),
            }
            mine = update(CampaignRecipient).where(CampaignRecipient.id == row.id)
            session.execute(mine.values(to), execution_options={"synchronize_session": False})


def _result(url: Secret, campaign: Stored) -> Result:
    found = Counter(campaigns.outcomes(url, [campaign.id])[campaign.id])
    return {
        "campaign_id": campaign.id,
        "tenant_id": campaign.tenant_id,
        "recipients": campaign.recipient_count,
        "held_out": campaign.held_out_count,
        "messages": dict(found),
        "reasons": campaigns.reasons(url, [campaign.id])[campaign.id],
    }
