"""`/api/v1/usage` and `/api/v1/reports` on a real app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from shared.app import App
from tests.context import RecordedNotifications
from tests.integration.finance.setup import TODAY, Kept, ago, job
from tests.served import api

Ask = Callable[..., httpx.Response]
DUE = datetime(2026, 11, 29, 9, tzinfo=UTC)


@pytest.fixture
def ask(app: App) -> Ask:
    made = api(lambda: app)

    async def answered(path: str, params: dict[str, object]) -> httpx.Response:
        transport = httpx.ASGITransport(made)
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(f"/api/v1/{path}", params=params)  # type: ignore[arg-type]

    return lambda path, **params: asyncio.run(
        answered(path, {name.rstrip("_"): value for name, value in params.items()})
    )


def test_closed_and_open_days_are_shown(app: App, kept: Kept, ask: Ask) -> None:
    kept.used(ago(1), 7)
    kept.used(TODAY, 3)
    app.finance().close_days(job(DUE))
    assert ask("usage", tenant_id=1).json() == {
        "usage": [
            {
                "counter": "logins",
                "day": "2026-11-28",
                "value": 7,
                "closed_at": "2026-11-29T09:00:03Z",
            },
            {"counter": "logins", "day": "2026-11-29", "value": 3, "closed_at": None},
        ],
        "total": 2,
        "page": 1,
        "page_size": 50,
        "pages": 1,
    }
    shown = ask("usage", tenant_id=1, from_="2026-11-29", to="2026-11-29", page_size=1).json()
    assert [one["value"] for one in shown["usage"]] == [3]


@pytest.mark.parametrize(
    ("params", "status", "said"),
    [
        ({}, 422, "tenant_id"),
        ({"tenant_id": 9}, 404, "there is no tenant 9"),
        ({"tenant_id": 0}, 422, "tenant_id"),
        ({"tenant_id": 1, "from_": "2026-11-29T00:00:00Z"}, 422, "is no day such as 2030-01-31"),
        ({"tenant_id": 1, "to": "20261129"}, 422, "to: '20261129' is no day"),
        ({"tenant_id": 1, "to": "2026-02-30"}, 422, "is no day such as"),
        ({"tenant_id": 1, "from_": "2026-11-29", "to": "2026-11-28"}, 422, "is later than `to`"),
        ({"tenant_id": 1, "day": "2026-11-28"}, 422, "no such parameter"),
        ({"tenant_id": 1, "page": 10**30}, 422, "page"),
    ],
)
def test_what_is_wrong_is_said(ask: Ask, params: dict[str, object], status: int, said: str) -> None:
    answer = ask("usage", **params)
    assert answer.status_code == status and said in answer.text


def test_reports_are_listed_and_read_and_drawn(app: App, kept: Kept, ask: Ask) -> None:
    assert ask("reports").json()["reports"] == []
    kept.cost(ago(1), 500)
    kept.cost(ago(1), 70, currency="JPY")
    app.finance().report_costs(job(DUE), RecordedNotifications())
    (shown,) = ask("reports").json()["reports"]
    url = "/api/v1/reports/cost/2026-11-28"
    assert shown == {"kind": "cost", "day": "2026-11-28", "url": url}
    report = ask("reports/cost/2026-11-28").json()
    assert [one["currency"] for one in report["currencies"]] == ["JPY", "USD"]
    assert report["currencies"][1]["costs"][0]["amount_minor"] == 500
    for currency, drawn in ((None, "JPY"), ("USD", "USD")):
        given = {} if currency is None else {"currency": currency}
        chart = ask("reports/cost/2026-11-28/chart.svg", **given)
        assert chart.headers["content-type"].startswith("image/svg+xml")
        assert chart.text.startswith("<svg") and f"({drawn})" in chart.text


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("cost/2026-11-28", 404, "there is no cost report of 2026-11-28"),
        ("cost/2026-11-28/chart.svg", 404, "there is no cost report of 2026-11-28"),
        ("cost/today", 422, "day: 'today' is no day such as 2030-01-31"),
        ("cost/0", 422, "is no day such as"),
    ],
)
def test_a_report_that_is_not_there_is_said(ask: Ask, path: str, status: int, said: str) -> None:
    answer = ask(f"reports/{path}")
    assert answer.status_code == status and said in answer.text


def test_a_chart_in_a_currency_that_is_not_there_is_said(app: App, kept: Kept, ask: Ask) -> None:
    kept.cost(ago(1), 500)
    app.finance().report_costs(job(DUE), RecordedNotifications())
    answer = ask("reports/cost/2026-11-28/chart.svg", currency="EUR")
    assert answer.status_code == 404 and "no chart in EUR; it has USD" in answer.text
    assert ask("reports/cost/2026-11-28/chart.svg", currency="eur").status_code == 422
