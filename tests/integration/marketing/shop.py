"""A company for the tests of marketing: an app on a database, with owners who came or did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import func, insert, select, update

from functions.company.campaign_send import campaign_send
from functions.company.marketing_cycle import marketing_cycle
from shared.app import build
from shared.clock import ManualClock
from shared.data.database import reading, writing
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    Base,
    Campaign,
    CampaignRecipient,
    CampaignState,
    Owner,
    Part,
    Pet,
)
from shared.marketing import campaigns
from shared.marketing.campaigns import Stored
from shared.marketing.service import Marketing
from shared.settings import Secret, from_env
from shared.tasks import JobContext, Registry
from tests.context import job_of

NOW = datetime(2026, 11, 30, 7, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
LATE = (200, 170, 140)
"""Days ago of the visits of a regular who is at risk: the interval is 30 days."""


class Shop:
    """The company."""

    def __init__(self, url: Secret, storage: str, prefix: str) -> None:
        self.url = url
        self.clock = ManualClock(NOW)
        environ = {"AzureWebJobsStorage": storage, "BELFRY_PREFIX": prefix}
        settings = from_env(environ | {"DATABASE_URL": url.reveal()})
        self.app = build(settings, self.clock, Registry([marketing_cycle, campaign_send]))
        self.app.create()
        self._ids = count(1001)

    @property
    def marketing(self) -> Marketing:
        return self.app.marketing()

    def owners(self, many: int, *days_ago: float, **given: object) -> list[int]:
        """New owners who came that many days ago; negative: who are to come. Their ids."""
        ids = [next(self._ids) for _ in range(many)]
        known: dict[str, object] = {"tenant_id": 1, "name": "Ben", "sms_opted_in": True}
        owners = [known | {"id": one, "phone": f"+48 601 {one:06}"} | given for one in ids]
        with writing(self.url) as session:
            session.execute(insert(Owner), owners)
            session.execute(insert(Pet), [{"id": n, "owner_id": n, "name": "Rex"} for n in ids])
        for ago in days_ago:
            self.visits(ids, NOW - ago * DAY)
        return ids

    def visits(self, owners: Sequence[int], at: datetime, **given: object) -> None:
        """Each of these came then, or will come."""
        status = AppointmentStatus.DONE if at <= NOW + 4 * WEEK else AppointmentStatus.PLANNED
        if at > self.clock.now():
            status = AppointmentStatus.PLANNED
        known: dict[str, object] = {"tenant_id": 1, "starts_at": at, "status": status}
        if owners:
            with writing(self.url) as session:
                session.execute(
                    insert(Appointment), [known | given | {"pet_id": n} for n in owners]
                )

    def change(self, owners: Sequence[int], **to: object) -> None:
        with writing(self.url) as session:
            session.execute(update(Owner).where(Owner.id.in_(owners)).values(to))

    def job(self, due_at: datetime = NOW, **more: Any) -> JobContext:
        return job_of(due_at=due_at, clock=self.clock, **more)

    def cycle(self, due_at: datetime = NOW, **more: Any) -> Mapping[str, Any]:
        """Run the cycle; the clock stands at least there."""
        self.clock.set(max(due_at, self.clock.now()))
        return self.marketing.cycle(self.job(due_at, **more))

    def campaign(self) -> Stored:
        """The newest."""
        with reading(self.url) as session:
            return campaigns.get(
                self.url, session.execute(select(func.max(Campaign.id))).scalar_one()
            )

    def send(self, one: Stored | None = None) -> Mapping[str, Any]:
        found = one or self.campaign()
        return self.marketing.send(self.job(), found.id, str(found.digest))

    def begin(self) -> datetime:
        """The newest campaign was sent now, as far as the database knows."""
        now = self.clock.now()
        over = {"started_at": now, "ended_at": now}
        assert campaigns.step(self.url, self.campaign(), CampaignState.SENT, **over)
        return now

    def part(self, part: Part) -> list[int]:
        """The owners in that part of the newest campaign."""
        query = select(CampaignRecipient.owner_id).where(
            CampaignRecipient.campaign_id == self.campaign().id, CampaignRecipient.part == part
        )
        with reading(self.url) as session:
            return list(session.execute(query.order_by(CampaignRecipient.owner_id)).scalars())

    def rows(self, model: type[Base]) -> list[tuple[Any, ...]]:
        query = select(model.__table__).order_by(*model.__table__.primary_key)
        with reading(self.url) as session:
            return [tuple(row) for row in session.execute(query)]

    def told(self) -> Counter[str]:
        """Notifications, by what became of them and why."""
        found, _ = self.app.notifications().page(None, None, 1, 1000)
        return Counter(f"{one.status.value}: {one.error}" for one in found)
