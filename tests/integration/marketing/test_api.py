"""`/api/v1/marketing` on a real app."""

from __future__ import annotations

import asyncio

import httpx

from shared.api.app import api
from shared.data.models import Part
from tests.integration.marketing.shop import LATE, NOW, WEEK, Shop


def asked(shop: Shop, path: str) -> httpx.Response:
    made = api(lambda: shop.app)

    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(made)
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(f"/api/v1/marketing/{path}")

    return asyncio.run(answered())


def test_cycles_and_campaigns_are_shown(shop: Shop) -> None:
    late = shop.owners(40, *LATE)
    shop.change(late[:1], sms_opted_in=False)
    shop.cycle()
    shop.change(shop.part(Part.WRITTEN_TO)[:1], sms_opted_in=False)
    shop.send()
    shop.cycle(NOW + WEEK)

    listed = asked(shop, "cycles?tenant_id=1").json()
    assert [one["week_on"] for one in listed["cycles"]] == ["2026-12-07", "2026-11-30"]
    first = listed["cycles"][1]
    assert (first["figures"]["regulars"], first["figures"]["reachable"]) == (40, 40)
    (risk,) = first["recommendations"]
    assert (risk["rule"], risk["value"], risk["threshold"]) == ("churn_risk", 1.0, 0.15)
    assert risk["campaign"]["segment"] == "at_risk"
    assert asked(shop, "cycles?week=2026-12-07").json()["total"] == 1

    (sent,) = asked(shop, "campaigns?state=sent").json()["campaigns"]
    assert sent["messages"] == {"skipped": 1, "kept": sent["recipients"] - 1}
    assert sum(sent["reasons"].values()) == sent["recipients"]
    assert sent["recipients"] + sent["held_out"] == 39
    assert sent["recommendation"]["text"].startswith("40 of 40 (100.0%) regulars")
    assert sent["effect"]["said"].startswith("too few for a statement")
    assert listed["cycles"][0]["figures"]["messages"] == sent["messages"]
    assert asked(shop, "campaigns").json()["total"] == 2
    assert asked(shop, "campaigns?state=lost").status_code == 422
