"""What a job delivers, and what becomes of what does not arrive at once."""

from __future__ import annotations

import itertools
import json
import threading
from datetime import datetime, timedelta, tzinfo
from typing import Self

import pytest
import standardwebhooks.webhooks as library
from standardwebhooks import Webhook as Verifier

from functions.customers.webhook_delivery import webhook_delivery
from functions.operations.webhook_retries import webhook_retries
from shared.clock import ManualClock
from shared.errors import Cancelled, Invalid, NotFound, Refused
from shared.outgoing.model import Blocked
from shared.resources.port import ResourceService
from shared.settings import Secret
from shared.tasks import Proposed, Services
from shared.webhooks.model import HELD, MOST_OPEN, DeliveryStatus
from shared.webhooks.port import Asked
from tests.context import job_of, result_of
from tests.integration.webhooks.world import ANA, KEY, OLD_KEY, Receiver, World, lost, status


def test_what_arrives_is_delivered_and_its_job_says_so(world: World, receiver: Receiver) -> None:
    world.known.add(f"{receiver.url}/a/secret-path", project=None, headers={"X-Team": "shop"})
    params = webhook_delivery.parse({"webhook_id": 15, "payload": {"a": "ü"}})
    result = result_of(webhook_delivery, job_of(clock=world.clock), params, webhooks=world.service)
    (got,) = receiver.got
    assert result == {
        "status": "delivered",
        "delivery_id": got.id,
        "http_status": 200,
        "attempts": 1,
    }
    assert json.loads(got.body)["data"] == {"a": "ü"} and json.loads(got.body)["id"] == got.id
    assert got.headers["x-team"] == "shop" and got.path == "/a/secret-path"
    stored = world.service.get("15", None, got.id)
    assert stored.status is DeliveryStatus.DELIVERED and stored.body.encode() == got.body
    (tried,) = stored.log
    assert (tried.http_status, tried.body, tried.error) == (200, "ok", "")
    assert "Content-Length: 2" in tried.head
    # the same job, again, as after a kill: nothing is sent
    again = result_of(webhook_delivery, job_of(clock=world.clock), params, webhooks=world.service)
    assert again == result and len(receiver.got) == 1


def test_a_dry_run_says_where_it_would_go_and_sends_nothing(
    world: World, receiver: Receiver
) -> None:
    world.known.add(f"{receiver.url}/a/secret-path", project=None)
    params = webhook_delivery.parse({"webhook_id": 15})
    job = job_of(clock=world.clock, dry_run=True)
    said = result_of(webhook_delivery, job, params, webhooks=world.service)
    assert said == {"status": "not sent", "would_go_to": "example.com"}
    assert receiver.got == []
    assert world.service.page("15", None, Asked(), 1, 10) == ([], 0)


def test_a_job_waits_for_the_second_attempt_and_then_leaves_it_to_the_background(
    world: World, receiver: Receiver, clock: ManualClock
) -> None:
    world.known.add(receiver.url, project=None)
    receiver.answers(500, 500, 500)
    job, params = job_of(clock=clock), webhook_delivery.parse({"webhook_id": 15})
    result = result_of(webhook_delivery, job, params, webhooks=world.service)
    assert (result["status"], result["attempts"], result["error"]) == (
        "retrying",
        2,
        "it answered 500",
    )
    due = datetime.fromisoformat(str(result["next_attempt_at"]))
    assert timedelta(minutes=4) <= due - clock.now() <= timedelta(minutes=6)
    retries = job_of(clock=clock)
    nothing = {"tried": 0, "statuses": {}, "forgotten": 0}
    assert result_of(webhook_retries, retries, webhooks=world.service) == nothing
    clock.set(due)
    said = result_of(webhook_retries, retries, webhooks=world.service)
    assert said["statuses"] == {"retrying": 1}
    clock.advance(timedelta(minutes=40))
    assert world.flush() == {"delivered": 1}
    assert {one.id for one in receiver.got} == {result["delivery_id"]} and len(receiver.got) == 4


