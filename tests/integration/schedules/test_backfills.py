"""Backfills by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.integration.engine.conftest import START
from tests.integration.schedules.conftest import Counter

DAYS = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-04T00:00:00Z"}
KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"


def daily(counter: Counter, **fields: Any) -> str:
    made = counter.made(
        frequency="cron", cron_expression="0 3 * * *", timezone="Europe/Berlin", **fields
    )
    return f"/schedules/{made['id']}"


def test_a_preview_says_how_many_and_by_which_recurrence(counter: Counter) -> None:
    at = daily(counter)
    answer = counter.ask("POST", f"{at}/backfill", DAYS | {"dry_run": True})
    assert answer.status_code == 200
    seen = answer.json()
    assert (seen["total"], seen["limit"], seen["dry_run"]) == (3, 10_000, True)
    assert (seen["first_due_at"], seen["last_due_at"]) == (
        "2026-01-01T02:00:00Z",
        "2026-01-03T02:00:00Z",
    )
    (part,) = seen["parts"]
    assert (part["from"], part["to"]) == (DAYS["from"], DAYS["to"])
    assert (part["cron_expression"], part["timezone"]) == ("0 3 * * *", "Europe/Berlin")
    assert counter.told("GET", f"{at}/backfills")["total"] == 0


def test_it_is_started_read_listed_and_cancelled(counter: Counter) -> None:
    at = daily(counter)
    made = counter.told("POST", f"{at}/backfill", DAYS)
    assert (made["state"], made["total"], made["from"]) == ("running", 3, DAYS["from"])
    counter.engine.work()
    there = counter.told("GET", f"{at}/backfills/{made['id']}")
    assert (there["succeeded"], there["handed_out"], there["remaining"]) == (1, 2, 1)
    (job,) = [one for one in counter.told("GET", "/jobs")["jobs"] if one["status"] == "succeeded"]
    assert job["backfill_id"] == made["id"] and job["id"].endswith(f"Z-{made['id']}")
    assert job["due_at"] == "2026-01-01T02:00:00Z"
    cancelled = counter.told("POST", f"{at}/backfills/{made['id']}/cancel", {"reason": "enough"})
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "enough")
    assert cancelled["finished_at"] is not None
    (listed,) = counter.told("GET", f"{at}/backfills")["backfills"]
    assert listed == cancelled
    assert counter.ask("GET", f"{at}/backfills/b00000").status_code == 404


def test_what_is_wrong_is_named(counter: Counter) -> None:
    at = f"{daily(counter)}/backfill"
    later = (START + timedelta(days=2)).isoformat()
    assert counter.wrong("POST", at, DAYS | {"to": later})[0] == "to"
    assert counter.wrong("POST", at, DAYS | {"pace": 2})[0] == "pace"
    assert counter.wrong("POST", at, DAYS | {"pace": 21})[0] == "pace"
    assert counter.wrong("POST", at, DAYS | {"from": "2026-01-05T00:00:00Z"})[0] == "from"
    assert counter.wrong("POST", at, DAYS | {"rule": "any"})[0] == "rule"
    assert counter.wrong("POST", at, {"from": DAYS["from"]})[0] == "to"
    for wrong in ("2026-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"):
        assert counter.wrong("POST", at, DAYS | {"from": wrong})[0] == "from"


def test_the_same_request_starts_one(counter: Counter) -> None:
    at = daily(counter)
    first = counter.ask("POST", f"{at}/backfill", DAYS, Idempotency_Key=KEY)
    again = counter.ask("POST", f"{at}/backfill", DAYS, Idempotency_Key=KEY)
    assert first.status_code == 202 and first.content == again.content
    assert counter.ask("POST", f"{at}/backfill", DAYS).status_code == 409
    assert counter.told("GET", f"{at}/backfills")["total"] == 1
