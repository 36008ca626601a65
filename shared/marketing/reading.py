"""The figures of a tenant, read: some queries, each of which answers with a few rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import Row, select

from shared.data.database import reading
from shared.data.models import MarketingCycle
from shared.marketing import queries
from shared.marketing.figures import Cohort, Figures
from shared.marketing.weeks import WEEK, instants, months, week_days, week_of
from shared.settings import Secret

_BEFORE = 8
"""Cycles before the present one that the rules may look at."""


def figures(url: Secret, tenant_id: int, zone: tzinfo, as_of: datetime) -> Figures:
    """The figures of a tenant at an instant."""
    mondays, firsts = week_days(as_of, zone), months(as_of, zone)
    weeks = len(mondays) - 1
    with reading(url) as session:
        owners, reachable = session.execute(queries.totals(tenant_id)).one()
        regulars, at_risk, lost = session.execute(queries.habits(tenant_id, as_of)).one()
        active = session.execute(queries.activity(tenant_id, instants(mondays, zone))).all()
        logins = session.execute(queries.logins(tenant_id, mondays)).all()
        came = session.execute(queries.cohorts(tenant_id, as_of, instants(firsts, zone))).all()
        told = session.execute(queries.told(tenant_id, as_of - WEEK * _BEFORE)).all()
    by_month = {row[0]: row for row in came}
    return Figures(
        as_of=as_of,
        owners=owners,
        reachable=reachable,
        active_by_week=_series(active, weeks),
        logins_by_week=_series(logins, weeks),
        cohorts=tuple(
            Cohort(month=f"{first:%Y-%m}", owners=row[1], returned=row[2], active=row[3])
            for number, first in enumerate(firsts[:-1])
            for row in [by_month.get(number, (number, 0, 0, 0))]
        ),
        regulars=regulars,
        at_risk=at_risk,
        lost=lost,
        messages={str(status): count for status, count in told},
    )


def before(url: Secret, tenant_id: int, as_of: datetime) -> list[Figures]:
    """The figures of the cycles of the weeks before, newest first."""
    week = week_of(as_of)
    query = (
        select(MarketingCycle.figures)
        .where(
            MarketingCycle.tenant_id == tenant_id,
            MarketingCycle.week_on < week,
            MarketingCycle.week_on >= week - timedelta(weeks=_BEFORE),
        )
        .order_by(MarketingCycle.week_on.desc())
    )
    with reading(url) as session:
        return [Figures.model_validate_json(one) for one in session.execute(query).scalars()]


def _series(rows: Iterable[Row[*tuple[Any, ...]]], length: int) -> tuple[int, ...]:
    """The rows' values by their numbers; zero where there is none. A sum may be a decimal."""
    known = {number: int(value) for number, value in rows}
    return tuple(known.get(number, 0) for number in range(length))
