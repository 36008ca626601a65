"""Makes the job that sends a campaign. The job waits at the gate until a person approves it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.access import ENGINE
from shared.clock import Clock
from shared.engine.commands.once import run_once
from shared.engine.commands.schedules import Manager
from shared.errors import NotFound
from shared.marketing.campaigns import Stored
from shared.schedules.job import parse_id
from shared.tasks import Registry

SEND = "campaign_send"
"""The task."""


@dataclass(frozen=True, slots=True)
class Proposer:
    """Asks for the jobs, and takes them back."""

    manager: Manager
    tasks: Registry
    clock: Clock

    def ask(self, campaign: Stored) -> None:
        """Ask for the campaign's job. However often it is asked, it is the same job, which is there
        once. Raises `Conflict` if somebody deleted its schedule."""
        ids = (campaign.schedule_id, campaign.job_id)
        run_once(
            self.manager,
            self.clock,
            self.tasks.get(SEND),
            {"campaign_id": campaign.id, "digest": campaign.digest},
            name=f"Campaign {campaign.rule} for {campaign.tenant} of {campaign.week_on}"[:100],
            due_at=parse_id(campaign.job_id)[1],
            agreed=lambda _: ids,
            by=ENGINE,
        )

    def take_back(self, campaign: Stored) -> None:
        """Delete its schedule, and with it the job that waits; what has ended stays known."""
        try:
            self.manager.delete(campaign.schedule_id, by=ENGINE)
        except NotFound:
            return  # it is gone already
