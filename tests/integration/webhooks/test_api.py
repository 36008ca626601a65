"""Deliveries through the API, with real webhooks and the guarded client: who sees them, tests, and
deliveries by hand; receivers that are hostile."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from functions.customers.webhook_delivery import webhook_delivery
from functions.operations.webhook_retries import webhook_retries
from local.azurite import Azurite
from shared.access import Role
from shared.clock import ManualClock, SystemClock
from shared.webhooks import by_hand
from shared.webhooks.body import Wanted
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import Engine, make, tap
from tests.integration.webhooks.world import Got, Receiver, receiving, status

AT = "/api/v1/webhooks/15"
TASKS = [webhook_delivery, webhook_retries]


class Desk(Asking):
    """The API of an app, with keys of two projects, and a webhook of project 1."""

    def __init__(self, engine: Engine, receiver: Receiver) -> None:
        super().__init__(engine.app)
        self.engine, self.receiver = engine, receiver
        self.admin = self.key()
        self.ana = self.key(Role.OPERATOR, 1)
        self.ben = self.key(Role.VIEWER, 1, name="Ben")
        self.eve = self.key(Role.OPERATOR, 2, name="Eve")

    def hook(self, **fields: Any) -> Any:
        url = f"{self.receiver.url}/hook/s3cr3tpart12"
        body = {"project_id": 1, "name": "campaign", "url": url} | fields
        return self.told("PUT", AT, self.ana, json=body)

    def stored(self, numbers: range) -> list[str]:
        """Deliveries that are due; their ids."""
        start = self.engine.clock.now().replace(microsecond=0) - timedelta(hours=1)
        return [
            self.app.webhooks()
            ._stored(
                Wanted(
                    webhook_id="15",
                    project_id=1,
                    type="test",
                    data={"number": number},
                    schedule_id="s",
                    job_id="j",
                    due_at=start + timedelta(seconds=number),
                )
            )
            .id
            for number in numbers
        ]

    def flush(self) -> None:
        self.app.webhooks().flush(longest=timedelta(seconds=60), stop=self.engine.calls.hold)


@pytest.fixture
def desk(azurite: Azurite) -> Iterator[Desk]:
    with receiving() as receiver:
        environ = {"OUTGOING_RANGES": receiver.url.removeprefix("http://")}
        # receivers look at the time as well
        now = ManualClock(SystemClock().now().replace(microsecond=0))
        engine = make(azurite, tasks=TASKS, environ=environ, clock=now)
        tap(engine)
        yield Desk(engine, receiver)
        engine.calls.hold.set()


def test_a_schedule_delivers_what_a_receiver_can_verify(desk: Desk) -> None:
    key = desk.hook()["signing_key"]
    body = {
        "project_id": 1,
        "name": "Campaign",
        "task_type": "webhook_delivery",
        "frequency": "interval",
        "interval_seconds": 60,
        "task_parameters": {"webhook_id": 15, "payload": {"campaign": "november"}},
    }
    made = desk.told("POST", "/api/v1/schedules", desk.ana, json=body)
    wrong = body | {"task_parameters": {"webhook_id": 16}}
    assert "16" in desk.problem(422, "POST", "/api/v1/schedules", desk.ana, json=wrong)
    desk.engine.later(61)
    desk.engine.tick()
    (job,) = desk.engine.work()
    (got,) = desk.receiver.got
    said = Verifier(key).verify(got.body, got.headers)
    assert said["schedule"] == {"id": made["id"], "name": "Campaign"}
    assert said["data"] == {"campaign": "november"}
    result = dict(job.result or {})
    assert (result["status"], result["delivery_id"]) == ("delivered", got.id)
    (one,) = desk.told("GET", f"{AT}/deliveries", desk.admin)["deliveries"]
    assert (one["id"], one["job_id"], one["project_id"]) == (got.id, job.id, 1)


def test_deliveries_are_listed_by_status_and_time_newest_first(desk: Desk) -> None:
    desk.hook()
    desk.receiver.answers(404, 404, 404)
    ids = desk.stored(range(6))
    desk.flush()

    def listed(**query: Any) -> list[str]:
        found = desk.told("GET", f"{AT}/deliveries", desk.ben, params=query)
        return [one["id"] for one in found["deliveries"]]

    assert listed() == ids[::-1]
    assert sorted(listed(status="delivered") + listed(status="retrying")) == sorted(ids)
    (first, *more) = listed(status="retrying")
    assert len(more) == 2
    one = desk.told("GET", f"{AT}/deliveries/{first}", desk.ben)
    assert one["log"][0]["http_status"] == 404 and one["log"][0]["body"] == "no"
    assert one["error"] == "it answered 404" and '"data"' in one["body"]
    third = desk.told("GET", f"{AT}/deliveries/{ids[2]}", desk.ben)["due_at"]
    assert listed(**{"from": third}) == ids[2:][::-1] and listed(to=third) == ids[:2][::-1]
    assert listed(page=2, page_size=4) == ids[:2][::-1]


def test_a_delivery_is_made_again_by_hand_with_the_same_id(desk: Desk) -> None:
    desk.hook()
    ids = desk.stored(range(4))
    desk.flush()
    said = desk.told("POST", f"{AT}/deliveries/{ids[0]}/redeliver", desk.ana)
    assert (said["status"], said["attempts"]) == ("queued", 1)
    third = desk.told("GET", f"{AT}/deliveries/{ids[2]}", desk.ana)["due_at"]
    body = {"from": third, "status": "delivered"}
    assert desk.told("POST", f"{AT}/redeliver", desk.ana, json=body) == {"redelivered": 2}
    assert desk.told("POST", f"{AT}/redeliver", desk.ana, json={}) == {"redelivered": 0}
    desk.flush()
    sent = [one.id for one in desk.receiver.got]
    assert sorted(sent) == sorted([*ids, ids[0], ids[2], ids[3]])
    assert len({(one.id, one.body) for one in desk.receiver.got}) == 4
    audited = desk.told("GET", "/api/v1/audit?action=retry", desk.admin)["entries"]
    assert len(audited) == 3
    desk.told("POST", f"{AT}/disable", desk.ana, json={"reason": "asked for"})
    assert "asked for" in desk.problem(409, "POST", f"{AT}/redeliver", desk.ana, json={})
    desk.problem(409, "POST", f"{AT}/deliveries/{ids[0]}/redeliver", desk.ana)
    desk.problem(422, "POST", f"{AT}/redeliver", desk.ana, json={"status": "queued"})


def test_a_test_is_sent_at_once_and_once_also_while_it_is_disabled(desk: Desk) -> None:
    desk.hook()
    desk.told("POST", f"{AT}/disable", desk.ana, json={"reason": "asked for"})
    desk.receiver.answers(500)
    said = desk.told("POST", f"{AT}/test", desk.ana)
    assert (said["status"], said["test"], said["schedule_id"]) == ("failed", True, None)
    assert said["log"][0]["http_status"] == 500
    assert desk.told("POST", f"{AT}/test", desk.ana)["status"] == "delivered"
    assert len({one.id for one in desk.receiver.got}) == 2


def test_what_is_asked_for_by_hand_is_limited_and_all_that_is_sent_counts(desk: Desk) -> None:
    desk.hook()
    project = "/api/v1/budgets/projects/1"

    def spent() -> float:
        (found,) = desk.told("GET", "/api/v1/budgets", desk.admin)["budgets"]
        return float(found["spent"])

    desk.told("PUT", project, desk.admin, json={"amount": 1, "period": "month"})
    desk.told("POST", f"{AT}/test", desk.ana)
    tested = spent()
    assert tested > 0
    ids = desk.stored(range(3))
    desk.flush()
    flushed = spent() - tested
    assert 2 * tested < flushed < 4 * tested, "what the background sends counts, three times"
    one, store = f"{AT}/deliveries/{ids[0]}/redeliver", desk.app.webhooks()._store
    desk.told("POST", one, desk.ana)
    hook, now = ids[0].partition("-")[0], desk.engine.clock.now()
    assert store.endpoint(hook).asked == 2, "the test and the delivery"
    store.change_endpoint(
        hook, lambda found: by_hand.taken(found, by_hand.left(found, now) - 1, now)
    )
    many = {"json": {"status": "delivered"}}
    assert desk.told("POST", f"{AT}/redeliver", desk.ana, **many) == {"redelivered": 1}
    desk.flush()  # an endpoint that answers well keeps what was asked of it
    asked: dict[str, Any] = {f"{AT}/test": {}, one: {}, f"{AT}/redeliver": many}
    for path, more in asked.items():
        answer = desk.ask("POST", path, desk.ana, **more)
        assert answer.status_code == 429 and "1,000 tests and deliveries by hand" in answer.text
        assert 0 < int(answer.headers["Retry-After"]) <= 3600
    desk.engine.later(3600)
    desk.told("POST", f"{AT}/test", desk.ana)
    desk.told("PUT", project, desk.admin, json={"amount": 0, "period": "month"})
    sent = len(desk.receiver.got)
    for path, more in asked.items():
        assert "project 1 is used up" in desk.problem(409, "POST", path, desk.ana, **more)
    assert len(desk.receiver.got) == sent


def test_what_belongs_to_another_project_does_not_exist(desk: Desk) -> None:
    desk.hook()
    (id,) = desk.stored(range(1))
    one = f"{AT}/deliveries/{id}"
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"{AT}/deliveries", {}),
        ("GET", one, {}),
        ("POST", f"{one}/redeliver", {}),
        ("POST", f"{AT}/redeliver", {"json": {}}),
        ("POST", f"{AT}/test", {}),
    ]
    for method, path, more in asked:
        desk.problem(404, method, path, desk.eve, **more)
        desk.problem(404, method, path, desk.eve, params={"project_id": 1}, **more)
    other = {"project_id": 2, "name": "theirs", "url": f"{desk.receiver.url}/theirs"}
    desk.told("PUT", AT, desk.eve, json=other)  # of the same id
    assert desk.told("GET", f"{AT}/deliveries", desk.eve)["deliveries"] == []
    desk.problem(404, "GET", one, desk.eve)
    desk.problem(404, "POST", f"{one}/redeliver", desk.eve)
    for path in (f"{AT}/test", f"{one}/redeliver"):
        desk.problem(403, "POST", path, desk.ben)
    assert desk.receiver.got == []


def _endless(_: Got, handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(500)
    handler.end_headers()
    while True:  # until the sender goes away
        handler.wfile.write(b"x" * 65_536)


def _many_headers(_: Got, handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(500)
    for number in range(20_000):
        handler.send_header(f"x-{number}", "y" * 100)
    handler.end_headers()


def _bomb(got: Got, handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(500)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(gzip.compress(bytes(10_000_000)))


def _echo(got: Got, handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(500)
    handler.send_header("X-Path", got.path)
    handler.send_header("Set-Cookie", "session=topsecretcookie")
    handler.end_headers()
    handler.wfile.write(f"\0\x1b[31m{got.path} {json.dumps(got.headers)}".encode())


def test_hostile_answers_are_cut_and_give_no_secret_away(desk: Desk) -> None:
    key = desk.hook()["signing_key"]
    inner = status(302, Location="http://169.254.169.254/metadata")
    for reply in (_endless, _many_headers, _bomb, _echo, inner):
        desk.receiver.answers(reply)
        said = desk.told("POST", f"{AT}/test", desk.ana)
        assert said["status"] == "failed"
        (tried,) = said["log"]
        assert len(tried["head"]) <= 1_000 and len(tried["body"]) <= 500
        whole = json.dumps(said)
        for secret in ("s3cr3tpart12", key, "topsecretcookie", "\\u001b", "\\u0000"):
            assert secret not in whole, reply
    assert len(desk.receiver.got) == 5


def test_an_inner_place_is_blocked(desk: Desk) -> None:
    port = int(desk.receiver.url.rpartition(":")[2])
    for url in ("http://127.0.0.1/hook", f"http://localhost:{port}/", "http://10.0.0.1/"):
        body = {"project_id": 1, "name": "inner", "url": url}
        answer = desk.ask("PUT", AT, desk.ana, json=body)
        if answer.status_code == 422:
            continue  # the URL alone shows it
        assert desk.told("POST", f"{AT}/test", desk.ana)["status"] == "failed"
    assert desk.receiver.got == []
