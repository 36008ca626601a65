"""The figures and the segments in SQL. The database adds up; nobody's row comes here but those who
are to be written to.

An owner's interval is the time from the first visit to the last, by the days with a visit but one,
and two weeks at least. It is compared without a division, since the two databases divide
differently. Instants are compared as seconds since 1970 where they are subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    distinct,
    exists,
    extract,
    func,
    literal,
    or_,
    select,
    union_all,
)

from shared.data.models import (
    Appointment,
    AppointmentStatus,
    Campaign,
    CampaignRecipient,
    CampaignState,
    Owner,
    Part,
    Pet,
    UsageDay,
)
from shared.marketing.rules import Segment

Query = Select[*tuple[Any, ...]]

CAME = (AppointmentStatus.ARRIVED, AppointmentStatus.DONE)
REGULAR = 3
"""Days with a visit, at least, for an interval of one's own."""
_DAY = 86_400
_SHORTEST = 14 * _DAY
_AT_RISK = 2
"""Intervals."""
_LOST = 6
LAPSED = timedelta(days=180)
_YOUNGEST = timedelta(days=30)
"""How long ago a first visit is, at least, if somebody is invited to a second."""
ACTIVE = timedelta(days=90)
QUIET = timedelta(days=28)
"""Nobody is chosen for a campaign again so soon."""
_LOGINS = "logins"


def histories(tenant_id: int, as_of: datetime, owners: tuple[int, int] | None = None) -> Subquery:
    """A row for each owner who ever came or has an appointment: the first and the last visit until
    then, the days with one, and whether one is to come. `owners`: only those with ids from the one
    to the other."""
    among = [] if owners is None else [Pet.owner_id.between(*owners)]
    visited = Appointment.starts_at <= as_of
    at = case((visited, Appointment.starts_at))
    seconds = extract("epoch", at)
    query = (
        select(
            Pet.owner_id.label("owner_id"),
            func.min(at).label("first"),
            func.max(at).label("last"),
            func.count(distinct(seconds - seconds % _DAY)).label("days"),
            func.max(case((visited, 0), else_=1)).label("ahead"),
        )
        .join(Pet, Pet.id == Appointment.pet_id)
        .where(
            Appointment.tenant_id == tenant_id,
            *among,
            or_(
                and_(Appointment.status.in_(CAME), visited),
                and_(Appointment.status == AppointmentStatus.PLANNED, ~visited),
            ),
        )
        .group_by(Pet.owner_id)
    )
    return query.subquery("histories")


def late_by(known: Subquery, as_of: datetime, intervals: int) -> ColumnElement[bool]:
    """Whether a regular has not come for that many of their own intervals, and no appointment is
    to come."""
    since = int(as_of.timestamp()) - extract("epoch", known.c.last)
    span = extract("epoch", known.c.last) - extract("epoch", known.c.first)
    return and_(
        known.c.days >= REGULAR,
        known.c.ahead == 0,
        since >= intervals * _SHORTEST,
        since * (known.c.days - 1) >= intervals * span,
    )


def totals(tenant_id: int) -> Query:
    """(owners, those who can be written to)."""
    reachable = and_(Owner.sms_opted_in.is_(True), Owner.phone.is_not(None))
    return select(func.count(), func.count(case((reachable, 1)))).where(
        Owner.tenant_id == tenant_id
    )


def habits(tenant_id: int, as_of: datetime) -> Query:
    """(regulars, those at risk, those who are lost)."""
    known = histories(tenant_id, as_of)
    return select(
        func.count(case((known.c.days >= REGULAR, 1))),
        func.count(case((late_by(known, as_of, _AT_RISK), 1))),
        func.count(case((late_by(known, as_of, _LOST), 1))),
    ).select_from(known)


def activity(tenant_id: int, edges: Sequence[datetime]) -> Query:
    """(number of the week, owners who came or booked in it); the weeks lie between the edges."""
    first, last = edges[0], edges[-1]
    came = select(Pet.owner_id.label("owner_id"), Appointment.starts_at.label("at")).where(
        Appointment.tenant_id == tenant_id,
        Appointment.status.in_(CAME),
        Appointment.starts_at >= first,
        Appointment.starts_at < last,
        Pet.id == Appointment.pet_id,
    )
    booked = select(Pet.owner_id, Appointment.booked_at).where(
        Appointment.tenant_id == tenant_id,
        Appointment.booked_at >= first,
        Appointment.booked_at < last,
        Pet.id == Appointment.pet_id,
    )
    acts = union_all(came, booked).subquery("acts")
    week = _place(acts.c.at, edges).label("week_number")
    return select(week, func.count(distinct(acts.c.owner_id))).group_by("week_number")


