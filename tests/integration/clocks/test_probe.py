"""What Azure's test from outside looks for (infra/modules/alerts.bicep) is in the answer of an app
whose clocks tick, in no other, and needs no key."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import azure.functions as func

from tests.integration.clocks.conftest import SimulatedEngine
from tests.invocations import invocation

ALERTS = (Path(__file__).parents[3] / "infra" / "modules" / "alerts.bicep").read_text()


def found(pattern: str) -> str:
    (one,) = re.findall(pattern, ALERTS)
    return str(one)


def test_it_is_found_while_a_clock_ticks_and_not_else(engine: SimulatedEngine) -> None:
    path = found(r"RequestUrl: 'https://\$\{appHost\}(/\S+)'")
    looked_for = found(r"ContentMatch: '(.+?)'").encode()
    expected = int(found(r"ExpectedHttpStatusCode: (\d+)"))

    def probe() -> bool:
        request = func.HttpRequest("GET", f"https://belfry.example.com{path}", body=b"")
        site = engine.functions.by_name["site"]
        answer = asyncio.run(site(request, invocation()))
        assert answer.status_code == expected
        return looked_for in answer.get_body()

    assert not probe(), "starting: no clock has ever ticked"
    engine.fire("schedule_dispatcher")
    assert probe()
    engine.clock.advance(timedelta(minutes=4))
    assert not probe(), "late"
    assert probe(), "the request before made it tick"
