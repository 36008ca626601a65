"""`/api/v1/notifications` on a real app, and its first path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.app import build
from shared.notifications.double import Reply
from shared.tasks import Registry
from tests.integration.notifications.conftest import ANA, START, Office
from tests.integration.notifications.texting import (
    KIND,
    Clinic,
    message,
    phone,
    provider,
    texting,
)
from tests.integration.notifications.vendors import CHATS
from tests.served import api

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(office: Office) -> Ask:
    app = build(office.settings(), office.clock, tasks=Registry([]))
    app.create()
    made = api(lambda: app)

    async def answered(path: str, at: str, params: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(made)
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(f"/api/v1/{at}{path}", params=params)

    return lambda path="", at="notifications", **params: asyncio.run(answered(path, at, params))


def test_notifications_are_shown_newest_first_with_their_text(office: Office, ask: Ask) -> None:
    office.administrators = (ANA,)
    office.vendors.say("slack", Reply(500, "oops"))
    office.notifications().mail_administrators(
        key="job-1", subject="Backup proved", text="12 MB\n犬"
    )
    office.clock.advance(timedelta(seconds=1))
    office.notifications().alert(key="job-2", subject="Backup failed", text="why")
    shown = ask().json()
    assert (shown["total"], shown["page"], shown["pages"]) == (2 + len(CHATS), 1, 1)
    assert shown["notifications"][-1] == {
        "id": shown["notifications"][-1]["id"],
        "key": "job-1",
        "channel": "mail",
        "recipient": ANA,
        "kind": None,
        "tenant_id": None,
        "owner_id": None,
        "address": None,
        "subject": "Backup proved",
        "text": "12 MB\n犬",
        "status": "sent",
        "attempts": 1,
        "error": None,
        "error_code": None,
        "provider_id": "sg-1",
        "created_at": "2026-11-21T03:00:00Z",
        "next_attempt_at": None,
        "sent_at": "2026-11-21T03:00:00Z",
        "useful_until": None,
        "segments": 0,
        "cost_micros": None,
        "cost_currency": None,
        "cost_estimated": False,
    }
    (failed,) = ask(status="failed").json()["notifications"]
    assert (failed["channel"], failed["error"]) == ("slack", "slack: answered 500: oops")
    assert failed["next_attempt_at"] == "2026-11-21T03:01:01Z"
    assert ask(f"/{failed['id']}").json() == failed
    second = ask(channel="mail", page=2, page_size=1).json()
    assert [one["key"] for one in second["notifications"]] == ["job-1"]
    assert (second["total"], second["pages"]) == (2, 2)


def test_the_first_path_answers_as_it_did(office: Office, ask: Ask) -> None:
    office.notifications().alert(key="job-2", subject="Backup failed", text="why")
    asked = {"channel": "mail", "page": 2, "page_size": 1}
    now, then = ask(**asked).json(), ask(at="messages", **asked).json()
    assert then.pop("messages") == now.pop("notifications") != []
    assert then == now and now["total"] == 2
    (one,) = ask(status="sent", page_size=1).json()["notifications"]
    assert ask(f"/{one['id']}", at="messages").json() == one
    assert ask(at="messages", status="gone").status_code == 422
    described = api(lambda: pytest.fail("not asked for")).openapi()["paths"]
    assert described["/api/v1/messages"]["get"]["deprecated"]
    assert "deprecated" not in described["/api/v1/notifications"]["get"]


@pytest.mark.parametrize(
    ("params", "field"),
    [({"status": "gone"}, "status"), ({"channel": "fax"}, "channel"), ({"page": 0}, "page")],
)
def test_a_wrong_filter_is_named(ask: Ask, params: dict[str, object], field: str) -> None:
    answer = ask(**params)
    assert answer.status_code == 422 and field in answer.text


@pytest.mark.parametrize("id", ["nothing", "8204737599999-" + "0" * 32, "x'%20or%20'a"])
def test_what_is_not_there_is_not_found(ask: Ask, id: str) -> None:
    answer = ask(f"/{id}")
    assert answer.status_code == 404 and "there is no notification" in answer.text


def test_messages_to_owners_are_shown_without_their_numbers(office: Office, ask: Ask) -> None:
    with provider() as served:
        one = texting(office, served, Clinic())
        until = START + timedelta(days=1)
        one.send([message(1, until), message(2, until, tenant=2)])
    shown = ask(tenant_id=2, kind=KIND).json()
    assert shown["total"] == 1
    (it,) = shown["notifications"]
    assert (it["recipient"], it["owner_id"], it["address"]) == ("owner:2", 2, "...02")
    assert phone(2) not in str(shown)
    assert (it["segments"], it["cost_micros"], it["cost_currency"]) == (1, 7900, "USD")
    assert it["useful_until"] == "2026-11-22T03:00:00Z"
    assert ask(kind="nothing").status_code == 422
    assert ask(tenant_id="0").status_code == 422


def test_circuits_are_shown(office: Office, ask: Ask) -> None:
    assert ask("/circuits").json() == {"circuits": []}
    with provider() as served:
        served.always = 401
        texting(office, served, Clinic()).send([message(1, START + timedelta(days=1))])
    assert ask("/circuits").json()["circuits"] == [
        {
            "name": "sms:AC1",
            "open": True,
            "failures": 1,
            "opened_at": "2026-11-21T03:00:00Z",
            "next_probe_at": "2026-11-21T03:01:00Z",
            "error": "texts: the password is wrong; correct TEXTS_PASSWORD",
        }
    ]
    with provider() as served:
        one = texting(office, served, Clinic())
        one.flush(office.clock.advance(timedelta(minutes=2)))
    (closed,) = ask("/circuits").json()["circuits"]
    assert (closed["open"], closed["failures"], closed["next_probe_at"]) == (False, 0, None)
