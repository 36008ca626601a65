"""What the policy sets at the function app, over a real socket, and what goes wrong there."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
import requests

from shared.alerts.port import AlertKind
from shared.errors import Refused, Skipped
from shared.scaling import site
from shared.scaling.policy import BETWEEN, BETWEEN_DOWN, CALM
from shared.scaling.state import ChangeOutcome, State
from shared.storage.tables.batch import Delete
from shared.storage.tables.facts import META
from shared.tasks import Result
from tests.clocks import SkippingClock
from tests.integration.scaling.conftest import MINUTE, Office
from tests.vendors.azure import SITE, Fault, app, denied

USUAL = {"ready": 0, "instances": 40, "concurrency": None}
EMERGENCY = {"ready": 2, "instances": 100, "concurrency": None}


def state(office: Office) -> State:
    found = office.scaling.known()
    assert found is not None
    return found


def outcomes(office: Office) -> list[str]:
    return [one.outcome.value for one in state(office).changes]


def test_an_emergency_is_set_read_back_told_and_over_again(office: Office) -> None:
    before = office.azure.resource["properties"]["functionAppConfig"]
    deployment, runtime = before["deployment"], before["runtime"]
    office.answer(1200)
    made = office.run()
    assert (made["verdict"], made["changed"], made["wanted"]) == ("emergency", True, None)
    assert made["now_set"] == EMERGENCY and made["requests_per_minute"] == 1200
    scale = office.azure.scale
    assert scale["maximumInstanceCount"] == 100 and scale["instanceMemoryMB"] == 2048
    assert scale["alwaysReady"] == [
        {"name": "function:tick", "instanceCount": 1},
        {"name": "http", "instanceCount": 2},
    ]
    (body,) = office.azure.patches()
    assert list(body["properties"]) == ["functionAppConfig"], "no setting, identity or network"
    after = office.azure.resource["properties"]["functionAppConfig"]
    assert (after["deployment"], after["runtime"]) == (deployment, runtime)
    assert office.audited() == [("done", USUAL, EMERGENCY)]
    assert office.alerts.said == [("open", AlertKind.SCALING_EMERGENCY)]
    assert outcomes(office) == ["applied"]
    office.clock.advance(MINUTE)
    office.run()
    assert len(office.azure.patches()) == 1, "what is set is not set again"
    for _ in range(7):
        office.answer(10, minutes=5)
        office.run()
    assert office.alerts.said[-1] == ("close", AlertKind.SCALING_EMERGENCY)
    assert len(office.azure.patches()) == 1, "less is set after some hours"
    office.clock.advance(BETWEEN_DOWN)
    for _ in range(8):
        office.answer(10, minutes=5)
        office.run()
    assert office.azure.scale["alwaysReady"] == [{"name": "function:tick", "instanceCount": 1}]
    assert office.azure.scale["maximumInstanceCount"] == 40
    assert office.azure.scale["triggers"]["http"]["perInstanceConcurrency"] == 16
    assert outcomes(office) == ["applied", "applied"]


def test_an_alert_ends_though_the_state_was_lost(office: Office) -> None:
    office.answer(1200)
    office.run()
    office.app.connection.table(f"{office.app.settings.prefix}schedules").transact(
        META, [Delete("scaling")]
    )
    office.answer(10, minutes=5)
    office.run()
    assert office.alerts.said[1:] == [("close", AlertKind.SCALING_EMERGENCY)]


def test_an_alert_ends_when_scaling_is_turned_off(office: Office) -> None:
    office.answer(1200)
    office.run()
    with pytest.raises(Skipped):
        office.run(office.service(off=True))
    assert office.alerts.said[1:] == [("close", AlertKind.SCALING_EMERGENCY)]


def test_changes_are_an_hour_apart(office: Office) -> None:
    office.answer(600)
    assert office.run()["changed"] is True
    office.azure.resource = app()  # a deployment sets back what its file says
    office.answer(600, minutes=5)
    made = office.run()
    assert made["changed"] is False and "13:07 UTC" in str(made["held_back"])
    office.clock.advance(BETWEEN)
    office.answer(600)
    assert office.run()["changed"] is True


def test_what_should_be_set_is_only_recommended(office: Office) -> None:
    scaling = office.service(apply=False)
    office.answer(1200)
    made = office.run(scaling)
    assert made["wanted"] == EMERGENCY and made["held_back"] == "SCALING is recommend"
    assert made["changed"] is False and office.azure.patches() == []
    blind = office.run(office.service(apply=False, site=False))
    assert blind["wanted"] == EMERGENCY | {"concurrency": 16} and blind["now_set"] is None


def test_a_dry_run_writes_nothing(office: Office) -> None:
    office.answer(1200)
    made = office.run(dry_run=True)
    assert (made["verdict"], made["wanted"], made["dry_run"]) == ("emergency", EMERGENCY, True)
    assert office.scaling.known() is None
    assert office.azure.patches() == [] and office.alerts.said == []
    assert office.audited() == []


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_without_the_role_it_only_recommends_and_says_what_is_missing(
    office: Office, method: str
) -> None:
    office.azure.faults.append(denied(method))
    office.answer(1200)
    made = office.run()
    assert made["verdict"] == "emergency" and made["changed"] is False
    assert "Microsoft.Web/sites/read and Microsoft.Web/sites/write" in str(made["held_back"])
    assert "403" in str(made["held_back"]) and '"instances": 100' in json.dumps(made["wanted"])
    if method == "PATCH":
        assert outcomes(office) == ["refused"]
        assert office.audited()[0][0] == "failed"
        office.clock.advance(5 * MINUTE)
        again = office.run()
        assert "403" in str(again["held_back"]), "an hour is not over, and why is still said"
        assert len(office.azure.patches()) == 1


def test_without_an_identity_it_only_recommends(office: Office) -> None:
    office.entra.trouble = 400, b'{"statusCode":400,"message":"No managed identity was found"}'
    office.answer(1200)
    made = office.run()
    assert made["changed"] is False and "AZURE_CLIENT_ID" in str(made["held_back"])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("PATCH", 409, '{"Code": "Conflict"}'), "answered 409"),
        (Fault("PATCH", 500), "answered 500"),
        (Fault("PATCH", 200, "<html>"), "no JSON"),
        (Fault("GET", 200, "<html>"), "no JSON"),
        (Fault("GET", 200, "[]"), "something else than the app"),
        (Fault("GET", 503), "answered 503"),
    ],
)
def test_what_passes_is_tried_again_by_the_next_run(
    office: Office, fault: Fault, said: str
) -> None:
    office.azure.faults.append(fault)
    office.answer(1200)
    made = office.run()
    assert made["changed"] is False and said in str(made["held_back"])
    assert "postponed" in outcomes(office) or fault.method == "GET"
    office.answer(1200, minutes=5)
    assert office.run()["changed"] is True
    assert office.azure.scale["maximumInstanceCount"] == 100


def test_who_is_asked_to_wait_waits(office: Office) -> None:
    slow = Fault("PATCH", 429, '{"error": {"code": "TooMany"}}', {"Retry-After": "900"})
    office.azure.faults.append(slow)
    office.answer(1200)
    assert "wait for 900 s" in str(office.run()["held_back"])
    office.answer(1200, minutes=5)
    assert "Azure asked to wait until" in str(office.run()["held_back"])
    office.answer(1200, minutes=10)
    assert office.run()["changed"] is True


def test_a_slow_answer_is_none_and_the_next_run_sees_what_came_of_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    office.azure.faults.append(Fault("PATCH", done=True, action=lambda: over.wait(5)))
    office.answer(1200)
    with monkeypatch.context() as hasty:
        hasty.setattr(site, "TIMEOUTS", (5, 0.2))
        made = office.run()
    over.set()
    assert "did not answer (ReadTimeout)" in str(made["held_back"])
    assert outcomes(office) == ["postponed"]
    office.answer(1200, minutes=5)
    assert office.run()["changed"] is False
    assert outcomes(office) == ["applied"] and len(office.azure.patches()) == 1


def test_a_run_that_its_own_change_kills_is_finished_by_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    office.answer(1200)
    with monkeypatch.context() as at, pytest.raises(Killed):
        at.setattr(site.Site, "write", _written_then(killed))
        office.run()
    assert outcomes(office) == ["pending"]
    office.answer(1200, minutes=5)
    made = office.run(office.service())
    assert (made["changed"], made["now_set"]) == (False, EMERGENCY)
    assert outcomes(office) == ["applied"] and len(office.azure.patches()) == 1
    assert office.audited()[-1] == ("done", USUAL, EMERGENCY)


def _written_then(action: Any) -> Any:
    write = site.Site.write

    def written(self: site.Site, *given: Any) -> None:
        write(self, *given)
        action()

    return written


def test_a_change_that_azure_does_not_take_is_refused_and_not_repeated_soon(
    office: Office,
) -> None:
    """Each attempt may restart the app."""
    office.azure.faults.append(Fault("PATCH", 202))
    office.answer(1200)
    made = office.run()
    assert made["changed"] is False and outcomes(office) == ["sent"]
    office.answer(1200, minutes=5)
    office.run()
    assert outcomes(office) == ["sent"], "it may still come"
    office.answer(1200, minutes=10)
    assert "the app does not show it; it is tried again at 13:07" in str(office.run()["held_back"])
    assert outcomes(office) == ["refused"] and len(office.azure.patches()) == 1
    office.clock.advance(BETWEEN)
    office.answer(1200)
    assert office.run()["changed"] is True


def test_what_cannot_be_read_back_is_not_done_again(office: Office) -> None:
    office.azure.faults.append(Fault("GET", 503, after=2))
    office.answer(1200)
    assert office.run()["changed"] is False and outcomes(office) == ["sent"]
    office.answer(1200, minutes=5)
    office.run()
    assert outcomes(office) == ["applied"] and len(office.azure.patches()) == 1


def test_what_azure_does_a_moment_later_is_seen_by_the_next_run(office: Office) -> None:
    office.azure.faults += [Fault("PATCH", 202)]
    office.answer(1200)
    office.run()
    office.azure.resource["properties"] |= office.azure.patches()[0]["properties"]
    office.answer(1200, minutes=5)
    assert office.run()["now_set"] == EMERGENCY
    assert outcomes(office) == ["applied"] and len(office.azure.patches()) == 1


def test_two_runs_at_once_make_one_change(office: Office) -> None:
    office.answer(1200)
    other, results = office.service(), list[Result]()
    threads = [
        threading.Thread(target=lambda one=one: results.append(office.run(one)))
        for one in (office.scaling, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one["verdict"] for one in results] == ["emergency"] * 2
    assert len(office.azure.patches()) == 1
    assert len(state(office).changes) == 1


def test_while_somebody_deploys_nothing_is_changed(office: Office) -> None:
    office.answer(1200)
    at = office.clock.now() - MINUTE
    office.azure.resource["properties"]["lastModifiedTimeUtc"] = f"{at:%Y-%m-%dT%H:%M:%S}.1234567"
    made = office.run()
    assert made["changed"] is False and "such as a deployment" in str(made["held_back"])


def test_what_somebody_sets_meanwhile_is_not_written_over(office: Office) -> None:
    def meanwhile() -> None:
        office.azure.scale["maximumInstanceCount"] = 77

    office.azure.faults.append(
        Fault("GET", body=json.dumps(office.azure.resource), action=meanwhile)
    )
    office.answer(1200)
    made = office.run()
    assert made["changed"] is False and "somebody else" in str(made["held_back"])
    assert office.azure.patches() == [] and office.azure.scale["maximumInstanceCount"] == 77


def test_an_app_on_another_plan_is_named(office: Office) -> None:
    office.azure.resource["properties"].pop("functionAppConfig")
    office.answer(1200)
    assert "Flex Consumption" in str(office.run()["held_back"])


def test_slow_answers_spread_requests_over_more_instances(office: Office) -> None:
    office.azure.resource = app(ready=2, concurrency=16)
    office.answer(30, seconds=3.0)
    made = office.run()
    assert made["verdict"] == "up" and made["changed"] is True
    assert office.azure.scale["triggers"] == {"http": {"perInstanceConcurrency": 8}}
    assert office.azure.scale["alwaysReady"][-1] == {"name": "http", "instanceCount": 2}


def test_the_identity_is_asked_by_the_real_library_and_its_token_kept(office: Office) -> None:
    office.answer(1200)
    office.run()
    office.run()
    assert len(office.entra.given) == 1
    assert requests.get(office.azure.url + "/other", timeout=5).status_code == 404


def test_the_half_hour_of_calm_is_kept_between_processes(office: Office) -> None:
    office.answer(600)
    office.run()
    for _ in range(int(CALM / timedelta(minutes=5)) + 2):
        office.answer(10, minutes=5)
        made = office.run(office.service())
    assert made["verdict"] == "down"
    assert state(office).changes[0].outcome is ChangeOutcome.APPLIED


def test_a_token_that_was_revoked_is_replaced(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SkippingClock()
    monkeypatch.setattr("shared.identity.kept.SystemClock", lambda: clock)
    asked = site.Site(SITE, office.entra.client_id, office.azure.url)
    asked.read()
    (revoked,) = office.entra.given
    office.entra.given.clear()
    clock.skip(timedelta(minutes=1))
    assert asked.read().scale.instances == 40
    assert len(office.entra.given) == 1 and revoked not in office.entra.given
    assert len(office.azure.requests) == 3
    office.entra.given.clear()
    with pytest.raises(Refused, match="answered 401"):
        asked.read()  # the token is new, so another would not help
