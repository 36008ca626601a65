"""Settles the weeks that have ended in the owners' reputations (P6).

A tenant's weeks are settled in order, and it is noted which was the last: a week that was settled
costs one row to see, and weeks that were missed are made up for. An owner's changes and score are
written in one transaction; a change is one row a week at most, so what a killed run or another one
has done is not done again. Owners at the top without a no-show are not read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared.alerts.port import AlertService
from shared.care.rules.reputation import (
    TOP,
    WEEK,
    Change,
    Standing,
    end_of,
    last_week,
    may_recover,
    settle,
    week_of,
    weeks,
)
from shared.care.tenants import Tenant, for_each
from shared.care.totals import Totals
from shared.data.database import reading, writing
from shared.data.models import Appointment, Pet, Reputation, ReputationChange, ReputationWeek
from shared.data.pages import pages
from shared.data.rows import insert_all_once, put_all
from shared.errors import Unavailable
from shared.settings import CareSettings, Secret
from shared.tasks import JobContext, Result

_PAGE = 200
_TRIES = 3
Query = Select[*tuple[Any, ...]]
NoShows = Mapping[int, Mapping[date, int]]
"""By owner and week."""


def update(
    url: Secret,
    alerts: Callable[[], AlertService],
    job: JobContext,
    rules: CareSettings,
    zone: tzinfo,
) -> Result:
    """The work of the task; `zone` is that in which its weeks end."""
    totals = Totals.of(
        *("tenants_processed", "total_weeks", "total_lowered", "total_recovered"),
        *("points_lost", "points_recovered", "total_errors"),
    )
    last = last_week(job.due_at, zone)

    def work(tenant: Tenant, totals: Totals) -> None:
        due = weeks(_settled(url, tenant.id), last)
        if due:
            _Weeks(url, job, rules, tenant, due, zone).settle(totals)
            totals.counts["total_weeks"] += len(due)

    for_each(url, alerts, job, totals, work)
    return totals.result(dry_run=job.dry_run)


def marked(tenant_id: int, begin: datetime, end: datetime) -> Query:
    """A tenant's no-shows that were marked in that time."""
    return (
        select(Pet.owner_id, Appointment.no_show_at)
        .join(Pet, Pet.id == Appointment.pet_id)
        .where(
            Appointment.tenant_id == tenant_id,
            Appointment.no_show_at >= begin,
            Appointment.no_show_at < end,
        )
    )


def recovering(tenant_id: int, since: date) -> Query:
    """A tenant's owners below the top who have behaved well since that day."""
    return select(Reputation.owner_id).where(
        Reputation.tenant_id == tenant_id, Reputation.score < TOP, Reputation.good_since <= since
    )


def _settled(url: Secret, tenant_id: int) -> date | None:
    query = select(ReputationWeek.settled_on).where(ReputationWeek.tenant_id == tenant_id)
    with reading(url) as session:
        return session.execute(query).scalar()


