"""The cost report: right figures, told once, the same however often it runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from functions.company.daily_cost_report import daily_cost_report
from shared.app import App
from shared.data.database import writing
from shared.data.models import Commission, Cost, Revenue
from shared.errors import Damaged, Misconfigured, NotFound, Unavailable
from shared.finance import report, sums
from shared.notifications.model import Entry
from shared.notifications.port import NotificationService
from shared.settings import Secret
from shared.storage.names import Names
from shared.tasks import Result
from tests.context import RecordedNotifications, result_of
from tests.integration.finance.setup import TODAY, Kept, Killed, ago, job

DUE = datetime(2026, 11, 29, 9, tzinfo=UTC)
DAY = ago(1)


@dataclass(frozen=True)
class DyingNotifications(RecordedNotifications):
    """Dies before the mail is written, or after."""

    after: list[bool] = field(default_factory=list)

    def report(self, *, kind: str, key: str, data: Mapping[str, object]) -> Sequence[Entry]:
        if self.after:
            super().report(kind=kind, key=key, data=data)
        raise Killed


def run(
    app: App, told: NotificationService, due_at: datetime = DUE, *, dry_run: bool = False
) -> Result:
    made = job(due_at, dry_run=dry_run)
    return result_of(daily_cost_report, made, finance=app.finance(), notifications=told)


def fill(kept: Kept) -> None:
    """Something of everything, also on days that do not count."""
    kept.partner("Vets")
    kept.partner("Tierfreunde")
    for day, amount in ((1, 300), (1, 200), (2, 50), (31, 250), (32, 9999), (0, 8888)):
        kept.cost(ago(day), amount)
        kept.revenue(ago(day), 2 * amount)
    kept.cost(DAY, 70, category="compute", currency="EUR")
    kept.commission(1, DAY, 40)
    kept.commission(2, DAY, 45)
    kept.commission(1, TODAY, 999)
    kept.commission(1, ago(2), 999)


def test_the_day_before_is_reported_to_storage_the_log_and_by_mail(app: App, kept: Kept) -> None:
    fill(kept)
    told, made = RecordedNotifications(), job(DUE)
    found = result_of(daily_cost_report, made, finance=app.finance(), notifications=told)
    assert {name: one for name, one in found.items() if name.endswith("_minor")} == {
        "cost_minor": {"EUR": 70, "USD": 500},
        "cost_day_before_minor": {"EUR": 0, "USD": 50},
        "cost_mean_minor": {"EUR": None, "USD": 10},
        "revenue_minor": {"EUR": 0, "USD": 1000},
        "margin_minor": {"EUR": -70, "USD": 500},
        "commissions_minor": {"EUR": 0, "USD": 85},
        "left_minor": {"EUR": -70, "USD": 415},
    }
    assert (found["day"], found["report"]) == ("2026-11-28", "cost/2026-11-28.json")
    kept_report = app.finance().reports.get(DAY)
    assert [(one.partner, one.amount_minor) for one in kept_report.currencies[1].commissions] == [
        ("Tierfreunde", 45),
        ("Vets", 40),
    ]
    ((kind, key, data),) = told.reports
    assert (kind, key) == ("cost_report", "cost_report:2026-11-28")
    assert data == kept_report.model_dump(mode="json")
    log = made.log.text()
    assert "cost report day=2026-11-28 currency=USD cost_minor=500" in log
    assert "2026-11-28 USD: costs 5.00 USD (the day before 0.50 USD, mean 0.10 USD)" in log
    assert "commission of Tierfreunde: 0.45 USD" in log


def test_late_and_doubled_runs_tell_the_same(app: App, kept: Kept) -> None:
    """Also if rows of that day come meanwhile: what was told stays what was told."""
    fill(kept)
    told = RecordedNotifications()
    first = run(app, told)
    kept.cost(DAY, 12_345)
    second = run(app, told)
    assert second == {**first, "stored_before": True}
    assert told.reports[0] == told.reports[1]


@pytest.mark.parametrize("after", [[], [True]])
def test_killed_before_or_after_the_mail_and_run_again(
    app: App, kept: Kept, after: list[bool]
) -> None:
    fill(kept)
    told = DyingNotifications(after=after)
    with pytest.raises(Killed):
        run(app, told)
    again = RecordedNotifications()
    run(app, again)
    assert len(again.reports) == 1
    assert told.reports in ([], again.reports)


def test_two_runs_at_once_agree_on_one_report(app: App, kept: Kept) -> None:
    """The second has read other rows before the first has kept its report."""
    fill(kept)
    mine = report.report(DAY, sums.of(kept.url, DAY))
    kept.cost(DAY, 1)
    other = report.report(DAY, sums.of(kept.url, DAY))
    assert mine != other
    kept_first = app.finance().reports.keep(mine)
    assert app.finance().reports.keep(other) == kept_first == mine
    assert app.finance().reports.keep(mine) == mine


def test_a_day_without_anything_is_reported_too(app: App) -> None:
    told = RecordedNotifications()
    assert "cost_minor" not in run(app, told)
    assert told.reports[0][2] == {"day": "2026-11-28", "currencies": []}


def test_a_dry_run_tells_nobody_and_keeps_nothing(app: App, kept: Kept) -> None:
    fill(kept)
    told, before = RecordedNotifications(), kept.everything()
    found = run(app, told, dry_run=True)
    would: Any = found["would"]
    (stored,), (mail,) = would["store"], would["send"]
    assert stored == {"report": "cost/2026-11-28.json"}
    assert (mail["key"], found["mails"]) == ("cost_report:2026-11-28", 1)
    assert told.reports == [] and kept.everything() == before
    container = app.connection.container(Names(app.settings.prefix).reports)
    assert not container.exists()
    assert run(app, told)["cost_minor"] == found["cost_minor"]
    again = run(app, told, dry_run=True)
    assert (again["would"], again["mails"]) == ({}, 0)


def test_a_dry_run_says_who_would_be_mailed(app: App, kept: Kept) -> None:
    """By the real outbox: whoever was asked for before is left out."""
    fill(kept)
    mailing = app.notifications()
    would: Any = run(app, mailing, dry_run=True)["would"]
    assert would["send"] == [{"key": "cost_report:2026-11-28", "recipient": "", "status": "kept"}]
    done = run(app, mailing)
    assert (done["mails"], done["mails_sent"]) == (1, 0)
    again = run(app, mailing, dry_run=True)
    assert (again["mails"], again["would"]) == (0, {})


def test_reports_are_listed_newest_first_and_nothing_else_is(app: App) -> None:
    reports = app.finance().reports
    assert reports.days() == []
    with pytest.raises(NotFound, match="there is no cost report of 2026-11-28"):
        reports.get(DAY)
    for days in range(4):
        run(app, RecordedNotifications(), DUE - timedelta(days=days))
    container = app.connection.container(Names(app.settings.prefix).reports)
    container.upload_blob("cost/notes.txt", b"a person's own")
    container.upload_blob("cost/2026-01-01.html", b"a person's own")
    assert reports.days() == [ago(day) for day in range(1, 5)]


def test_a_report_that_is_garbled_is_told_and_not_sent(app: App, kept: Kept) -> None:
    container = app.connection.container(Names(app.settings.prefix).reports)
    container.create_container()
    container.upload_blob("cost/2026-11-28.json", b'{"day": "20')
    told = RecordedNotifications()
    with pytest.raises(Damaged, match=r"cost/2026-11-28\.json is no cost report"):
        run(app, told)
    assert told.reports == []


def test_a_schema_that_does_not_fit_is_told(app: App, empty: Secret) -> None:
    from dataclasses import replace

    from shared.finance.service import Finance

    gone = Finance(replace(app.settings, database_url=Secret("")), app.connection, app.alerts)
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        gone.report_costs(job(DUE), RecordedNotifications())
    away = Secret("postgresql://nobody@127.0.0.1:1/company")
    down = Finance(replace(app.settings, database_url=away), app.connection, app.alerts)
    with pytest.raises(Unavailable, match="DATABASE_URL"):
        down.report_costs(job(DUE), RecordedNotifications())


DAYS = st.integers(-1, 33)
AMOUNTS = st.integers(-500, 10**12)
COSTS = st.tuples(
    DAYS, AMOUNTS, st.sampled_from(["sms", "compute", ""]), st.sampled_from(["USD", "EUR"])
)
EARNED = st.tuples(DAYS, AMOUNTS, st.sampled_from(["USD", "JPY"]))
PAID = st.tuples(st.sampled_from([1, 2]), DAYS, AMOUNTS, st.sampled_from(["USD", "EUR"]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    costs=st.lists(COSTS, max_size=25),
    earned=st.lists(EARNED, max_size=15),
    paid=st.lists(PAID, max_size=10, unique_by=lambda one: (one[0], one[1])),
)
def test_the_sums_are_those_of_a_naive_count(
    kept: Kept,
    costs: list[tuple[int, int, str, str]],
    earned: list[tuple[int, int, str]],
    paid: list[tuple[int, int, int, str]],
) -> None:
    with writing(kept.url) as session:
        for model in (Cost, Revenue, Commission):
            session.execute(delete(model))
        session.add_all(
            [Cost(**_row(day, amount, code), category=of) for day, amount, of, code in costs]
        )
        session.add_all([Revenue(**_row(*one), source="x") for one in earned])
    _partners(kept)
    with writing(kept.url) as session:
        session.add_all(
            [
                Commission(**_row(day, amount, code), partner_id=who)
                for who, day, amount, code in paid
            ]
        )
    found = report.report(DAY, sums.of(kept.url, DAY))
    assert found.model_dump() == _naive(costs, earned, paid)
    for currency in ("USD", "EUR"):
        assert sums.spent(kept.url, (DAY, TODAY))[DAY].get(currency, 0) == sum(
            amount for day, amount, _, code in costs if (day, code) == (1, currency)
        )


def _row(day: int, amount: int, currency: str) -> dict[str, Any]:
    return {"tenant_id": 1, "day": ago(day), "amount_minor": amount, "currency": currency}


def _partners(kept: Kept) -> None:
    from sqlalchemy import func, select

    from shared.data.database import reading
    from shared.data.models import Partner

    with reading(kept.url) as session:
        there = session.execute(select(func.count(Partner.id))).scalar()
    if not there:
        kept.partner("One")
        kept.partner("Two")


def _naive(
    costs: list[tuple[int, int, str, str]],
    earned: list[tuple[int, int, str]],
    paid: list[tuple[int, int, int, str]],
) -> dict[str, object]:
    """The report, counted row by row."""
    codes = {code for day, *_, code in costs + earned if 1 <= day <= 31}
    codes |= {code for _, day, _, code in paid if day == 1}

    def on(code: str, day: int, rows: list[Any], of: str | None = None) -> list[int]:
        return [row[1] for row in rows if (row[0], row[-1]) == (day, code) and of in (None, row[2])]

    def mean(code: str, rows: list[Any], of: str | None = None) -> int | None:
        before = [one for day in range(2, 32) for one in on(code, day, rows, of)]
        return round(Fraction(sum(before), 30)) if before else None

    def currency(code: str) -> dict[str, object]:
        days = range(1, 32)
        named = {of for day, _, of, one in costs if one == code and day in days}
        lines = [
            {
                "category": of or "(without a name)",
                "amount_minor": sum(on(code, 1, costs, of)),
                "day_before_minor": sum(on(code, 2, costs, of)),
                "mean_minor": mean(code, costs, of),
                "estimated": False,
            }
            for of in sorted(named, key=lambda of: (-sum(on(code, 1, costs, of)), of))
        ]
        partners: dict[str, int] = defaultdict(int)
        for who, day, amount, one in paid:
            if (day, one) == (1, code):
                partners[("One", "Two")[who - 1]] += amount
        return {
            "currency": code,
            "costs": tuple(lines),
            "unnamed_costs": None,
            "revenue_minor": sum(on(code, 1, earned)),
            "revenue_day_before_minor": sum(on(code, 2, earned)),
            "revenue_mean_minor": mean(code, earned),
            "commissions": tuple(
                {"partner": name, "amount_minor": amount}
                for name, amount in sorted(partners.items(), key=lambda one: (-one[1], one[0]))
            ),
            "unnamed_commissions_minor": None,
            "series": tuple(
                {
                    "day": ago(day),
                    "cost_minor": sum(on(code, day, costs)),
                    "revenue_minor": sum(on(code, day, earned)),
                }
                for day in range(30, 0, -1)
            ),
        }

    return {"day": DAY, "currencies": tuple(currency(code) for code in sorted(codes))}
