"""What is told of the scaling by the API, by the metrics, and by the settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from functions.operations.scaling_policy import scaling_policy
from local.azurite import Azurite
from shared.app import build
from shared.clock import ManualClock
from shared.errors import Skipped
from shared.scaling.port import ScalingService
from shared.scaling.service import Scaling
from shared.settings import from_env
from shared.tasks import Impact, Registry
from tests.context import job_of, result_of
from tests.integration.access.asking import Asking
from tests.integration.metrics.scraped import scrape, value
from tests.integration.scaling.conftest import MINUTE, START, Office
from tests.vendors.azure import SITE, denied


def test_before_the_first_run_it_says_the_rules(office: Office) -> None:
    told = Asking(office.app).told("GET", "/api/v1/scaling", None)
    assert (told["mode"], told["site"], told["last"], told["changes"]) == ("apply", SITE, None, [])
    assert told["thresholds"] == {
        "keep_requests": 100,
        "up_requests": 500,
        "emergency_requests": 1000,
        "up_p95_seconds": 2.0,
        "up_queue_wait_seconds": 120.0,
    }
    assert told["bounds"]["instances"] == {"least": 40, "most": 100}
    assert value(scrape(office.app), "belfry_scaling_verdict") is None


def test_it_says_what_was_measured_decided_and_set(office: Office) -> None:
    office.answer(1200, seconds=0.2)
    office.run()
    told = Asking(office.app).told("GET", "/api/v1/scaling", None)
    last = told["last"]
    assert (last["verdict"], last["wanted"], last["held_back"]) == ("emergency", None, None)
    assert last["reasons"] == ["1200 requests in the median minute: above 1000"]
    assert last["measures"]["requests"] == [1200] * 5
    assert 0.15 < last["measures"]["p95_seconds"] < 0.3
    after = {"always_ready": 2, "instances": 100, "http_concurrency": None}
    assert last["now_set"] == after
    (change,) = told["changes"]
    assert (change["after"], change["outcome"], change["verdict"]) == (
        after,
        "applied",
        "emergency",
    )


def test_it_says_why_nothing_is_set(office: Office) -> None:
    office.azure.faults.append(denied("GET"))
    office.answer(1200)
    office.run()
    last = Asking(office.app).told("GET", "/api/v1/scaling", None)["last"]
    assert last["wanted"]["instances"] == 100 and last["now_set"] is None
    assert "needs a role with Microsoft.Web/sites/read" in last["held_back"]


def test_the_metrics_say_it_until_it_is_old(office: Office) -> None:
    office.answer(600, seconds=0.2)
    office.run()
    found = scrape(office.app)
    assert value(found, "belfry_requests_per_minute") == 600
    assert value(found, "belfry_scaling_verdict") == 1
    assert value(found, "belfry_queue_wait_seconds") == 0
    p95 = value(found, "belfry_request_latency_seconds", quantile="0.95")
    assert p95 is not None and 0.15 < p95 < 0.3
    office.clock.advance(timedelta(minutes=16))
    later = scrape(office.app)
    assert value(later, "belfry_requests_per_minute") is None
    assert value(scrape(office.app, frozenset({1})), "belfry_scaling_verdict") is None


def test_the_task_finds_its_service_and_is_of_impact_b(office: Office) -> None:
    assert scaling_policy.impact is Impact.B and scaling_policy.dry_run
    service = office.app.executor._services.get(ScalingService)  # type: ignore[type-abstract]
    assert isinstance(service, Scaling) and service is office.app.scaling()


def test_off_is_off(azurite: Azurite) -> None:
    given = from_env({"AzureWebJobsStorage": azurite.connection_string, "SCALING": "off"})
    clock = ManualClock(START)
    app = build(replace(given, prefix="scaloff"), clock, Registry([scaling_policy]))
    app.create()
    with pytest.raises(Skipped, match="SCALING is off"):
        result_of(scaling_policy, job_of(clock=clock), scaling=app.scaling())
    app.traffic.count(0.1)
    clock.advance(2 * MINUTE)
    app.traffic.write()
    assert sum(one.requests for one in app.traffic.minutes(clock.now())) == 0


def test_a_run_that_is_late_judges_nothing(office: Office) -> None:
    job = office.job()
    office.answer(1200, minutes=16)
    with pytest.raises(Skipped, match="it is late"):
        office.scaling.run(job)
    assert office.scaling.known() is None
