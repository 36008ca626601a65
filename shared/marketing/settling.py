"""What became of a tenant's earlier campaigns: closes those that nobody approved, looks up what
became of messages, and measures what they changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Row, select, update

from shared.data.database import reading, writing
from shared.data.models import CampaignRecipient, CampaignState, Part
from shared.data.pages import pages
from shared.errors import NotFound
from shared.marketing import campaigns, queries
from shared.marketing.campaigns import Stored
from shared.marketing.effect import DAYS, CampaignEffect, measured
from shared.marketing.proposing import Proposer
from shared.marketing.weeks import week_of
from shared.notifications.model import Entry, NotificationStatus
from shared.schedules.job import Job
from shared.settings import Secret
from shared.tasks import JobContext
from shared.threads import Pool

LOOK_BACK = timedelta(weeks=8)
"""Older campaigns are not looked at."""
WHY = frozenset(
    {
        NotificationStatus.SKIPPED,
        NotificationStatus.KEPT,
        NotificationStatus.FAILED,
        NotificationStatus.UNDELIVERED,
        NotificationStatus.UNKNOWN,
    }
)
"""What a message is if its error says why it did not arrive."""
_OPEN = [
    NotificationStatus.QUEUED.value,
    NotificationStatus.SENDING.value,
    NotificationStatus.SENT.value,
    NotificationStatus.UNSETTLED.value,
    NotificationStatus.FAILED.value,
]
"""What may yet become something else."""
_PAGE = 200
_AT_ONCE = 8


class Told(Protocol):
    """What became of a notification."""

    def get(self, id: str) -> Entry:
        """Raises `NotFound`."""


class Ended(Protocol):
    """Which jobs have ended."""

    def ended(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        """Those of the jobs that have ended, by id."""


@dataclass(frozen=True, slots=True)
class Settler:
    """Looks after campaigns, as of a cycle."""

    url: Secret
    proposer: Proposer
    ended: Ended
    told: Told

    def settle(self, job: JobContext, tenant_id: int) -> list[tuple[Stored, CampaignEffect]]:
        """Settle a tenant's; those of whom an effect was measured now."""
        known = campaigns.unfinished(self.url, tenant_id, job.due_at - LOOK_BACK)
        jobs = self.ended.ended([one.job_id for one in known if one.ended_at is None])
        found = []
        for one in known:
            job.check()
            after = self._stepped(one, jobs.get(one.job_id), job)
            effect = self._measured(after, job)
            if effect is not None:
                found.append((after, effect))
        return found

    def _stepped(self, campaign: Stored, ended: Job | None, job: JobContext) -> Stored:
        """The campaign, after the step that is due."""
        if campaign.state is CampaignState.SENDING and ended is not None:
            over = {"ended_at": job.clock.now(), "reason": ended.error or ended.reason}
            campaigns.step(self.url, campaign, CampaignState.SENT, **over)
        elif (why := _closed_for(campaign, ended, job.due_at)) is not None:
            if campaigns.step(self.url, campaign, CampaignState.CLOSED, reason=why):
                self._take_back(campaign, job)
        elif campaign.state is CampaignState.CLOSED and campaign.ended_at is None:
            self._take_back(campaign, job)
        else:
            return campaign
        return campaigns.get(self.url, campaign.id)

    def _take_back(self, campaign: Stored, job: JobContext) -> None:
        self.proposer.take_back(campaign)
        campaigns.note(self.url, campaign, ended_at=job.clock.now())

    def _measured(self, campaign: Stored, job: JobContext) -> CampaignEffect | None:
        """The effect until now, unless all of it was measured before."""
        if not _is_to_measure(campaign, job.due_at):
            return None
        self._refresh(campaign, job)
        effect = _effect(self.url, campaign, job.due_at)
        measured_at = {"effect": effect.model_dump_json(), "measured_at": job.due_at}
        campaigns.note(self.url, campaign, **measured_at)
        return effect

    def _refresh(self, campaign: Stored, job: JobContext) -> None:
        """Write down what became of messages that were under way."""
        columns = (CampaignRecipient.notification_id, CampaignRecipient.status)
        query = select(*columns).where(
            CampaignRecipient.campaign_id == campaign.id,
            CampaignRecipient.part == Part.WRITTEN_TO,
            CampaignRecipient.notification_id.is_not(None),
            CampaignRecipient.status.in_(_OPEN),
        )
        with Pool(_AT_ONCE, "campaigns") as pool:
            for page in pages(self.url, query, (CampaignRecipient.id,), size=_PAGE):
                job.check()
                entries = pool.map(self._entry, page)
                _write(self.url, [pair for pair in zip(page, entries, strict=True) if pair[1]])

    def _entry(self, row: Row[Any]) -> Entry | None:
        try:
            return self.told.get(row.notification_id)
        except NotFound:  # the outbox keeps none for ever
            return None


def _closed_for(campaign: Stored, ended: Job | None, due_at: datetime) -> str | None:
    """Why a campaign that was not begun never will be; None if it may be."""
    if campaign.state not in (CampaignState.FREEZING, CampaignState.PROPOSED):
        return None
    if ended is not None:
        return f"its job is {ended.status.value}: {ended.reason or ended.error or 'no reason'}"
    week = week_of(due_at)
    return f"superseded by the cycle of {week}" if campaign.week_on < week else None


def _is_to_measure(campaign: Stored, due_at: datetime) -> bool:
    if campaign.started_at is None or campaign.started_at >= due_at:
        return False
    if campaign.measured_at is not None and campaign.measured_at >= due_at:
        return False
    return campaign.effect is None or not CampaignEffect.model_validate_json(campaign.effect).final


def _effect(url: Secret, campaign: Stored, due_at: datetime) -> CampaignEffect:
    started = campaign.started_at or due_at
    until = min(started + timedelta(days=DAYS), due_at)
    with reading(url) as session:
        rows = session.execute(queries.active_parts(campaign.id, started, until)).all()
    known = {part: (owners, active) for part, owners, active in rows}
    none = (0, 0)
    days = (due_at - started).days
    return measured(days, *known.get(Part.WRITTEN_TO, none), *known.get(Part.HELD_OUT, none))


def why(entry: Entry) -> str | None:
    """Why a message did not arrive; None if it did, or still may."""
    return (entry.error or entry.error_code) if entry.status in WHY else None


def _write(url: Secret, found: Sequence[tuple[Row[Any], Entry | None]]) -> None:
    changed = [(row.id, one) for row, one in found if one and one.status.value != row.status]
    if not changed:
        return
    with writing(url) as session:
        for id, entry in changed:
            to = {"status": entry.status.value, "error": why(entry)}
            mine = update(CampaignRecipient).where(CampaignRecipient.id == id)
            session.execute(mine.values(to), execution_options={"synchronize_session": False})