class _Weeks:
    """The weeks of a tenant that are settled now."""

    def __init__(
        self,
        url: Secret,
        job: JobContext,
        rules: CareSettings,
        tenant: Tenant,
        weeks: Sequence[date],
        zone: tzinfo,
    ) -> None:
        self._url = url
        self._job = job
        self._rules = rules
        self._tenant = tenant.id
        self._weeks = weeks
        self._zone = zone

    def settle(self, totals: Totals) -> None:
        """Settle them, by pages of owners."""
        no_shows = self._no_shows()
        owners = sorted(no_shows)
        for start in range(0, len(owners), _PAGE):
            self._write(owners[start : start + _PAGE], no_shows, totals)
        query = recovering(self._tenant, may_recover(self._rules, self._weeks[-1]))
        for page in pages(self._url, query, (Reputation.owner_id,), size=_PAGE):
            good = [row.owner_id for row in page if row.owner_id not in no_shows]
            self._write(good, no_shows, totals)
        if not self._job.dry_run:
            row = {"tenant_id": self._tenant, "settled_on": self._weeks[-1]}
            with writing(self._url) as session:
                put_all(session, ReputationWeek, [row])

    def _no_shows(self) -> NoShows:
        ends = [(week, end_of(week, self._zone)) for week in self._weeks]
        query = marked(self._tenant, end_of(self._weeks[0] - WEEK, self._zone), ends[-1][1])
        found: dict[int, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        for page in pages(self._url, query, (Appointment.no_show_at, Appointment.id)):
            self._job.check()
            for row in page:
                found[row.owner_id][week_of(row.no_show_at, ends)] += 1
        return dict(found)

    def _write(self, owners: Sequence[int], no_shows: NoShows, totals: Totals) -> None:
        self._job.check()
        if not owners:
            return
        if self._job.dry_run:
            with reading(self._url) as session:
                changes = self._changes(session, owners, no_shows)
            _list(changes, totals)
            _count(changes, totals)
            return
        for _ in range(_TRIES):
            with writing(self._url) as session:
                changes = self._changes(session, owners, no_shows)
                if self._stored(session, changes):
                    break
                session.rollback()  # another run is at the same owners; it has committed by now
        else:
            raise Unavailable("database", "another run settles the same reputations")
        _count(changes, totals)

    def _changes(
        self, at: Session, owners: Sequence[int], no_shows: NoShows
    ) -> dict[int, tuple[Standing, list[Change]]]:
        """What the weeks change, by owner; only of those of whom they change something."""
        standings = self._standings(at, owners)
        done = self._done(at, owners)
        found = {}
        for owner in owners:
            standing, changes = settle(
                standings.get(owner),
                self._weeks,
                no_shows.get(owner, {}),
                done.get(owner, ()),
                self._rules,
            )
            if standing is not None and changes:
                found[owner] = standing, changes
        return found

    def _standings(self, at: Session, owners: Sequence[int]) -> dict[int, Standing]:
        query = select(Reputation.owner_id, Reputation.score, Reputation.good_since)
        query = query.where(Reputation.owner_id.in_(owners)).order_by(Reputation.owner_id)
        if not self._job.dry_run:
            query = query.with_for_update()
        return {row[0]: Standing(row[1], row[2]) for row in at.execute(query)}

    def _done(self, at: Session, owners: Sequence[int]) -> dict[int, set[date]]:
        query = select(ReputationChange.owner_id, ReputationChange.week_on).where(
            ReputationChange.owner_id.in_(owners), ReputationChange.week_on >= self._weeks[0]
        )
        found: dict[int, set[date]] = defaultdict(set)
        for owner, week in at.execute(query):
            found[owner].add(week)
        return found

    def _stored(
        self, session: Session, changes: Mapping[int, tuple[Standing, list[Change]]]
    ) -> bool:
        """Whether all of them are new, and were stored."""
        now = self._job.clock.now()
        rows = [
            {
                "owner_id": owner,
                "week_on": one.week_on,
                "score_before": one.before,
                "score_after": one.after,
                "no_shows": one.no_shows,
                "recovered": one.recovered,
                "created_at": now,
            }
            for owner, (_, all_) in changes.items()
            for one in all_
        ]
        if insert_all_once(session, ReputationChange, rows) != len(rows):
            return False
        standings = [
            {
                "owner_id": owner,
                "tenant_id": self._tenant,
                "score": after.score,
                "good_since": after.good_since,
            }
            for owner, (after, _) in changes.items()
        ]
        put_all(session, Reputation, standings)
        return True


def _count(changes: Mapping[int, tuple[Standing, list[Change]]], totals: Totals) -> None:
    for _, all_ in changes.values():
        for one in all_:
            totals.counts["total_lowered" if one.no_shows else "total_recovered"] += 1
            totals.counts["points_lost"] += max(0, one.before - one.after)
            totals.counts["points_recovered"] += one.recovered


def _list(changes: Mapping[int, tuple[Standing, list[Change]]], totals: Totals) -> None:
    for owner, (_, all_) in changes.items():
        for one in all_:
            totals.list(
                "change",
                owner_id=owner,
                week_on=one.week_on.isoformat(),
                score_before=one.before,
                score_after=one.after,
                no_shows=one.no_shows,
            )
