"""Marketing as a service: what tasks (`MarketingService`) and the API ask for, in one place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import func, select

from shared.alerts.port import AlertService
from shared.data import schema
from shared.data.database import reading
from shared.data.models import CampaignState, MarketingCycle
from shared.errors import Invalid, NotFound
from shared.marketing import campaigns, sending, showing
from shared.marketing.campaigns import Stored
from shared.marketing.cycle import Cycle
from shared.marketing.effect import CampaignEffect
from shared.marketing.figures import Figures
from shared.marketing.proposing import Proposer
from shared.marketing.rules import Recommendation
from shared.marketing.settling import Ended, Settler, Told
from shared.notifications.port import NotificationService
from shared.settings import Settings
from shared.tasks import JobContext, Result
from shared.tasks.preview import Preview


class Messages(NotificationService, Told, Protocol):
    """The notifications."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CycleFound:
    """What a week's cycle found for a tenant."""

    tenant_id: int
    week_on: date
    due_at: datetime
    figures: Figures
    recommendations: Sequence[Recommendation]


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignFound:
    """A campaign, with what became of it."""

    campaign: Stored
    recommendation: Recommendation
    effect: CampaignEffect | None
    messages: Mapping[str, int]
    """How many are how; `waiting`: not asked for yet."""
    reasons: Mapping[str, int]
    """Why messages did not go or arrive."""


class Marketing:
    """The service, bound to the company's database."""

    def __init__(
        self,
        settings: Settings,
        notifications: Callable[[], Messages],
        alerts: Callable[[], AlertService],
        proposer: Proposer,
        ended: Ended,
    ) -> None:
        self._url = settings.database_url
        self._sms = settings.sms
        self._notifications = notifications
        self._alerts = alerts
        self._proposer = proposer
        self._ended = ended

    def cycle(self, job: JobContext) -> Result:
        schema.check(self._url)
        settler = Settler(self._url, self._proposer, self._ended, self._notifications())
        return Cycle(self._url, self._alerts, settler, self._proposer, job).run()

    def send(self, job: JobContext, campaign_id: int, digest: str) -> Result:
        schema.check(self._url)
        return sending.send(self._url, self._notifications(), job, campaign_id, digest)

    def preview(self, job: JobContext, campaign_id: int, digest: str) -> Preview:
        schema.check(self._url)
        found = sending.approved(self._url, campaign_id, digest, job.clock.now())
        return showing.preview(self._url, self._sms, found)

    def check(self, campaign_id: int, digest: str) -> None:
        try:
            found = campaigns.get(self._url, campaign_id)
        except NotFound as error:
            raise Invalid("campaign_id", str(error)) from None
        if found.digest != digest:
            raise Invalid("digest", "is not that of the campaign's list")

    def cycles(
        self, tenant_id: int | None, week_on: date | None, page: int, size: int
    ) -> tuple[list[CycleFound], int]:
        """(One page of what cycles found, newest weeks first, by tenant; how many there are)."""
        model = MarketingCycle
        wanted = []
        if tenant_id is not None:
            wanted.append(model.tenant_id == tenant_id)
        if week_on is not None:
            wanted.append(model.week_on == week_on)
        columns = (
            *(model.tenant_id, model.week_on, model.due_at),
            *(model.figures, model.recommendations),
        )
        query = select(*columns).where(*wanted).order_by(model.week_on.desc(), model.tenant_id)
        with reading(self._url) as session:
            counted = select(func.count()).select_from(model).where(*wanted)
            total = session.execute(counted).scalar_one()
            rows = session.execute(query.limit(size).offset((page - 1) * size)).all()
        return [_cycle(*row) for row in rows], total

    def campaigns(
        self, tenant_id: int | None, state: str | None, page: int, size: int
    ) -> tuple[list[CampaignFound], int]:
        """(One page of the campaigns, newest first; how many there are)."""
        wanted = None if state is None else CampaignState(state)
        found, total = campaigns.page(self._url, tenant_id, wanted, page, size)
        ids = [one.id for one in found]
        messages, reasons = campaigns.outcomes(self._url, ids), campaigns.reasons(self._url, ids)
        return [_found(one, messages[one.id], reasons[one.id]) for one in found], total


def _cycle(
    tenant_id: int, week_on: date, due_at: datetime, figures: str, recommendations: str
) -> CycleFound:
    return CycleFound(
        tenant_id=tenant_id,
        week_on=week_on,
        due_at=due_at,
        figures=Figures.model_validate_json(figures),
        recommendations=[Recommendation.model_validate(one) for one in json.loads(recommendations)],
    )


def _found(one: Stored, messages: Mapping[str, int], reasons: Mapping[str, int]) -> CampaignFound:
    effect = None if one.effect is None else CampaignEffect.model_validate_json(one.effect)
    return CampaignFound(
        campaign=one,
        recommendation=Recommendation.model_validate_json(one.figures),
        effect=effect,
        messages=messages,
        reasons=reasons,
    )
