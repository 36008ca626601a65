"""Deliveries through the API: who sees them, tests, and deliveries by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.access import Role
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import make
from tests.integration.webhooks.world import START, Receiver, World

AT = "/api/v1/webhooks/15"


class Desk(Asking):
    """The API over the world's deliveries, with keys of two projects."""

    def __init__(self, azurite: Azurite, world: World) -> None:
        engine = make(azurite)
        super().__init__(replace(engine.app, webhooks=lambda: world.service))  # type: ignore[arg-type]
        self.key()
        self.ana = self.key(Role.OPERATOR, 1)
        self.ben = self.key(Role.VIEWER, 1, name="Ben")
        self.eve = self.key(Role.OPERATOR, 2, name="Eve")


@pytest.fixture
def desk(azurite: Azurite, world: World) -> Desk:
    return Desk(azurite, world)


def test_deliveries_are_listed_by_status_and_time_newest_first(
    desk: Desk, world: World, receiver: Receiver
) -> None:
    world.known.add(receiver.url)
    receiver.answers(404, 404, 404)
    ids = world.stored(range(6))
    world.flush()

    def listed(**query: Any) -> list[str]:
        found = desk.told("GET", f"{AT}/deliveries", desk.ben, params=query)
        return [one["id"] for one in found["deliveries"]]

    assert listed() == ids[::-1]
    assert sorted(listed(status="delivered") + listed(status="retrying")) == sorted(ids)
    assert len(listed(status="retrying")) == 3
    span = {"from": START + timedelta(seconds=2), "to": START + timedelta(seconds=4)}
    assert listed(**{name: at.isoformat() for name, at in span.items()}) == ids[2:4][::-1]
    assert listed(page=2, page_size=4) == ids[:2][::-1]
    (first, *_) = listed(status="retrying")
    one = desk.told("GET", f"{AT}/deliveries/{first}", desk.ben)
    assert one["log"][0]["http_status"] == 404 and one["log"][0]["body"] == "no"
    assert one["error"] == "it answered 404" and '"data"' in one["body"]


def test_a_delivery_is_made_again_by_hand_with_the_same_id(
    desk: Desk, world: World, receiver: Receiver
) -> None:
    world.known.add(receiver.url)
    ids = world.stored(range(4))
    world.flush()
    said = desk.told("POST", f"{AT}/deliveries/{ids[0]}/redeliver", desk.ana)
    assert (said["status"], said["attempts"]) == ("queued", 1)
    body = {"since": (START + timedelta(seconds=2)).isoformat(), "status": "delivered"}
    assert desk.told("POST", f"{AT}/redeliver", desk.ana, json=body) == {"redelivered": 2}
    assert desk.told("POST", f"{AT}/redeliver", desk.ana, json={}) == {"redelivered": 0}
    world.flush()
    sent = [one.id for one in receiver.got]
    assert sorted(sent) == sorted([*ids, ids[0], ids[2], ids[3]])
    assert len({(one.id, one.body) for one in receiver.got}) == 4
    assert [(name, action.value) for name, action, _ in world.audit.changes] == [
        ("Ana", "retry")
    ] * 3
    world.known.change(disabled="asked for")
    desk.problem(409, "POST", f"{AT}/redeliver", desk.ana, json={})
    desk.problem(409, "POST", f"{AT}/deliveries/{ids[0]}/redeliver", desk.ana)
    desk.problem(422, "POST", f"{AT}/redeliver", desk.ana, json={"status": "queued"})


def test_a_test_is_sent_at_once_and_once(desk: Desk, world: World, receiver: Receiver) -> None:
    world.known.add(receiver.url)
    world.known.change(disabled="asked for")
    receiver.answers(500)
    said = desk.told("POST", f"{AT}/test", desk.ana)
    assert (said["status"], said["test"], said["schedule_id"]) == ("failed", True, None)
    assert said["log"][0]["http_status"] == 500
    assert desk.told("POST", f"{AT}/test", desk.ana)["status"] == "delivered"
    assert len({one.id for one in receiver.got}) == 2


def test_what_belongs_to_another_project_does_not_exist(
    desk: Desk, world: World, receiver: Receiver
) -> None:
    world.known.add(receiver.url)
    (id,) = world.stored([0])
    one = f"{AT}/deliveries/{id}"
    assert desk.told("GET", f"{AT}/deliveries", desk.eve)["deliveries"] == []
    desk.problem(404, "GET", one, desk.eve)
    desk.problem(404, "POST", f"{one}/redeliver", desk.eve)
    desk.problem(404, "POST", f"{AT}/redeliver", desk.eve, json={})
    desk.problem(404, "POST", f"{AT}/test", desk.eve)
    desk.problem(403, "POST", f"{AT}/test", desk.ben)
    desk.problem(403, "GET", one, desk.eve, params={"project_id": 1})
    desk.problem(404, "GET", f"/api/v1/webhooks/16/deliveries/{id}", desk.ana)
    assert receiver.got == []
