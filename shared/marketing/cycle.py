"""The weekly cycle: settles earlier campaigns, reads the figures, recommends, and proposes, one
tenant after another. What fails for one is told, and the others are done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select

from shared.alerts.port import AlertService
from shared.care.tenants import Tenant, for_each
from shared.care.totals import Totals
from shared.data.database import reading, writing
from shared.data.models import CampaignState, MarketingCycle
from shared.data.rows import put_all
from shared.errors import Conflict
from shared.marketing import campaigns, queries
from shared.marketing import reading as reader
from shared.marketing.campaigns import Stored
from shared.marketing.effect import CampaignEffect
from shared.marketing.figures import Figures
from shared.marketing.freezing import frozen
from shared.marketing.proposing import Proposer
from shared.marketing.rules import Proposal, Recommendation, recommend
from shared.marketing.settling import Settler
from shared.marketing.weeks import week_of
from shared.settings import Secret
from shared.tasks import JobContext, Result

REST = timedelta(weeks=8)
"""How long a rule proposes nothing after its campaign did harm."""
_LISTED = 25


@dataclass(slots=True)
class _Found:
    """What the result says besides the totals; the first of each."""

    recommendations: list[dict[str, object]] = field(default_factory=list)
    effects: list[dict[str, object]] = field(default_factory=list)


class Cycle:
    """The cycle of one job."""

    def __init__(
        self,
        url: Secret,
        alerts: Callable[[], AlertService],
        settler: Settler,
        proposer: Proposer,
        job: JobContext,
    ) -> None:
        self._url = url
        self._alerts = alerts
        self._settler = settler
        self._proposer = proposer
        self._job = job
        self._found = _Found()

    def run(self) -> Result:
        """The work of the task."""
        totals = Totals.of(
            *("tenants_processed", "total_owners", "total_reachable", "total_active"),
            *("total_regulars", "total_at_risk", "total_lost", "total_recommendations"),
            *("total_proposed", "total_recipients", "total_held_out", "total_measured"),
            "total_errors",
        )
        for_each(self._url, self._alerts, self._job, totals, self._work)
        found = {"recommendations": self._found.recommendations, "effects": self._found.effects}
        return {**totals.result(dry_run=self._job.dry_run), **found}

    def _work(self, tenant: Tenant, totals: Totals) -> None:
        job = self._job
        if not job.dry_run:
            for campaign, effect in self._settler.settle(job, tenant.id):
                self._tell_effect(campaign, effect, totals)
        now = reader.figures(self._url, tenant.id, tenant.zone, job.due_at)
        _count(now, totals)
        found = recommend(now, reader.before(self._url, tenant.id, job.due_at), self._harm(tenant))
        for one in found:
            self._tell(tenant, one, self._proposed(tenant, one, totals), totals)
        if not job.dry_run:
            self._keep(tenant, now, found)

    def _harm(self, tenant: Tenant) -> dict[str, str]:
        """The rules whose last campaign did harm, with what was measured."""
        rows = campaigns.last_measured(self._url, tenant.id, self._job.due_at - REST)
        last = {rule: CampaignEffect.model_validate_json(effect) for rule, effect in rows}
        return {
            rule: f"its last campaign is not repeated for {REST.days // 7} weeks: {effect.said}"
            for rule, effect in last.items()
            if effect.harmful
        }

    def _proposed(
        self, tenant: Tenant, one: Recommendation, totals: Totals
    ) -> dict[str, object] | None:
        """The campaign that waits for a person now, if there is one."""
        if one.campaign is None:
            return None
        if self._job.dry_run:
            return self._rehearsed(tenant, one.campaign, totals)
        campaign = frozen(self._url, self._job, tenant.id, one, one.campaign)
        if campaign.state is not CampaignState.PROPOSED:
            return {"campaign_id": campaign.id, "state": campaign.state.value}
        try:
            self._proposer.ask(campaign)
        except Conflict as error:  # somebody deleted its schedule, which says no as well
            over = {"reason": str(error), "ended_at": self._job.clock.now()}
            campaigns.step(self._url, campaign, CampaignState.CLOSED, **over)
            return {"campaign_id": campaign.id, "state": CampaignState.CLOSED.value}
        totals.counts["total_proposed"] += 1
        totals.counts["total_recipients"] += campaign.recipient_count
        totals.counts["total_held_out"] += campaign.held_out_count
        return {
            "campaign_id": campaign.id,
            "state": campaign.state.value,
            "job_id": campaign.job_id,
            "recipients": campaign.recipient_count,
            "held_out": campaign.held_out_count,
        }

    def _rehearsed(self, tenant: Tenant, proposal: Proposal, totals: Totals) -> dict[str, object]:
        members = queries.members(tenant.id, proposal.segment, self._job.due_at, 0).subquery()
        with reading(self._url) as session:
            count = session.execute(select(func.count()).select_from(members)).scalar_one()
        what = {"segment": proposal.segment.value, "template": proposal.template}
        totals.list("propose", tenant_id=tenant.id, **what, members=count)
        totals.counts["total_proposed"] += count > 0
        return {**what, "members": count}

    def _keep(self, tenant: Tenant, now: Figures, found: list[Recommendation]) -> None:
        row = {
            "tenant_id": tenant.id,
            "week_on": week_of(self._job.due_at),
            "due_at": self._job.due_at,
            "figures": now.model_dump_json(),
            "recommendations": json.dumps([one.model_dump(mode="json") for one in found]),
        }
        with writing(self._url) as session:
            put_all(session, MarketingCycle, [row])

    def _tell(
        self,
        tenant: Tenant,
        one: Recommendation,
        campaign: dict[str, object] | None,
        totals: Totals,
    ) -> None:
        totals.counts["total_recommendations"] += 1
        if len(self._found.recommendations) < _LISTED:
            said = one.model_dump(mode="json", exclude={"campaign"})
            self._found.recommendations.append(
                {"tenant_id": tenant.id, **said, "campaign": campaign}
            )

    def _tell_effect(self, campaign: Stored, effect: CampaignEffect, totals: Totals) -> None:
        totals.counts["total_measured"] += 1
        if len(self._found.effects) < _LISTED:
            about = {"campaign_id": campaign.id, "rule": campaign.rule}
            self._found.effects.append({**about, **effect.model_dump(mode="json")})


def _count(now: Figures, totals: Totals) -> None:
    counts = totals.counts
    counts["total_owners"] += now.owners
    counts["total_reachable"] += now.reachable
    counts["total_active"] += now.active
    counts["total_regulars"] += now.regulars
    counts["total_at_risk"] += now.at_risk
    counts["total_lost"] += now.lost
