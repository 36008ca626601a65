"""Closing days of usage: each tenant's by its own clock, once, in order, and nothing else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from functions.company.metrics_reset import metrics_reset
from shared.app import App
from shared.data.database import writing
from shared.data.models import Tenant, UsageDay
from shared.errors import Cancelled, Misconfigured, NotFound
from tests.context import result_of
from tests.integration.data.conftest import tenant
from tests.integration.finance.setup import TODAY, Kept, ago, job

DUE = datetime(2026, 11, 29, 0, 5, tzinfo=UTC)


def run(app: App, due_at: datetime = DUE, *, now: datetime | None = None) -> dict[str, object]:
    found = result_of(metrics_reset, job(due_at, now=now), finance=app.finance())
    return dict(found)


def open_days(kept: Kept) -> list[tuple[int, date]]:
    return sorted({(of, day) for of, _, day, _, closed in kept.usage() if closed is None})


def test_a_day_is_closed_once_it_is_over_where_the_tenant_is(app: App, kept: Kept) -> None:
    kept.tenants("America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")
    for of in range(1, 7):
        for day in range(-2, 3):
            kept.used(ago(day), 10 * of, of=of)
    found = run(app)
    assert found == {
        "tenants_processed": 6,
        "days_closed": 4 * 2 + 2 * 1,
        "counters_closed": 10,
        "total_by_counter": {"logins": 2 * (10 + 30 + 40 + 60) + 20 + 50},
        "total_errors": 0,
        "errors": [],
    }
    first_open = dict(reversed(open_days(kept)))
    later = {2: ago(1), 5: ago(1)}
    assert first_open == {of: later.get(of, TODAY) for of in range(1, 7)}


def test_a_late_run_closes_the_days_that_were_over_when_it_was_due(app: App, kept: Kept) -> None:
    kept.used(ago(1), 7)
    kept.used(TODAY, 8)
    now = DUE + timedelta(days=3)
    run(app, now=now)
    assert kept.usage() == [(1, "logins", ago(1), 7, now), (1, "logins", TODAY, 8, None)]


def test_twice_changes_nothing_and_what_was_missed_is_made_good(app: App, kept: Kept) -> None:
    for day in (9, 5, 4, 1, 0):
        kept.used(ago(day), day)
    assert run(app)["days_closed"] == 4
    before = kept.usage()
    again = run(app, now=DUE + timedelta(hours=5))
    assert (again["days_closed"], again["counters_closed"], again["total_by_counter"]) == (0, 0, {})
    assert kept.usage() == before
    assert run(app, DUE + timedelta(days=1))["counters_closed"] == 1


def test_a_tenant_whose_zone_is_gone_does_not_stop_the_others(app: App, kept: Kept) -> None:
    kept.tenants("Europe/Berlin", "Europe/Berlin")
    kept.broken_zone(of=2)
    for of in (1, 2, 3):
        kept.used(ago(1), 1, of=of)
    found = run(app)
    assert (found["tenants_processed"], found["days_closed"], found["total_errors"]) == (2, 2, 1)
    assert "tenant 2" in str(found["errors"]) and "Mars/Olympus" in str(found["errors"])
    assert open_days(kept) == [(2, ago(1))]
    (alert,) = app.alerts().all(10)
    assert (alert.kind, alert.names[0].about) == ("tenant_failed", "task: tenant 2")


class StopsAfter(threading.Event):
    """Is set once it has been looked at so many times."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._looks = looks

    def is_set(self) -> bool:
        self._looks -= 1
        return self._looks < 0


def test_if_no_tenant_can_be_closed_the_run_fails(app: App, kept: Kept) -> None:
    kept.broken_zone(of=1)
    with pytest.raises(Misconfigured, match=r"tenant 1: .*Mars/Olympus"):
        run(app)


def test_a_run_that_is_stopped_between_two_pages_is_gone_on_with(app: App, kept: Kept) -> None:
    """The oldest days are closed first."""
    kept.used_much([ago(day) for day in range(1, 7)], [f"c{n}" for n in range(200)])
    made = replace(job(DUE), stop=StopsAfter(2))  # the tenant, the first page
    with pytest.raises(Cancelled):
        result_of(metrics_reset, made, finance=app.finance())
    assert {day for _, day in open_days(kept)} == {ago(day) for day in (4, 3, 2, 1)}
    assert run(app)["counters_closed"] == 700
    assert open_days(kept) == []