def logins(tenant_id: int, days: Sequence[date]) -> Query:
    """(number of the week, logins in it)."""
    week = _place(UsageDay.day, days).label("week_number")
    return (
        select(week, func.sum(UsageDay.value))
        .where(
            UsageDay.tenant_id == tenant_id,
            UsageDay.counter == _LOGINS,
            UsageDay.day >= days[0],
            UsageDay.day < days[-1],
        )
        .group_by("week_number")
    )


def cohorts(tenant_id: int, as_of: datetime, edges: Sequence[datetime]) -> Query:
    """(number of the month, owners, those who came on another day, those who came lately)."""
    known = histories(tenant_id, as_of)
    month = _place(known.c.first, edges).label("month_number")
    return (
        select(
            month,
            func.count(),
            func.count(case((known.c.days >= 2, 1))),
            func.count(case((known.c.last >= as_of - ACTIVE, 1))),
        )
        .select_from(known)
        .where(known.c.first >= edges[0], known.c.first < edges[-1])
        .group_by("month_number")
    )


def told(tenant_id: int, since: datetime) -> Query:
    """(what became of a message, how many) of the campaigns begun since then."""
    return (
        select(CampaignRecipient.status, func.count())
        .join(Campaign, Campaign.id == CampaignRecipient.campaign_id)
        .where(
            Campaign.tenant_id == tenant_id,
            Campaign.started_at >= since,
            CampaignRecipient.part == Part.WRITTEN_TO,
            CampaignRecipient.status.is_not(None),
        )
        .group_by(CampaignRecipient.status)
    )


def members(
    tenant_id: int,
    segment: Segment,
    as_of: datetime,
    campaign_id: int,
    owners: tuple[int, int] | None = None,
) -> Query:
    """The owners of a segment who can be written to, and were in no other campaign lately; of all,
    or of those with ids from the one to the other."""
    known = histories(tenant_id, as_of, owners)
    return (
        select(Owner.id)
        .join(known, known.c.owner_id == Owner.id)
        .where(
            Owner.tenant_id == tenant_id,
            Owner.sms_opted_in.is_(True),
            Owner.phone.is_not(None),
            _in(segment, known, as_of),
            ~_chosen_lately(as_of, campaign_id),
        )
    )


def _in(segment: Segment, known: Subquery, as_of: datetime) -> ColumnElement[bool]:
    if segment is Segment.AT_RISK:
        return and_(late_by(known, as_of, _AT_RISK), ~late_by(known, as_of, _LOST))
    if segment is Segment.LAPSED:
        return and_(known.c.ahead == 0, known.c.last < as_of - LAPSED)
    return and_(
        known.c.ahead == 0,
        known.c.days == 1,
        known.c.first >= as_of - LAPSED,
        known.c.first < as_of - _YOUNGEST,
    )


def _chosen_lately(as_of: datetime, campaign_id: int) -> ColumnElement[bool]:
    """Whether the owner is in another campaign that began lately or may yet begin; held out
    counts too, or those who are would be written to by the next."""
    return exists().where(
        CampaignRecipient.owner_id == Owner.id,
        CampaignRecipient.campaign_id == Campaign.id,
        Campaign.id != campaign_id,
        Campaign.state != CampaignState.CLOSED,
        Campaign.created_at > as_of - QUIET,
    )


def active_parts(campaign_id: int, since: datetime, until: datetime) -> Query:
    """(part, owners, those who came or booked since then and until then) of a campaign."""
    acted = exists().where(
        Pet.owner_id == CampaignRecipient.owner_id,
        Appointment.pet_id == Pet.id,
        or_(
            and_(Appointment.booked_at > since, Appointment.booked_at <= until),
            and_(
                Appointment.status.in_(CAME),
                Appointment.starts_at > since,
                Appointment.starts_at <= until,
            ),
        ),
    )
    return (
        select(CampaignRecipient.part, func.count(), func.count(case((acted, 1))))
        .where(CampaignRecipient.campaign_id == campaign_id)
        .group_by(CampaignRecipient.part)
    )


def _place(value: Any, edges: Sequence[Any]) -> ColumnElement[Any]:
    """The number of the part between two edges in which the value is, from 0."""
    return case(
        *((value < end, literal(number)) for number, end in enumerate(edges[1:])),
        else_=literal(len(edges) - 1),
    )
