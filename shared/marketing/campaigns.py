"""The rows of campaigns: reading them, and stepping from one state to the next. A step is taken
only from the state that it was decided in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, func, select

from shared.data.database import reading, writing
from shared.data.models import Campaign, CampaignRecipient, CampaignState, Part, Tenant
from shared.data.pages import pages
from shared.data.rows import update_if
from shared.errors import NotFound
from shared.marketing.parts import ListDigest, name_of
from shared.settings import Secret

PAGE = 5000
"""Recipients of a list that are read at once: two or three numbers each."""
REASONS = 20
"""The most reasons why messages were not sent that are told apart."""
_COLUMNS = [getattr(Campaign, name) for name in Campaign.__mapper__.column_attrs.keys()]  # noqa: SIM118 (no dictionary)
_SELECTED: Select[*tuple[Any, ...]] = select(
    *_COLUMNS, Tenant.name.label("tenant"), Tenant.language
).join(Tenant, Tenant.id == Campaign.tenant_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A campaign as it is stored, with its tenant's name and language."""

    id: int
    tenant_id: int
    rule: str
    week_on: date
    segment: str
    template: str
    channel: str
    hold_out_percent: int
    figures: str
    state: CampaignState
    reason: str | None
    recipient_count: int
    held_out_count: int
    digest: str | None
    schedule_id: str
    job_id: str
    created_at: datetime
    valid_until: datetime
    started_at: datetime | None
    ended_at: datetime | None
    effect: str | None
    measured_at: datetime | None
    tenant: str
    language: str

    @property
    def name(self) -> str:
        """As `parts.name_of`: also the occasion of its messages."""
        return name_of(self.tenant_id, self.rule, self.week_on.isoformat())


def get(url: Secret, campaign_id: int) -> Stored:
    """Raises `NotFound`."""
    with reading(url) as session:
        row = session.execute(_SELECTED.where(Campaign.id == campaign_id)).first()
    if row is None:
        raise NotFound(f"there is no campaign {campaign_id}")
    return _stored(row)


def unfinished(url: Secret, tenant_id: int, since: datetime) -> list[Stored]:
    """A tenant's campaigns with something left to do, oldest first: those that are not closed or
    sent, those that were closed and still have a schedule, and those begun since then."""
    query = _SELECTED.where(
        Campaign.tenant_id == tenant_id,
        Campaign.ended_at.is_(None) | (Campaign.started_at >= since),
    )
    with reading(url) as session:
        return [_stored(row) for row in session.execute(query.order_by(Campaign.id))]


def last_measured(url: Secret, tenant_id: int, since: datetime) -> list[tuple[str, str]]:
    """(rule, effect) of a tenant's campaigns that were measured and begun since then, oldest
    first."""
    query = select(Campaign.rule, Campaign.effect).where(
        Campaign.tenant_id == tenant_id,
        Campaign.effect.is_not(None),
        Campaign.started_at >= since,
    )
    with reading(url) as session:
        rows = session.execute(query.order_by(Campaign.id)).all()
    return [(rule, effect) for rule, effect in rows if effect is not None]


def page(
    url: Secret, tenant_id: int | None, state: CampaignState | None, page: int, size: int
) -> tuple[list[Stored], int]:
    """(One page of the campaigns, newest first; how many there are)."""
    wanted = []
    if tenant_id is not None:
        wanted.append(Campaign.tenant_id == tenant_id)
    if state is not None:
        wanted.append(Campaign.state == state)
    query = _SELECTED.where(*wanted).order_by(Campaign.id.desc())
    with reading(url) as session:
        total = session.execute(select(func.count(Campaign.id)).where(*wanted)).scalar_one()
        rows = session.execute(query.limit(size).offset((page - 1) * size)).all()
    return [_stored(row) for row in rows], total


def outcomes(url: Secret, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """By campaign: how many messages are how, such as `sent`; `waiting` was not asked for yet."""
    status = func.coalesce(CampaignRecipient.status, "waiting").label("status_or_none")
    query = (
        select(CampaignRecipient.campaign_id, status, func.count())
        .where(
            CampaignRecipient.campaign_id.in_(list(ids)),
            CampaignRecipient.part == Part.WRITTEN_TO,
        )
        .group_by(CampaignRecipient.campaign_id, "status_or_none")
    )
    found: dict[int, dict[str, int]] = {one: {} for one in ids}
    with reading(url) as session:
        for campaign, how, count in session.execute(query):
            found[campaign][how] = count
    return found


def reasons(url: Secret, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """By campaign: why messages were not sent, the most frequent first."""
    query = (
        select(CampaignRecipient.campaign_id, CampaignRecipient.error, func.count())
        .where(
            CampaignRecipient.campaign_id.in_(list(ids)),
            CampaignRecipient.part == Part.WRITTEN_TO,
            CampaignRecipient.error.is_not(None),
        )
        .group_by(CampaignRecipient.campaign_id, CampaignRecipient.error)
        .order_by(func.count().desc(), CampaignRecipient.error)
    )
    found: dict[int, dict[str, int]] = {one: {} for one in ids}
    with reading(url) as session:
        for campaign, why, count in session.execute(query):
            if len(found[campaign]) < REASONS:
                found[campaign][str(why)] = count
    return found


def step(url: Secret, campaign: Stored, to: CampaignState, **more: object) -> bool:
    """From the state that it is in to another; whether it still was in it."""
    expected = {"id": campaign.id, "state": campaign.state}
    with writing(url) as session:
        return update_if(session, Campaign, expected, {"state": to, **more})


def note(url: Secret, campaign: Stored, **what: object) -> None:
    """Write something down of a campaign whose state stays as it is."""
    with writing(url) as session:
        update_if(session, Campaign, {"id": campaign.id}, what)


def recipients(url: Secret, campaign_id: int) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    """A campaign's list, by pages: (owner, part), in the order of its owners' ids."""
    query = select(CampaignRecipient.owner_id, CampaignRecipient.part).where(
        CampaignRecipient.campaign_id == campaign_id
    )
    yield from pages(url, query, (CampaignRecipient.owner_id,), size=PAGE)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list amounts to."""

    digest: str
    written_to: int
    held_out: int


def listed(url: Secret, campaign: Stored) -> Listed:
    """What the campaign's list is now."""
    digest = ListDigest(campaign.name, campaign.template)
    counts = {Part.WRITTEN_TO: 0, Part.HELD_OUT: 0}
    for rows in recipients(url, campaign.id):
        digest.add((row[0], row[1]) for row in rows)
        for row in rows:
            counts[row[1]] += 1
    return Listed(digest.hexdigest(), counts[Part.WRITTEN_TO], counts[Part.HELD_OUT])


def _stored(row: Row[Any]) -> Stored:
    return Stored(**row._mapping)