def test_two_runs_at_once_close_each_counter_once(app: App, kept: Kept) -> None:
    for day in range(1, 40):
        kept.used(ago(day), day)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: run(app), range(2)))
    assert sum(int(str(one["counters_closed"])) for one in found) == 39
    totals: list[Any] = [one["total_by_counter"] for one in found]
    assert sum(total.get("logins", 0) for total in totals) == sum(range(1, 40))


def test_a_dry_run_says_what_it_would_close(app: App, kept: Kept) -> None:
    kept.used(ago(1), 7)
    kept.used(ago(2), 5, counter="sms_sent")
    before = kept.everything()
    found = result_of(metrics_reset, job(DUE, dry_run=True), finance=app.finance())
    assert found["days_closed"] == 2 and found["total_by_counter"] == {"logins": 7, "sms_sent": 5}
    assert kept.everything() == before
    assert run(app) | {"dry_run": True} == found


def test_of_very_many_counters_the_largest_are_named(app: App, kept: Kept) -> None:
    for number in range(30):
        kept.used(ago(1), number, counter=f"c{number:02}")
    totals = run(app)["total_by_counter"]
    assert isinstance(totals, dict) and len(totals) == 21
    assert sum(totals.values()) == sum(range(30)) and totals["c29"] == 29


ZONES = ("Europe/Warsaw", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Havana")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 1439)), min_size=1, max_size=5),
    year=st.sampled_from([2026, 2027]),
)
def test_any_runs_close_just_the_days_that_are_over(
    app: App, kept: Kept, runs: list[tuple[int, int]], year: int
) -> None:
    """Missed, late, out of order and twice; days of clock changes are among them. An oracle of its
    own says which days are over: those whose next midnight has come."""
    with writing(kept.url) as session:
        session.execute(delete(UsageDay))
        session.execute(delete(Tenant).where(Tenant.id > 1))
    with writing(kept.url) as session:
        session.add_all([tenant(id=n, timezone=zone) for n, zone in enumerate(ZONES[1:], 2)])
    for n in range(1, 6):
        days = [date(year, 2, 20) + timedelta(days=day) for day in range(0, 95, 4)]
        kept.used_much(days, ["c"], of=n)
    starts = [datetime(year, 2, 20, tzinfo=UTC) + timedelta(days=d, minutes=m) for d, m in runs]
    for due_at in starts:
        run(app, due_at)
    latest = max(starts)
    for of, _, day, value, closed in kept.usage():
        midnight = datetime.combine(day + timedelta(days=1), datetime.min.time())
        over = midnight.replace(tzinfo=ZoneInfo(ZONES[of - 1])) <= latest
        assert (closed is not None) is over
        assert value == 1


def test_open_and_closed_days_are_read_by_pages(app: App, kept: Kept) -> None:
    kept.tenants("UTC")
    for day in range(4):
        kept.used(ago(day), day)
        kept.used(ago(day), 100 + day, counter="api_calls")
        kept.used(ago(day), 7, of=2)
    run(app)
    finance = app.finance()
    found, total = finance.usage(1, None, None, 1, 3)
    assert total == 8
    assert [(one.counter, one.day, one.value) for one in found] == [
        ("api_calls", ago(day), 100 + day) for day in (3, 2, 1)
    ]
    found, _ = finance.usage(1, None, None, 2, 3)
    assert [(one.counter, one.day, one.closed_at is None) for one in found] == [
        ("api_calls", TODAY, True),
        ("logins", ago(3), False),
        ("logins", ago(2), False),
    ]
    found, total = finance.usage(1, ago(2), ago(1), 1, 10)
    assert total == 4 and {one.day for one in found} == {ago(2), ago(1)}
    assert finance.usage(1, ago(-5), None, 1, 10) == ([], 0)
    with pytest.raises(NotFound, match="there is no tenant 9"):
        finance.usage(9, None, None, 1, 10)