def test_what_cannot_arrive_fails_its_job_at_once(world: World, receiver: Receiver) -> None:
    params = webhook_delivery.parse({"webhook_id": 15})

    def run() -> None:
        result_of(webhook_delivery, job_of(clock=world.clock), params, webhooks=world.service)

    with pytest.raises(NotFound, match="15"):
        run()
    services = Services({ResourceService: lambda: world.known})
    with pytest.raises(Invalid, match=r"task_parameters\.webhook_id"):
        webhook_delivery.fits(services, {"webhook_id": 15}, Proposed(new=["webhook_id"]))
    webhook_delivery.fits(services, {"webhook_id": 15}, Proposed(new=["payload"]))
    world.known.add(receiver.url, project=2)
    with pytest.raises(NotFound):  # that of another project
        run()
    with pytest.raises(Invalid):
        proposed = Proposed(new=["webhook_id"], project_id=1)
        webhook_delivery.fits(services, {"webhook_id": 15}, proposed)
    assert receiver.got == []


def test_410_disables_the_webhook_and_people_are_told_once(
    world: World, receiver: Receiver, clock: ManualClock
) -> None:
    world.known.add(receiver.url)
    receiver.answers(410)
    ids = world.stored(range(3))
    world.flush()
    assert len(receiver.got) == 1
    assert "410" in world.known.webhook("15", 1).disabled
    clock.advance(timedelta(minutes=2))
    world.flush()
    assert len(receiver.got) == 1 and world.alerts.kinds == ["webhook_disabled"]
    assert {world.service.get("15", 1, one).status for one in ids} == {DeliveryStatus.FAILED}
    with pytest.raises(Refused, match="410"):
        world.service.deliver(world.wanted(9), world.stop)


def test_a_place_that_is_blocked_ends_it_and_says_nothing_of_the_endpoint(
    world: World, receiver: Receiver
) -> None:
    hook = world.known.add(f"{receiver.url}/s3cretpath")
    world.outgoing.fails = Blocked("the webhook", "10.0.0.1 is private; /s3cretpath")
    done = world.service.deliver(world.wanted(), world.stop)
    assert done.status is DeliveryStatus.FAILED and "private" in done.error
    assert "s3cretpath" not in done.error + done.log[0].error
    assert world.store.endpoint(done.hook).failures == 0
    assert world.alerts.kinds == ["delivery_given_up"]
    world.outgoing.fails = None
    world.known.change(secrets={"url": hook.secrets["url"]})  # no key: nothing goes unsigned
    done = world.service.deliver(world.wanted(1), world.stop)
    assert (done.status, receiver.got) == (DeliveryStatus.FAILED, [])


def test_a_redirect_is_not_followed(world: World, receiver: Receiver) -> None:
    world.known.add(receiver.url)
    receiver.answers(status(302, Location=f"{receiver.url}/elsewhere"))
    done = world.service.deliver(world.wanted(), world.stop)
    assert done.log[0].error == "it answered 302; redirects are not followed"
    assert {one.path for one in receiver.got} == {"/"}


