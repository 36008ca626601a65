"""Writes down who is in a campaign, before it is proposed.

The row of the campaign comes first, then its recipients, page by page, each owner once. So a cycle
that was killed goes on where it was, and the list is final only when the digest is written.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from shared.data.database import reading, writing
from shared.data.models import Campaign, CampaignRecipient, CampaignState, Owner
from shared.data.pages import pages
from shared.data.rows import insert_all_once, insert_once
from shared.marketing import campaigns, queries
from shared.marketing.campaigns import Stored
from shared.marketing.parts import ids_of, name_of, part_of
from shared.marketing.rules import Proposal, Recommendation, Segment
from shared.marketing.weeks import week_of
from shared.schedules.job import job_id
from shared.settings import Secret
from shared.tasks import JobContext

VALID = timedelta(days=7)
"""How long a person may approve a campaign: until the next cycle."""
NOBODY = "nobody in its segment can be written to"
_PAGE = 2000


def frozen(
    url: Secret, job: JobContext, tenant_id: int, found: Recommendation, proposal: Proposal
) -> Stored:
    """The campaign of that recommendation in the job's week, with its list; if nobody is in it,
    closed. One that is there already stays as it is."""
    campaign = _begun(url, job, tenant_id, found, proposal)
    if campaign.state is not CampaignState.FREEZING:
        return campaign
    everybody = select(Owner.id.label("owner_id")).where(Owner.tenant_id == tenant_id)
    for page in pages(url, everybody, (Owner.id,), size=_PAGE):
        job.check()
        _write(url, job, campaign, (page[0].owner_id, page[-1].owner_id))
    now = campaigns.listed(url, campaign)
    counts = {"recipient_count": now.written_to, "held_out_count": now.held_out}
    to = CampaignState.PROPOSED if now.written_to else CampaignState.CLOSED
    over = {} if now.written_to else {"reason": NOBODY, "ended_at": job.clock.now()}
    campaigns.step(url, campaign, to, digest=now.digest, **counts, **over)
    return campaigns.get(url, campaign.id)


def _begun(
    url: Secret, job: JobContext, tenant_id: int, found: Recommendation, proposal: Proposal
) -> Stored:
    week = week_of(job.due_at)
    schedule, ending = ids_of(name_of(tenant_id, found.rule, week.isoformat()))
    row = {
        "tenant_id": tenant_id,
        "rule": found.rule,
        "week_on": week,
        "segment": proposal.segment.value,
        "template": proposal.template,
        "channel": proposal.channel,
        "hold_out_percent": proposal.hold_out_percent,
        "figures": found.model_dump_json(),
        "state": CampaignState.FREEZING,
        "recipient_count": 0,
        "held_out_count": 0,
        "schedule_id": schedule,
        "job_id": job_id(schedule, job.due_at, ending),
        "created_at": job.due_at,
        "valid_until": job.due_at + VALID,
    }
    with writing(url) as session:
        insert_once(session, Campaign, row)
    query = select(Campaign.id).where(
        Campaign.tenant_id == tenant_id, Campaign.rule == found.rule, Campaign.week_on == week
    )
    with reading(url) as session:
        return campaigns.get(url, session.execute(query).scalar_one())


def _write(url: Secret, job: JobContext, campaign: Stored, owners: tuple[int, int]) -> None:
    """Write down the members among the owners with these ids. Each page costs what its owners do,
    not what the tenant does."""
    segment = Segment(campaign.segment)
    query = queries.members(campaign.tenant_id, segment, job.due_at, campaign.id, owners)
    with reading(url) as session:
        found = session.execute(query.order_by(Owner.id)).scalars().all()
    with writing(url) as session:
        insert_all_once(session, CampaignRecipient, [_row(campaign, one) for one in found])


def _row(campaign: Stored, owner_id: int) -> dict[str, object]:
    part = part_of(campaign.name, owner_id, campaign.hold_out_percent)
    return {"campaign_id": campaign.id, "owner_id": owner_id, "part": part}
