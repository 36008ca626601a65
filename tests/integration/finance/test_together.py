"""The guard with the real services: alerts, billing and outbox, on a real storage."""

from __future__ import annotations

from datetime import datetime, timedelta

from functions.company.daily_cost_report import daily_cost_report
from functions.company.spend_guard import spend_guard
from shared.alerts.port import AlertKind
from shared.app import App
from shared.clock import ManualClock
from shared.data.database import writing
from shared.data.models import BillingState, Role, TenantBilling, User
from shared.tasks import Result
from tests.context import result_of
from tests.integration.finance.setup import NOW, TODAY, Kept, ago, job

DUE = NOW.replace(second=0)


def fill(kept: Kept) -> None:
    kept.cost(TODAY, 6123)
    with writing(kept.url) as session:
        session.add(User(tenant_id=1, email="ana@example.com", role=Role.SYSTEM_ADMIN))
        session.add(TenantBilling(tenant_id=1, state=BillingState.ACTIVE))


def guard(app: App, due_at: datetime = DUE) -> Result:
    assert isinstance(app.clock, ManualClock)
    app.clock.advance(max(timedelta(), due_at + timedelta(seconds=3) - app.clock.now()))
    return result_of(
        spend_guard,
        job(due_at),
        finance=app.finance(),
        alerts=app.alerts(),
        billing=app.billing(),
    )


def told(app: App) -> list[str]:
    """The subjects of what people were told, oldest first."""
    found, _ = app.notifications().page(None, None, 1, 100)
    return [one.subject for one in reversed(found)]


def test_a_day_too_dear_is_alerted_and_paused_until_a_person_resumes(app: App, kept: Kept) -> None:
    fill(kept)
    assert guard(app)["billing"] == "paused"
    first = told(app)
    assert len(first) == 2
    assert guard(app)["billing"] == "already"
    assert told(app) == first
    assert app.alerts().open_subjects(AlertKind.SPEND_EXCEEDED) == {"daily spend"}
    app.billing().resume("ana")
    assert guard(app)["billing"] == "resumed"
    assert guard(app, DUE + timedelta(days=1))["billing"] == "resumed"
    assert told(app).count("Over: Billing paused: billing") == 1
    assert guard(app, DUE + timedelta(days=2))["billing"] == "running"
    assert app.alerts().open_subjects(AlertKind.SPEND_EXCEEDED) == set()


def test_who_resumes_in_the_morning_is_not_paused_for_the_day_before(app: App, kept: Kept) -> None:
    """What was spent yesterday is found today; the person's word of today covers it."""
    fill(kept)
    guard(app, DUE + timedelta(days=1))
    app.billing().resume("ana")
    assert guard(app, DUE + timedelta(days=1))["billing"] == "resumed"


def test_the_cost_report_is_in_the_outbox_once(app: App, kept: Kept) -> None:
    kept.cost(ago(1), 500)
    with writing(kept.url) as session:
        session.add(User(tenant_id=1, email="ana@example.com", role=Role.SYSTEM_ADMIN))
    for _ in range(2):
        result_of(
            daily_cost_report, job(DUE), finance=app.finance(), notifications=app.notifications()
        )
    found, total = app.notifications().page(None, None, 1, 100)
    assert total == 1
    assert (found[0].kind, found[0].key) == ("cost_report", "cost_report:2026-11-28")