def test_a_receiver_that_loses_every_third_answer_gets_everything_with_the_same_ids(
    world: World, receiver: Receiver, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Now(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(clock.now().timestamp(), tz)

    monkeypatch.setattr(library, "datetime", Now)
    world.known.add(receiver.url)
    receiver.replies = itertools.cycle([status(200), status(200), lost])
    ids = [world.service.deliver(world.wanted(one), world.stop).id for one in range(15)]
    ids += world.stored(range(15, 60))
    seen: list[tuple[str, int]] = []
    for _ in range(12):
        world.flush()
        for got in receiver.got:  # the library checks the time as well
            said = Verifier(KEY).verify(got.body, got.headers)
            seen.append((got.id, said["data"]["number"]))
        receiver.got.clear()
        clock.advance(timedelta(hours=25))
    assert len(seen) > 60 and len(set(seen)) == 60
    assert {id for id, _ in seen} == set(ids)
    assert {world.service.get("15", 1, one).status for one in ids} == {DeliveryStatus.DELIVERED}
    assert world.store.due(clock.now() + timedelta(days=9), 10) == []
    assert world.alerts.kinds == []


def test_while_its_key_is_changed_a_delivery_is_signed_by_both(
    world: World, receiver: Receiver, clock: ManualClock
) -> None:
    hook = world.known.add(receiver.url, old_key_until=(clock.now()).isoformat())
    world.known.change(secrets={**hook.secrets, "old_signing_key": Secret(OLD_KEY)})
    world.service.deliver(world.wanted(0), world.stop)
    until = (clock.now() + timedelta(hours=1)).isoformat()
    world.known.change(what=hook.what.model_copy(update={"old_key_until": until}))
    world.service.deliver(world.wanted(1), world.stop)
    counts = [len(one.headers["webhook-signature"].split()) for one in receiver.got]
    assert counts == [1, 2]


def test_a_dead_endpoint_costs_one_probe_and_not_all(
    world: World, receiver: Receiver, clock: ManualClock
) -> None:
    world.known.add(receiver.url)
    receiver.answers(then=503)
    world.stored(range(40))
    world.flush()
    assert len(receiver.got) == 3  # the breaker opens
    world.stored(range(40, 60))
    assert world.flush() == {} and len(receiver.got) == 3
    for probes in (4, 5, 6):
        clock.advance(timedelta(hours=1))
        world.flush()
        assert len(receiver.got) == probes
    receiver.answers(then=200)
    clock.advance(timedelta(hours=30))
    world.flush()
    clock.advance(timedelta(hours=30))
    world.flush()
    assert len({one.id for one in receiver.got}) == 60


def test_after_five_days_of_failures_alone_the_webhook_is_disabled(
    world: World, receiver: Receiver, clock: ManualClock
) -> None:
    world.known.add(receiver.url)
    receiver.answers(then=500)
    for day in range(6):
        assert world.known.webhook("15", 1).disabled == ""
        world.stored([day])
        world.flush()
        clock.advance(timedelta(days=1))
    assert "only failed since 2026-03-01 13:00" in world.known.webhook("15", 1).disabled
    assert world.alerts.kinds.count("webhook_disabled") == 1
    done = world.service.test(ANA, "15", 1)  # a person may try it nevertheless
    assert done.status is DeliveryStatus.FAILED and done.log[0].http_status == 500
    receiver.answers(then=200)
    assert world.service.test(ANA, "15", 1).status is DeliveryStatus.DELIVERED
    world.known.change(disabled="")
    assert world.service.deliver(world.wanted(9), world.stop).status is DeliveryStatus.DELIVERED


def test_an_ordered_webhook_gets_each_after_those_before_it(
    world: World, receiver: Receiver, clock: ManualClock
) -> None:
    world.known.add(receiver.url, ordered=True)
    first, *_ = world.stored(range(12))
    receiver.answers(200, 200, 500)
    world.flush()
    assert _numbers(receiver) == [0, 1, 2]
    # what comes now waits as well, though its own job is there
    late = world.service.deliver(world.wanted(12), world.stop)
    assert late.status is DeliveryStatus.QUEUED
    clock.advance(timedelta(seconds=2))
    world.flush()
    assert _numbers(receiver) == [0, 1, 2]
    clock.advance(timedelta(minutes=1))
    world.flush()
    assert _numbers(receiver) == [0, 1, 2, *range(2, 13)]
    assert receiver.most == 1
    world.service.redeliver(ANA, "15", 1, first)
    world.flush()
    assert _numbers(receiver)[-1] == 0


def test_an_instance_that_must_stop_gives_its_delivery_back(
    world: World, receiver: Receiver
) -> None:
    world.known.add(receiver.url)
    world.stop.set()
    with pytest.raises(Cancelled):
        world.service.deliver(world.wanted(), world.stop)
    world.stop.clear()
    assert world.flush() == {"delivered": 1} and len(receiver.got) == 1


def test_another_job_of_the_occurrence_delivers_it_again_with_the_same_id(
    world: World, receiver: Receiver
) -> None:
    world.known.add(receiver.url)
    for job in ("s-0", "s-0r1"):
        world.service.deliver(world.wanted(job=job), world.stop)
    assert len(receiver.got) == 2 and len({(one.id, one.body) for one in receiver.got}) == 1


def test_a_sender_that_died_is_followed_when_its_time_is_up(
    world: World, receiver: Receiver, clock: ManualClock
) -> None:
    world.known.add(receiver.url)
    (id,) = world.stored([0])
    mine = world.service._sender._claim(world.service.get("15", 1, id), "dead", clock.now())
    assert mine is not None
    clock.advance(HELD - timedelta(seconds=1))
    assert world.flush() == {}
    clock.advance(timedelta(seconds=1))
    assert world.flush() == {"delivered": 1}
    log = world.service.get("15", 1, id).log
    assert "died" in log[0].error and log[1].http_status == 200
    # the one that was not dead, but slow, writes over nothing
    late = world.service._sender._record(mine, lambda one: one)
    assert late.status is DeliveryStatus.DELIVERED


def test_too_many_that_wait_are_refused_and_old_ones_are_removed(
    world: World, receiver: Receiver, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_OPEN == 1_000
    monkeypatch.setattr("shared.webhooks.service.MOST_OPEN", 5)
    world.known.add(receiver.url)
    world.stored(range(5))
    with pytest.raises(Refused, match="wait for it"):
        world.stored([5])
    world.flush()
    assert world.service.forget(stop=world.stop) == 0
    clock.advance(timedelta(days=29))
    world.stored([6])
    clock.advance(timedelta(days=2))
    assert world.service.forget(stop=world.stop) == 5
    left = [row["RowKey"].partition(":")[0] for row in world.store._opened().query("")]
    assert sorted(left) == ["delivery", "due", "endpoint", "open"]


def test_what_is_begun_again_while_old_ones_are_removed_stays(
    world: World, receiver: Receiver, clock: ManualClock
) -> None:
    world.known.add(receiver.url)
    ids = world.stored(range(4))
    world.flush()
    clock.advance(timedelta(days=40))

    lock, left = threading.Lock(), [ids[1]]

    def meanwhile() -> bool:
        with lock:  # each of several threads asks before it removes anything
            while left:
                world.service.redeliver(ANA, "15", 1, left.pop())
        return True

    assert world.store.forget(clock.now(), 100, meanwhile) == 3
    assert [one.id for one in world.store.those(ids)] == [ids[1]]
    assert world.service.page("15", 1, Asked(), 1, 9)[1] == 1
    world.flush()
    assert world.service.page("15", 1, Asked(status=DeliveryStatus.DELIVERED), 1, 9)[1] == 1


def _numbers(receiver: Receiver) -> list[int]:
    return [json.loads(one.body)["data"]["number"] for one in receiver.got]


def test_what_is_due_is_read_on_from_what_was_met(world: World) -> None:
    """Those that a flush could not send stay due, and are not read again and again."""
    ids = sorted(world.stored(range(5)))
    now = world.clock.now()
    assert world.store.due(now, 2) == ids[:2]
    assert world.store.due(now, 2, set(ids[:3])) == ids[3:]


def test_a_row_that_leads_to_nothing_does_not_stand_in_the_way(
    world: World, receiver: Receiver
) -> None:
    from shared.storage.tables.batch import Insert
    from shared.webhooks import rows

    world.known.add(receiver.url)
    done = world.service.deliver(world.wanted(), world.stop)
    table, old = world.store._table, done.ended_at
    assert old is not None
    orphan = rows.ended_key(old - timedelta(days=1), f"{done.hook}-1-x")
    table.transact(rows.PARTITION, [Insert(orphan, {})])
    world.store.forget(old + timedelta(seconds=1), 100, lambda: True)
    left = [row["RowKey"] for row in table.query("RowKey ge 'ended:' and RowKey lt 'ended;'")]
    assert left == [] and world.store.find(done.id) is None
