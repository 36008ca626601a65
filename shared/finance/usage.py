"""Counters of use: closing the days that are over, and reading all of them (L3).

A day is the tenant's, so it ends by the tenant's clock. A day that is closed is not added to: who
counts goes on in the row of the new day, which begins at zero. Nothing is set back, so a late, a
repeated or a missed run changes no figure, and whatever was left open is closed by the next run.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from shared.alerts.of_tenants import tell_failed
from shared.alerts.port import AlertService
from shared.data.database import reading, writing
from shared.data.pages import pages
from shared.errors import Invalid, Misconfigured, NotFound
from shared.recurrence import zone
from shared.settings import Secret
from shared.tasks import JobContext, Result

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Row, Select

_NAMED = 20
"""How many faulty tenants, and how many counters, a result names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """A counter of a tenant on a day."""

    tenant_id: int
    counter: str
    day: date
    value: int
    closed_at: datetime | None
    """None: the day is open."""


@dataclass(slots=True)
class _Closed:
    """What a run has done so far."""

    tenants: int = 0
    days: int = 0
    """Days of tenants: a day that two tenants had counts twice."""
    counters: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    """What the closed days amount to, by counter."""
    faults: list[tuple[int, str]] = field(default_factory=list)

    def result(self) -> dict[str, object]:
        """The metrics of the run (P8). Counters beyond the largest are summed up as `others`."""
        named = dict(self.totals.most_common(_NAMED))
        others = sum(self.totals.values()) - sum(named.values())
        return {
            "tenants_processed": self.tenants,
            "days_closed": self.days,
            "counters_closed": self.counters,
            "total_by_counter": named | ({"others": others} if others else {}),
            "total_errors": len(self.faults),
            "errors": [said for _, said in self.faults[:_NAMED]],
        }


def close(url: Secret, alerts: Callable[[], AlertService], job: JobContext) -> Result:
    """Close each tenant's days that are over when the job is due; the metrics. In a dry run: what
    it would close.

    A tenant whose zone does not exist is reported, also to people, and the others go on; if there
    is no other, it raises `Misconfigured`.
    """
    done = _Closed()
    for tenant, timezone in _tenants(url):
        job.check()
        try:
            today = job.due_at.astimezone(zone.find(timezone)).date()
        except Invalid as error:
            done.faults.append((tenant, f"tenant {tenant}: {error}"))
            job.log(
                "a tenant's days cannot be closed",
                level=logging.ERROR,
                tenant_id=tenant,
                error=str(error),
            )
            continue
        _close_tenant(url, job, tenant, today, done)
        done.tenants += 1
    if done.faults and not job.dry_run:
        tell_failed(alerts(), job, done.faults)
    if done.faults and not done.tenants:
        raise Misconfigured(done.faults[0][1])
    return done.result() | ({"dry_run": True} if job.dry_run else {})


def _tenants(url: Secret) -> Iterator[tuple[int, str]]:
    from sqlalchemy import select

    from shared.data.models import Tenant

    for page in pages(url, select(Tenant.id, Tenant.timezone), (Tenant.id,)):
        yield from ((row.id, row.timezone) for row in page)


def _close_tenant(url: Secret, job: JobContext, tenant: int, today: date, done: _Closed) -> None:
    """Close the tenant's open days before `today`, the oldest first."""
    from shared.data.models import UsageDay

    days = set()
    for page in pages(url, over(tenant, today), (UsageDay.day, UsageDay.id)):
        job.check()
        closed = page if job.dry_run else _mark(url, page, job.clock.now())
        days |= {row.day for row in closed}
        done.counters += len(closed)
        for row in closed:
            done.totals[row.counter] += row.value
    done.days += len(days)


def over(tenant: int, today: date) -> Select[*tuple[Any, ...]]:
    """The counters of the tenant that are open, of days before `today`."""
    from sqlalchemy import select

    from shared.data.models import UsageDay

    return select(UsageDay.counter, UsageDay.value).where(
        UsageDay.tenant_id == tenant, UsageDay.closed_at.is_(None), UsageDay.day < today
    )


def _mark(
    url: Secret, page: Sequence[Row[*tuple[Any, ...]]], now: datetime
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Close these; those that were closed by this call, as they are at that moment."""
    from sqlalchemy import update

    from shared.data.models import UsageDay

    closing = (
        update(UsageDay)
        .where(UsageDay.id.in_([row.id for row in page]), UsageDay.closed_at.is_(None))
        .values(closed_at=now)
        .returning(UsageDay.day, UsageDay.counter, UsageDay.value)
    )
    with writing(url) as session:
        return session.execute(closing).all()


def found(
    url: Secret,
    tenant: int,
    since: date | None,
    until: date | None,
    page: int,
    size: int,
) -> tuple[list[Usage], int]:
    """(One page of the tenant's counters on the days from `since` to `until`, by counter and
    day; how many there are in all.) Raises `NotFound` if there is no such tenant."""
    from sqlalchemy import func, select

    from shared.data.models import Tenant, UsageDay

    fitting = wanted(tenant, since, until)
    keys = ("tenant_id", "counter", "day", "value", "closed_at")
    query = select(*(getattr(UsageDay, key) for key in keys)).where(*fitting)
    query = query.order_by(UsageDay.counter, UsageDay.day).offset((page - 1) * size).limit(size)
    with reading(url) as session:
        if session.execute(select(Tenant.id).where(Tenant.id == tenant)).first() is None:
            raise NotFound(f"there is no tenant {tenant}")
        total = session.execute(select(func.count(UsageDay.id)).where(*fitting)).scalar_one()
        return [Usage(**row._mapping) for row in session.execute(query)], total


def wanted(tenant: int, since: date | None, until: date | None) -> Sequence[ColumnElement[bool]]:
    """The conditions for `found`."""
    from shared.data.models import UsageDay

    conditions: list[ColumnElement[bool]] = [UsageDay.tenant_id == tenant]
    if since is not None:
        conditions.append(UsageDay.day >= since)
    if until is not None:
        conditions.append(UsageDay.day <= until)
    return conditions
