"""`/api/v1/billing` on a real app, and the task that runs each hour."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from functions.operations.billing_upkeep import billing_upkeep
from local.azurite import Azurite
from shared import settings
from shared.alerts.of_database import DatabaseWatch, last
from shared.alerts.port import AlertKind
from shared.app import App, build
from shared.billing.port import Pause
from shared.data.database import writing
from shared.data.schema import HEAD
from shared.errors import Skipped, Unavailable
from shared.settings import Secret
from shared.tasks import Registry
from tests.context import result_of
from tests.integration.billing.conftest import NOW, Company
from tests.integration.finance.setup import Alerts
from tests.served import api
from tests.vendors.stripe import API_KEY, Fault, declined

Ask = Callable[..., httpx.Response]
STORAGE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ=="
_prefixes = itertools.count()


@pytest.fixture
def app(company: Company, azurite: Azurite) -> App:
    made = app_of(company, azurite.connection_string)
    made.create()
    return made


def app_of(company: Company, storage: str) -> App:
    given = {
        "AzureWebJobsStorage": storage,
        "BELFRY_PREFIX": f"bill{next(_prefixes)}",
        "DATABASE_URL": company.url.reveal(),
        "STRIPE_API_KEY": API_KEY,
        "STRIPE_URL": company.stripe.url,
    }
    return build(settings.from_env(given), company.clock, Registry([billing_upkeep]))


@pytest.fixture
def ask(app: App) -> Ask:
    return asking(app)


def asking(app: App) -> Ask:
    made = api(lambda: app)

    async def answered(method: str, path: str, body: Any) -> httpx.Response:
        transport = httpx.ASGITransport(made)
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.request(method, f"/api/v1/billing{path}", json=body)

    return lambda method="GET", path="", body=None: asyncio.run(answered(method, path, body))


def test_before_anything_happened_it_runs(ask: Ask) -> None:
    shown = ask().json()
    assert (shown["state"], shown["stripe"], shown["paused_at"]) == ("running", True, None)
    assert (shown["tenants_left"], shown["tenants"]) == (0, [])
    assert shown["fees"] == shown["failed_fees"] == []


def test_what_was_paused_and_failed_is_shown_and_a_person_resumes(
    company: Company, ask: Ask
) -> None:
    fee_id, _ = company.owe(2500, 100)
    (tenant_id,) = company.subscribe("sub_a")
    company.stripe.faults += [declined(), Fault("sub_a", status=500)]
    company.billing.collect(company.job, 1)
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    shown = ask().json()
    assert (shown["state"], shown["paused_for"]) == ("paused", "2026-11-29")
    assert (shown["spent_minor"], shown["limit_minor"], shown["currency"]) == (6000, 5000, "USD")
    assert shown["tenants_left"] == 1
    assert shown["tenants"][0] | {"error": ""} == {
        "tenant_id": tenant_id,
        "state": "pausing",
        "error": "",
        "changed_at": "2026-11-29T06:30:00Z",
    }
    assert [one["status"] for one in shown["fees"]] == ["failed", "invoiced"]
    assert shown["failed_fees"][0]["id"] == fee_id
    for _ in range(2):  # asked twice, resumed once
        answer = ask("POST", "/resume", {"by": " ana@example.com "})
        assert answer.status_code == 200
        shown = answer.json()
        assert (shown["state"], shown["resumed_by"]) == ("running", "ana@example.com")
        assert (shown["resumed_for"], shown["tenants_left"]) == ("2026-11-29", 0)
    assert company.another().pause(company.job, NOW.date(), 9, 1).outcome is Pause.RESUMED


def subjects(app: App) -> list[str]:
    """What people were told, oldest first."""
    return [one.subject for one in app.notifications().page(None, None, 1, 100)[0]][::-1]


def upkeep(company: Company, alerts: Any, *, dry_run: bool = False) -> None:
    job = replace(company.job, dry_run=dry_run)
    result_of(billing_upkeep, job, billing=company.another(), alerts=alerts)


def test_the_alert_lasts_as_long_as_billing_is_paused(company: Company, app: App, ask: Ask) -> None:
    """Whoever says it: the task, hour by hour, and the API."""
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    for _ in range(3):
        upkeep(company, app.alerts())
        company.clock.advance(timedelta(hours=1))
    assert app.alerts().open_subjects(AlertKind.BILLING_PAUSED) == {"billing"}
    for _ in range(2):
        assert ask("POST", "/resume", {"by": "ana"}).status_code == 200
    upkeep(company, app.alerts())
    assert app.alerts().open_subjects(AlertKind.BILLING_PAUSED) == set()
    assert subjects(app) == ["Billing paused: billing", "Over: Billing paused: billing"]
    last = app.notifications().page(None, None, 1, 1)[0][0]
    said = "ana resumed billing at 2026-11-29T09:30Z. It is not paused again before 2026-11-29 ends"
    assert said in last.text


def test_that_it_was_resumed_on_the_command_line_is_told_within_the_hour(company: Company) -> None:
    told = Alerts()
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    upkeep(company, told)
    company.another().resume("ana")
    for _ in range(2):
        upkeep(company, told)
    (_, _, paused), (what, kind, text) = told.told
    assert paused == "Billing is paused because of 2026-11-29. A person resumes it."
    assert (what, kind, text.split()[0]) == ("close", AlertKind.BILLING_PAUSED, "ana")


def test_who_resumes_while_the_pause_is_told_is_told_too(company: Company) -> None:
    told = Alerts()
    company.billing.pause(company.job, NOW.date(), 6000, 5000)

    def resume() -> None:
        told.after = lambda: None
        company.another().resume("ana")

    told.after = resume
    upkeep(company, told)
    assert told.opened == {}


def test_people_are_told_of_fees_that_stripe_refused(company: Company) -> None:
    told = Alerts()
    (fee_id,) = company.owe(2500)
    company.stripe.faults.append(declined())
    company.billing.collect(company.job, 1)
    for _ in range(2):
        upkeep(company, told)
    ((what, kind, text),) = told.told
    assert (what, kind) == ("open", AlertKind.FEE_FAILED)
    assert f"1 no-show fees, such as fee {fee_id} of tenant 1:" in text and "declined" in text
    company.another().retry(fee_id)
    company.another().collect(company.job, 1)
    upkeep(company, told)
    assert told.opened == {}


def migrate(company: Company, version: str) -> None:
    """Say that the database has the schema of that version."""
    with writing(company.url) as session:
        session.execute(text("UPDATE belfry_version SET version_num = :to"), {"to": version})


def test_an_old_schema_is_refused_and_people_are_told(company: Company, app: App, ask: Ask) -> None:
    told = Alerts()
    watch = DatabaseWatch(company.url, app.meta, lambda: told)
    assert (last(app.meta), watch.watch(company.job)) == ("none", "fits")
    migrate(company, "0003")
    for answer in (ask(), ask("POST", "/resume", {"by": "ana"})):
        assert answer.status_code >= 500
        assert "the database's schema is 0003, and the code needs" in answer.json()["detail"]
    for _ in range(2):
        assert watch.watch(company.job) == last(app.meta) == "unfit"
    ((what, kind, said),) = told.told
    assert (what, kind) == ("open", AlertKind.DATABASE_UNFIT) and "database upgrade" in said
    migrate(company, HEAD)
    assert watch.watch(company.job) == last(app.meta) == "fits"
    assert told.opened == {} and ask().status_code == 200


def test_a_database_that_is_away_is_told(company: Company, app: App) -> None:
    told = Alerts()
    gone = Secret("postgresql://nobody@127.0.0.1:1/company")
    assert DatabaseWatch(gone, app.meta, lambda: told).watch(company.job) == "away"
    assert told.kinds == [("open", AlertKind.DATABASE_UNFIT)]
    assert DatabaseWatch(Secret(""), app.meta, lambda: told).watch(company.job) == "none"
    assert told.opened == {}


def test_in_a_dry_run_nobody_is_told(company: Company) -> None:
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    told = Alerts()
    upkeep(company, told, dry_run=True)
    assert told.told == []


def _away() -> Any:
    raise Unavailable("table storage", "did not answer")


def test_it_is_resumed_also_if_people_cannot_be_told_now(company: Company, app: App) -> None:
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    app = replace(app, alerts=_away)
    answer = asking(app)("POST", "/resume", {"by": "ana"})
    assert (answer.status_code, answer.json()["state"]) == (200, "running")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"by": "ana"}, 409, "billing is not paused, so there is nothing to resume"),
        ({}, 422, "by: "),
        ({"by": ""}, 422, "by: "),
        ({"by": "ana", "day": 5}, 422, "day: give a day such as 2030-01-31"),
        ({"by": "ana", "day": "soon"}, 422, "day: "),
        ({"by": "ana", "day": "2027-01-01"}, 422, "day: give a day from today to 2026-12-06"),
        ({"by": "ana", "for": 1}, 422, "for: "),
    ],
)
def test_a_wrong_request_is_told_what_would_be_right(
    ask: Ask, body: dict[str, Any], status: int, said: str
) -> None:
    answer = ask("POST", "/resume", body)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(said)


def test_each_hour_what_was_left_is_done(company: Company) -> None:
    company.owe(2500)
    company.subscribe("sub_a")
    company.stripe.faults += [Fault("finalize", status=503), Fault("sub_a", status=503)]
    company.billing.collect(company.job, 1)
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    did = result_of(billing_upkeep, company.job, billing=company.another(), alerts=Alerts())
    assert did == {
        "tenants_paused": 1,
        "tenants_resumed": 0,
        "tenants_left": 0,
        "fees_invoiced": 1,
        "fees_failed": 0,
    }


def test_what_stripe_goes_on_refusing_fails_the_job(company: Company) -> None:
    company.subscribe("sub_a")
    company.stripe.subscriptions.clear()
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    company.clock.advance(timedelta(hours=1))
    with pytest.raises(Unavailable, match="Stripe: 1 tenants left; tenant 2: Stripe: No such sub"):
        result_of(billing_upkeep, company.job, billing=company.another(), alerts=Alerts())


def test_without_a_database_there_is_nothing_to_do(company: Company) -> None:
    without = build(
        settings.from_env({"AzureWebJobsStorage": STORAGE}), company.clock, Registry([])
    )
    with pytest.raises(Skipped, match="DATABASE_URL is not set, so there is no billing"):
        result_of(billing_upkeep, company.job, billing=without.billing(), alerts=Alerts())
